"""Pseudonyms and event ids: their bytes as described, and no two inputs that run into each other."""

import hashlib
import hmac

import polars as pl
import pytest

from services.privacy import pseudonym
from services.privacy.errors import BadKey, Malformed

KEY = bytes(range(32))


def test_the_oprf_input_is_label_kind_and_identifier_each_with_its_length() -> None:
    expected = b"spiegelnet/psn/v1" + b"\0\0\0\x09household" + b"\0\0\0\x0b1234AB|10|A"
    assert pseudonym.oprf_input("household", "1234AB|10|A") == expected


def test_kind_and_identifier_do_not_run_into_each_other() -> None:
    assert pseudonym.oprf_input("ab", "c") != pseudonym.oprf_input("a", "bc")


@pytest.mark.parametrize(("kind", "identifier"), [("", "x"), ("x", ""), ("household", "x" * 60_000)])
def test_empty_or_endless_identifiers_have_no_pseudonym(kind: str, identifier: str) -> None:
    with pytest.raises(Malformed):
        pseudonym.oprf_input(kind, identifier)


def test_the_outer_pseudonym_hashes_both_values_in_their_order() -> None:
    one, two = bytes(64), b"\1" * 64
    assert pseudonym.combine(one, two) == hashlib.sha256(b"spiegelnet/psn/comb/v1" + one + two).digest()
    assert pseudonym.combine(one, two) != pseudonym.combine(two, one)


@pytest.mark.parametrize(("one", "two"), [(63, 64), (64, 65), (0, 64)])
def test_values_of_another_length_are_not_combined(one: int, two: int) -> None:
    with pytest.raises(Malformed):
        pseudonym.combine(bytes(one), bytes(two))


def test_the_stored_pseudonym_is_the_hmac_under_the_nodes_key() -> None:
    outer = b"\2" * 32
    assert pseudonym.stored(KEY, outer) == hmac.new(KEY, outer, hashlib.sha256).digest()


def test_two_nodes_store_different_pseudonyms_of_one_outer() -> None:
    assert pseudonym.stored(KEY, bytes(32)) != pseudonym.stored(bytes(32), bytes(32))


def test_a_column_is_stored_as_each_value_alone_and_nulls_stay() -> None:
    outers = [bytes([number % 3]) * 32 for number in range(7)]
    series = pl.Series("address", [*outers, None], dtype=pl.Binary)
    made = pseudonym.stored_many(KEY, series)
    assert made.to_list() == [*(pseudonym.stored(KEY, outer) for outer in outers), None]
    assert made.name == "address"
    assert made.dtype == pl.Binary
    assert pseudonym.stored_many(KEY, outers).to_list() == made.to_list()[:-1]
    assert pseudonym.stored_many(KEY, []).to_list() == []
    assert pseudonym.stored_many(KEY, [None, None]).to_list() == [None, None]


def test_values_of_another_length_are_not_stored() -> None:
    with pytest.raises(Malformed):
        pseudonym.stored(KEY, bytes(31))
    with pytest.raises(Malformed):
        pseudonym.stored_many(KEY, [bytes(32), bytes(33)])
    with pytest.raises(BadKey):
        pseudonym.stored_many(bytes(31), [bytes(32)])


def test_an_event_id_is_the_start_of_the_keyed_hash_of_type_source_and_key() -> None:
    def sized(text: str) -> bytes:
        return len(text.encode()).to_bytes(4, "big") + text.encode()

    message = b"spiegelnet/event-id/v1" + sized("payment_arrears") + sized("energie") + sized("2025.csv#12")
    expected = hmac.new(KEY, message, hashlib.sha256).digest()[:16]
    assert pseudonym.event_id(KEY, "payment_arrears", "energie", "2025.csv#12") == expected


def test_event_ids_of_a_column_are_those_of_each_key() -> None:
    keys = pl.Series("key", ["a", "b", "a", "ë"])
    made = pseudonym.event_ids(KEY, "payment_arrears", "s", keys)
    assert made.to_list() == [pseudonym.event_id(KEY, "payment_arrears", "s", key) for key in keys]
    assert made[0] == made[2] != made[1]


@pytest.mark.parametrize("other", [("b", "s", "k"), ("a", "t", "k"), ("a", "s", "l"), ("as", "", "k"), ("a", "sk", "")])
def test_another_type_source_or_key_gives_another_id(other: tuple[str, str, str]) -> None:
    assert pseudonym.event_id(KEY, *other) != pseudonym.event_id(KEY, "a", "s", "k")


def test_events_without_a_key_get_no_id() -> None:
    with pytest.raises(Malformed):
        pseudonym.event_ids(KEY, "a", "s", pl.Series(["k", None]))
    with pytest.raises(BadKey):
        pseudonym.event_id(b"", "a", "s", "k")
