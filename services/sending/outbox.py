"""The sender's outbox: a parcel gets its place in its stream, and its bytes, in one transaction, once.

That transaction also moves the position in the source on, so that a command that is killed anywhere and run again goes
on where it was, and what was sealed is sent with the same bytes however often sending is tried. A stream is one
(sender, receiver, outbox); its id is random, so that a new outbox is a new stream and never a fork of an old one.
"""

import json
import secrets
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from services.errors import Fatal
from services.privacy.parcel import parcel_hash, read_header
from services.sending import used_addresses
from services.sending.used_addresses import Noted, UsedAddresses
from services.sqlite import damaged, open_database, reading, transaction

Seal = Callable[[bytes, int, bytes], bytes]
"""Makes a parcel of (stream, sequence, previous parcel's hash)."""

PENDING_BYTES = 32 << 20
"""Bytes of parcels handed to the broker at once."""

FIRST_PREVIOUS = bytes(32)
"""What the first parcel of a stream names as the one before it."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS streams (
    receiver TEXT PRIMARY KEY, stream BLOB NOT NULL, next INTEGER NOT NULL, previous BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS parcels (
    number INTEGER PRIMARY KEY, parcel_id BLOB NOT NULL UNIQUE, receiver TEXT NOT NULL, stream BLOB NOT NULL,
    sequence INTEGER NOT NULL, hash BLOB NOT NULL, key BLOB NOT NULL, value BLOB, UNIQUE (stream, sequence));
CREATE INDEX IF NOT EXISTS waiting ON parcels (number) WHERE value IS NOT NULL;
CREATE TABLE IF NOT EXISTS positions (
    source BLOB NOT NULL, receiver TEXT NOT NULL, event_type TEXT NOT NULL, next INTEGER NOT NULL,
    PRIMARY KEY (source, receiver, event_type)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS places (
    source BLOB NOT NULL, batch INTEGER NOT NULL, nodes TEXT NOT NULL, sealed BLOB NOT NULL,
    PRIMARY KEY (source, batch));
CREATE TABLE IF NOT EXISTS numbers (about BLOB PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Waiting:
    """A parcel that the broker has not acknowledged yet.

    Attributes:
        parcel_id: the 16 bytes in its header.
        receiver: participant id.
        key: 16 random bytes, the message's key at the broker; the same at every try.
        value: the parcel.
    """

    parcel_id: bytes
    receiver: str
    key: bytes
    value: bytes


class Outbox:
    """Parcels sealed and not yet sent, streams, and positions in sources: one SQLite file per sender."""

    def __init__(self, path: Path, limit: int | None = None) -> None:
        """Open or create the file.

        Args:
            path: the file.
            limit: bytes of waiting parcels from which on the outbox calls itself full; None for never.

        Raises:
            Retryable, Fatal: see `open_database`.
        """
        self._path = path
        self._limit = limit
        # Sequence numbers must survive a power failure: given out twice they would look like a fork.
        self._db = open_database(path, _SCHEMA + used_addresses.SCHEMA, durable=True)
        self._noted: Noted = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make all that is put in within the block one transaction: one wait for the disk instead of one each.

        Raises:
            Retryable: the file stayed locked.
        """
        try:
            with transaction(self._db, self._path):
                yield
        except BaseException:
            self._noted.clear()  # what was noted within the block is not
            raise

    def used(self, key: bytes) -> UsedAddresses:
        """Return the notes of which addresses were used, as who has this key (32 bytes) reads and writes them."""
        return UsedAddresses(self._db, self._path, key, self._noted)

    def enqueue(self, receiver: str, seals: Sequence[Seal], position: tuple[bytes, str, int]) -> int:
        """Seal and store what one batch of a source brings one receiver, and move the position on; all or nothing.

        Args:
            receiver: participant id.
            seals: one for each parcel, in order; called within the transaction with the stream's id (16 bytes), the
                sequence number and the previous parcel's hash (32 bytes).
            position: (source's digest, event type, number of its batches done after this one). A batch that was done
                before is left alone.

        Returns:
            The number of parcels stored: `len(seals)`, or 0 if the batch was done before.

        Raises:
            Fatal: the batch before this one is missing.
            Retryable: the file stayed locked.
        """
        source, event_type, done = position
        with transaction(self._db, self._path):
            before = self.position(source, receiver, event_type)
            if done <= before:
                return 0
            if done != before + 1:
                raise Fatal(
                    f"Batch {done} of {event_type} for {receiver} came before batch {before + 1}.",
                    "Batches of a source are sent in order, so that none is left out.",
                    "Send the file again from its beginning; what was sent is not sent twice.",
                )
            self._store(receiver, seals)
            self._db.execute(
                "INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?)", (source, receiver, event_type, done)
            )
        return len(seals)

    def position(self, source: bytes, receiver: str, event_type: str) -> int:
        """Return how many batches of this source, receiver and event type are in the outbox or were sent."""
        with reading(self._path):
            row = self._db.execute(
                "SELECT next FROM positions WHERE source = ? AND receiver = ? AND event_type = ?",
                (source, receiver, event_type),
            ).fetchone()
            return int(row[0]) if row else 0

    def begin_again(self, receiver: str) -> None:
        """Forget how much of each source a receiver got; further parcels are of a new stream: another sending.

        Raises:
            Retryable: the file stayed locked.
        """
        with transaction(self._db, self._path) as db:
            db.execute("DELETE FROM positions WHERE receiver = ?", (receiver,))
            db.execute("DELETE FROM streams WHERE receiver = ?", (receiver,))

    def places(self, source: bytes, batch: int) -> tuple[list[str], bytes] | None:
        """Return what `keep_places` wrote down about a batch of a source; None when it was not placed yet.

        Raises:
            Fatal: the file is damaged.
        """
        with reading(self._path):
            row = self._db.execute(
                "SELECT nodes, sealed FROM places WHERE source = ? AND batch = ?", (source, batch)
            ).fetchone()
            return (str(row[0]).split(), bytes(row[1])) if row else None

    def keep_places(self, source: bytes, batch: int, nodes: Sequence[str], sealed: bytes) -> tuple[list[str], bytes]:
        """Write down where the rows of a batch go, unless another process did so first; return what stands there.

        Args:
            source: the source's digest.
            batch: its number in the source.
            nodes: municipalities that take part.
            sealed: the place of each row, sealed.

        Raises:
            Retryable: the file stayed locked.
            Fatal: the file is damaged or full.
        """
        with transaction(self._db, self._path) as db:
            db.execute("INSERT OR IGNORE INTO places VALUES (?, ?, ?, ?)", (source, batch, " ".join(nodes), sealed))
            nodes_kept, sealed_kept = db.execute(
                "SELECT nodes, sealed FROM places WHERE source = ? AND batch = ?", (source, batch)
            ).fetchone()
        return nodes_kept.split(), sealed_kept

    def forget_places(self, source: bytes) -> None:
        """Forget where the rows of a source went, all of which are sealed and known as such.

        Raises:
            Retryable: the file stayed locked.
        """
        with transaction(self._db, self._path) as db:
            db.execute("DELETE FROM places WHERE source = ?", (source,))

    def next_number(self, about: bytes, at_least: int) -> int:
        """Give out a number about something: above all that were given out about it, and not below `at_least`.

        Within `together` it is given out with what is put in there, or not at all.

        Raises:
            Retryable: the file stayed locked.
        """
        with transaction(self._db, self._path) as db:
            [number] = db.execute(
                "INSERT INTO numbers VALUES (?, ?) ON CONFLICT (about)"
                " DO UPDATE SET last = max(last + 1, excluded.last) RETURNING last",
                (about, at_least),
            ).fetchone()
        return int(number)

    def damaged(self, why: str) -> Fatal:
        """Return the error about this file when something in it is not what was put in."""
        return damaged(self._path, why)

    def waiting(self) -> int:
        """Return how many parcels are not marked as sent."""
        with reading(self._path):
            row = self._db.execute("SELECT count(*) FROM parcels WHERE value IS NOT NULL").fetchone()
            return int(row[0])

    def backlog(self) -> tuple[int, int]:
        """Return how many parcels are not marked as sent, and how many bytes they have together."""
        with reading(self._path):
            row = self._db.execute(
                "SELECT count(*), coalesce(sum(length(value)), 0) FROM parcels WHERE value IS NOT NULL"
            ).fetchone()
            return int(row[0]), int(row[1])

    def full(self) -> bool:
        """Say whether the waiting parcels have come to the limit; what is sealed nevertheless is stored."""
        if self._limit is None:
            return False
        with reading(self._path):
            used, size = self._db.execute(
                "SELECT page_count - freelist_count, page_size"
                " FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()"
            ).fetchone()
        # Counting the bytes of many parcels takes time, and there cannot be more than the file has.
        return bool(used * size >= self._limit) and self.backlog()[1] >= self._limit

    def pending(
        self, limit: int = 1_024, *, max_bytes: int = PENDING_BYTES, without: Collection[str] = ()
    ) -> list[Waiting]:
        """Return the oldest parcels that are not marked as sent.

        Args:
            limit: at most so many.
            max_bytes: stop before their values exceed this; the first one comes however large it is.
            without: receivers whose parcels are passed over.

        Raises:
            Retryable: the file stayed locked.
            Fatal: the file is damaged, or a parcel in it is not the one that was sealed: its receiver would refuse it.
        """
        found, size = list[Waiting](), 0
        with reading(self._path):
            rows = self._db.execute(
                "SELECT parcel_id, receiver, key, value, hash FROM parcels WHERE value IS NOT NULL"
                " AND receiver NOT IN (SELECT value FROM json_each(?)) ORDER BY number LIMIT ?",
                (json.dumps(list(without)), limit),
            )
            for *row, digest in rows:
                size += len(row[3])
                if found and size > max_bytes:
                    break
                if parcel_hash(row[3]) != digest:
                    raise self.damaged("A parcel that waits in it is not the one that was sealed.")
                found.append(Waiting(*row))
            rows.close()
        return found

    def mark_sent(self, parcel_ids: Sequence[bytes]) -> None:
        """Note that the broker has these parcels: their bytes go, their ids and hashes stay.

        Raises:
            Retryable: the file stayed locked.
        """
        with transaction(self._db, self._path) as db:
            db.executemany("UPDATE parcels SET value = NULL WHERE parcel_id = ?", [(each,) for each in parcel_ids])

    def _store(self, receiver: str, seals: Sequence[Seal]) -> None:
        row = self._db.execute("SELECT stream, next, previous FROM streams WHERE receiver = ?", (receiver,)).fetchone()
        stream, sequence, previous = row or (secrets.token_bytes(16), 0, FIRST_PREVIOUS)
        for seal in seals:
            value = seal(stream, sequence, previous)
            previous = parcel_hash(value)
            self._db.execute(
                "INSERT INTO parcels (parcel_id, receiver, stream, sequence, hash, key, value)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    read_header(value).parcel_id,
                    receiver,
                    stream,
                    sequence,
                    previous,
                    secrets.token_bytes(16),
                    value,
                ),
            )
            sequence += 1
        self._db.execute("INSERT OR REPLACE INTO streams VALUES (?, ?, ?, ?)", (receiver, stream, sequence, previous))
