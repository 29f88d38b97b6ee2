"""Encryption at rest: AES-256-GCM under a participant's own key, for quarantined rows and caches.

The nonce is random, 96 bits: by the birthday bound a key may seal 2^32 values before a repeated nonce becomes as likely
as 2^-33 (NIST SP 800-38D, 8.3), which a node does not reach. The context is bound as associated data: what was sealed
as one thing does not open as another.
"""

import os
from collections.abc import Sequence

import polars as pl
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.privacy.errors import BadKey, Malformed, Tampered

KEY_SIZE = 32
NONCE_SIZE = 12
TAG_SIZE = 16


def seal_bytes(key: bytes, plaintext: bytes, context: bytes) -> bytes:
    """Seal `plaintext` under `key` (32 bytes) for use in `context`.

    Returns:
        Nonce (12 bytes), ciphertext, tag (16 bytes).

    Raises:
        BadKey: the key does not have 32 bytes.
    """
    nonce = os.urandom(NONCE_SIZE)
    return nonce + _cipher(key).encrypt(nonce, plaintext, context)


def open_bytes(key: bytes, sealed: bytes, context: bytes) -> bytes:
    """Open what `seal_bytes` sealed under the same key and context.

    Raises:
        BadKey: the key does not have 32 bytes.
        Malformed: too short to have been sealed.
        Tampered: another key, another context, or changed bytes.
    """
    return _open(_cipher(key), sealed, context)


def seal_many(key: bytes, values: pl.Series | Sequence[bytes | None], context: bytes) -> pl.Series:
    """Seal each value of a column with a nonce of its own; null stays null.

    Returns:
        A Binary series of the same length and order.

    Raises:
        BadKey: the key does not have 32 bytes.
    """
    cipher = _cipher(key)
    nonces = os.urandom(NONCE_SIZE * len(values))
    sealed: list[bytes | None] = []
    for start, value in zip(range(0, len(nonces), NONCE_SIZE), values, strict=True):
        nonce = nonces[start : start + NONCE_SIZE]
        sealed.append(None if value is None else nonce + cipher.encrypt(nonce, value, context))
    return pl.Series("sealed", sealed, dtype=pl.Binary)


def open_many(key: bytes, values: pl.Series | Sequence[bytes | None], context: bytes) -> pl.Series:
    """Open each value of a column; null stays null.

    Returns:
        A Binary series of the same length and order.

    Raises:
        BadKey: the key does not have 32 bytes.
        Malformed: a value is too short to have been sealed.
        Tampered: another key, another context, or changed bytes.
    """
    cipher = _cipher(key)
    opened = [None if value is None else _open(cipher, value, context) for value in values]
    return pl.Series("opened", opened, dtype=pl.Binary)


def _cipher(key: bytes) -> AESGCM:
    if len(key) != KEY_SIZE:
        raise BadKey(f"A sealing key has {KEY_SIZE} bytes.")
    return AESGCM(key)


def _open(cipher: AESGCM, sealed: bytes, context: bytes) -> bytes:
    if len(sealed) < NONCE_SIZE + TAG_SIZE:
        raise Malformed("Too short to be a sealed value.")
    try:
        return cipher.decrypt(sealed[:NONCE_SIZE], sealed[NONCE_SIZE:], context)
    except InvalidTag as error:
        raise Tampered("A sealed value does not open: another key, another use, or changed bytes.") from error
