"""The cache of outer pseudonyms: a SQLite file of sealed segments, one per batch asked.

Within a segment an address stands as a keyed tag, and the row that holds it names receiver and epoch by a keyed tag
too: without the key the file tells nobody's address, and not even for whom pseudonyms were made.
"""

import struct
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final, Self

import polars as pl

from services.errors import Fatal
from services.privacy.errors import Malformed, Tampered
from services.privacy.pseudonym import PSEUDONYM_SIZE, keyed_digests
from services.privacy.sealing import open_bytes, seal_bytes
from services.sqlite import errors_named, open_database, transaction

MOST_OPENED = 1_000_000
"""Pseudonyms that a cache keeps opened in memory, some 150 MB: those of the receivers that it was asked for last."""

_ENTRY: Final = struct.Struct(f"32s{PSEUDONYM_SIZE}s")
"""Tag and pseudonym, as they stand in a segment."""
_COLUMNS: Final = {"tag": pl.Binary, "outer": pl.Binary}
_SEGMENT = b"spiegelnet/psn-cache/v1/segment"
_PINNED = b"spiegelnet/psn-cache/v1/public-keys"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS pinned (scope BLOB PRIMARY KEY, public_keys BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS segments (number INTEGER PRIMARY KEY, scope BLOB NOT NULL, entries BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS by_scope ON segments (scope);
"""


class PseudonymCache:
    """One sender's outer pseudonyms, per receiver, epoch and kind."""

    def __init__(self, path: Path, key: bytes) -> None:
        """Open or create the file.

        Args:
            path: the file.
            key: 32 secret bytes.

        Raises:
            Retryable, Fatal: see `open_database`.
        """
        self._path = path
        self._key = key
        # Not durable against power failure: what is lost is asked again, and comes out the same.
        self._db = open_database(path, _SCHEMA, durable=False, page_size=16_384)
        self._opened: dict[bytes, tuple[int, pl.DataFrame]] = {}
        self._version = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def scope(self, receiver: str, epoch: str, kind: str) -> bytes:
        """Return the keyed tag under which pseudonyms for this receiver, epoch and kind are kept."""
        text = f"{receiver}\0{epoch}\0{kind}"
        return keyed_digests(self._key, [_purpose(b"scope") + text.encode()])[0]

    def tags(self, scope: bytes, identifiers: pl.Series) -> pl.Series:
        """Return the keyed tag of each identifier (Binary, 32 bytes); equal identifiers of two scopes do not match."""
        before = _purpose(scope)
        tags = keyed_digests(self._key, (before + identifier.encode() for identifier in identifiers))
        return pl.Series("tag", tags, dtype=pl.Binary)

    def load(self, scope: bytes) -> pl.DataFrame:
        """Return all that is known: columns `tag` and `outer` (Binary, 32 bytes each), tags distinct.

        What was opened stays in memory, up to `MOST_OPENED` pseudonyms, and only what was added since is opened.

        Raises:
            Fatal: a segment does not open with this key.
        """
        with errors_named(self._path):
            (version,) = self._db.execute("PRAGMA data_version").fetchone()
            if version != self._version:  # another process may have removed some, and made others of the same number
                self._opened.clear()
                self._version = version
            number, known = self._opened.pop(scope, (0, pl.DataFrame(schema=_COLUMNS)))
            query = "SELECT number, entries FROM segments WHERE scope = ? AND number > ? ORDER BY number"
            rows = self._db.execute(query, (scope, number)).fetchall()
        if rows:
            number = rows[-1][0]
            parts = [known, *(_entries(self._open(sealed, _SEGMENT + scope)) for _, sealed in rows)]
            known = pl.concat(parts).unique("tag", keep="first", maintain_order=True)
        self._opened[scope] = number, known
        while len(self._opened) > 1 and sum(frame.height for _, frame in self._opened.values()) > MOST_OPENED:
            self._opened.pop(next(iter(self._opened)))  # the one that was asked for longest ago
        return known

    def add(self, scope: bytes, tags: Sequence[bytes], outers: Sequence[bytes]) -> None:
        """Keep the pseudonyms of one batch.

        Raises:
            Retryable: the file stayed locked.
        """
        entries = b"".join(tag + outer for tag, outer in zip(tags, outers, strict=True))
        sealed = seal_bytes(self._key, entries, _SEGMENT + scope)
        with transaction(self._db, self._path) as db:
            db.execute("INSERT INTO segments (scope, entries) VALUES (?, ?)", (scope, sealed))

    def keep_only(self, scopes: Collection[bytes]) -> int:
        """Remove the pseudonyms of all scopes but these; which public keys were used for them stays known.

        Returns:
            How many batches.

        Raises:
            Retryable: the file stayed locked.
        """
        with transaction(self._db, self._path) as db:
            db.execute("PRAGMA secure_delete = ON")
            present = {scope for (scope,) in db.execute("SELECT DISTINCT scope FROM segments")}
            past = [(scope,) for scope in present - {*scopes}]
            self._opened.clear()
            return sum(db.execute("DELETE FROM segments WHERE scope = ?", scope).rowcount for scope in past)

    def pin(self, scope: bytes, public_keys: bytes) -> None:
        """Keep the key services' public keys at the first use of a scope, and insist on them ever after.

        Raises:
            Fatal: they are other ones now. Pseudonyms made with both would not join.
        """
        with transaction(self._db, self._path) as db:
            row = db.execute("SELECT public_keys FROM pinned WHERE scope = ?", (scope,)).fetchone()
            if row is None:
                sealed = seal_bytes(self._key, public_keys, _PINNED + scope)
                db.execute("INSERT INTO pinned VALUES (?, ?)", (scope, sealed))
        if row is not None and self._open(row[0], _PINNED + scope) != public_keys:
            raise Fatal(
                "A key service shows another public key than before for the same receiver and epoch.",
                "Pseudonyms made with it would not join with those sent before.",
                "Send nothing; ask the organisation that runs the key service.",
            )

    def _open(self, sealed: bytes, context: bytes) -> bytes:
        try:
            return open_bytes(self._key, sealed, context)
        except (Tampered, Malformed) as error:
            raise Fatal(
                f"The pseudonym cache {self._path} does not open.",
                "It was made with another key, or is damaged.",
                "Delete the file; the pseudonyms will be asked again and come out the same.",
            ) from error


def _entries(entries: bytes) -> pl.DataFrame:
    """Return the entries of an opened segment in columns, as `PseudonymCache.load` has them."""
    return pl.DataFrame(list(_ENTRY.iter_unpack(entries)), schema=_COLUMNS, orient="row")


def _purpose(purpose: bytes) -> bytes:
    """Return what stands before a text, so that tags of two purposes differ."""
    return len(purpose).to_bytes(1, "big") + purpose
