"""Figures stand beside their peers' and never show what was not released."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from services.benchmark.figures import FIGURES_SCHEMA, figures
from services.benchmark.peers import PEERS_SCHEMA
from services.errors import Rejected

RELEASED = datetime(2026, 1, 10, 8, 0, tzinfo=UTC)
CODES = [f"gm{number:04}" for number in range(1, 13)]


@dataclass(frozen=True)
class Unit:
    en: str = "per 1,000 households"


@dataclass(frozen=True)
class Break:
    period: str


@dataclass(frozen=True)
class Part:
    code: str
    compared: bool = True


@dataclass(frozen=True)
class Dimension:
    name: str = "approach"
    parts: tuple[Part, ...] = (Part("leergeld"), Part("city_pass"), Part("other", compared=False))


@dataclass(frozen=True)
class Indicator:
    set: str = "early_warning"
    source: str = "events"
    kind: str = "rate"
    unit: Unit = Unit()
    factor: int = 1000
    series_breaks: tuple[Break, ...] = ()
    dimension: Dimension | None = None


CATALOGUE = {"signals": Indicator(), "reached": Indicator(kind="proportion", factor=100, unit=Unit("%"))}


@dataclass(frozen=True)
class Cell:
    """One row of indicator_observation; the defaults are those of a published municipal total."""

    area: str
    numerator: int | None = 100
    denominator: int | None = 10_000
    indicator: str = "signals"
    period: str = "2025-12"
    period_kind: str = "month"
    area_kind: str = "municipality"
    area_vintage: int = 2025
    definition_version: int = 1
    dimension: str = "total"
    dimension_value: str = "total"
    unit_kind: str = "household"
    denominator_date: date | None = date(2024, 1, 1)
    status: str = "published"
    reason: str | None = None
    coverage: float | None = 0.9
    published_value: float | None = None
    release_id: str = "r1"


def observations(cells: list[Cell]) -> pl.DataFrame:
    schema = {
        "numerator": pl.Int64,
        "denominator": pl.Int64,
        "denominator_date": pl.Date,
        "reason": pl.String,
        "coverage": pl.Float64,
        "published_value": pl.Float64,
    }
    return pl.DataFrame([vars(cell) for cell in cells], schema_overrides=schema)


def population() -> pl.DataFrame:
    """Twelve municipalities of 2017 in a row from small to large, otherwise alike."""
    traits = ["urbanity", "one_person_households_pct", "households_with_children_pct", "aged_65_plus_pct"]
    rows = [(code, trait, 30.0) for code in CODES for trait in traits]
    rows += [(code, "inhabitants", 10_000.0 * 2**place) for place, code in enumerate(CODES)]
    return pl.DataFrame(rows, schema=["area", "trait", "value"], orient="row").with_columns(
        area_kind=pl.lit("municipality"), area_vintage=pl.lit(2017)
    )


def everyone() -> list[Cell]:
    return [Cell(code) for code in CODES]


def benchmark(cells: list[Cell], catalogue: dict[str, Indicator] | None = None) -> pl.DataFrame:
    return figures(observations(cells), population(), catalogue or CATALOGUE, RELEASED)[0]


def one(frame: pl.DataFrame, municipality: str = "gm0001") -> dict[str, object]:
    rows = frame.filter(pl.col("municipality") == municipality).to_dicts()
    assert len(rows) == 1
    return rows[0]


def test_the_tables_have_the_columns_of_the_design() -> None:
    frame, peers = figures(observations(everyone()), population(), CATALOGUE, RELEASED)
    assert (frame.schema, peers.schema) == (FIGURES_SCHEMA, PEERS_SCHEMA)
    assert frame.columns[:4] == ["period", "period_kind", "municipality", "indicator"]
    assert set(frame["released_at"]) == {RELEASED}


def test_a_rate_has_its_value_limits_and_quartiles_in_its_unit() -> None:
    cells = [replace(cell, numerator=10 * (place + 1)) for place, cell in enumerate(everyone())]
    found = one(benchmark(cells))
    # 10 of 10,000; exact Poisson limits of 10 events are 4.795 and 18.390, Byar's within two thousandths
    assert (found["value"], found["unit"]) == (1.0, "per 1,000 households")
    assert [found["ci_low"], found["ci_high"]] == pytest.approx([0.4795, 1.8390], rel=0.002)
    # five peers, gm0002 … gm0006: 2, 3, 4, 5, 6 per 1,000
    assert (found["peer_set"], found["peer_count"]) == ("early_warning:2017", 5)
    assert [found[name] for name in ("peer_p25", "peer_median", "peer_p75")] == pytest.approx([3, 4, 5])
    # the peers' scores around 4 are (-2 … 2)·√(10000·0.004)/0.004/1000; winsorised -1.6, -1, 0, 1, 1.6
    assert found["overdispersion"] == pytest.approx((2 * 1.6**2 + 2) / 5 * 0.001**2 * 10_000 / 0.004)
    assert found["compared"] == "similar"


def test_a_figure_far_from_steady_peers_is_higher_or_lower() -> None:
    cells = [Cell("gm0001", 150), *everyone()[1:11], Cell("gm0012", 60)]
    frame = benchmark(cells)
    # pooled 0.01: funnel 100 ± 3.09·√100
    assert (one(frame)["compared"], one(frame, "gm0012")["compared"]) == ("higher", "lower")
    assert one(frame, "gm0005")["compared"] == "similar"


def test_a_suppressed_cell_stays_with_its_status_and_without_any_number() -> None:
    """Even where a node sent the counts along, they do not show; the peers' figures do."""
    frame = benchmark([Cell("gm0001", 3, 10_000, status="suppressed"), *everyone()[1:]])
    found = one(frame)
    assert [found[name] for name in ("numerator", "denominator", "value", "ci_low", "ci_high")] == [None] * 5
    assert (found["status"], found["compared"], found["trend"]) == ("suppressed", "not_compared", "not_assessed")
    assert (found["peer_count"], found["peer_median"]) == (5, 10.0)
    peers = figures(
        observations([Cell("gm0001", None, None, status="suppressed"), *everyone()[1:]]),
        population(),
        CATALOGUE,
        RELEASED,
    )[1]
    assert "gm0001" not in set(peers["peer"])


