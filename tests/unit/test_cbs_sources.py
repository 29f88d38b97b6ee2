"""CBS files as they are published, the copies that ship, and a year that comes in another shape."""

import csv
from pathlib import Path

import polars as pl
import pytest

from connectors import SourceError, cbs_work_income, connector_for, population_reference

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "services" / "samples" / "data"
SHARED = ROOT.parent / "shared" / "data" / "cbs"
YEARS = (2015, 2016)


def benchmark(folder: Path, year: int) -> pl.DataFrame:
    (batch,) = cbs_work_income.read(folder / f"participatiewet_benchmark_gemeente_{year}.csv")
    assert batch.refused.is_empty()
    return batch.rows


def original(year: int) -> list[dict[str, str]]:
    path = SHIPPED / f"participatiewet_benchmark_gemeente_{year}.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize(("year", "municipalities"), [(2015, 393), (2016, 390)])
def test_country_provinces_and_all_municipalities_have_five_indicators(year: int, municipalities: int) -> None:
    rows = benchmark(SHIPPED, year)
    kinds = dict(rows.group_by("area_kind").len().iter_rows())
    assert kinds == {"country": 5, "province": 12 * 5, "municipality": municipalities * 5}
    assert rows["period"].unique().to_list() == [str(year)]


@pytest.mark.parametrize(
    ("year", "indicator", "numerator", "denominator", "published"),
    [
        # Read by hand from the row of NL01 in the published table; outflow to work and re-integration from age 90100.
        (2015, "assistance_per_1000", 496_600, 14_188_300, 35.0),
        (2015, "assistance_inflow", 155_440, 496_600 + 140_070, 24.5),
        (2015, "assistance_outflow", 140_070, 496_600 + 140_070, 22.0),
        (2016, "assistance_per_1000", 513_980, 14_303_940, 36.0),
        (2016, "assistance_inflow", 148_130, 513_980 + 130_750, 23.0),
    ],
)
def test_the_country_s_figures_are_the_published_ones(
    year: int, indicator: str, numerator: int, denominator: int, published: float
) -> None:
    (row,) = benchmark(SHIPPED, year).filter(area="nl01", indicator=indicator).to_dicts()
    assert (row["numerator"], row["denominator"], row["published_value"]) == (numerator, denominator, published)
    assert row["status"] == "published"


@pytest.mark.parametrize("year", YEARS)
def test_every_figure_that_goes_on_lies_within_a_point_of_the_published_one(year: int) -> None:
    rows = benchmark(SHIPPED, year).filter(status="published")
    factor = pl.when(pl.col("indicator") == "assistance_per_1000").then(1000).otherwise(100)
    off = (pl.col("numerator") / pl.col("denominator") * factor - pl.col("published_value")).abs()
    assert rows.select(off.max()).item() <= 1.0
    assert set(rows.filter(pl.col("area_kind") != "municipality")["status"]) == {"published"}


@pytest.mark.parametrize("year", YEARS)
def test_a_figure_that_does_not_go_on_says_why_and_holds_no_counts(year: int) -> None:
    missing = benchmark(SHIPPED, year).filter(status="missing")
    assert missing["numerator"].null_count() == missing["denominator"].null_count() == missing.height
    assert set(missing["reason"]) == {
        "counts_rounded_too_coarsely",
        "differs_from_published_figure",
        "no_published_figure_to_check",
        "not_published_by_source",
    } - ({"not_published_by_source"} if year == 2015 else set())
    assert missing.filter(area_kind="municipality").height < 0.25 * benchmark(SHIPPED, year).height


def test_haarlem_has_no_reintegration_in_2016() -> None:
    """CBS says so in its explanation with the table: re-integration was left to others there."""
    (row,) = benchmark(SHIPPED, 2016).filter(area="gm0392", indicator="reintegration_share").to_dicts()
    assert (row["status"], row["reason"]) == ("missing", "not_published_by_source")


