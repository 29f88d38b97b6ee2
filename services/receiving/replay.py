"""The receiver's memory of streams: which parcel came when, what came twice, what forked, and what is missing.

A stream's parcels are numbered and each names the hash of the one before it. So a repeated parcel is known for what it
is, two histories under one number are seen, and a parcel that was held back leaves a gap that is noticed. A gap alarms
but blocks nothing.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Self

from services.privacy.header import Header
from services.sqlite import open_database, reading, transaction

GAP_ALARM_AFTER = timedelta(minutes=15)
"""Parcels of a stream may arrive a little out of order, while a sender retries; after this they are missed."""

_FIRST_PREVIOUS = bytes(32)
_STORED_EARLIER = -1
"""Offset of parcels that were stored before a person decided to read on elsewhere."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS parcels (
    sender TEXT NOT NULL, stream BLOB NOT NULL, sequence INTEGER NOT NULL, hash BLOB NOT NULL, previous BLOB NOT NULL,
    offset INTEGER NOT NULL, PRIMARY KEY (sender, stream, sequence)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS streams (
    sender TEXT NOT NULL, stream BLOB NOT NULL, next INTEGER NOT NULL, PRIMARY KEY (sender, stream)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gaps (
    sender TEXT NOT NULL, stream BLOB NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    noticed_us INTEGER NOT NULL, PRIMARY KEY (sender, stream, first)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settled (sender TEXT PRIMARY KEY, until_us INTEGER NOT NULL, reason TEXT NOT NULL);
"""


class Arrival(StrEnum):
    """What a parcel is to its stream.

    NEW: not seen before; go on.
    SAME_OFFSET: seen before at this very offset, so this is our own second reading after a stop; go on, the store
        takes it once.
    DUPLICATE: the same bytes came before at another offset; count it and leave it.
    FORK: other bytes under a number, or after a parcel, that came before: someone has two histories. Raise the alarm
        and leave it.
    """

    NEW = "new"
    SAME_OFFSET = "same_offset"
    DUPLICATE = "duplicate"
    FORK = "fork"


@dataclass(frozen=True)
class Gap:
    """Parcels of a stream that have not come, though later ones have.

    Attributes:
        sender: participant id.
        stream: 16 bytes.
        first: lowest missing sequence number.
        last: highest missing one of this gap.
        noticed_at: when it was first seen that they are missing, UTC.
    """

    sender: str
    stream: bytes
    first: int
    last: int
    noticed_at: datetime


class ReplayWindow:
    """Streams of all senders to one receiver, in one SQLite file; to be asked about verified parcels only."""

    def __init__(self, path: Path) -> None:
        """Open or create the file.

        Raises:
            Retryable, Fatal: see `open_database`.
        """
        self._path = path
        # Not durable against power failure: the store takes an event once even where this memory is lost.
        self._db = open_database(path, _SCHEMA, durable=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def classify(self, header: Header, parcel_hash: bytes, offset: int, now: datetime) -> Arrival:
        """Say what a parcel is to its stream, and remember it if it is new.

        Streams are told apart by sender and stream id, so that no sender can disturb another's.

        Args:
            header: of a parcel whose signature is verified.
            parcel_hash: SHA-256 of all its bytes.
            offset: where it stands in the receiver's topic.
            now: time of the reading, with time zone.

        Raises:
            Retryable: the file stayed locked.
        """
        with transaction(self._db, self._path):
            seen = self._seen(header, header.sequence)
            if seen:
                if seen[0] != parcel_hash:
                    return Arrival.FORK
                return Arrival.SAME_OFFSET if seen[2] == offset else Arrival.DUPLICATE
            if self._breaks_chain(header, parcel_hash):
                return Arrival.FORK
            self._remember(header, parcel_hash, offset, now)
            return Arrival.NEW

    def end_reading(self, offset: int, now: datetime) -> None:
        """Let offsets mean nothing any more, and forget parcels that were seen and not stored: these are missing now.

        Args:
            offset: up to which the topic is stored.
            now: with time zone.

        Raises:
            Retryable: the file stayed locked.
        """
        with transaction(self._db, self._path) as db:
            db.execute(
                "INSERT OR IGNORE INTO gaps SELECT sender, stream, sequence, sequence, ? FROM parcels"
                " WHERE offset >= ?",
                (int(now.timestamp() * 1e6), offset),
            )
            db.execute("DELETE FROM parcels WHERE offset >= ?", (offset,))
            db.execute("UPDATE parcels SET offset = ?", (_STORED_EARLIER,))

    def gaps(self) -> list[Gap]:
        """Return all gaps, in order of sender, stream and number."""
        with reading(self._path):
            rows = self._db.execute(
                "SELECT sender, stream, first, last, noticed_us FROM gaps ORDER BY sender, stream, first"
            )
            return [
                Gap(sender, stream, first, last, datetime.fromtimestamp(noticed / 1e6, UTC))
                for sender, stream, first, last, noticed in rows
            ]

    def gap_alarms(self, now: datetime) -> list[Gap]:
        """Return unsettled gaps that were noticed more than `GAP_ALARM_AFTER` before `now` (with time zone)."""
        with reading(self._path):
            settled = dict(self._db.execute("SELECT sender, until_us FROM settled").fetchall())
        late = [gap for gap in self.gaps() if now - gap.noticed_at > GAP_ALARM_AFTER]
        return [gap for gap in late if int(gap.noticed_at.timestamp() * 1e6) > settled.get(gap.sender, -1)]

    def settle(self, sender: str, now: datetime, reason: str) -> int:
        """Let the gaps of a sender alarm no more: what is missing was sent again, or a person has given it up.

        Args:
            sender: participant id.
            now: gaps that are noticed later alarm; with time zone.
            reason: in that person's words; kept.

        Returns:
            How many gaps.

        Raises:
            Retryable: the file stayed locked.
        """
        open_ones = sum(gap.sender == sender for gap in self.gaps())
        with transaction(self._db, self._path) as db:
            db.execute("INSERT OR REPLACE INTO settled VALUES (?, ?, ?)", (sender, int(now.timestamp() * 1e6), reason))
        return open_ones

    def _seen(self, header: Header, sequence: int) -> tuple[bytes, bytes, int] | None:
        """Hash, previous hash and offset of what came under this number."""
        row: tuple[bytes, bytes, int] | None = self._db.execute(
            "SELECT hash, previous, offset FROM parcels WHERE sender = ? AND stream = ? AND sequence = ?",
            (header.sender, header.stream, sequence),
        ).fetchone()
        return row

    def _breaks_chain(self, header: Header, parcel_hash: bytes) -> bool:
        """Whether the parcel does not fit between those of its stream that came before."""
        if header.sequence == 0 and header.previous_hash != _FIRST_PREVIOUS:
            return True
        before, after = self._seen(header, header.sequence - 1), self._seen(header, header.sequence + 1)
        return bool((before and before[0] != header.previous_hash) or (after and after[1] != parcel_hash))

    def _remember(self, header: Header, parcel_hash: bytes, offset: int, now: datetime) -> None:
        at = (header.sender, header.stream)
        self._db.execute(
            "INSERT INTO parcels VALUES (?, ?, ?, ?, ?, ?)",
            (*at, header.sequence, parcel_hash, header.previous_hash, offset),
        )
        row = self._db.execute("SELECT next FROM streams WHERE sender = ? AND stream = ?", at).fetchone()
        expected = row[0] if row else 0
        if header.sequence >= expected:
            if header.sequence > expected:
                noticed = int(now.timestamp() * 1e6)
                self._db.execute(
                    "INSERT INTO gaps VALUES (?, ?, ?, ?, ?)", (*at, expected, header.sequence - 1, noticed)
                )
            self._db.execute("INSERT OR REPLACE INTO streams VALUES (?, ?, ?)", (*at, header.sequence + 1))
        else:
            self._close_gap(at, header.sequence)

    def _close_gap(self, at: tuple[str, bytes], sequence: int) -> None:
        """Take one number out of its gap; what is left on either side keeps the time at which it was noticed."""
        first, last, noticed = self._db.execute(
            "SELECT first, last, noticed_us FROM gaps WHERE sender = ? AND stream = ? AND first <= ? AND last >= ?",
            (*at, sequence, sequence),
        ).fetchone()
        self._db.execute("DELETE FROM gaps WHERE sender = ? AND stream = ? AND first = ?", (*at, first))
        left = [(*at, *span, noticed) for span in ((first, sequence - 1), (sequence + 1, last)) if span[0] <= span[1]]
        self._db.executemany("INSERT INTO gaps VALUES (?, ?, ?, ?, ?)", left)
