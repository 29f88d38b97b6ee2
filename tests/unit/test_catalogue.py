"""The catalogue: what must be said beside a figure, and what its SQL may not hold."""

import json
from pathlib import Path
from typing import Any, get_args

import polars as pl
import pytest
import sqlglot
import yaml

from services.indicators import CatalogueError, catalogue_table, load_catalogue, load_entry
from services.indicators.lint import lint_dialect, lint_sql
from services.indicators.loader import CATALOGUE
from services.indicators.model import PartnerType, Theme

FROM_CBS = {
    "assistance_per_1000",
    "assistance_inflow",
    "assistance_outflow",
    "outflow_to_work",
    "reintegration_share",
}
MONTHLY = {
    "signals_per_1000_households",
    "households_with_signal_share",
    "multiple_signals_share",
    "consecutive_signals_share",
    "reached_share",
    "help_accepted_share",
    "rent_arrears_per_1000_households",
    "energy_arrears_per_1000_households",
    "assistance_starts_per_1000_inhabitants",
    "assistance_ends_share",
    "household_help_per_1000_inhabitants",
    "guidance_per_1000_inhabitants",
    "youth_support_per_1000_inhabitants",
}
QUARTERLY = {"debt_counselling_started_per_1000_households"}
YEARLY = {
    "evictions_per_1000_households",
    "supply_stops_per_1000_households",
    "first_talk_within_four_weeks_share",
    "amicable_settlement_share",
    "arrangement_within_half_a_year_share",
    "debt_counselling_dropout_share",
    "children_in_poverty_reached_share",
}
GOOD = (
    "SELECT p.period, s.address AS unit, s.district FROM periods p JOIN signals s ON s.signalled_on >= p.period_start"
)
STATEMENTS = [
    pytest.param(sql, id=f"{entry.id}-{part}")
    for entry in load_catalogue().values()
    for part, sql in (("numerator", entry.numerator.sql), ("denominator", entry.denominator.sql))
    if sql
]
DIMENSION: dict[str, Any] = {
    "name": "approach",
    "title": {"nl": "Aanpak", "en": "Approach"},
    "parts": [{"code": code, "title": {"nl": code, "en": code}} for code in ("leergeld", "city_pass")],
}
SCHEMAS = Path(__file__).parents[2] / "schemas"
VIEWS = sorted((CATALOGUE.parent / "views").glob("*.sql"))


def test_the_catalogue_holds_its_indicators_with_their_periods() -> None:
    catalogue = load_catalogue()
    assert set(catalogue) == FROM_CBS | MONTHLY | QUARTERLY | YEARLY
    assert {entry.id for entry in catalogue.values() if entry.source == "open_data"} == FROM_CBS
    assert {entry.id for entry in catalogue.values() if entry.release_period == "month"} == MONTHLY
    assert {entry.id for entry in catalogue.values() if entry.release_period == "quarter"} == QUARTERLY
    assert [entry.id for entry in catalogue.values() if entry.release_level == "region"] == [
        "evictions_per_1000_households"
    ]


def test_a_figure_that_is_better_when_higher_or_lower_is_the_exception() -> None:
    judged = [entry.id for entry in load_catalogue().values() if entry.polarity != "ambiguous"]
    assert judged == [
        "evictions_per_1000_households",
        "first_talk_within_four_weeks_share",
        "reached_share",
        "supply_stops_per_1000_households",
    ]


def test_every_theme_of_the_catalogue_names_what_its_stories_are_about() -> None:
    themes = {entry.id: entry.themes for entry in load_catalogue().values()}
    schema = json.loads((SCHEMAS / "story" / "v1.avsc").read_text(encoding="utf-8"))
    [symbols] = [field["type"]["symbols"] for field in schema["fields"] if field["name"] == "theme"]
    assert list(get_args(Theme)) == symbols
    assert themes["rent_arrears_per_1000_households"] == ("payment_arrears", "housing")
    assert {theme for found in themes.values() for theme in found} == set(get_args(Theme)) - {"other"}
    told = catalogue_table(load_catalogue())
    assert dict(told.select("indicator", "themes").iter_rows()) == {name: list(found) for name, found in themes.items()}


def test_the_catalogue_table_has_a_row_per_indicator_with_texts_in_both_languages() -> None:
    table = catalogue_table(load_catalogue())
    assert table["indicator"].to_list() == sorted(FROM_CBS | MONTHLY | QUARTERLY | YEARLY)
    assert min(table.select(pl.col("^(definition|proxy_for)_(nl|en)$").str.len_chars().min()).row(0)) > 40
    fewest = table.select(pl.col("^(does_not_say|perverse_incentives|misses)_(nl|en)$").list.len().min()).row(0)
    assert min(fewest) >= 1