def test_outflow_to_work_is_of_those_up_to_pension_age() -> None:
    (source,) = [
        row for row in original(2015) if row["Regiokenmerken"].strip() == "NL01" and row["Leeftijd"] == "90100"
    ]
    (row,) = benchmark(SHIPPED, 2015).filter(area="nl01", indicator="outflow_to_work").to_dicts()
    assert row["numerator"] == int(source["UitstromersNaarWerk_8"])
    assert row["denominator"] == int(source["Bijstandsontvangers_2"]) + int(source["Uitstromers_6"])


def test_a_year_with_renamed_and_empty_columns_and_merged_municipalities_goes_through(tmp_path: Path) -> None:
    merged = {"GM0005": "GM9966", "GM0007": "GM9950"}
    rows = [
        {
            {"Instroom_4": "InstroomInBijstand_7", "Instroom_5": "InstroomInBijstand_8"}.get(name, name): cell
            for name, cell in row.items()
        }
        | {"Regiokenmerken": merged.get(row["Regiokenmerken"].strip(), row["Regiokenmerken"])}
        | {"PersonenMetBijstandEnReIntegratie_13": "", "UitstroomNaarWerk_9": "", "WSWDichtheid_17": ""}
        for row in original(2016)
    ]
    (batch,) = cbs_work_income.read(write(tmp_path / "participatiewet_benchmark_gemeente_2017.csv", rows))
    before = benchmark(SHIPPED, 2016)
    assert batch.refused.is_empty()
    assert {"gm9966", "gm9950"} <= set(batch.rows["area"])
    assert set(batch.rows["area_vintage"]) == {2017}
    kept = ["assistance_per_1000", "assistance_inflow", "assistance_outflow"]
    same = ["numerator", "denominator", "status", "published_value"]
    of = pl.col("indicator").is_in(kept)
    assert batch.rows.filter(of).select(same).equals(before.filter(of).select(same))
    empty = batch.rows.filter(~of)
    assert set(empty["reason"]) <= {"not_published_by_source", "no_published_figure_to_check"}
    assert set(empty["status"]) == {"missing"}


def test_a_year_without_a_column_loses_only_the_indicators_of_that_column(tmp_path: Path) -> None:
    rows = [{name: cell for name, cell in row.items() if not name.startswith("Instroom")} for row in original(2016)]
    (batch,) = cbs_work_income.read(write(tmp_path / "participatiewet_benchmark_gemeente_2017.csv", rows))
    assert batch.refused.select("source_row", "field", "reason").rows() == [
        (1, "assistance_inflow", "column_not_found")
    ]
    assert "assistance_inflow" not in set(batch.rows["indicator"])
    assert batch.rows["indicator"].n_unique() == 4


