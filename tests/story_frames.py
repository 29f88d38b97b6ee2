"""Stories and consents as frames, as a node's store gives them, for the tests of patterns."""

import datetime as dt
import random
from collections.abc import Sequence
from typing import Any

import polars as pl

from services.registry import load_registry
from services.store.events import schema_of

THEMES = ("housing", "household_help", "debt_counselling")
CONSENTED = dt.date(2026, 1, 5)
SIGNALS = ("too_late", "long_wait", "quick_help")


def story_schema() -> pl.Schema:
    return pl.DataFrame(schema_of(load_registry().get("story")).empty_table()).schema


def stories_of(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Rows of `events.story`; what a row does not say is as in a story that means nothing."""
    schema = story_schema()
    plain: dict[str, Any] = {
        "municipality": "gm0518",
        "teller": None,
        "role": "resident",
        "naming": "pseudonymous",
        "way": "form",
        "theme": "housing",
        "approach": None,
        "provider": None,
        "title": "sealed",
        "body": "sealed",
        "meaning": None,
        "told_on": dt.date(2025, 11, 3),
        "happened_in": None,
        "signals": [],
        "effects": [],
        "uncertainties": [],
        "considerations": [],
        "answers": [],
        "rating": None,
        "uses": ["count"],
        "made_up": True,
        "sent_by": "vp-one",
        "in_delivery": b"d" * 16,
        "in_parcel": b"p" * 16,
        "in_row": 0,
        "received_on": dt.date(2026, 1, 2),
        "epoch": "2025",
    }
    numbered = [{"event_id": index.to_bytes(16, "big")} | plain | row for index, row in enumerate(rows)]
    return pl.DataFrame(numbered, schema=schema, orient="row")


def consents_of(rows: Sequence[tuple[int, str, list[str], int]]) -> pl.DataFrame:
    """Consents as (number of the story, sender, uses, number of the change), received on `CONSENTED`."""
    return pl.DataFrame(
        [(story.to_bytes(16, "big"), sender, uses, number, CONSENTED) for story, sender, uses, number in rows],
        schema={
            "story": pl.Binary,
            "sent_by": pl.String,
            "uses": pl.List(pl.String),
            "number": pl.Int32,
            "received_on": pl.Date,
        },
        orient="row",
    )


def corrections_of(rows: Sequence[tuple[int, str]]) -> pl.DataFrame:
    """Corrections of stories as (number of the story, sender)."""
    return pl.DataFrame(
        [(story.to_bytes(16, "big"), sender, "story") for story, sender in rows],
        schema={"corrected": pl.Binary, "sent_by": pl.String, "event_type": pl.String},
        orient="row",
    )


def random_story(chance: random.Random, tellers: int, senders: Sequence[str]) -> dict[str, Any]:
    effects = ("wanted", "unwanted", "unforeseen")
    return {
        "sent_by": chance.choice(senders),
        "teller": None if chance.random() < 0.3 else chance.randrange(tellers).to_bytes(16, "little"),
        "theme": chance.choice(THEMES),
        "told_on": dt.date(2025, 6, 20) + dt.timedelta(days=chance.randrange(200)),
        "signals": chance.sample(SIGNALS, chance.randrange(len(SIGNALS) + 1)),
        "effects": [
            {"effect": chance.choice(effects), "felt_by": chance.choice(("teller", "children"))}
            for _ in range(chance.randrange(3))
        ],
        "uncertainties": chance.sample(["privacy", "who_decides"], chance.randrange(3)),
        "considerations": chance.sample(["costs", "dignity"], chance.randrange(2)),
        "rating": chance.choice([None, None, 1, 4]),
        "uses": chance.choice([["count"], ["count", "quote"], ["team"], []]),
        "received_on": CONSENTED + dt.timedelta(days=chance.randrange(-1, 2)),
    }
