"""Which addresses a sender used, for which receiver, in which month: what an epoch change makes anew.

It stands in the outbox, so that what was sealed and of which addresses it was become known in one transaction, and not
in the cache of pseudonyms, which may be removed at any time. Addresses are sealed; receiver, epoch and month are as
plain as the outbox's own record of parcels.
"""

import datetime as dt
import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from services.privacy.errors import PrivacyError
from services.privacy.sealing import open_bytes, seal_bytes
from services.sqlite import damaged, reading, transaction

MONTHS: Final = 13
"""An address that was last used longer ago is not made anew: no look-back is longer than a year."""

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS used (
    number INTEGER PRIMARY KEY, receiver TEXT NOT NULL, epoch TEXT NOT NULL, called TEXT NOT NULL, month TEXT NOT NULL,
    sealed BLOB NOT NULL);
"""
"""`called` is the newest epoch by whose pseudonyms the receiver knows the addresses: at first that of their use."""
_CONTEXT: Final = b"spiegelnet/used-addresses/v1"

Noted = dict[tuple[str, str, str], set[str]]
"""By (receiver, epoch, month) the addresses that are noted, so that not each batch has to open those before it."""


@dataclass(frozen=True)
class Due:
    """Addresses that a receiver knows by pseudonyms of an earlier epoch.

    Attributes:
        receiver: participant id.
        called: that epoch.
        addresses: canonical, each once.
        numbers: of the notes that hold them.
    """

    receiver: str
    called: str
    addresses: pl.Series
    numbers: tuple[int, ...]


def first_month(today: dt.date) -> str:
    """Return the first month of which used addresses are kept: 13 months before this one."""
    months = 12 * today.year + today.month - 1 - MONTHS
    return f"{months // 12:04d}-{months % 12 + 1:02d}"


class UsedAddresses:
    """The notes in one sender's outbox."""

    def __init__(self, database: sqlite3.Connection, path: Path, key: bytes, noted: Noted) -> None:
        """Take the outbox's connection, its path, 32 secret bytes, and what is known to be noted."""
        self._db = database
        self._path = path
        self._key = key
        self._noted = noted

    def note(self, receiver: str, epoch: str, month: str, addresses: pl.Series) -> None:
        """Note that something was sealed about these addresses (String; null for none), unless it is noted already.

        Raises:
            Retryable: the file stayed locked.
            Fatal: the file is damaged.
        """
        place = (receiver, epoch, month)
        with transaction(self._db, self._path) as db:
            known = self._noted.get(place) or self._read(place)
            new = [address for address in dict.fromkeys(addresses) if address is not None and address not in known]
            if new:
                sealed = seal_bytes(self._key, json.dumps(new).encode(), _context(receiver))
                db.execute(
                    "INSERT INTO used (receiver, epoch, called, month, sealed) VALUES (?, ?, ?, ?, ?)",
                    (receiver, epoch, epoch, month, sealed),
                )
        known.update(new)
        self._noted[place] = known

    def _read(self, place: tuple[str, str, str]) -> set[str]:
        rows = self._db.execute(
            "SELECT sealed FROM used WHERE receiver = ? AND epoch = ? AND month = ?", place
        ).fetchall()
        return {address for (sealed,) in rows for address in self._opened(place[0], sealed)}

    def due(self, epoch: str, since: str) -> list[Due]:
        """Return what receivers know by pseudonyms of epochs before `epoch` and was used in month `since` or later.

        Raises:
            Fatal: the file is damaged, or sealed with another key.
        """
        with reading(self._path):
            rows = self._db.execute(
                "SELECT receiver, called, number, sealed FROM used WHERE called < ? AND month >= ? ORDER BY 1, 2, 3",
                (epoch, since),
            ).fetchall()
        found: dict[tuple[str, str], tuple[list[int], list[str]]] = {}
        for receiver, called, number, sealed in rows:
            numbers, addresses = found.setdefault((receiver, called), ([], []))
            numbers.append(number)
            addresses += self._opened(receiver, sealed)
        return [
            Due(*place, pl.Series("address", addresses, dtype=pl.String).unique(maintain_order=True), tuple(numbers))
            for place, (numbers, addresses) in found.items()
        ]

    def carry(self, numbers: Sequence[int], epoch: str) -> None:
        """Note that the receiver knows the addresses of these notes by the pseudonyms of `epoch` from now on.

        Raises:
            Retryable: the file stayed locked.
        """
        with transaction(self._db, self._path) as db:
            db.executemany("UPDATE used SET called = ? WHERE number = ?", [(epoch, number) for number in numbers])

    def begin_again(self, receiver: str) -> None:
        """Forget that a receiver was told of other epochs than those in which addresses were used.

        Raises:
            Retryable: the file stayed locked.
        """
        with transaction(self._db, self._path) as db:
            db.execute("UPDATE used SET called = epoch WHERE receiver = ?", (receiver,))

    def suppose_sent(self, epoch: str) -> None:
        """Take all addresses for known by the pseudonyms of an earlier epoch, when what was sent then is not known.

        Raises:
            Retryable: the file stayed locked.
        """
        with transaction(self._db, self._path) as db:
            db.execute("UPDATE used SET called = ? WHERE called > ?", (epoch, epoch))

    def forget(self, before: str) -> int:
        """Remove the notes of months before one, and return how many.

        Raises:
            Retryable: the file stayed locked.
        """
        with transaction(self._db, self._path) as db:
            db.execute("PRAGMA secure_delete = ON")
            return db.execute("DELETE FROM used WHERE month < ?", (before,)).rowcount

    def _opened(self, receiver: str, sealed: bytes) -> Iterable[str]:
        try:
            found: list[str] = json.loads(open_bytes(self._key, sealed, _context(receiver)))
        except PrivacyError as error:
            raise damaged(self._path, "Addresses in it do not open: they are changed, or of another key.") from error
        return found


def _context(receiver: str) -> bytes:
    return _CONTEXT + receiver.encode()