def test_a_missing_cell_stays_in_the_table() -> None:
    found = one(benchmark([Cell("gm0001", None, None, status="missing", reason="off"), *everyone()[1:]]))
    assert (found["status"], found["value"], found["compared"]) == ("missing", None, "not_compared")


def test_a_structural_zero_has_the_value_nought_and_is_not_compared() -> None:
    found = one(benchmark([Cell("gm0001", 0, 10_000, status="zero"), *everyone()[1:]]))
    assert (found["value"], found["status"], found["compared"]) == (0.0, "zero", "not_compared")


def test_a_denominator_of_nought_gives_no_value() -> None:
    found = one(benchmark([Cell("gm0001", 0, 0), *everyone()[1:]]))
    assert (found["value"], found["compared"]) == (None, "not_compared")


def test_districts_and_dimensions_that_the_catalogue_does_not_know_stay_out() -> None:
    extra = [
        Cell("wk000101", area_kind="district"),
        Cell("gm0001", dimension="partner_type", dimension_value="rent"),
    ]
    assert benchmark(everyone() + extra).height == 12
    unlisted = [Cell("gm0001", dimension="approach", dimension_value="kinderhulp")]
    assert benchmark(everyone() + unlisted, SPLIT).height == 12


SPLIT = {"signals": Indicator(kind="proportion", factor=100, unit=Unit("%"), dimension=Dimension())}


def part(area: str, approach: str, **other: Any) -> Cell:
    return Cell(area, dimension="approach", dimension_value=approach, **other)


