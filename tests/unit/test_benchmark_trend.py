"""The trend of a figure's latest point follows the rules of Making Data Count."""

from collections.abc import Sequence

import numpy as np

from services.benchmark.trend import trend

NOISE = [50, 52, 48, 51, 49, 50, 52, 48, 51, 49, 50, 52]


def last(values: Sequence[float], *, size: float = 1000.0, proportion: bool = False) -> str:
    """Trend of the latest of these counts out of `size`."""
    count = len(values)
    words = trend(
        np.array(values, dtype=np.float64),
        np.full(count, size),
        np.zeros(count, dtype=np.int64),
        proportion=np.full(count, float(proportion)),
    )
    return str(words[-1])


def test_nine_points_are_too_short_and_ten_are_judged() -> None:
    assert last(NOISE[:9]) == "too_short"
    assert last(NOISE[:10]) == "stable"


def test_common_cause_variation_is_stable_on_both_charts() -> None:
    assert last(NOISE) == "stable"
    assert last(NOISE, proportion=True) == "stable"


def test_a_series_that_never_varies_is_stable() -> None:
    assert last([50] * 12) == "stable"
    assert last([0] * 12, proportion=True) == "stable"


def test_one_point_outside_the_limits_of_the_moving_range_speaks() -> None:
    """Eleven points of mean moving range 2.27 put the limits some 6 from 50; 80 and 20 lie far outside."""
    assert last([*NOISE[:11], 80]) == "rising"
    assert last([*NOISE[:11], 20]) == "falling"


def test_a_proportion_has_the_limits_of_a_p_chart() -> None:
    """Montgomery's orange-juice cans: 23.1 % of 50 cans has its upper limit at 41.0 %, between 20 and 21 cans.

    Here the counts alternate closely, so chance alone sets the limits; the last count moves the centre a little.
    """
    cans = [11, 12] * 11
    assert last([*cans, 20], size=50, proportion=True) == "stable"
    assert last([*cans, 22], size=50, proportion=True) == "rising"


def test_a_proportion_of_many_that_varies_more_than_chance_is_not_called_special_every_month() -> None:
    """Of 30,000 a month's share between 49 and 51 % is six standard errors; its neighbours differ as much."""
    shares = [0.49, 0.51, 0.495, 0.505, 0.49, 0.51, 0.495, 0.51, 0.49, 0.505, 0.49, 0.51]
    assert last([share * 30_000 for share in shares], size=30_000, proportion=True) == "stable"


def test_seven_points_on_one_side_are_a_shift_and_six_are_not() -> None:
    low, high = [50, 49, 50, 49, 50, 49, 50, 49, 50], [52, 51, 52, 51, 52, 51, 52]
    assert last(low + high) == "rising"
    assert last(low + high[:6]) == "stable"


def test_seven_rising_points_are_a_trend_even_below_the_centre() -> None:
    assert last([80, 20, 80, 20, 80, 20, 10, 11, 12, 13, 14, 15, 16]) == "rising"
    assert last([80, 20, 80, 20, 80, 20, 90, 11, 12, 13, 14, 15, 16]) == "stable"


def test_two_of_three_points_near_the_limit_speak_when_the_latest_is_one() -> None:
    steady = [50, 53, 47, 50, 53, 47, 50, 53, 47, 50, 53, 47, 50]
    assert last([*steady, 62, 50, 62]) == "rising"
    assert last([*steady, 62, 62, 50]) == "stable"


def test_only_the_latest_two_years_of_months_count() -> None:
    years_ago, recent = [500.0] * 30, [float(value) for value in NOISE * 2]
    assert last(years_ago + recent) == "stable"
    assert last(years_ago + recent[:12]) == "falling"


def test_each_series_is_judged_by_itself() -> None:
    values = np.array([*NOISE, *[value * 100 for value in NOISE]], dtype=np.float64)
    series = np.repeat([0, 1], 12)
    words = trend(values, np.full(24, 10_000.0), series, proportion=np.zeros(24))
    assert words.tolist() == (["too_short"] * 9 + ["stable"] * 3) * 2


def test_no_points_have_no_trend() -> None:
    empty = np.zeros(0)
    assert trend(empty, empty, np.zeros(0, dtype=np.int64), proportion=empty).tolist() == []
