"""From an address (or, inside a municipality's node, a BSN) to the pseudonym that is stored; and event ids.

    y_i    = VOPRF(key_i[receiver, epoch], "spiegelnet/psn/v1" || kind || id)     i = 1, 2, see oprf.py
    outer  = SHA-256("spiegelnet/psn/comb/v1" || y_1 || y_2)                      travels, sealed
    stored = HMAC-SHA256(node key, outer)                                         stays in the node

One key service, or its stolen seed, does not suffice to compute `outer`; and what one municipality stores joins with
nothing of another's. Every variable part is preceded by its length, so that no two inputs give the same bytes.
"""

import hmac
from collections.abc import Iterable, Sequence
from hashlib import sha256

import polars as pl
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from services.privacy.errors import BadKey, Malformed
from services.privacy.oprf import OUTPUT_SIZE

PSEUDONYM_SIZE = 32
EVENT_ID_SIZE = 16
KEY_SIZE = 32

_INPUT_LABEL = b"spiegelnet/psn/v1"
_COMBINE_LABEL = b"spiegelnet/psn/comb/v1"
_EVENT_ID_LABEL = b"spiegelnet/event-id/v1"
_MAX_INPUT = 60_000


def oprf_input(kind: str, identifier: str) -> bytes:
    """Return the bytes that go, blinded, to the key services.

    Args:
        kind: what is identified: `address` or `person`; the same text of another kind gives another pseudonym.
        identifier: its canonical form, such as `1234AB|10|A`.

    Raises:
        Malformed: one of them is empty, or together they are longer than 60,000 bytes.
    """
    parts = kind.encode(), identifier.encode()
    if not all(parts) or sum(map(len, parts)) > _MAX_INPUT:
        raise Malformed("A pseudonym needs a kind and an identifier of at most 60,000 bytes together.")
    return _INPUT_LABEL + b"".join(map(_prefixed, parts))


def combine(first: bytes, second: bytes) -> bytes:
    """Make the outer pseudonym (32 bytes) of both key services' values (64 bytes each, in the services' order).

    Raises:
        Malformed: a value has the wrong length.
    """
    if len(first) != OUTPUT_SIZE or len(second) != OUTPUT_SIZE:
        raise Malformed(f"A key service's value has {OUTPUT_SIZE} bytes.")
    return sha256(_COMBINE_LABEL + first + second).digest()


def stored(node_key: bytes, outer: bytes) -> bytes:
    """Make the pseudonym that a node stores (32 bytes) of an outer one.

    Raises:
        BadKey: the node key does not have 32 bytes.
        Malformed: the outer pseudonym does not have 32 bytes.
    """
    _check_key(node_key)
    if len(outer) != PSEUDONYM_SIZE:
        raise Malformed(f"An outer pseudonym has {PSEUDONYM_SIZE} bytes.")
    return hmac.digest(node_key, outer, "sha256")


def stored_many(node_key: bytes, outers: pl.Series | Sequence[bytes | None]) -> pl.Series:
    """Make the stored pseudonyms of a column; each distinct value is computed once.

    Args:
        node_key: 32 bytes.
        outers: outer pseudonyms of 32 bytes each; null stays null.

    Returns:
        A Binary series of the same length, order and name.

    Raises:
        BadKey: the node key does not have 32 bytes.
        Malformed: a value does not have 32 bytes.
    """
    _check_key(node_key)
    column = outers if isinstance(outers, pl.Series) else pl.Series("pseudonym", outers, dtype=pl.Binary)
    column = column.cast(pl.Binary)
    distinct = column.drop_nulls().unique()
    if (distinct.bin.size() != PSEUDONYM_SIZE).any():
        raise Malformed(f"An outer pseudonym has {PSEUDONYM_SIZE} bytes; the column holds others.")
    made = pl.Series(keyed_digests(node_key, distinct), dtype=pl.Binary)
    return column.replace_strict(distinct, made, default=None, return_dtype=pl.Binary)


def keyed_digests(key: bytes, messages: Iterable[bytes]) -> list[bytes]:
    """Return HMAC-SHA256 of each message (32 bytes); the key is prepared once, which makes it more than twice as fast.

    Raises:
        BadKey: the key does not have 32 bytes.
    """
    _check_key(key)
    prepared, digests = HMAC(key, SHA256()), list[bytes]()
    for message in messages:
        digest = prepared.copy()
        digest.update(message)
        digests.append(digest.finalize())
    return digests


def event_id(event_key: bytes, event_type: str, source: str, key: str) -> bytes:
    """Return the id of one event (16 bytes).

    The same source and key always give the same id, so that a mended or re-sent row keeps its own. It is keyed, so that
    nobody but the sender can tell from an id which natural key, such as a dossier number, it was made of.

    Args:
        event_key: the sender's 32 secret bytes.
        event_type: its name in the registry.
        source: name of the source as the sender knows it.
        key: the natural key, or `file#row` where the source has none.

    Raises:
        BadKey: the event key does not have 32 bytes.
    """
    _check_key(event_key)
    message = _event_prefix(event_type, source) + _prefixed(key.encode())
    return hmac.digest(event_key, message, "sha256")[:EVENT_ID_SIZE]


def event_ids(event_key: bytes, event_type: str, source: str, keys: pl.Series) -> pl.Series:
    """Return the ids of a column of keys, as `event_id` makes each.

    Args:
        event_key: the sender's 32 secret bytes.
        event_type: its name in the registry.
        source: name of the source as the sender knows it.
        keys: String series without nulls.

    Returns:
        A Binary series of 16 bytes each, of the same length, order and name.

    Raises:
        BadKey: the event key does not have 32 bytes.
        Malformed: a key is null.
    """
    _check_key(event_key)
    if keys.null_count():
        raise Malformed("Every event needs a key; the column holds nulls.")
    prefix = _event_prefix(event_type, source)
    digests = keyed_digests(event_key, (prefix + _prefixed(key.encode()) for key in keys))
    return pl.Series(keys.name, digests, dtype=pl.Binary).bin.slice(0, EVENT_ID_SIZE)


def _event_prefix(event_type: str, source: str) -> bytes:
    return _EVENT_ID_LABEL + _prefixed(event_type.encode()) + _prefixed(source.encode())


def _prefixed(part: bytes) -> bytes:
    return len(part).to_bytes(4, "big") + part


def _check_key(key: bytes) -> None:
    if len(key) != KEY_SIZE:
        raise BadKey(f"A secret key has {KEY_SIZE} bytes.")