def split_figures() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Everyone has a total; ten have leergeld, one suppressed; five have a city pass; everyone something else."""
    cells = [replace(cell, numerator=1000 + 10 * place) for place, cell in enumerate(everyone())]
    cells += [part(code, "leergeld", numerator=100 * place) for place, code in enumerate(CODES) if place > 2]
    cells += [part("gm0003", "leergeld", numerator=None, denominator=None, status="suppressed")]
    cells += [part(code, "city_pass") for code in CODES[:5]] + [part(code, "other") for code in CODES]
    return figures(observations(cells), population(), SPLIT, RELEASED)


def of_part(frame: pl.DataFrame, approach: str, municipality: str) -> dict[str, object]:
    return one(frame.filter(pl.col("dimension_value") == approach), municipality)


def test_a_part_stands_beside_the_municipalities_that_have_a_figure_of_that_part() -> None:
    frame, peers = split_figures()
    found = of_part(frame, "leergeld", "gm0004")
    assert (found["dimension"], found["value"], found["peer_set"]) == ("approach", 3.0, "early_warning/leergeld:2017")
    # nearest of those with leergeld: gm0005 … gm0009 have 4, 5, 6, 7, 8 %; gm0003, which is as near, has none published
    assert found["peer_count"] == 5
    assert [found[name] for name in ("peer_p25", "peer_median", "peer_p75")] == pytest.approx([5, 6, 7])
    assert found["compared"] == "similar", "the funnel is wide where peers differ that much"
    hidden = of_part(frame, "leergeld", "gm0003")
    assert (hidden["value"], hidden["status"], hidden["peer_median"]) == (None, "suppressed", 5.0)
    own = peers.filter(pl.col("municipality") == "gm0004", pl.col("peer_set") == "early_warning/leergeld:2017")
    assert sorted(own["peer"]) == [f"gm{number:04}" for number in range(5, 10)]
    whole = of_part(frame, "total", "gm0004")
    # in the total gm0001, gm0002, gm0003, gm0005 and gm0006 are nearest
    assert (whole["peer_set"], whole["peer_median"]) == ("early_warning:2017", pytest.approx(10.2))


def test_a_part_that_too_few_have_or_that_each_means_otherwise_is_not_compared() -> None:
    frame, peers = split_figures()
    for approach, municipality in (("city_pass", "gm0001"), ("other", "gm0006")):
        found = of_part(frame, approach, municipality)
        assert (found["value"], found["peer_set"], found["peer_median"]) == (1.0, None, None)
        assert found["compared"] == "not_compared"
    assert set(peers["peer_set"]) == {"early_warning:2017", "early_warning/leergeld:2017"}


def test_parts_have_rows_of_their_own_in_alphabetical_order_and_trends_of_their_own() -> None:
    frame, _ = split_figures()
    assert frame["dimension_value"].unique(maintain_order=True).to_list() == ["city_pass", "leergeld", "other", "total"]
    months = [f"2025-{month:02}" for month in range(1, 12)]
    cells = [part("gm0001", "leergeld", period=month, numerator=50 + 10 * at) for at, month in enumerate(months)]
    cells += [Cell("gm0001", 500, period=month) for month in months]
    newest = figures(observations(cells), population(), SPLIT, RELEASED)[0].filter(period="2025-11")
    assert dict(newest.select("dimension_value", "trend").iter_rows()) == {"leergeld": "rising", "total": "stable"}


def test_a_province_has_a_figure_and_no_peers() -> None:
    found = one(benchmark([*everyone(), Cell("pv28", 900, area_kind="province")]), "pv28")
    assert (found["value"], found["peer_set"], found["peer_count"], found["compared"]) == (
        90.0,
        None,
        None,
        "not_compared",
    )


def test_open_data_under_a_hundred_are_not_compared_and_keep_their_quartiles() -> None:
    rounded = {"signals": replace(CATALOGUE["signals"], source="open_data")}
    cells = [Cell("gm0001", 90), Cell("gm0002", 100), *everyone()[2:]]
    frame = benchmark(cells, rounded)
    assert (one(frame)["compared"], one(frame)["peer_median"]) == ("not_compared", 10.0)
    assert one(frame, "gm0002")["compared"] == "similar"
    assert one(benchmark(cells))["compared"] == "similar"


def test_with_fewer_than_five_published_peers_there_are_no_quartiles() -> None:
    cells = [replace(cell, indicator="reached", status="suppressed") for cell in everyone()]
    cells = [replace(cell, status="published") if cell.area < "gm0006" else cell for cell in cells]
    found = one(benchmark(everyone() + cells).filter(pl.col("indicator") == "reached"))
    # peers are chosen for the set, gm0002 … gm0006; gm0006 has no figure for this indicator
    assert (found["peer_count"], found["peer_median"], found["compared"]) == (4, None, "not_compared")


def test_peers_of_another_definition_are_not_counted() -> None:
    cells = [replace(cell, definition_version=2) if cell.area == "gm0002" else cell for cell in everyone()]
    assert one(benchmark(cells))["peer_count"] == 4
    assert one(benchmark(cells), "gm0002")["compared"] == "not_compared"


def test_of_two_releases_of_one_figure_the_newest_definition_counts() -> None:
    again = [Cell("gm0001", 200, definition_version=2), Cell("gm0001", 300, definition_version=1)]
    found = one(benchmark([*again, *everyone()[1:]]))
    assert (found["numerator"], found["definition_version"]) == (200, 2)


def test_a_cell_of_an_indicator_that_the_catalogue_lacks_keeps_its_counts_and_gets_no_value() -> None:
    found = one(benchmark([*everyone(), Cell("gm0001", indicator="new_one")]).filter(pl.col("indicator") == "new_one"))
    assert (found["numerator"], found["value"], found["unit"], found["compared"]) == (100, None, None, "not_compared")


def test_municipalities_without_traits_keep_their_figure() -> None:
    found = one(benchmark([*everyone(), Cell("gm9999")]), "gm9999")
    assert (found["value"], found["peer_set"], found["compared"]) == (10.0, None, "not_compared")


def test_without_population_files_nothing_is_compared() -> None:
    frame, peers = figures(observations(everyone()), population().clear(), CATALOGUE, RELEASED)
    assert (set(frame["compared"]), peers.height) == ({"not_compared"}, 0)


def test_without_cells_both_tables_are_empty() -> None:
    frame, peers = figures(observations(everyone()).clear(), population(), CATALOGUE, RELEASED)
    assert (frame.schema, frame.height, peers.height) == (FIGURES_SCHEMA, 0, 0)


def test_a_trend_looks_at_a_figures_own_earlier_months_of_the_same_definition() -> None:
    months = [f"2025-{month:02}" for month in range(1, 13)]
    noise = [50, 52, 48, 51, 49, 50, 52, 48, 51, 49, 50, 90]
    cells = [Cell("gm0001", count, period=month) for month, count in zip(months, noise, strict=True)]
    assert benchmark(cells)["trend"].to_list() == ["too_short"] * 9 + ["stable", "stable", "rising"]
    renewed = [replace(cell, definition_version=2) if cell.period > "2025-06" else cell for cell in cells]
    assert set(benchmark(renewed)["trend"]) == {"too_short"}
    broken = {"signals": replace(CATALOGUE["signals"], series_breaks=(Break("2025-07"),))}
    assert set(benchmark(cells, broken)["trend"]) == {"too_short"}


def test_rows_are_in_order_of_period_indicator_and_code_never_of_value() -> None:
    cells = [replace(cell, numerator=1000 - 10 * place) for place, cell in enumerate(everyone())]
    cells += [replace(cell, period="2025-11") for cell in cells]
    frame = benchmark(cells)
    assert frame.select("period", "indicator", "municipality").rows() == [
        (period, "signals", code) for period in ("2025-11", "2025-12") for code in CODES
    ]


def test_own_peers_are_listed_beside_the_recommended_and_leave_figures_as_they_are() -> None:
    cells = observations([*everyone()[:11], Cell("gm0012", None, None, status="suppressed")])
    choice = {"gm0001": ["gm0012", "gm0011", "gm0002"]}
    frame, peers = figures(cells, population(), CATALOGUE, RELEASED, choice)
    own = peers.filter(pl.col("peer_set") == "own:early_warning:2017")
    # nearest first; gm0012 has nothing published this month
    assert own["peer"].to_list() == ["gm0002", "gm0011"]
    assert own["distance"].to_list() == pytest.approx([0.1, 1.0])
    assert frame.equals(figures(cells, population(), CATALOGUE, RELEASED)[0])


@pytest.mark.parametrize("peers", [["gm0001"], ["gm0002", "gm7777"]])
def test_an_own_choice_of_oneself_or_of_an_unknown_code_is_refused(peers: list[str]) -> None:
    with pytest.raises(Rejected, match="own choice of peers of gm0001"):
        figures(observations(everyone()), population(), CATALOGUE, RELEASED, {"gm0001": peers})
