"""The one function that every released cell passes, at its boundaries."""

import csv
import math
from pathlib import Path

import pytest

from services import disclosure
from services.disclosure import Cell, Count, UnsafeCountError, noise, protect, release_cell, release_open_data

QUIET = next(key for key in range(2**32) if noise(key * 2_000_003) == 0) * 2_000_003
"""A key whose noise is 0, so that a test sees the rounding alone."""


def count(units: int, value: int | None = None) -> Count:
    return Count(units if value is None else value, units, QUIET)


@pytest.mark.parametrize(
    ("units", "status"), [(0, "suppressed"), (9, "suppressed"), (10, "published"), (11, "published")]
)
def test_a_numerator_needs_10_units(units: int, status: str) -> None:
    assert release_cell(count(units), count(200)).status == status
    assert release_cell(count(units), 200).status == status


@pytest.mark.parametrize(("units", "status"), [(91, "suppressed"), (90, "published"), (89, "published")])
def test_the_complement_needs_10_units(units: int, status: str) -> None:
    assert release_cell(count(units), count(100)).status == status
    assert release_cell(count(units), 100).status == status


@pytest.mark.parametrize(("units", "status"), [(49, "suppressed"), (50, "published"), (51, "published")])
def test_a_denominator_needs_50_units(units: int, status: str) -> None:
    assert release_cell(count(20), count(units)).status == status
    assert release_cell(count(20), units).status == status


def test_the_threshold_is_on_units_whatever_the_number_of_events() -> None:
    assert release_cell(count(9, value=400), 10_000).status == "suppressed"
    assert release_cell(count(10, value=400), 10_000) == Cell("published", 400, 10_000)


def test_the_complement_of_a_rate_is_of_units_not_of_events() -> None:
    """60 households with 500 stops among 100 households leave 40 without one."""
    assert release_cell(count(60, value=500), 100) == Cell("published", 500, 100)


def test_the_threshold_is_on_true_counts_not_on_noisy_ones() -> None:
    up = next(key * 2_000_003 for key in range(10**6) if noise(key * 2_000_003) == 4)
    down = next(key * 2_000_003 for key in range(10**6) if noise(key * 2_000_003) == -4)
    assert release_cell(Count(9, 9, up), 10_000).status == "suppressed"
    assert release_cell(Count(10, 10, down), 10_000) == Cell("published", 5, 10_000)


def test_more_units_than_the_denominator_has_are_suppressed() -> None:
    assert release_cell(count(60), 55).status == "suppressed"


def test_a_suppressed_cell_carries_no_number_and_no_reason() -> None:
    assert release_cell(count(3), 10_000) == Cell("suppressed", None, None)


def test_an_observed_zero_is_suppressed_and_only_an_empty_population_is_zero() -> None:
    assert release_cell(Count(0, 0, 0), 10_000) == Cell("suppressed")
    assert release_cell(Count(0, 0, 0), Count(0, 0, 0)) == Cell("suppressed")
    assert release_cell(Count(0, 0, 0), 0) == Cell("zero", 0, 0)
    assert release_cell(count(20), 0) == Cell("suppressed"), "people where officially nobody lives are not a zero"


def test_without_data_or_without_a_population_the_cell_is_missing() -> None:
    assert release_cell(None, 10_000) == Cell("missing")
    assert release_cell(count(20), None) == Cell("missing")


@pytest.mark.parametrize(
    ("value", "rounded"), [(10, 10), (11, 10), (12, 10), (13, 15), (14, 15), (15, 15), (17, 15), (18, 20)]
)
def test_counts_are_rounded_to_the_nearest_5(value: int, rounded: int) -> None:
    assert protect(count(value)) == rounded


def test_a_public_population_is_neither_perturbed_nor_rounded() -> None:
    assert release_cell(count(20), 10_003).denominator == 10_003


@pytest.mark.parametrize(("value", "units", "key"), [(-1, -1, 0), (3, 4, 0), (3, 3, -1)])
def test_a_count_that_cannot_be_one_is_refused(value: int, units: int, key: int) -> None:
    with pytest.raises(UnsafeCountError):
        Count(value, units, key)


def test_open_data_pass_as_their_publisher_protected_them() -> None:
    assert release_open_data(0, 1230, "CBS") == Cell("published", 0, 1230)
    assert release_open_data(None, 1230, "CBS") == Cell("missing")
    assert release_open_data(10, None, "CBS") == Cell("missing")
    with pytest.raises(UnsafeCountError):
        release_open_data(3, 1230, " ")


def test_the_p_table_is_the_maximum_entropy_distribution_with_variance_3_on_minus_4_to_4() -> None:
    """Mean 0, variance 3, and log p(k) linear in k²: the mark of maximum entropy under a variance constraint."""
    path = Path(disclosure.__file__).with_name("disclosure_ptable.csv")
    rows = [{name: float(text) for name, text in row.items()} for row in csv.DictReader(path.open())]
    chances = {row["noise"]: row["probability"] for row in rows}
    assert list(chances) == [-4, -3, -2, -1, 0, 1, 2, 3, 4]
    assert math.isclose(sum(chances.values()), 1, abs_tol=1e-11)
    assert math.isclose(sum(k * p for k, p in chances.items()), 0, abs_tol=1e-10)
    assert math.isclose(sum(k * k * p for k, p in chances.items()), 3, abs_tol=1e-9)
    slopes = [(math.log(chances[0]) - math.log(p)) / (k * k) for k, p in chances.items() if k]
    assert max(slopes) - min(slopes) < 1e-9
    widths = [row["upper"] - before for row, before in zip(rows, [0, *(row["upper"] for row in rows)], strict=False)]
    assert rows[-1]["upper"] == 2**32
    assert all(abs(width / 2**32 - row["probability"]) < 1e-9 for width, row in zip(widths, rows, strict=True))
