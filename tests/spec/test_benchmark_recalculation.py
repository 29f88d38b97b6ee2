"""Every 2016 figure of the national work-and-income benchmark, recalculated from the definitions in plain Python.

The recalculation shares no line with the product: CBS's files are read with `csv`, numbers are made with `math` and
`statistics`, loops instead of arrays, other forms of the same formulas. Only the last step, feeding the product and
comparing, knows of data frames.
"""

import csv
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import NormalDist, fmean, pstdev, quantiles

import polars as pl
import pytest

from services.benchmark.figures import figures

DATA = Path(__file__).parents[2] / "services" / "samples" / "data"
ALL_AGES, BELOW_PENSION_AGE = "20150", "90100"
RELEASED = datetime(2026, 1, 10, tzinfo=UTC)


# ---- the definitions ---------------------------------------------------------------------------------------------


@dataclass
class Figure:
    """A figure and what stands beside it, as the definitions have it."""

    factor: int
    numerator: int = 0
    denominator: int = 0
    known: bool = False
    value: float | None = None
    limits: tuple[float, float] | None = None
    peers: list[str] = field(default_factory=list)
    quartiles: list[float] | None = None
    phi: float | None = None
    compared: str = "not_compared"


def read_benchmark(year: int) -> dict[tuple[str, str], list[float]]:
    """CBS's rows by age group and region; `.`, a missing number, is NaN. Headers drift, the columns' order does not."""
    with (DATA / f"participatiewet_benchmark_gemeente_{year}.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))[1:]
    return {
        (row[1].strip(), row[2].strip()): [math.nan if cell.strip() == "." else float(cell) for cell in row[3:]]
        for row in rows
    }


def read_figures(year: int) -> dict[str, dict[str, Figure]]:
    """Indicator → municipality → counts; without counts where the value is over 1 point from CBS's own or has none."""
    rows = read_benchmark(year)
    found: dict[str, dict[str, Figure]] = {}
    for age, region in rows:
        if age != ALL_AGES or not region.startswith("GM"):
            continue
        whole, working_age = rows[ALL_AGES, region], rows[BELOW_PENSION_AGE, region]
        during = whole[1] + whole[5]  # recipients at the end of the year, and those who left in it
        for indicator, numerator, denominator, published, factor in (
            ("assistance_per_1000", whole[1], whole[0], whole[2], 1000),
            ("assistance_inflow", whole[3], during, whole[4], 100),
            ("assistance_outflow", whole[5], during, whole[6], 100),
            ("outflow_to_work", working_age[7], working_age[1] + working_age[5], working_age[8], 100),
            ("reintegration_share", working_age[12], working_age[1], working_age[13], 100),
        ):
            figure = Figure(factor)
            # whatever is NaN makes the comparison false
            if denominator > 0 and abs(numerator / denominator * factor - published) <= 1:
                figure = Figure(factor, int(numerator), int(denominator), known=True)
            found.setdefault(indicator, {})[region.lower()] = figure
    return found


TRAITS = ("ln_inhabitants", "urbanity", "one_person_households_pct", "households_with_children_pct", "aged_65_plus_pct")


def read_traits() -> dict[str, list[float]]:
    """The five traits of each municipality of 2017."""
    with (DATA / "gemeenten_2017_wijkenbuurtkaart.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        row["id"].strip().lower(): [
            float(row[name]) for name in ("aant_inw", "sted", "p_eenp_hh", "p_hh_m_k", "p_65_eo_jr")
        ]
        for row in rows
    }


def standard_traits() -> dict[str, list[float]]:
    raw = {code: [math.log(row[0]), *row[1:]] for code, row in read_traits().items()}
    columns = list(zip(*raw.values(), strict=True))
    centres, spreads = [fmean(column) for column in columns], [pstdev(column) for column in columns]
    return {
        code: [(value - centre) / spread for value, centre, spread in zip(row, centres, spreads, strict=True)]
        for code, row in raw.items()
    }


