"""Stories for tests: events as a story point makes them, and rows as an organisation collected them before."""

import csv
import datetime as dt
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from services.avro.shape import polars_schema
from services.registry import load_registry
from services.setup import Member, create_network
from tests.small_network import MUNICIPALITIES, write

STORY_POINT = "vp-zeeland"
TOWN = MUNICIPALITIES[0]
HEADER = (
    *("Verhaalnummer", "Verteller", "Rol", "Gemeente", "Thema", "Aanpak", "Aanbieder", "Titel", "Verhaal", "Betekenis"),
    *("Verteld op", "Gebeurd in", "Signalen", "Effecten", "Onzekerheden", "Overwegingen", "Waardering", "Toestemming"),
    "Verzonnen",
)


def told(ids: Sequence[int], **changes: Any) -> pl.DataFrame:
    """Good stories with these event ids, words open; `changes` replaces columns by one value."""
    event: dict[str, Any] = {
        "municipality": "gm0518",
        "teller": bytes(16),
        "role": "resident",
        "naming": "pseudonymous",
        "way": "form",
        "theme": "debt_counselling",
        "approach": None,
        "provider": None,
        "title": "De brief",
        "body": "Ik kreeg een brief die ik niet begreep. (Verzonnen verhaal.)",
        "meaning": None,
        "told_on": dt.date(2025, 12, 10),
        "happened_in": "2025-05",
        "signals": ["unclear_letter"],
        "effects": [{"effect": "unwanted", "felt_by": "family"}],
        "uncertainties": [],
        "considerations": [],
        "answers": [],
        "rating": None,
        "uses": ["count", "team"],
        "made_up": True,
    } | changes
    rows = [{"event_id": number.to_bytes(16, "big"), **event} for number in ids]
    return pl.DataFrame(rows, schema=polars_schema(load_registry().get("story").shape))


def add_story_point(root: Path, *, serves: Sequence[str] = MUNICIPALITIES) -> None:
    """Let a story point take part in the small network."""
    create_network(root, [Member(STORY_POINT, "Vertelpunt Zeeland", "story_point", None, tuple(serves))])


def existing(folder: Path, rows: Sequence[Mapping[str, str]], name: str = "") -> Path:
    """Write a file of existing stories; what a row does not say is as in a good one."""
    usual = {
        "Verteller": "T-1",
        "Rol": "Inwoner",
        "Gemeente": TOWN,
        "Thema": "Schuldhulpverlening",
        "Titel": "De brief",
        "Verhaal": "Ik kreeg een brief die ik niet begreep. (Verzonnen verhaal.)",
        "Verteld op": "10-12-2025",
        "Signalen": "Lang wachten",
        "Toestemming": "Meetellen, Team",
        "Verzonnen": "ja",
    }
    out = io.StringIO()
    writer = csv.DictWriter(out, HEADER, delimiter=";", restval="")
    writer.writeheader()
    for number, row in enumerate(rows, 1):
        writer.writerow({"Verhaalnummer": f"V-{number}"} | usual | row)
    return write(folder / f"bestaande_verhalen{name}.csv", out.getvalue().encode())
