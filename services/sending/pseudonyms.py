"""Outer pseudonyms of a column of addresses: from the cache what is known, from both key services the rest.

The cache is a SQLite file of sealed segments, one per batch asked. Within a segment an address stands as a keyed tag,
and the row that holds it names receiver and epoch by a keyed tag too: without the key the file tells nobody's address,
and not even for whom pseudonyms were made.
"""

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import polars as pl
import pyarrow as pa

from services.errors import Fatal, Rejected
from services.keyservice import KeyService
from services.privacy import oprf
from services.privacy.errors import BadKey, BadProof, Malformed, Tampered
from services.privacy.pseudonym import PSEUDONYM_SIZE, combine, keyed_digests, oprf_input
from services.privacy.sealing import open_bytes, seal_bytes
from services.sqlite import errors_named, open_database, transaction

KINDS = ("address",)
"""Of what pseudonyms are made and kept here."""
BATCH = 2000
"""Addresses asked at once: answers in about a second, and as much as is lost when the command is killed."""

_TAG_SIZE = 32
_ENTRY_SIZE = _TAG_SIZE + PSEUDONYM_SIZE
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

        Raises:
            Fatal: a segment does not open with this key.
        """
        with errors_named(self._path):
            rows = self._db.execute("SELECT entries FROM segments WHERE scope = ? ORDER BY number", (scope,)).fetchall()
        entries = b"".join(self._open(sealed, _SEGMENT + scope) for (sealed,) in rows)
        pairs = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(_TAG_SIZE), 2 * (len(entries) // _ENTRY_SIZE), [None, pa.py_buffer(entries)]
        ).cast(pa.large_binary())
        column = pl.Series(pl.from_arrow(pairs))
        frame = pl.DataFrame({"tag": column.gather_every(2), "outer": column.gather_every(2, 1)})
        return frame.unique("tag", keep="first", maintain_order=True)

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


def _purpose(purpose: bytes) -> bytes:
    """Return what stands before a text, so that tags of two purposes differ."""
    return len(purpose).to_bytes(1, "big") + purpose


def outer_pseudonyms(
    services: tuple[KeyService, KeyService],
    cache: PseudonymCache,
    receiver: str,
    epoch: str,
    kind: str,
    identifiers: pl.Series,
    progress: Callable[[int, int], None] | None = None,
) -> pl.Series:
    """Return the outer pseudonym of each identifier.

    Only distinct identifiers that the cache lacks are asked, in batches that are kept one by one: a command that is
    killed asks at most one batch again. When it lacks none, the key services are not needed and may be away.

    Args:
        services: both key services, always in the same order.
        cache: the sender's.
        receiver: participant id of whom the pseudonyms are for.
        epoch: calendar year.
        kind: `household` or `person`.
        identifiers: String, canonical; null stays null.
        progress: called with (identifiers asked so far, identifiers to ask).

    Returns:
        A Binary series of 32 bytes each, of the same length and order, named `outer`.

    Raises:
        Fatal: a key service's key is not the one used before, its answer is not made with that key, or the cache does
            not open.
        Retryable: a key service is away, and not all pseudonyms are known.
        Rejected: an identifier is empty or far too long.
    """
    scope = cache.scope(receiver, epoch, kind)
    wanted = pl.DataFrame({"identifier": identifiers.drop_nulls().unique(maintain_order=True)})
    wanted = wanted.with_columns(cache.tags(scope, wanted["identifier"]))
    missing = wanted.join(cache.load(scope), on="tag", how="anti", maintain_order="left")
    public_keys = _pinned(services, cache, scope, (receiver, epoch)) if missing.height else (b"", b"")
    for start in range(0, missing.height, BATCH):
        part = missing.slice(start, BATCH)
        made = _ask(services, public_keys, (receiver, epoch), _inputs(kind, part["identifier"]))
        cache.add(scope, part["tag"].to_list(), made)
        if progress:
            progress(start + part.height, missing.height)
    known = wanted.join(cache.load(scope), on="tag", how="inner").select("identifier", "outer")
    return identifiers.to_frame("identifier").join(known, on="identifier", how="left", maintain_order="left")["outer"]


def _pinned(
    services: tuple[KeyService, KeyService], cache: PseudonymCache, scope: bytes, receiver_epoch: tuple[str, str]
) -> tuple[bytes, bytes]:
    """Return the public keys that the services show, if they are those that were used before."""
    first, second = (service.public_key(*receiver_epoch) for service in services)
    cache.pin(scope, first + second)
    return first, second


def _inputs(kind: str, identifiers: pl.Series) -> list[bytes]:
    try:
        return [oprf_input(kind, identifier) for identifier in identifiers]
    except Malformed as error:
        raise Rejected(
            "No pseudonym can be made of an identifier.", str(error), "Mend it at the source and send again."
        ) from error


def _ask(
    services: tuple[KeyService, KeyService],
    public_keys: tuple[bytes, bytes],
    receiver_epoch: tuple[str, str],
    inputs: Sequence[bytes],
) -> list[bytes]:
    """Make the outer pseudonyms of one batch; both services get the same blinded points, see `oprf.Blinding`.

    They are asked at the same time: where they are processes of their own, each works while the other does.
    """
    blinding = oprf.blind(inputs)
    with ThreadPoolExecutor(len(services)) as pool:
        answers = list(pool.map(lambda service: service.evaluate(*receiver_epoch, blinding.blinded), services))
    first, second = (
        _values(service, public_key, blinding, answer)
        for service, public_key, answer in zip(services, public_keys, answers, strict=True)
    )
    return [combine(one, two) for one, two in zip(first, second, strict=True)]


def _values(service: KeyService, public_key: bytes, blinding: oprf.Blinding, answer: bytes) -> list[bytes]:
    try:
        return oprf.finalize(blinding, answer, public_key)
    except (BadProof, BadKey, Malformed) as error:
        raise Fatal(
            f"Key service {service.id} gave a wrong answer; no pseudonym was made of it.",
            str(error),
            "Send nothing more; ask the organisation that runs the key service.",
        ) from error
