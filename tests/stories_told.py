"""Stories as a municipality's node holds them, for tests of what its desk does: texts sealed, the rest in the clear."""

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from services import tasks
from services.home import Home
from services.network import Network
from services.sending.enqueueing import enqueue_once
from services.sending.sender import open_sender
from services.stories.desk.records import Desk
from services.stories.text import StoryKey
from tests.told_stories import STORY_POINT, TOWN, add_story_point, existing

BODY = (
    "Wij kregen elke week een andere brief van de gemeente en niemand wist wie er over ging. Pas toen Samira van het "
    "wijkteam alles overnam werd het rustig in huis."
)
WORDS = "Een bewoner vertelt dat de rust terugkwam toen één begeleider alle post ging regelen."
TITLE = "Eén vaste begeleider"
TODAY = dt.date(2026, 1, 10)
SCHEMA = pl.Schema(
    {
        "event_id": pl.Binary,
        "municipality": pl.String,
        "role": pl.String,
        "theme": pl.String,
        "approach": pl.String,
        "provider": pl.String,
        "title": pl.String,
        "body": pl.String,
        "meaning": pl.String,
        "told_on": pl.Date,
        "signals": pl.List(pl.String),
        "effects": pl.List(pl.Struct({"effect": pl.String, "felt_by": pl.String})),
        "uncertainties": pl.List(pl.String),
        "considerations": pl.List(pl.String),
        "answers": pl.List(
            pl.Struct(
                {
                    "question": pl.String,
                    "first": pl.Float64,
                    "second": pl.Float64,
                    "third": pl.Float64,
                    "choice": pl.String,
                }
            )
        ),
        "rating": pl.Int32,
        "uses": pl.List(pl.String),
        "made_up": pl.Boolean,
        "sent_by": pl.String,
        "received_on": pl.Date,
    }
)


def desk_in(folder: Any) -> Desk:
    """A desk with a key of its own."""
    return Desk(folder / "stories.sqlite", StoryKey.create(folder / "story.key"), b"q" * 32)


def story(desk: Desk, name: str = "first", **changes: Any) -> dict[str, Any]:
    """One story; a name gives another id."""
    event_id = hashlib.sha256(name.encode()).digest()[:16]
    row = {
        "event_id": event_id,
        "municipality": "gm0106",
        "role": "resident",
        "theme": "debt_counselling",
        "approach": None,
        "provider": None,
        "title": "Steeds een ander aan de lijn",
        "body": BODY,
        "meaning": None,
        "told_on": dt.date(2025, 12, 20),
        "signals": [],
        "effects": [{"effect": "wanted", "felt_by": "teller"}],
        "uncertainties": [],
        "considerations": [],
        "answers": [],
        "rating": None,
        "uses": ["count", "team", "quote", "publish"],
        "made_up": True,
        "sent_by": "vp-huis",
        "received_on": dt.date(2026, 1, 2),
        **changes,
    }
    ids = pl.Series([event_id])
    sealed = {
        field: desk.key.seal(pl.Series([row[field]], dtype=pl.String), ids, field)[0]
        for field in ("title", "body", "meaning", "provider")
    }
    return {**row, **sealed}


def frame(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Stories as `services.stories.reading.stories` gives them, as far as the desk looks."""
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def network_with_stories(root: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    """Let a story point join the network in `root`, send these stories, and the town receive them."""
    add_story_point(root)
    tasks.send(root, STORY_POINT, [existing(Home(root).participant(STORY_POINT).sources, rows)])
    tasks.receive(root, TOWN)
    return root


def tell_consent(root: Path, story: bytes, uses: Sequence[str], number: int = 1) -> None:
    """Let the story point tell what the teller of a story agrees to now; the town has to receive it."""
    network = Network.open(root)
    with open_sender(network, STORY_POINT) as sender, network.broker(STORY_POINT) as broker:
        changes = pl.DataFrame(
            {"story": [story], "uses": [list(uses)], "number": [number], "changed_on": [network.today()]},
            schema_overrides={"uses": pl.List(pl.String), "number": pl.Int32},
        ).with_columns(sender.event_ids("story_consent", "test", pl.Series([str(number)])).alias("event_id"))
        enqueue_once(sender, "story_consent", TOWN, changes, number.to_bytes(32))
        sender.push(broker)
