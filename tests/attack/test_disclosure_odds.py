"""Attacks on released numbers, with the odds that services/disclosure.py states, computed exactly from its p-table."""

import random
from collections import defaultdict
from itertools import pairwise

from services.disclosure import Count, protect, ptable, release_cell

Spread = dict[int, float]


def chances() -> Spread:
    values, uppers = ptable()
    return {value: (high - low) / 2**32 for value, (low, high) in zip(values, pairwise((0, *uppers)), strict=True)}


def key_with(noise: int) -> int:
    values, uppers = ptable()
    return uppers[values.index(noise)] - 1


def published(true: int) -> Spread:
    """How often each published number comes of a true count, over all keys."""
    spread: Spread = defaultdict(float)
    for value, chance in chances().items():
        spread[protect(Count(true, true, key_with(value)))] += chance
    return spread


def test_who_knows_every_household_but_one_guesses_it_with_at_most_62_percent_right() -> None:
    """Best guess between a count and one more, each as likely before: one half plus half the total variation."""
    odds = []
    for true in range(10, 200):
        one, more = published(true), published(true + 1)
        odds.append(0.5 + 0.25 * sum(abs(one.get(n, 0) - more.get(n, 0)) for n in {*one, *more}))
    assert 0.55 < max(odds) <= 0.62


def test_two_releases_that_differ_by_one_household_at_most_tell_so_with_at_most_77_percent_right() -> None:
    """Equal sets are published equally; unequal ones have independent noise, and are still often published equally."""
    odds = []
    for true in range(10, 200):
        one, more = published(true), published(true + 1)
        equal = sum(chance * more.get(n, 0) for n, chance in one.items())
        odds.append(0.5 + 0.5 * (1 - equal))
    assert 0.6 < max(odds) <= 0.77


def test_total_minus_published_parts_seldom_gives_a_suppressed_part_exactly() -> None:
    """A part of 0 to 9 households beside one published part; the attacker knows the rule, the p-table and the prior."""
    joint: dict[tuple[int, int], Spread] = defaultdict(lambda: defaultdict(float))
    totals = range(100, 105)
    for total in totals:
        for number in published(total).items():
            joint[number[0], number[0]][0] += number[1] / len(totals) / 10  # an empty part: both sets are the same
        for hidden in range(1, 10):
            for whole, first in published(total).items():
                for part, second in published(total - hidden).items():
                    joint[whole, part][hidden] += first * second / len(totals) / 10
    right = sum(max(guesses.values()) for guesses in joint.values())
    sure = sum(
        sum(guesses.values()) for guesses in joint.values() if max(guesses.values()) > 0.9 * sum(guesses.values())
    )
    assert right <= 0.26, "a blind guess is right in 10 %"
    assert sure < 0.001


def test_a_published_complement_is_hardly_more_often_exact_than_a_blind_guess() -> None:
    """Denominator minus numerator of a published share, true complement 10 to 19."""
    right = total = 0.0
    for part in range(40, 45):
        for rest in range(10, 20):
            for below, first in published(part + rest).items():
                for above, second in published(part).items():
                    total += first * second
                    right += first * second * (below - above == rest)
    assert right / total <= 0.13, "a blind guess is right in 10 %"


def test_asking_again_gives_nothing_new() -> None:
    """Any number of tables, months and runs over one set give one number: there is nothing to average."""
    keys = [random.Random(7).getrandbits(32) for _ in range(23)]
    count = Count(23, 23, sum(keys))
    assert {release_cell(count, base) for base in [5_000] * 1_000} == {release_cell(count, 5_000)}
    assert len({release_cell(count, base).numerator for base in range(1_000, 2_000)}) == 1


def test_suppression_does_not_tell_which_threshold_failed() -> None:
    few, nearly_all, small = Count(3, 3, 5), Count(195, 195, 5), Count(20, 20, 5)
    cells = {release_cell(few, 200), release_cell(nearly_all, 200), release_cell(small, 49)}
    assert len(cells) == 1