@pytest.mark.parametrize("sql", STATEMENTS)
def test_catalogue_sql_is_trino_sql_that_comes_back_unchanged_and_goes_to_duckdb(sql: str) -> None:
    tree = sqlglot.parse_one(sql, read="trino")
    assert sqlglot.parse_one(tree.sql(dialect="trino"), read="trino") == tree
    on_duckdb = sqlglot.parse_one(tree.sql(dialect="duckdb"), read="duckdb")
    assert isinstance(on_duckdb, sqlglot.exp.Query)
    assert on_duckdb.named_selects[:3] == ["period", "unit", "district"]
    assert on_duckdb.named_selects[3:] in ([], ["approach"])


def enum_symbols(node: Any) -> set[str]:
    """Every symbol of every enum in an Avro schema."""
    if isinstance(node, list):
        return set().union(*map(enum_symbols, node)) if node else set()
    if not isinstance(node, dict):
        return set()
    return {
        *node.get("symbols", ()),
        *enum_symbols([value for value in node.values() if isinstance(value, dict | list)]),
    }


def test_codes_in_the_sql_and_partner_types_of_the_catalogue_are_codes_of_the_schemas() -> None:
    """A misspelt code would count nothing, and nobody would see it."""
    known = enum_symbols([json.loads(path.read_text(encoding="utf-8")) for path in SCHEMAS.glob("*/v1.avsc")])
    written = [str(param.values[0]) for param in STATEMENTS] + [path.read_text(encoding="utf-8") for path in VIEWS]
    trees = [sqlglot.parse_one(sql, read="trino") for sql in written]
    literals = {str(found.this) for tree in trees for found in tree.find_all(sqlglot.exp.Literal) if found.is_string}
    assert {"partner", "carried_out", "rent", "financial_follow_up"} <= literals
    assert literals <= known
    assert set(get_args(PartnerType)) <= known


@pytest.mark.parametrize("path", VIEWS, ids=lambda path: path.stem)
def test_a_view_passes_the_lint_and_is_trino_sql(path: Path) -> None:
    sql = path.read_text(encoding="utf-8")
    assert lint_dialect(sql) == []
    tree = sqlglot.parse_one(sql, read="trino")
    assert sqlglot.parse_one(tree.sql(dialect="trino"), read="trino") == tree


def test_plain_sql_passes_the_lint() -> None:
    assert lint_sql(GOOD) == []
    assert lint_sql(f"{GOOD} WHERE s.signalled_on >= DATE '2025-01-01' AND s.partner_type = 'a/b approx_x'") == []
    assert lint_sql(f"{GOOD} WHERE CAST(s.amount AS DECIMAL(18, 4)) > 1 -- a / b") == []


def test_a_statement_of_an_indicator_with_a_dimension_gives_that_column_too() -> None:
    split = GOOD.replace("s.district", "s.district, s.partner_type")
    assert lint_sql(split, "partner_type") == []
    assert any("exactly the columns period, unit, district" in found for found in lint_sql(split))
    assert any("district, partner_type" in found for found in lint_sql(GOOD, "partner_type"))


