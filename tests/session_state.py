"""Released quotes, and a session about one: enough to read in, in a network without any figure."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa

from services.home import Home
from services.network import Network
from services.sessions.model import Session
from services.sessions.planning import Wanted, plan
from services.sessions.records import Records
from services.store.tables import ensure_table, replace_rows
from services.store.warehouse import open_warehouse

QUOTE = "3fa9c210"
DAY = "2026-01-20"
_STORIES = dict.fromkeys(("quote", "theme", "role", "period", "title", "words"), pl.String)


def quote(**other: object) -> dict[str, object]:
    """A released quote, but for what `other` says."""
    return {
        "quote": QUOTE, "theme": "payment_arrears", "role": "resident", "period": "2025-Q4", "title": "De brief",
        "words": "De brief kwam te laat.", "effects": ["unwanted:family"], "made_up": True,
    } | other  # fmt: skip


def publish_quotes(root: Path, town: str, rows: Sequence[dict[str, object]]) -> None:
    """Put quotes in the place of those that a municipality has published, as its desk does."""
    frame = pl.DataFrame(rows, schema={**_STORIES, "effects": pl.List(pl.String), "made_up": pl.Boolean})
    catalog = open_warehouse(Home(root).participant(town).root, "published")
    table = ensure_table(catalog, "published.stories", frame.to_arrow().schema)
    replace_rows(table, frame, {})


def planned(root: Path, town: str, partners: Sequence[str], guests: Sequence[str] = ()) -> tuple[Records, Session]:
    """A session about one quote."""
    publish_quotes(root, town, [quote()])
    records = Records.of(Network.open(root), town)
    wanted = Wanted("Een gesprek", dt.date(2026, 1, 20), "2025-12", (), (QUOTE,), partners=partners, guests=guests)
    return records, plan(records, _asks_nothing, wanted)


def _asks_nothing(sql: str) -> pa.Table:
    raise AssertionError(sql)