def nearest(code: str, candidates: list[str], traits: dict[str, list[float]]) -> list[tuple[str, float, list[str]]]:
    """Peers of a municipality: code, distance as part of the farthest candidate's, the three traits that weigh most."""
    others = [other for other in candidates if other != code]
    if code not in traits or len(others) < 5:
        return []
    size = min(15, max(5, len(candidates) // 3))
    distances = {other: math.dist(traits[code], traits[other]) for other in others}
    farthest = max(distances.values())
    chosen = sorted(others, key=lambda other: (round(distances[other] / farthest, 12), other))[:size]
    peers = []
    for other in chosen:
        parts = [(mine - theirs) ** 2 for mine, theirs in zip(traits[code], traits[other], strict=True)]
        by_weight = sorted((-round(part, 12), number) for number, part in enumerate(parts))
        peers.append((other, distances[other] / farthest, [TRAITS[number] for _, number in by_weight[:3]]))
    return peers


def score_limits(numerator: int, denominator: int) -> tuple[float, float]:
    """Wilson: the two shares θ at which (p - θ)² = z²·θ(1 - θ)/n, as roots of a quadratic equation."""
    z2, share = NormalDist().inv_cdf(0.975) ** 2, numerator / denominator
    a, b, c = 1 + z2 / denominator, -(2 * share + z2 / denominator), share**2
    root = math.sqrt(max(b * b - 4 * a * c, 0))
    return (-b - root) / (2 * a), (-b + root) / (2 * a)


def set_beside(figure: Figure, peers: list[Figure]) -> None:
    """Quartiles, over-dispersion and verdict, where at least five peers have a figure."""
    published = [peer for peer in peers if peer.known]
    if len(published) < 5:
        return
    shares = [peer.numerator / peer.denominator for peer in published]
    figure.quartiles = [share * figure.factor for share in quantiles(shares, n=4, method="inclusive")]
    centre = sum(peer.numerator for peer in published) / sum(peer.denominator for peer in published)
    variance = centre * (1 - centre)
    scores = [
        (share - centre) / math.sqrt(variance / peer.denominator) for share, peer in zip(shares, published, strict=True)
    ]
    tenths = quantiles(scores, n=10, method="inclusive")
    figure.phi = fmean(min(max(score, tenths[0]), tenths[-1]) ** 2 for score in scores)
    # CBS counts in tens: below a hundred the rounding is too large a part
    if not figure.known or min(figure.numerator, figure.denominator) < 100:
        return
    own = (figure.numerator / figure.denominator - centre) / math.sqrt(variance / figure.denominator)
    reach = NormalDist().inv_cdf(0.999) * max(1, math.sqrt(figure.phi))
    figure.compared = "similar" if abs(own) <= reach else "higher" if own > 0 else "lower"


def recalculate(year: int) -> tuple[dict[str, dict[str, Figure]], dict[str, list[tuple[str, float, list[str]]]]]:
    """All figures of a year, and all peer groups."""
    found, traits = read_figures(year), standard_traits()
    codes = sorted({code for by_code in found.values() for code in by_code})
    publishing = {code for by_code in found.values() for code, figure in by_code.items() if figure.known}
    candidates = sorted(publishing & traits.keys())
    groups = {code: nearest(code, candidates, traits) for code in codes}
    for by_code in found.values():
        for code, figure in by_code.items():
            if figure.known:
                figure.value = figure.numerator / figure.denominator * figure.factor
                low, high = score_limits(figure.numerator, figure.denominator)
                figure.limits = (low * figure.factor, high * figure.factor)
            figure.peers = [peer for peer, _, _ in groups[code] if by_code[peer].known]
            set_beside(figure, [by_code[peer] for peer, _, _ in groups[code]])
    return found, groups


# ---- beside the product's output ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Unit:
    en: str


@dataclass(frozen=True)
class Definition:
    factor: int
    set: str = "work_and_income"
    source: str = "open_data"
    kind: str = "proportion"
    unit: Unit = Unit("of 1,000 or %")
    series_breaks: tuple[()] = ()
    dimension: "Dimension | None" = None


@dataclass(frozen=True)
class Part:
    code: str
    compared: bool = True


@dataclass(frozen=True)
class Dimension:
    name: str = "approach"
    parts: tuple[Part, ...] = (Part("leergeld"), Part("city_pass"))


def observation_rows(year: int) -> Iterator[dict[str, object]]:
    for indicator, by_code in read_figures(year).items():
        for code, figure in by_code.items():
            yield {
                "period": str(year),
                "period_kind": "year",
                "area": code,
                "area_kind": "municipality",
                "area_vintage": year,
                "indicator": indicator,
                "definition_version": 1,
                "dimension": "total",
                "dimension_value": "total",
                "unit_kind": "person",
                "numerator": figure.numerator if figure.known else None,
                "denominator": figure.denominator if figure.known else None,
                "denominator_date": date(year, 12, 31),
                "status": "published" if figure.known else "missing",
                "coverage": None,
                "release_id": f"cbs-{year}",
            }


def population_frame() -> pl.DataFrame:
    names = ("inhabitants", *TRAITS[1:])
    rows = [(code, name, value) for code, row in read_traits().items() for name, value in zip(names, row, strict=True)]
    return pl.DataFrame(rows, schema=["area", "trait", "value"], orient="row").with_columns(
        area_kind=pl.lit("municipality"), area_vintage=pl.lit(2017)
    )


@pytest.fixture(scope="module")
def product() -> tuple[pl.DataFrame, pl.DataFrame, float]:
    return made_by_the_product()


def made_by_the_product() -> tuple[pl.DataFrame, pl.DataFrame, float]:
    """The product's figures and peers of 2015 and 2016, and the seconds they took."""
    schema = {"coverage": pl.Float64, "numerator": pl.Int64, "denominator": pl.Int64}
    rows = [row for year in (2015, 2016) for row in observation_rows(year)]
    observations = pl.DataFrame(rows, schema_overrides=schema)
    catalogue = {
        name: Definition(1000 if name == "assistance_per_1000" else 100) for name in observations["indicator"].unique()
    }
    population = population_frame()
    begin = time.perf_counter()
    found, peers = figures(observations, population, catalogue, RELEASED)
    return found, peers, time.perf_counter() - begin


@pytest.mark.parametrize("year", [2015, 2016])
def test_every_figure_limit_quartile_and_verdict_is_the_recalculated_one(
    product: tuple[pl.DataFrame, pl.DataFrame, float], year: int
) -> None:
    expected, _ = recalculate(year)
    rows = product[0].filter(pl.col("period") == str(year)).to_dicts()
    assert {(row["indicator"], row["municipality"]) for row in rows} == {
        (indicator, code) for indicator, by_code in expected.items() for code in by_code
    }
    for row in rows:
        figure = expected[row["indicator"]][row["municipality"]]
        place = (row["indicator"], row["municipality"])
        counts = (figure.numerator, figure.denominator) if figure.known else (None, None)
        assert (row["numerator"], row["denominator"]) == counts, place
        assert row["value"] == (None if figure.value is None else pytest.approx(figure.value)), place
        limits = None if figure.limits is None else pytest.approx(list(figure.limits), abs=1e-6)
        assert (None if row["ci_low"] is None else [row["ci_low"], row["ci_high"]]) == limits, place
        assert (row["peer_count"] or 0) == len(figure.peers), place
        quartiles = [row["peer_p25"], row["peer_median"], row["peer_p75"]]
        assert quartiles == ([None] * 3 if figure.quartiles is None else pytest.approx(figure.quartiles)), place
        assert row["overdispersion"] == (None if figure.phi is None else pytest.approx(figure.phi)), place
        assert row["compared"] == figure.compared, place


@pytest.mark.parametrize("year", [2015, 2016])
def test_every_peer_group_is_the_recalculated_one(product: tuple[pl.DataFrame, pl.DataFrame, float], year: int) -> None:
    _, expected = recalculate(year)
    found: dict[str, list[dict[str, object]]] = {}
    for row in product[1].filter(pl.col("period") == str(year)).to_dicts():
        found.setdefault(row["municipality"], []).append(row)
    assert found.keys() == {code for code, peers in expected.items() if peers}
    for code, rows in found.items():
        assert [row["peer"] for row in rows] == [peer for peer, _, _ in expected[code]], code
        assert [row["distance"] for row in rows] == pytest.approx([far for _, far, _ in expected[code]]), code
        assert [row["traits"] for row in rows] == [", ".join(traits) for _, _, traits in expected[code]], code
        assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1)), code
        assert {row["trait_vintage"] for row in rows} == {2017}, code


