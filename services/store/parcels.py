"""What became of every message on a participant's topic: one row per parcel, in SQLite.

Events of opened parcels must be found again as verdicts in `intake`. A parcel that failed before it was opened counts
as a parcel only, not against the sender that it claims to come from.

When events may be kept no longer, what is known of their parcels becomes numbers per sender and day. They are marked
first, so that the numbers are right at every moment, also when taking the events out of `intake` ends halfway.
"""

import datetime as dt
from collections.abc import Iterable
from contextlib import closing
from dataclasses import astuple, dataclass
from pathlib import Path

import polars as pl

from services.sqlite import open_database, reading, transaction

OPENED = "opened"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS parcels (
    topic_id TEXT NOT NULL, topic_offset INTEGER NOT NULL, received_on TEXT NOT NULL, fate TEXT NOT NULL,
    sender TEXT, parcel_id BLOB, delivery_id BLOB, event_type TEXT, events INTEGER NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY (topic_id, topic_offset));
CREATE TABLE IF NOT EXISTS went_on (
    reading_id TEXT PRIMARY KEY, topic_offset INTEGER NOT NULL, earlier_id TEXT, earlier_offset INTEGER NOT NULL,
    at TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS looked_at (
    at TEXT NOT NULL, purpose TEXT NOT NULL, parcel_id BLOB NOT NULL, row INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS expiring (
    parcel_id BLOB PRIMARY KEY, accepted INTEGER NOT NULL, quarantined INTEGER NOT NULL, held INTEGER NOT NULL,
    duplicate INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS expired (
    sender TEXT NOT NULL, received_on TEXT NOT NULL, parcels INTEGER NOT NULL, opened INTEGER NOT NULL,
    accepted INTEGER NOT NULL, quarantined INTEGER NOT NULL, held INTEGER NOT NULL, duplicate INTEGER NOT NULL,
    PRIMARY KEY (sender, received_on)) WITHOUT ROWID;
"""
_VERDICTS = ("accepted", "quarantined", "held", "duplicate")
_SUMS = ", ".join(f"sum(e.{verdict})" for verdict in _VERDICTS)
_ADDED = ", ".join(f"{name} = {name} + excluded.{name}" for name in ("parcels", "opened", *_VERDICTS))


@dataclass(frozen=True)
class ParcelFate:
    """One message and what became of it.

    Attributes:
        topic_id: of the topic it was on, as it was read; see `Position.reading_id`.
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


_EXPIRING = pl.Schema({"parcel_id": pl.Binary, **dict.fromkeys(_VERDICTS, pl.Int64)})
REMOVED = pl.Schema(
    {
        "sender": pl.String,
        "received_on": pl.Date,
        **dict.fromkeys(("parcels", "opened", "expired", *_VERDICTS), pl.Int64),
    }
)
"""`parcels` and `opened` (events) of those that are forgotten; `expired` and the events by verdict of all."""


@dataclass(frozen=True)
class GoingOn:
    """That a person decided to read on elsewhere after an alarm.

    Attributes:
        reading_id: see `Position`.
        offset: at which it began.
        earlier_id: of the reading before; None when nothing had been read.
        earlier_offset: at which that one ended.
        at: when, UTC, ISO 8601.
        reason: in that person's words.
    """

    reading_id: str
    offset: int
    earlier_id: str | None
    earlier_offset: int
    at: str
    reason: str


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
        with closing(open_database(self.path, _SCHEMA, durable=True)) as database, reading(self.path):
            rows = database.execute("SELECT * FROM parcels ORDER BY topic_id, topic_offset").fetchall()
            frame = pl.DataFrame(rows, schema=_FRAME, orient="row")
            return frame.with_columns(pl.col("received_on").str.to_date(), pl.col("last").cast(pl.Boolean))

    def begin_expiry(self, parcels: pl.DataFrame) -> None:
        """Mark parcels whose events are about to be removed: from now on only their numbers count.

        Their deliveries count as not ended any more, so that no receipt is made of what is left of one.

        Args:
            parcels: `parcel_id`, and the number of its events by their latest verdict: `accepted`, `quarantined`,
                `held`, `duplicate`. A parcel may be marked again.

        Raises:
            Retryable: another process keeps the file locked.
        """
        rows = parcels.select("parcel_id", *_VERDICTS).rows()
        with closing(open_database(self.path, _SCHEMA, durable=True)) as database, transaction(database, self.path):
            database.executemany("INSERT OR REPLACE INTO expiring VALUES (?, ?, ?, ?, ?)", rows)
            database.execute(
                "UPDATE parcels SET last = 0 WHERE last AND (sender, delivery_id) IN"
                " (SELECT sender, delivery_id FROM parcels JOIN expiring USING (parcel_id))"
            )

    def end_expiry(self) -> None:
        """Add the marked parcels, whose events are removed now, to the numbers of sender and day, and forget them.

        Raises:
            Retryable: another process keeps the file locked.
        """
        with closing(open_database(self.path, _SCHEMA, durable=True)) as database, transaction(database, self.path):
            database.execute(
                f"INSERT INTO expired SELECT p.sender, p.received_on, count(*), sum(p.events), {_SUMS}"
                " FROM parcels p JOIN expiring e USING (parcel_id) WHERE p.fate = ? GROUP BY 1, 2"
                f" ON CONFLICT (sender, received_on) DO UPDATE SET {_ADDED}",
                (OPENED,),
            )
            database.execute(
                "DELETE FROM parcels WHERE parcel_id IN (SELECT parcel_id FROM expiring) AND fate = ?", (OPENED,)
            )
            database.execute("DELETE FROM expiring")

    def removed(self) -> pl.DataFrame:
        """Return the numbers of events that are removed, or marked to be: `REMOVED`, rows per sender and day.

        Raises:
            Retryable: another process keeps the file locked.
        """
        names = ", ".join(_VERDICTS)
        query = (
            f"SELECT sender, received_on, parcels, opened, opened, {names} FROM expired UNION ALL"
            f" SELECT p.sender, p.received_on, 0, 0, p.events, {names} FROM parcels p JOIN expiring e USING (parcel_id)"
            " WHERE p.fate = ? ORDER BY 1, 2"
        )
        with closing(open_database(self.path, _SCHEMA, durable=True)) as database, reading(self.path):
            rows = database.execute(query, (OPENED,)).fetchall()
            days = [(sender, dt.date.fromisoformat(day), *numbers) for sender, day, *numbers in rows]
            return pl.DataFrame(days, schema=REMOVED, orient="row")

    def expiring(self) -> pl.DataFrame:
        """Return the parcels that are marked: `parcel_id` and events by verdict.

        Raises:
            Retryable: another process keeps the file locked.
        """
        with closing(open_database(self.path, _SCHEMA, durable=True)) as database, reading(self.path):
            rows = database.execute("SELECT * FROM expiring ORDER BY parcel_id").fetchall()
            return pl.DataFrame(rows, schema=_EXPIRING, orient="row")

    def note_going_on(self, decided: GoingOn) -> None:
        """Write down that a person decided to read on elsewhere; what is written about that reading is replaced.

        Raises:
            Retryable: another process keeps the file locked.
        """
        with closing(open_database(self.path, _SCHEMA, durable=True)) as database, transaction(database, self.path):
            database.execute("INSERT OR REPLACE INTO went_on VALUES (?, ?, ?, ?, ?, ?)", astuple(decided))

    def goings_on(self) -> list[GoingOn]:
        """Return what was decided after alarms, oldest first.

        Raises:
            Retryable: another process keeps the file locked.
        """
        with closing(open_database(self.path, _SCHEMA, durable=True)) as database, reading(self.path):
            return [GoingOn(*row) for row in database.execute("SELECT * FROM went_on ORDER BY at").fetchall()]

    def note_look(self, at: dt.datetime, purpose: str, parcel_id: bytes, row: int) -> None:
        """Write down that a person saw the values of a quarantined event, and what for.

        Raises:
            Retryable: another process keeps the file locked.
        """
        with closing(open_database(self.path, _SCHEMA, durable=True)) as database, transaction(database, self.path):
            database.execute("INSERT INTO looked_at VALUES (?, ?, ?, ?)", (at.isoformat(), purpose, parcel_id, row))

    def looks(self) -> list[tuple[str, str, bytes, int]]:
        """Return who-looked records, oldest first: when (ISO 8601), purpose, parcel id, row."""
        with closing(open_database(self.path, _SCHEMA, durable=True)) as database, reading(self.path):
            return database.execute("SELECT at, purpose, parcel_id, row FROM looked_at ORDER BY rowid").fetchall()
