"""Outer pseudonyms of a column: the same as one by one, asked once, and kept batch by batch."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from services.errors import Rejected
from services.keyservice import InProcessKeyService
from services.privacy import pseudonym
from services.sending import pseudonym_cache, pseudonyms
from services.sending.pseudonym_cache import PseudonymCache
from services.sending.pseudonyms import outer_pseudonyms

KEY = b"c" * 32


class Counting(InProcessKeyService):
    """A key service that counts what it is asked, and can go away after some batches."""

    def __init__(self, name: str, seed: bytes, batches: int = 1000) -> None:
        super().__init__(name, seed)
        self.asked: list[int] = []
        self.batches = batches

    def evaluate(self, receiver: str, epoch: str, blinded: Sequence[bytes]) -> bytes:
        if len(self.asked) == self.batches:
            raise ConnectionError
        self.asked.append(len(blinded))
        return super().evaluate(receiver, epoch, blinded)


def services(batches: int = 1000) -> tuple[Counting, Counting]:
    return Counting("ks-a", b"a" * 32), Counting("ks-b", b"b" * 32, batches)


def expected(identifier: str, kind: str = "household", receiver: str = "gm0518") -> bytes:
    message = pseudonym.oprf_input(kind, identifier)
    values = [each._evaluator(receiver, "2025").evaluate_known_input(message) for each in services()]
    return pseudonym.combine(*values)


def test_a_column_gets_the_pseudonym_of_each_address_and_nulls_stay(tmp_path: Path) -> None:
    column = pl.Series("household", ["b", "a", None, "b", "c", "a"])
    with PseudonymCache(tmp_path / "c.sqlite", KEY) as cache:
        made = outer_pseudonyms(services(), cache, "gm0518", "2025", "household", column)
    assert made.to_list() == [None if each is None else expected(each) for each in column]
    assert made.name == "outer"
    assert made.dtype == pl.Binary


def test_only_distinct_unknown_addresses_are_asked(tmp_path: Path) -> None:
    both = services()
    with PseudonymCache(tmp_path / "c.sqlite", KEY) as cache:
        outer_pseudonyms(both, cache, "gm0518", "2025", "household", pl.Series(["a", "b", "a"]))
        outer_pseudonyms(both, cache, "gm0518", "2025", "household", pl.Series(["b", "c", "a"]))
    with PseudonymCache(tmp_path / "c.sqlite", KEY) as cache:
        made = outer_pseudonyms(both, cache, "gm0518", "2025", "household", pl.Series(["c", "b"]))
        assert made.to_list() == [expected("c"), expected("b")]
        person = outer_pseudonyms(both, cache, "gm0518", "2025", "person", pl.Series(["a"]))
        assert person.to_list() == [expected("a", kind="person")]
        elsewhere = outer_pseudonyms(both, cache, "gm0363", "2025", "household", pl.Series(["a"]))
        assert elsewhere.to_list() == [expected("a", receiver="gm0363")]
    assert both[0].asked == both[1].asked == [2, 1, 1, 1]


def test_batches_that_were_made_survive_what_comes_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pseudonyms, "BATCH", 3)
    column = pl.Series([f"address {number}" for number in range(8)])
    told: list[tuple[int, int]] = []
    failing = services(batches=2)
    with PseudonymCache(tmp_path / "c.sqlite", KEY) as cache, pytest.raises(ConnectionError):
        outer_pseudonyms(
            failing, cache, "gm0518", "2025", "household", column, lambda done, whole: told.append((done, whole))
        )
    assert told == [(3, 8), (6, 8)]
    again = services()
    with PseudonymCache(tmp_path / "c.sqlite", KEY) as cache:
        made = outer_pseudonyms(again, cache, "gm0518", "2025", "household", column)
    assert again[0].asked == again[1].asked == [2]
    assert made.to_list() == [expected(each) for each in column]


def test_an_empty_column_asks_nothing(tmp_path: Path) -> None:
    both = services()
    for column in (pl.Series([], dtype=pl.String), pl.Series([None, None], dtype=pl.String)):
        with PseudonymCache(tmp_path / "c.sqlite", KEY) as cache:
            made = outer_pseudonyms(both, cache, "gm0518", "2025", "household", column)
        assert made.to_list() == [None] * len(column)
        assert made.dtype == pl.Binary
    assert both[0].asked == []


def test_an_empty_identifier_is_rejected_and_nothing_is_asked(tmp_path: Path) -> None:
    both = services()
    with PseudonymCache(tmp_path / "c.sqlite", KEY) as cache, pytest.raises(Rejected):
        outer_pseudonyms(both, cache, "gm0518", "2025", "household", pl.Series(["a", ""]))
    assert both[0].asked == []


def test_two_processes_that_asked_the_same_leave_one_pseudonym(tmp_path: Path) -> None:
    with PseudonymCache(tmp_path / "c.sqlite", KEY) as one, PseudonymCache(tmp_path / "c.sqlite", KEY) as two:
        scope = one.scope("gm0518", "2025", "household")
        for cache in (one, two):
            cache.add(scope, [b"t" * 32], [b"o" * 32])
        assert one.load(scope).rows() == [(b"t" * 32, b"o" * 32)]


def test_what_another_process_removed_and_asked_anew_is_seen(tmp_path: Path) -> None:
    with PseudonymCache(tmp_path / "c.sqlite", KEY) as one, PseudonymCache(tmp_path / "c.sqlite", KEY) as other:
        scope = one.scope("gm0518", "2025", "household")
        one.add(scope, [b"a" * 32], [b"1" * 32])
        assert one.load(scope).rows() == [(b"a" * 32, b"1" * 32)]
        other.keep_only([])
        other.add(scope, [b"b" * 32], [b"2" * 32])  # under the number that the removed one had
        assert one.load(scope).rows() == [(b"b" * 32, b"2" * 32)]
        assert other.load(scope).equals(one.load(scope))


def test_what_is_kept_opened_is_bounded_and_nothing_is_lost_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pseudonym_cache, "MOST_OPENED", 2)
    both = services()
    with PseudonymCache(tmp_path / "c.sqlite", KEY) as cache:
        for _ in range(2):
            for receiver in ("gm0518", "gm0363", "gm0106"):
                column = pl.Series(["a", "b"])
                made = outer_pseudonyms(both, cache, receiver, "2025", "household", column)
                assert made.to_list() == [expected(each, receiver=receiver) for each in column]
                assert sum(frame.height for _, frame in cache._opened.values()) <= 2
    assert both[0].asked == [2, 2, 2], "each address once for each receiver"
