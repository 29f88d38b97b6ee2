"""Limits, quartiles and over-dispersion give the values that the literature prints."""

import numpy as np
import pytest

from services.benchmark.statistics import (
    exact_poisson,
    overdispersion,
    poisson_limits,
    quantile,
    standard_error,
    verdict,
    wilson,
)


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


@pytest.mark.parametrize(
    ("numerator", "denominator", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_limits_are_those_of_newcombe_1998_table_one_method_three(
    numerator: int, denominator: int, low: float, high: float
) -> None:
    found = wilson(column(numerator), column(denominator))
    assert [round(float(limit[0]), 4) for limit in found] == [low, high]


def test_wilson_limits_of_a_whole_group_end_at_one() -> None:
    low, high = wilson(column(20), column(20))
    assert (round(float(low[0]), 4), high[0]) == (0.8389, 1.0)


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [
        (0, 0.0, 3.689),
        (1, 0.025, 5.572),
        (2, 0.242, 7.225),
        (3, 0.619, 8.767),
        (4, 1.090, 10.242),
        (5, 1.623, 11.668),
        (6, 2.202, 13.059),
        (7, 2.814, 14.423),
        (8, 3.454, 15.763),
        (9, 4.115, 17.085),
    ],
)
def test_fewer_than_ten_events_have_the_exact_limits_of_garwood_1936(count: int, low: float, high: float) -> None:
    assert [round(limit, 3) for limit in exact_poisson(count)] == [low, high]
    assert [round(float(limit[0]), 3) for limit in poisson_limits(column(count))] == [low, high]


@pytest.mark.parametrize(("count", "low", "high"), [(10, 4.795, 18.390), (50, 37.11, 65.92), (100, 81.364, 121.627)])
def test_byar_limits_are_within_two_thousandths_of_the_exact_ones_from_ten_events_on(
    count: int, low: float, high: float
) -> None:
    """The accuracy that Public Health England's technical guide on confidence intervals (2018) gives for 95 %."""
    found = poisson_limits(column(count))
    assert [float(limit[0]) for limit in found] == pytest.approx([low, high], rel=0.002)
    assert found[0][0] != pytest.approx(low, rel=1e-5)  # near, yet not the exact method


def test_the_median_and_quartiles_interpolate_linearly_and_skip_what_is_missing() -> None:
    rows = np.array([[4.0, 1.0, np.nan, 3.0, 2.0], [np.nan] * 5])
    assert [float(quantile(rows, share)[0]) for share in (0.25, 0.5, 0.75)] == [1.75, 2.5, 3.25]
    assert np.isnan(quantile(rows, 0.5)[1])


def test_binomial_scores_give_the_dispersion_of_wetherill_and_brown_1991_page_212() -> None:
    """They print observed ÷ theoretical variance 0.7644566 of 30 samples of 50; scores divide by n, not n - 1."""
    counts = column(12, 11, 18, 11, 10, 16, 9, 11, 14, 15, 11, 9, 10, 13, 12)
    counts = np.concatenate([counts, column(8, 12, 13, 10, 12, 13, 16, 12, 18, 16, 10, 16, 10, 12, 14)])
    centre = np.full(30, counts.sum() / 1500)
    scores = (counts / 50 - centre) / standard_error(centre, np.full(30, 50.0), proportion=np.ones(30))
    assert round(float(np.mean(scores**2)) * 30 / 29, 7) == 0.7644566


def test_poisson_scores_give_the_dispersion_of_wetherill_and_brown_1991_page_216() -> None:
    counts = column(11, 8, 13, 11, 13, 17, 25, 23, 11, 16, 9, 15, 10, 16, 12)
    counts = np.concatenate([counts, column(8, 9, 15, 4, 12, 12, 12, 15, 17, 14, 17, 12, 12, 7, 16)])
    centre = np.full(30, counts.sum() / 30)
    scores = (counts - centre) / standard_error(centre, np.ones(30), proportion=np.zeros(30))
    assert round(float(np.mean(scores**2)) * 30 / 29, 6) == 1.472203


def test_overdispersion_draws_the_outer_tenths_in_before_it_squares() -> None:
    """Of -5 … 5 the lowest and highest tenth become -4 and 4 (Spiegelhalter 2005): (4·16 + 2·(9 + 4 + 1)) ÷ 11."""
    scores = np.arange(-5.0, 6.0)[None, :]
    assert overdispersion(scores)[0] == pytest.approx(92 / 11)
    outlier = np.where(scores == 5, 500, scores)
    assert overdispersion(outlier)[0] == pytest.approx(92 / 11)


def test_a_figure_is_higher_only_beyond_the_widened_funnel() -> None:
    centre, error = column(0.5, 0.5, 0.5, 0.5), column(0.01, 0.01, 0.01, 0.01)
    values = column(0.5309, 0.5310, 0.4690, 0.5310)
    phi = column(1, 1, 0.2, 1.1)
    assert verdict(values, centre, error, phi).tolist() == ["similar", "higher", "lower", "similar"]


def test_without_a_funnel_nothing_is_compared() -> None:
    values, nothing = column(0.5, 0.5, np.nan), column(0.5, np.nan, 0.5)
    errors = column(0.0, 0.1, 0.1)
    assert verdict(values, nothing, errors, column(1, 1, 1)).tolist() == ["not_compared"] * 3
