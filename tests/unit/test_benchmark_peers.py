"""Peers are chosen on traits of the area alone, and say what their likeness rests on."""

import math
from datetime import date

import numpy as np
import polars as pl
import pytest

from services.benchmark.peers import group_size, likeness, peers_frame, recommended
from services.benchmark.traits import BASE, FROM_2020, standardised, vintage_for, whole_vintages


def population(vintage: int, traits: dict[str, list[float | None]]) -> pl.DataFrame:
    """Rows of population_reference for municipalities gm0001, gm0002, … of one vintage."""
    rows = [
        (f"gm{number:04}", "municipality", vintage, date(vintage, 1, 1), trait, value, "made up")
        for trait, values in traits.items()
        for number, value in enumerate(values, start=1)
    ]
    columns = ["area", "area_kind", "area_vintage", "reference_date", "trait", "value", "source"]
    return pl.DataFrame(rows, schema=columns, orient="row", strict=False)


def by_size(count: int) -> dict[str, list[float | None]]:
    """Traits that differ in size only: each municipality is e times the one before."""
    same: dict[str, list[float | None]] = {trait: [30.0] * count for trait in BASE}
    return same | {"inhabitants": [math.exp(place) for place in range(count)]}


def codes(count: int) -> list[str]:
    return [f"gm{number:04}" for number in range(1, count + 1)]


@pytest.mark.parametrize(
    ("candidates", "size"), [(5, 5), (15, 5), (17, 5), (18, 6), (24, 8), (44, 14), (45, 15), (390, 15)]
)
def test_a_group_is_a_third_of_the_candidates_from_five_to_fifteen(candidates: int, size: int) -> None:
    assert group_size(candidates) == size


def test_a_period_takes_the_latest_whole_vintage_not_after_it_and_else_the_nearest() -> None:
    assert [vintage_for([2017, 2020], year) for year in (2015, 2016, 2017, 2019, 2020, 2025)] == [
        2017,
        2017,
        2017,
        2017,
        2020,
        2020,
    ]
    assert vintage_for([], 2016) is None


def test_a_vintage_without_its_whole_trait_set_is_not_used() -> None:
    """The 2024 file has inhabitants only; a file of 2020 without low income lacks part of its set."""
    whole: dict[str, list[float | None]] = {trait: [1.0, 2.0] for trait in FROM_2020}
    rows = [
        population(2017, {trait: [1.0, 2.0] for trait in BASE}),
        population(2020, whole),
        population(2021, whole | {"low_income_pct": [None, None]}),
        population(2024, {"inhabitants": [1.0, 2.0]}),
    ]
    assert whole_vintages(pl.concat(rows)) == [2017, 2020]


def test_scores_have_mean_nought_and_population_standard_deviation_one() -> None:
    traits = standardised(population(2017, by_size(4)), 2017)
    assert traits.names[0] == "ln_inhabitants"
    # logarithms 0, 1, 2, 3: mean 1.5, population variance 1.25
    assert traits.scores[:, 0] == pytest.approx([place / math.sqrt(1.25) for place in (-1.5, -0.5, 0.5, 1.5)])
    assert traits.scores[:, 1].tolist() == [0.0] * 4


def test_a_municipality_that_misses_more_than_a_fifth_of_the_traits_has_no_peers() -> None:
    one = by_size(8) | {"urbanity": [None, *[30.0] * 7]}
    assert "gm0001" in standardised(population(2017, one), 2017).municipalities
    two = one | {"aged_65_plus_pct": [None, *[30.0] * 7]}
    assert "gm0001" not in standardised(population(2017, two), 2017).municipalities


def test_a_missing_trait_scales_the_others_up() -> None:
    """With four of five traits shared the squared distance grows by five quarters; the difference is in size alone."""
    whole = standardised(population(2017, by_size(8)), 2017)
    partly = standardised(population(2017, by_size(8) | {"urbanity": [None, *[30.0] * 7]}), 2017)
    first = likeness(whole, codes(8), codes(8)).distance
    second = likeness(partly, codes(8), codes(8)).distance
    assert second[0, 1:] == pytest.approx(first[0, 1:])  # every distance from gm0001 grows alike, then is rebased
    assert second[7, 0] == pytest.approx(1.0)
    assert second[7, 1] == pytest.approx(first[7, 1] / math.sqrt(5 / 4))


def test_the_nearest_come_first_and_the_farthest_candidate_is_at_distance_one() -> None:
    like = likeness(standardised(population(2017, by_size(9)), 2017), codes(9), codes(9))
    frame = peers_frame(like, [(2, recommended(like)[2])], "2016", "work_and_income:2017")
    # from gm0003: gm0002 and gm0004 one step, gm0001 and gm0005 two, gm0009 six; equal distances by code
    assert frame["peer"].to_list() == ["gm0002", "gm0004", "gm0001", "gm0005", "gm0006"]
    assert frame["distance"].to_list() == pytest.approx([1 / 6, 1 / 6, 2 / 6, 2 / 6, 3 / 6])
    assert frame["rank"].to_list() == [1, 2, 3, 4, 5]
    assert set(frame["trait_vintage"]) == {2017}


def test_the_three_traits_that_differ_most_are_named_the_largest_first() -> None:
    traits = by_size(7) | {"urbanity": [1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0]}
    like = likeness(standardised(population(2017, traits), 2017), codes(7), codes(7))
    frame = peers_frame(like, [(0, np.array([1, 2]))], "2016", "s:2017")
    # to gm0002: urbanity differs by two standard deviations, size by half of one; to gm0003 size alone
    assert frame["traits"].to_list() == [
        "urbanity, ln_inhabitants, one_person_households_pct",
        "ln_inhabitants, urbanity, one_person_households_pct",
    ]


def test_only_municipalities_with_a_published_figure_are_peers() -> None:
    like = likeness(standardised(population(2017, by_size(9)), 2017), codes(9), codes(9)[3:])
    peers = {like.candidates[place] for row in recommended(like) for place in row}
    assert peers == set(codes(9)[3:])


def test_a_municipality_with_fewer_than_five_others_is_refused_and_is_never_its_own_peer() -> None:
    like = likeness(standardised(population(2017, by_size(6)), 2017), codes(6), codes(6)[:5])
    nearest = recommended(like)
    assert [row[0] >= 0 for row in nearest] == [False] * 5 + [True]
    whole = likeness(like.traits, codes(6), codes(6))
    assert all(place not in row for place, row in enumerate(recommended(whole)))


def test_with_fewer_than_five_candidates_everyone_is_refused() -> None:
    like = likeness(standardised(population(2017, by_size(6)), 2017), codes(6), codes(6)[:2])
    assert set(recommended(like).flatten()) == {-1}
