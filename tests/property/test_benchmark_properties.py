"""What holds of the benchmark whatever the figures."""

import math
import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from services.benchmark.compare import beside_peers
from services.benchmark.statistics import exact_poisson, overdispersion, poisson_limits, quantile, wilson

counts = st.integers(0, 100_000)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.floats(0, 1))
def test_quantiles_are_those_of_linear_interpolation(values: list[float], share: float) -> None:
    row = np.array([[*values, math.nan, math.nan]])
    assert np.isclose(quantile(row, share)[0], np.quantile(values, share), rtol=1e-9, atol=1e-6)


@given(counts, counts)
def test_wilson_limits_hold_the_share_and_solve_the_score_equation(numerator: int, rest: int) -> None:
    total = numerator + rest + 1
    low, high = (float(limit[0]) for limit in wilson(np.array([float(numerator)]), np.array([float(total)])))
    share = numerator / total
    assert 0 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1
    for limit in (low, high):
        if 1e-9 < limit < 1 - 1e-9:
            score = abs(share - limit) / math.sqrt(limit * (1 - limit) / total)
            assert math.isclose(score, stats.norm.ppf(0.975), rel_tol=1e-4)


def test_exact_limits_are_the_chi_square_quantiles() -> None:
    for count in range(10):
        low = stats.chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
        assert np.allclose(exact_poisson(count), (low, stats.chi2.ppf(0.975, 2 * count + 2) / 2), rtol=1e-12)


@given(st.integers(10, 10_000_000))
def test_byar_limits_are_near_the_exact_ones(count: int) -> None:
    low, high = (float(limit[0]) for limit in poisson_limits(np.array([float(count)])))
    exact = stats.chi2.ppf(0.025, 2 * count) / 2, stats.chi2.ppf(0.975, 2 * count + 2) / 2
    assert np.allclose((low, high), exact, rtol=0.002)


@given(st.lists(st.floats(-50, 50), min_size=10, max_size=10), st.integers(0, 10), st.floats(60, 1e6))
def test_how_far_the_outermost_of_eleven_peers_lies_does_not_matter(
    scores: list[float], place: int, wild: float
) -> None:
    """The highest tenth of eleven is one peer: it is drawn in to the second highest, however far it was."""
    near, far = (np.array([[*scores[:place], value, *scores[place:]]]) for value in (wild, 10 * wild))
    assert np.isclose(overdispersion(near)[0], overdispersion(far)[0])


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(1, 500), st.integers(500, 5000)), min_size=6, max_size=12), st.randoms())
def test_the_order_of_the_peers_changes_nothing_and_one_is_not_ones_own_peer(
    figures: list[tuple[int, int]], shuffle: random.Random
) -> None:
    numerator, denominator = (np.array(column, dtype=np.float64) for column in zip(*figures, strict=True))
    versions = np.ones(len(figures))
    places = list(range(1, len(figures)))
    shuffled = shuffle.sample(places, len(places))
    others = (numerator, denominator, versions)
    own = (numerator[:1], denominator[:1], versions[:1])
    first = beside_peers(own, others, np.array([places]), proportion=True)
    second = beside_peers(own, others, np.array([shuffled]), proportion=True)
    assert np.isclose(first.phi[0], second.phi[0])
    assert (first.median[0], first.compared[0]) == (second.median[0], second.compared[0])
    larger = (own[0] + 100, own[1], own[2])
    assert beside_peers(larger, others, np.array([places]), proportion=True).median[0] == first.median[0]
