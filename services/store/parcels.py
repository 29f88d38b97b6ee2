"""What became of every message on a participant's topic: one row per parcel, in SQLite.

Events of opened parcels must be found again as verdicts in `intake`. A parcel that failed before it was opened counts
as a parcel only, not against the sender that it claims to come from.
"""

import datetime as dt
from collections.abc import Iterable
from contextlib import closing
from dataclasses import astuple, dataclass
from pathlib import Path

import polars as pl

from services.sqlite import errors_named, open_database, transaction

OPENED = "opened"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS parcels (
    topic_id TEXT NOT NULL, topic_offset INTEGER NOT NULL, received_on TEXT NOT NULL, fate TEXT NOT NULL,
    sender TEXT, parcel_id BLOB, delivery_id BLOB, event_type TEXT, events INTEGER NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY (topic_id, topic_offset));
CREATE TABLE IF NOT EXISTS looked_at (
    at TEXT NOT NULL, purpose TEXT NOT NULL, parcel_id BLOB NOT NULL, row INTEGER NOT NULL);
"""


@dataclass(frozen=True)
class ParcelFate:
    """One message and what became of it.

    Attributes:
        topic_id: of the topic it was on.
        topic_offset: its place there.
        received_on: day of receipt (UTC).
        fate: `opened`, or why not: `duplicate`, `fork`, or the error's code.
        sender: proven by the signature, else None; likewise the following.
        parcel_id: 16 bytes.
        delivery_id: 16 bytes.
        event_type: name.
        events: as its inner header counts them; 0 when not opened.
        last: whether it is the last of its delivery.
    """

    topic_id: str
    topic_offset: int
    received_on: dt.date
    fate: str
    sender: str | None = None
    parcel_id: bytes | None = None
    delivery_id: bytes | None = None
    event_type: str | None = None
    events: int = 0
    last: bool = False


_FRAME = pl.Schema(
    {
        "topic_id": pl.String,
        "topic_offset": pl.Int64,
        "received_on": pl.String,
        "fate": pl.String,
        "sender": pl.String,
        "parcel_id": pl.Binary,
        "delivery_id": pl.Binary,
        "event_type": pl.String,
        "events": pl.Int64,
        "last": pl.Int64,
    }
)


@dataclass(frozen=True)
class ParcelLog:
    """The file; opened for each call, so that it may be shared with forked processes."""

    path: Path

    def record(self, fates: Iterable[ParcelFate]) -> None:
        """Write down what became of parcels; what is written about an offset already stays as it is.

        Raises:
            Retryable: another process keeps the file locked.
        """
        rows = [astuple(fate) for fate in fates]
        with closing(open_database(self.path, _SCHEMA, durable=True)) as database, transaction(database, self.path):
            database.executemany(
                "INSERT OR IGNORE INTO parcels VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(*row[:2], row[2].isoformat(), *row[3:]) for row in rows],
            )

    def fates(self) -> pl.DataFrame:
        """Return all parcels: the attributes of `ParcelFate`, `received_on` as Date, `last` as Boolean.

        Raises:
            Retryable: another process keeps the file locked.
        """
        with closing(open_database(self.path, _SCHEMA, durable=True)) as database, errors_named(self.path):
            rows = database.execute("SELECT * FROM parcels ORDER BY topic_id, topic_offset").fetchall()
        frame = pl.DataFrame(rows, schema=_FRAME, orient="row")
        return frame.with_columns(pl.col("received_on").str.to_date(), pl.col("last").cast(pl.Boolean))

    def note_look(self, at: dt.datetime, purpose: str, parcel_id: bytes, row: int) -> None:
        """Write down that a person saw the values of a quarantined event, and what for.

        Raises:
            Retryable: another process keeps the file locked.
        """
        with closing(open_database(self.path, _SCHEMA, durable=True)) as database, transaction(database, self.path):
            database.execute("INSERT INTO looked_at VALUES (?, ?, ?, ?)", (at.isoformat(), purpose, parcel_id, row))

    def looks(self) -> list[tuple[str, str, bytes, int]]:
        """Return who-looked records, oldest first: when (ISO 8601), purpose, parcel id, row."""
        with closing(open_database(self.path, _SCHEMA, durable=True)) as database, errors_named(self.path):
            return database.execute("SELECT at, purpose, parcel_id, row FROM looked_at ORDER BY rowid").fetchall()
