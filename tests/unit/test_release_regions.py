"""Regional cells, released at the hub from sums of masked shares."""

from datetime import date

import polars as pl
import pytest

from services.disclosure import Count, protect
from services.errors import Fatal
from services.indicators import load_catalogue
from services.release import RegionSum, region_release

CATALOGUE = load_catalogue()


def population(*rows: tuple[str, str, date, int, float | None]) -> pl.DataFrame:
    names = ["area", "trait", "reference_date", "area_vintage", "value"]
    return pl.DataFrame(rows, schema=names, orient="row", schema_overrides={"value": pl.Float64})


def evictions(value: int, key: int = 11) -> Count:
    return Count(value, value, key)


def region(count: Count, members: tuple[str, ...] = ("gm1", "gm2", "gm3")) -> RegionSum:
    return RegionSum("2025", "pv20", "evictions_per_1000_households", members, count)


HOUSEHOLDS = population(*[(f"gm{n}", "households", date(2020, 1, n), 2020, 10_000.0 + n) for n in (1, 2, 3)])


def test_a_region_is_released_from_the_sum_over_its_members_through_the_same_function() -> None:
    row = region_release([region(evictions(31))], CATALOGUE, HOUSEHOLDS, {}).row(0, named=True)
    assert (row["municipality"], row["status"], row["denominator"]) == ("pv20", "published", 30_006)
    assert row["numerator"] == protect(evictions(31))
    assert row["denominator_date"] == date(2020, 1, 1), "the oldest of the members' figures"


@pytest.mark.parametrize(
    ("item", "status"),
    [
        (region(evictions(9)), "suppressed"),
        (region(evictions(10)), "published"),
        (region(evictions(31), ("gm1", "gm2")), "suppressed"),
        (region(evictions(31), ("gm1", "gm2", "gm4")), "missing"),
    ],
)
def test_a_region_needs_10_households_3_members_and_each_members_population(item: RegionSum, status: str) -> None:
    row = region_release([item], CATALOGUE, HOUSEHOLDS, {}).row(0, named=True)
    assert row["status"] == status
    assert (row["numerator"] is None) == (status != "published")


def test_a_regional_sum_whose_masks_do_not_cancel_releases_nothing() -> None:
    with pytest.raises(Fatal, match="pv20"):
        region_release([region(evictions(2**61))], CATALOGUE, HOUSEHOLDS, {})


def test_the_sum_of_masked_shares_is_released_as_the_count_over_all_households_would_be() -> None:
    """Shares are counts plus masks that add up to 0 modulo 2**62; the hub sees only their sum."""
    modulus = 2**62
    masks = [123_456_789, modulus - 23_456_789, modulus - 100_000_000]
    parts = [Count(4, 4, 4_000_000_000), Count(9, 8, 4_100_000_000), Count(7, 7, 77)]
    summed = [
        sum(getattr(part, name) + mask for part, mask in zip(parts, masks, strict=True)) % modulus
        for name in ("value", "units", "key")
    ]
    masked = region_release([region(Count(*summed))], CATALOGUE, HOUSEHOLDS, {})
    plain = region_release([region(Count(20, 19, 4_000_000_000 + 4_100_000_000 + 77))], CATALOGUE, HOUSEHOLDS, {})
    assert masked.equals(plain)