def test_figures_of_a_part_are_the_recalculated_ones_among_those_that_have_it() -> None:
    """CBS's figures once more, as if two approaches brought them: one that every third has not, one that few have."""
    indicator, traits = "assistance_per_1000", standard_traits()
    figures_of = read_figures(2016)[indicator]
    having = {
        "leergeld": [code for place, code in enumerate(sorted(figures_of)) if place % 3],
        "city_pass": sorted(figures_of)[:25],
    }
    rows = [
        row | {"dimension": "approach", "dimension_value": approach}
        for row in observation_rows(2016)
        for approach, codes in having.items()
        if row["indicator"] == indicator and row["area"] in codes
    ]
    schema = {"coverage": pl.Float64, "numerator": pl.Int64, "denominator": pl.Int64}
    catalogue = {indicator: Definition(1000, dimension=Dimension())}
    found, _ = figures(pl.DataFrame(rows, schema_overrides=schema), population_frame(), catalogue, RELEASED)
    compared = 0
    for approach, codes in having.items():
        candidates = sorted(code for code in codes if figures_of[code].known and code in traits)
        for row in found.filter(dimension_value=approach).iter_rows(named=True):
            figure = replace(figures_of[row["municipality"]])
            set_beside(figure, [figures_of[peer] for peer, _, _ in nearest(row["municipality"], candidates, traits)])
            quartiles = [row["peer_p25"], row["peer_median"], row["peer_p75"]]
            assert quartiles == ([None] * 3 if figure.quartiles is None else pytest.approx(figure.quartiles))
            assert row["compared"] == figure.compared
            compared += figure.compared != "not_compared"
    assert found.group_by("dimension_value").len().sort("len").rows() == [("city_pass", 25), ("leergeld", 260)]
    assert compared > 200