def test_parts_of_a_dimension_are_told_in_the_catalogue_table_and_are_codes_of_the_schemas() -> None:
    table = catalogue_table(load_catalogue())
    split = table.filter(pl.col("dimension") != "total")
    assert split["indicator"].to_list() == ["children_in_poverty_reached_share"]
    row = split.row(0, named=True)
    assert (row["dimension"], row["dimension_title_nl"], row["parts"][1]) == ("approach", "Aanpak", "leergeld")
    assert len(row["parts"]) == len(row["part_titles_nl"]) == len(row["part_titles_en"])
    schema = json.loads((SCHEMAS / "approach_reach" / "v1.avsc").read_text(encoding="utf-8"))
    assert set(row["parts"]) == enum_symbols(schema["fields"])
    whole = table.filter(dimension="total")
    assert whole["parts"].list.len().sum() == 0
    assert whole["dimension_title_nl"].null_count() == whole.height


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        (f"{GOOD} WHERE s.amount / 2 > 1", "division"),
        (f"{GOOD} WHERE approx_distinct(s.address) > 1", "approx_"),
        (f"{GOOD} WHERE approx_percentile(s.amount, 0.5) > 1", "approx_"),
        (f"{GOOD} WHERE format_datetime(s.signalled_on, 'yyyy') = 'x'", "format_datetime"),
        (f"{GOOD} WHERE CAST(s.amount AS DECIMAL) > 1", "untyped cast"),
        (f"{GOOD} WHERE CAST(s.amount AS VARCHAR) = 'x'", "untyped cast"),
        (f"{GOOD} WHERE TRY_CAST(s.signalled_on AS TIMESTAMP) IS NULL", "untyped cast"),
        (f"{GOOD} WHERE s.amount::BIGINT > 1", "`::`"),
        (f"{GOOD} WHERE s.signalled_on >= '2025-01-01'", "untyped date"),
        (f"{GOOD} WHERE s.signalled_on < current_date", "current_date"),
        (f"{GOOD} WHERE s.signalled_on < now()", "now"),
        (f"{GOOD} WHERE random() < 0.5", "random"),
        (f'{GOOD} WHERE "approx_distinct"(s.address) > 1', "approx_"),
        ("SELECT period, unit, district FROM payment_arrears", "payment_arrears"),
        ("SELECT period, unit, district FROM gm0518.published.cells", "cells"),
        ("SELECT period, unit FROM signals", "exactly the columns"),
        ("SELECT * FROM signals", "exactly the columns"),
        ("SELECT period, unit, district FROM signals; SELECT 1", "one SELECT"),
        ("DROP TABLE signals", "one SELECT"),
        ("SELECT FROM WHERE (", "does not parse"),
    ],
)
def test_the_lint_refuses_what_the_engines_read_differently(sql: str, problem: str) -> None:
    assert any(problem in found for found in lint_sql(sql)), lint_sql(sql)


def entry_with(folder: Path, changes: dict[str, object]) -> Path:
    """A catalogue file with some keys changed; None takes the key out."""
    content = yaml.safe_load((CATALOGUE / "reached_share.yaml").read_text(encoding="utf-8")) | changes
    path = folder / "reached_share.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in content.items() if value is not None}))
    return path


NO_SQL = {"text": {"nl": "Iets dat geteld wordt.", "en": "Something counted."}}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"misses": None}, "misses"),
        ({"misses": []}, "misses"),
        ({"does_not_say": None}, "does_not_say"),
        ({"perverse_incentives": None}, "perverse_incentives"),
        ({"proxy_for": None}, "proxy_for"),
        ({"polarity": "good"}, "polarity"),
        ({"definition": {"en": "Only in English, so nobody in the council reads it."}}, "definition.nl"),
        ({"definition_version": "1"}, "definition_version"),
        ({"series_breaks": None}, "series_breaks"),
        ({"themes": None}, "themes"),
        ({"themes": []}, "themes"),
        ({"themes": ["debts"]}, "themes"),
        ({"themes": ["work", "work"]}, "themes"),
        ({"release_period": "rolling"}, "release_period"),
        ({"colour": "red"}, "colour"),
        ({"kind": "rate"}, "denominator.trait"),
        ({"source": "open_data"}, "open data"),
        ({"numerator": NO_SQL}, "numerator.sql"),
        ({"denominator": NO_SQL}, "denominator.trait"),
        ({"denominator": NO_SQL | {"trait": "households"}, "release_level": "district"}, "district_trait"),
        ({"release_level": "region"}, "denominator.trait"),
        ({"numerator": NO_SQL | {"sql": "SELECT 1 / 2"}}, "numerator.sql"),
        ({"id": "another_name"}, "id"),
        ({"dimension": DIMENSION}, "denominator.trait"),
        ({"dimension": DIMENSION, "denominator": NO_SQL | {"trait": "households"}}, "numerator.sql"),
        ({"dimension": DIMENSION | {"parts": DIMENSION["parts"][:1]}}, "dimension.parts"),
        ({"dimension": DIMENSION | {"name": "total"}, "denominator": NO_SQL | {"trait": "households"}}, "total"),
        (
            {
                "dimension": DIMENSION | {"parts": DIMENSION["parts"] * 2},
                "denominator": NO_SQL | {"trait": "households"},
            },
            "codes of a dimension differ",
        ),
    ],
)
def test_an_entry_that_lacks_or_invents_something_does_not_load(
    tmp_path: Path, changes: dict[str, object], field: str
) -> None:
    with pytest.raises(CatalogueError) as refused:
        load_entry(entry_with(tmp_path, changes))
    assert field in refused.value.what
    assert "reached_share.yaml" in refused.value.what


def test_an_entry_that_is_complete_loads(tmp_path: Path) -> None:
    assert load_entry(entry_with(tmp_path, {})) == load_catalogue()["reached_share"]


def test_a_file_that_is_no_yaml_does_not_load(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("id: [", encoding="utf-8")
    with pytest.raises(CatalogueError):
        load_catalogue(tmp_path)
