"""What a sender read, sent and refused, in one SQLite file beside its outbox.

Every write is keyed by what it is about, so that a command that was killed and run again leaves the same rows.
Refused rows are kept sealed: the journal itself shows where and why, never what.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from services.sqlite import open_database, reading, transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    digest BLOB PRIMARY KEY, name TEXT NOT NULL, connector TEXT NOT NULL, rows_read INTEGER NOT NULL,
    events INTEGER NOT NULL, refused INTEGER NOT NULL, finished INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    delivery_id BLOB PRIMARY KEY, receiver TEXT NOT NULL, event_type TEXT NOT NULL, digest BLOB NOT NULL,
    complete INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS dated (
    delivery_id BLOB NOT NULL, batch INTEGER NOT NULL, period TEXT NOT NULL, events INTEGER NOT NULL,
    PRIMARY KEY (delivery_id, batch, period));
CREATE TABLE IF NOT EXISTS refused (
    file TEXT NOT NULL, event_type TEXT NOT NULL, source_row INTEGER NOT NULL, digest BLOB NOT NULL,
    field TEXT NOT NULL, reason TEXT NOT NULL, remedy TEXT NOT NULL, raw BLOB NOT NULL, mended_by BLOB,
    PRIMARY KEY (file, event_type, source_row));
CREATE TABLE IF NOT EXISTS refused_since (
    file TEXT NOT NULL, event_type TEXT NOT NULL, source_row INTEGER NOT NULL, digest BLOB NOT NULL,
    since TEXT NOT NULL, PRIMARY KEY (file, event_type, source_row, digest)) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class RefusedRow:
    """A row that never became an event: where it stands and why, without its content."""

    file: str
    event_type: str
    source_row: int
    field: str
    reason: str
    remedy: str
    mended: bool


class Journal:
    """The sender's own record; `seal` hides the raw text of refused rows."""

    def __init__(self, path: Path, seal: Callable[[bytes], bytes]) -> None:
        self._path = path
        self._db = open_database(path, SCHEMA, durable=False)
        self._seal = seal

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def transaction(self) -> AbstractContextManager[object]:
        """Make all writes within it one commit."""
        return transaction(self._db, self._path)

    def finished(self, digest: bytes) -> bool:
        """Say whether this very file was read to its end before."""
        with reading(self._path):
            row = self._db.execute("SELECT finished FROM files WHERE digest = ?", (digest,)).fetchone()
        return bool(row and row[0])

    def begun(self, digest: bytes) -> bool:
        """Say whether anything of this very file was sent before."""
        return self._db.execute("SELECT 1 FROM files WHERE digest = ?", (digest,)).fetchone() is not None

    def other_version(self, name: str, digest: bytes) -> bool:
        """Say whether anything of a file of this name with other contents was sent before."""
        with reading(self._path):
            row = self._db.execute("SELECT 1 FROM files WHERE name = ? AND digest != ?", (name, digest)).fetchone()
        return row is not None

    def add_refused(self, file: str, event_type: str, digest: bytes, refused: pl.DataFrame) -> None:
        """Keep refused rows: columns source_row, field, reason, remedy, raw."""
        rows = [
            (file, event_type, row, digest, field, reason, remedy, self._seal((raw or "").encode()))
            for row, field, reason, remedy, raw in refused.select(
                "source_row", "field", "reason", "remedy", "raw"
            ).iter_rows()
        ]
        self._db.executemany(
            "INSERT INTO refused (file, event_type, source_row, digest, field, reason, remedy, raw)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (file, event_type, source_row) DO UPDATE SET"
            " digest = excluded.digest, field = excluded.field, reason = excluded.reason,"
            " remedy = excluded.remedy, raw = excluded.raw, mended_by = NULL WHERE refused.digest != excluded.digest",
            rows,
        )

    def begin_file(self, digest: bytes, name: str, connector: str) -> None:
        """Note that something of a file is about to be sent."""
        self._db.execute("INSERT OR IGNORE INTO files VALUES (?, ?, ?, 0, 0, 0, 0)", (digest, name, connector))

    def add_delivery(
        self,
        delivery_id: bytes,
        receiver: str,
        event_type: str,
        digest: bytes,
        batch: int,
        dated: Iterable[tuple[str, int]],
    ) -> None:
        """Note that batch `batch` of a delivery holds so many events per period."""
        self._db.execute(
            "INSERT OR IGNORE INTO deliveries (delivery_id, receiver, event_type, digest) VALUES (?, ?, ?, ?)",
            (delivery_id, receiver, event_type, digest),
        )
        self._db.executemany(
            "INSERT OR REPLACE INTO dated VALUES (?, ?, ?, ?)",
            [(delivery_id, batch, period, events) for period, events in dated],
        )

    def finish_file(self, digest: bytes, name: str, connector: str, rows_read: int, events: int, refused: int) -> None:
        """Note that a file was read to its end; refused rows of its earlier versions count as mended.

        So do the deliveries of a version that was sent in part only and then replaced: nothing more comes of it. When
        this returns it survives a power failure, so that what the file needs to go on may be forgotten.
        """
        with self._durably(), self.transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, 1)",
                (digest, name, connector, rows_read, events, refused),
            )
            self._db.execute(
                "UPDATE deliveries SET complete = 1 WHERE digest = ?"
                " OR digest IN (SELECT digest FROM files WHERE name = ? AND NOT finished)",
                (digest, name),
            )
            self._db.execute(
                "UPDATE refused SET mended_by = ? WHERE file = ? AND digest != ? AND mended_by IS NULL",
                (digest, name, digest),
            )

    def reopen(self, digest: bytes) -> None:
        """Note that a file is to be read again."""
        with self.transaction():
            self._db.execute("UPDATE files SET finished = 0 WHERE digest = ?", (digest,))

    @contextmanager
    def _durably(self) -> Iterator[None]:
        """What is committed within the block is on the disk, with all that was committed before it."""
        self._db.execute("PRAGMA synchronous=FULL")
        try:
            yield
        finally:
            self._db.execute("PRAGMA synchronous=NORMAL")

    def refused_rows(self, *, mended: bool = False) -> list[RefusedRow]:
        """Return the refused rows, the open ones only unless `mended`."""
        with reading(self._path):
            rows = self._db.execute(
                "SELECT file, event_type, source_row, field, reason, remedy, mended_by IS NOT NULL FROM refused"
                " ORDER BY file, source_row, event_type"
            ).fetchall()
        return [
            RefusedRow(file, event_type, source_row, field, reason, remedy, mended=bool(done))
            for file, event_type, source_row, field, reason, remedy, done in rows
            if mended or not done
        ]

    def raw(self, file: str, source_row: int) -> list[bytes]:
        """Return the sealed text of a refused row."""
        with reading(self._path):
            found = self._db.execute("SELECT raw FROM refused WHERE file = ? AND source_row = ?", (file, source_row))
            return [bytes(raw) for (raw,) in found]

    def forget_refused(self, kept_from: Mapping[str, dt.date], today: dt.date) -> int:
        """Remove refused rows that may be kept no longer, mended or not; how many a file had stays known.

        A row counts as refused on the day on which this was first called after it.

        Args:
            kept_from: by event type the first day of which rows are kept.
            today: the day.

        Returns:
            How many rows.

        Raises:
            Retryable: the file stayed locked.
        """
        with transaction(self._db, self._path) as db:
            db.execute("PRAGMA secure_delete = ON")
            db.execute(
                "INSERT OR IGNORE INTO refused_since SELECT file, event_type, source_row, digest, ? FROM refused",
                (today.isoformat(),),
            )
            old = "SELECT file, event_type, source_row, digest FROM refused_since WHERE event_type = ? AND since < ?"
            removed = sum(
                db.execute(
                    f"DELETE FROM refused WHERE (file, event_type, source_row, digest) IN ({old})",
                    (event_type, day.isoformat()),
                ).rowcount
                for event_type, day in kept_from.items()
            )
            db.execute(
                "DELETE FROM refused_since WHERE (file, event_type, source_row, digest) NOT IN"
                " (SELECT file, event_type, source_row, digest FROM refused)"
            )
        return removed

    def files(self) -> pl.DataFrame:
        """Return one row per file version that was read to its end: name, connector, rows_read, events, refused."""
        return self._frame(
            "SELECT name, connector, rows_read, events, refused FROM files WHERE finished ORDER BY name",
            {"name": pl.String, "connector": pl.String, "rows_read": pl.Int64, "events": pl.Int64, "refused": pl.Int64},
        )

    def dated(self) -> pl.DataFrame:
        """Return events per delivery and period: receiver, event_type, delivery_id, complete, period, events."""
        return self._frame(
            "SELECT d.receiver, d.event_type, d.delivery_id, d.complete, t.period, sum(t.events)"
            " FROM dated t JOIN deliveries d USING (delivery_id)"
            " GROUP BY d.receiver, d.event_type, d.delivery_id, d.complete, t.period ORDER BY 1, 2, 3, 5",
            {
                "receiver": pl.String,
                "event_type": pl.String,
                "delivery_id": pl.Binary,
                "complete": pl.Int64,
                "period": pl.String,
                "events": pl.Int64,
            },
        )

    def _frame(self, query: str, schema: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
        """Return a query's rows; a value of another kind than was stored is an error that does not quote it."""
        with reading(self._path):
            return pl.DataFrame(self._db.execute(query).fetchall(), schema=schema, orient="row")
