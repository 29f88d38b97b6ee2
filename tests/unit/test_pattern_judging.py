"""The answer to "is it a pattern?": worked by hand, and by chance where there is none."""

import math

import numpy as np
import pytest
from scipy import stats

from services.disclosure import Count, protect
from services.stories.patterns.judging import PROTECTION, judge


def by_scipy(above: int, below: int) -> tuple[float, float]:
    limits = stats.binomtest(above, below).proportion_ci(confidence_level=0.95, method="wilson")
    return float(limits.low), float(limits.high)


def test_a_published_count_lies_within_six_of_the_true_one() -> None:
    assert PROTECTION == 6
    away = [protect(Count(value, value, key * 2**20)) - value for value in range(10, 60) for key in range(4096)]
    assert (min(away), max(away)) == (-6, 6)


def test_a_worked_example_by_hand() -> None:
    """60 of 90 on the theme; 75 of 240 in all, so 15 of 150 on others.

    Lower limit of 54 of 96 (p = 0.5625, z = 1.96, z² = 3.8415): (p + z²/192 - z √(p(1-p)/96 + z²/36864)) ÷ (1 + z²/96)
    = (0.5625 + 0.02001 - 1.96 √(0.0025635 + 0.0001042)) ÷ 1.04002 = (0.58251 - 0.10123) ÷ 1.04002 = 0.4628.
    The difference 0.5625 - 0.1957 = 0.3668 exceeds its margin √((0.5625 - 0.4628)² + (0.2697 - 0.1957)²) = 0.1242.
    Upper limit of 27 of 138 (p = 0.19565): (0.19565 + 0.01392 + 1.96 √(0.0011403 + 0.0000504)) ÷ 1.02784
    = (0.20957 + 0.06763) ÷ 1.02784 = 0.2697.
    """
    found = judge(60, 90, 75, 240)
    assert found.verdict == "yes"
    assert found.share
    assert found.expected
    assert (found.share.value, found.expected.value) == (pytest.approx(60 / 90), pytest.approx(15 / 150))
    assert found.share.low == pytest.approx(0.4628, abs=2e-4)
    assert found.expected.high == pytest.approx(0.2697, abs=2e-4)
    assert (found.share.low, found.share.high) == pytest.approx((by_scipy(54, 96)[0], by_scipy(66, 84)[1]))
    assert (found.expected.low, found.expected.high) == pytest.approx((by_scipy(3, 162)[0], by_scipy(27, 138)[1]))


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [
        ((None, 90, 75, 240), "too_few"),
        ((60, None, 75, 240), "too_few"),
        ((60, 90, None, 240), "too_few"),
        ((60, 90, 75, None), "too_few"),
        ((60, 90, 65, 110), "too_few"),  # 20 others, 8 in the worst case
        ((35, 45, 45, 120), "yes"),  # at worst 29 of 51 and 22 of 63: 0.569 - 0.349 = 0.219, margin 0.184
        ((30, 45, 40, 120), "not_shown"),  # 24 of 51 and 22 of 63: 0.121, margin 0.181
        ((20, 90, 75, 240), "not_shown"),  # less than on others
        ((30, 90, 60, 240), "not_shown"),  # 33 % of 90 against 20 % of 150: could be protection and chance
        ((90, 90, 90, 240), "yes"),  # everybody on the theme, nobody else
        ((95, 90, 95, 240), "yes"),  # protected counts need not add up
    ],
)
def test_the_word_is_yes_not_shown_or_too_few(counts: tuple[int | None, ...], verdict: str) -> None:
    assert judge(*counts).verdict == verdict


def test_limits_stay_within_a_share_whatever_is_published() -> None:
    for meant in range(0, 60, 5):
        for told in range(10, 60, 5):
            found = judge(meant, told, meant + 40, told + 80)
            for share in (found.share, found.expected):
                assert share
                assert 0 <= share.low <= share.value <= share.high + 1e-12 <= 1 + 1e-11
                assert not math.isnan(share.low + share.high)


@pytest.mark.parametrize(("told", "others", "chance_of_it"), [(40, 80, 0.3), (150, 300, 0.5), (3000, 3000, 0.2)])
def test_where_there_is_no_pattern_yes_is_said_in_fewer_than_five_of_a_hundred(
    told: int, others: int, chance_of_it: float
) -> None:
    """Everybody gives the signification with the same chance, whatever the theme; counts are protected as they are."""
    random = np.random.default_rng(6)
    wrong = 0
    for _ in range(2000):
        meant, meant_elsewhere = (int(item) for item in random.binomial([told, others], chance_of_it))
        keys = (int(item) for item in random.integers(0, 2**32, 4))
        true = (meant, told, meant + meant_elsewhere, told + others)
        published = [protect(Count(value, value, key)) for value, key in zip(true, keys, strict=True)]
        wrong += judge(*published).verdict == "yes"
    assert wrong / 2000 < 0.05


def test_a_strong_pattern_is_found() -> None:
    random = np.random.default_rng(7)
    found = 0
    for _ in range(500):
        meant, elsewhere = int(random.binomial(80, 0.75)), int(random.binomial(150, 0.12))
        true = (meant, 80, meant + elsewhere, 230)
        published = [protect(Count(value, value, int(random.integers(0, 2**32)))) for value in true]
        found += judge(*published).verdict == "yes"
    assert found / 500 > 0.95
