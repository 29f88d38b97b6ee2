"""Encryption at rest: it opens under its key and for its use, and for nothing else."""

import polars as pl
import pytest

from services.privacy.errors import BadKey, Malformed, Tampered
from services.privacy.sealing import open_bytes, open_many, seal_bytes, seal_many

KEY, OTHER = b"k" * 32, b"o" * 32


def test_what_is_sealed_opens() -> None:
    assert open_bytes(KEY, seal_bytes(KEY, b"row", b"quarantine"), b"quarantine") == b"row"
    assert open_bytes(KEY, seal_bytes(KEY, b"", b""), b"") == b""


def test_equal_rows_are_sealed_to_different_bytes_that_do_not_hold_them() -> None:
    first, second = seal_bytes(KEY, b"1234AB", b"c"), seal_bytes(KEY, b"1234AB", b"c")
    assert first != second
    assert b"1234AB" not in first + second
    assert seal_many(KEY, [b"x", b"x"], b"c").n_unique() == 2


def test_another_key_or_use_or_a_changed_byte_does_not_open() -> None:
    sealed = seal_bytes(KEY, b"row", b"quarantine")
    for key, value, context in [
        (OTHER, sealed, b"quarantine"),
        (KEY, sealed, b"cache"),
        (KEY, sealed[:-1] + bytes([sealed[-1] ^ 1]), b"quarantine"),
        (KEY, bytes([sealed[0] ^ 1]) + sealed[1:], b"quarantine"),
        (KEY, sealed + b"\0", b"quarantine"),
    ]:
        with pytest.raises(Tampered):
            open_bytes(key, value, context)


def test_too_short_a_value_is_malformed() -> None:
    with pytest.raises(Malformed):
        open_bytes(KEY, bytes(27), b"")


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_keys_of_another_length_are_refused(size: int) -> None:
    with pytest.raises(BadKey):
        seal_bytes(bytes(size), b"", b"")
    with pytest.raises(BadKey):
        open_many(bytes(size), [], b"")


def test_columns_keep_their_order_and_nulls() -> None:
    rows = pl.Series([b"a", None, b"", b"b" * 1000], dtype=pl.Binary)
    sealed = seal_many(KEY, rows, b"c")
    assert sealed.null_count() == 1
    assert open_many(KEY, sealed, b"c").to_list() == rows.to_list()
    with pytest.raises(Tampered):
        open_many(KEY, sealed, b"d")