def test_counts_and_shares_in_each_other_s_columns_do_not_go_on(tmp_path: Path) -> None:
    rows = [{**row, "Instroom_4": row["Instroom_5"], "Instroom_5": row["Instroom_4"]} for row in original(2016)]
    (batch,) = cbs_work_income.read(write(tmp_path / "participatiewet_benchmark_gemeente_2017.csv", rows))
    inflow = batch.rows.filter(indicator="assistance_inflow", area_kind="province")
    assert set(inflow["reason"]) == {"differs_from_published_figure"}


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"Inwoners_1": "tien"}, "Inwoners_1", "not_a_number"),
        ({"Regiokenmerken": "GMXXXX"}, "Regiokenmerken", "unknown_area"),
        ({"Regiokenmerken": "GM0003"}, "Regiokenmerken", "double_row"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line(tmp_path: Path, change: dict[str, str], field: str, reason: str) -> None:
    rows = original(2015)
    at = next(at for at, row in enumerate(rows) if row["Regiokenmerken"].strip() == "GM0005")
    rows[at] |= change
    (batch,) = cbs_work_income.read(write(tmp_path / "participatiewet_benchmark_gemeente_2015.csv", rows))
    assert batch.refused.select("source_row", "field", "reason").rows() == [(at + 2, field, reason)]


def test_a_file_that_tells_no_year_or_two_is_refused(tmp_path: Path) -> None:
    rows = original(2015)[:3]
    with pytest.raises(SourceError, match="cannot be dated"):
        list(cbs_work_income.read(write(tmp_path / "participatiewet_benchmark.csv", rows)))
    dated = [{**row, "Perioden": "2017JJ00"} for row in rows]
    with pytest.raises(SourceError, match="cannot be dated"):
        list(cbs_work_income.read(write(tmp_path / "participatiewet_benchmark_2016.csv", dated)))
    (batch,) = cbs_work_income.read(write(tmp_path / "participatiewet_benchmark.csv", dated))
    assert set(batch.rows["period"]) == {"2017"}


@pytest.mark.parametrize(
    ("name", "area", "trait", "value"),
    [
        # Read by hand from the published files.
        ("gemeenten_2017_wijkenbuurtkaart.csv", "gm0014", "households", 122_280),
        ("gemeenten_2017_wijkenbuurtkaart.csv", "gm0014", "one_person_households_pct", 62),
        ("gemeenten_2020_kerncijfers_wbk.csv", "gm0014", "inhabitants", 232_874),
        ("gemeenten_2020_kerncijfers_wbk.csv", "gm0014", "low_income_pct", 12.0),
        ("gemeenten_2020_kerncijfers_wbk.csv", "gm0003", "corporation_owned_pct", 43),
        ("85984NED_2024_municipalities_districts.csv", "gm1680", "dwellings", 11_500),
        ("85984NED_2024_municipalities_districts.csv", "wk168000", "inhabitants", 3_590),
    ],
)
def test_traits_are_the_published_ones(name: str, area: str, trait: str, value: float) -> None:
    (batch,) = population_reference.read(SHIPPED / name)
    (row,) = batch.rows.filter(area=area, trait=trait).to_dicts()
    assert row["value"] == value
    assert row["reference_date"].isoformat() == f"{row['area_vintage']}-01-01"
    assert "CBS" in row["source"]


@pytest.mark.parametrize(("year", "municipalities"), [(2017, 388), (2020, 355), (2024, 342)])
def test_every_municipality_of_the_vintage_is_there(year: int, municipalities: int) -> None:
    (path,) = [path for path in SHIPPED.glob(f"*_{year}_*.csv") if connector_for(path).name == "population_reference"]
    (batch,) = population_reference.read(path)
    assert batch.refused.is_empty()
    assert batch.rows.filter(trait="inhabitants", area_kind="municipality").height == municipalities


def test_what_cbs_marks_as_unknown_is_null_and_not_a_number(tmp_path: Path) -> None:
    path = tmp_path / "85984NED_2024_x.csv"
    path.write_text("code,AantalInwoners_5,Woningvoorraad_35\nGM0003,-99997,.\nWK000300,abc,5\nNL00,1,1\n")
    (batch,) = population_reference.read(path)
    assert batch.rows.select("area", "trait", "value").rows() == [
        ("gm0003", "inhabitants", None),
        ("gm0003", "dwellings", None),
    ]
    assert batch.refused.select("source_row", "reason").rows() == [(3, "not_a_number"), (4, "unknown_area")]


def test_a_vintage_that_is_not_known_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "gemeenten_2019_kerncijfers.csv"
    path.write_text("code\nGM0003\n")
    with pytest.raises(SourceError, match="no known vintage"):
        list(population_reference.read(path))


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the published files are not beside the repository")
@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*20[0-9]*.csv")), ids=lambda path: path.name)
def test_shipped_copies_give_the_same_as_the_published_files(path: Path) -> None:
    ours, theirs = (list(connector_for(path).read(folder / path.name)) for folder in (SHIPPED, SHARED))
    assert pl.concat([batch.rows for batch in ours]).equals(pl.concat([batch.rows for batch in theirs]))