def test_verdicts_of_2016_single_out_a_few_and_a_plain_funnel_would_single_out_most() -> None:
    """Guards the recalculation itself: were every verdict `not_compared`, agreement would say nothing."""
    expected, groups = recalculate(2016)
    assistance = expected["assistance_per_1000"]
    verdicts = [figure.compared for figure in assistance.values()]
    assert len(verdicts) == 390
    assert verdicts.count("not_compared") < 20
    assert 5 <= len(verdicts) - verdicts.count("similar") - verdicts.count("not_compared") <= 30
    compared = [figure for figure in assistance.values() if figure.compared != "not_compared"]
    plain = 0
    for figure in compared:
        peers = [assistance[code] for code in figure.peers]
        centre = sum(peer.numerator for peer in peers) / sum(peer.denominator for peer in peers)
        spread = math.sqrt(centre * (1 - centre) / figure.denominator)
        plain += abs(figure.numerator / figure.denominator - centre) > NormalDist().inv_cdf(0.999) * spread
    assert 0.55 < plain / len(compared) < 0.75
    assert {len(peers) for peers in groups.values()} == {0, 15}


def test_all_municipalities_of_two_years_take_less_than_three_seconds(
    product: tuple[pl.DataFrame, pl.DataFrame, float],
) -> None:
    assert product[2] < 3
