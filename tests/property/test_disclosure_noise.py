"""The noise belongs to the set of units: the same set, the same noise, wherever it is counted."""

import random
from collections.abc import Iterable
from statistics import fmean

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from services.disclosure import Count, noise, protect, release_cell
from services.indicators import unit_keys

KEYS = st.integers(0, 2**32 - 1)
UNITS = st.sets(st.binary(min_size=32, max_size=32), min_size=10, max_size=60)
SECRET = bytes(32)


def key_sum(units: Iterable[bytes]) -> int:
    return int(unit_keys(SECRET, pl.Series([*units], dtype=pl.Binary)).sum())


def counted(units: set[bytes], events: int = 0) -> Count:
    return Count(len(units) + events, len(units), key_sum(units))


@given(UNITS, st.randoms())
def test_the_same_units_have_the_same_noise_in_any_table_and_order(units: set[bytes], chance: random.Random) -> None:
    """A total, a district that holds them all, another month, another indicator: the published count is one."""
    shuffled = list(units)
    chance.shuffle(shuffled)
    again = Count(len(units), len(units), key_sum(shuffled))
    cells = {release_cell(cell, 5_000) for cell in (counted(units), again)}
    assert len(cells) == 1
    assert noise(counted(units).key) == noise(counted(units, events=7).key)


@given(st.lists(KEYS, max_size=30), st.lists(KEYS, max_size=30))
def test_a_sum_of_keys_over_nodes_has_the_noise_of_one_count_over_all(left: list[int], right: list[int]) -> None:
    """The hub adds key sums, also modulo 2**62, and comes to the cell key of all units together."""
    assert noise((sum(left) + sum(right)) % 2**62) == noise(sum(key % 2**32 for key in left + right))


@given(st.integers(10, 10**6), KEYS)
def test_a_published_count_is_a_multiple_of_5_within_4_of_noise_and_2_of_rounding(units: int, key: int) -> None:
    published = protect(Count(units, units, key))
    assert published % 5 == 0
    assert abs(published - units) <= 6


@given(st.integers(10, 400), st.integers(10, 400), KEYS, KEYS)
def test_a_published_share_is_never_above_one(part: int, rest: int, key: int, other: int) -> None:
    """Why the complement's threshold (10) is above twice the largest noise (4)."""
    cell = release_cell(Count(part, part, key), Count(part + rest, part + rest, other))
    if cell.numerator is not None and cell.denominator is not None:
        assert 0 < cell.numerator <= cell.denominator


def test_over_many_sets_the_noise_has_mean_0_and_variance_3_and_stays_within_4() -> None:
    """200,000 sets: standard errors are 0.004 and 0.01; the bounds are five of them."""
    chance = random.Random(20251231)
    found = [noise(sum(chance.getrandbits(32) for _ in range(3))) for _ in range(200_000)]
    assert min(found) == -4
    assert max(found) == 4
    assert abs(fmean(found)) < 0.02
    assert abs(fmean(value * value for value in found) - 3) < 0.05
