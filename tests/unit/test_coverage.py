"""Statements against who owes one, and the coverage that follows, by hand-made statements and hand-made sums."""

import datetime as dt

import polars as pl
import pytest

from services.coverage import coverage, latest_statements, months_of, periods_closed_by, standings
from services.indicators import load_catalogue

CATALOGUE = load_catalogue()
RENT = "rent_arrears_per_1000_households"
SIGNALS = "signals_per_1000_households"
REACHED = "reached_share"
EVICTIONS = "evictions_per_1000_households"
Statement = tuple[str, str, str | None, bool, int | None, int]


def statements(*rows: Statement) -> pl.DataFrame:
    """Statements of (sender, month, partner type, complete, client households, day of January 2026)."""
    schema = {"sent_by": pl.String, "period": pl.String, "partner_type": pl.String, "complete": pl.Boolean}
    schema |= {"client_households": pl.Int64, "day": pl.Int8}
    frame = pl.DataFrame(list(rows), schema=schema, orient="row")
    return frame.with_columns(pl.date(2026, 1, pl.col("day")).alias("stated_on")).drop("day")


def population(households: int | None = 10_000) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "area": ["gm0518"],
            "trait": ["households"],
            "reference_date": [dt.date(2020, 1, 1)],
            "area_vintage": [2020],
            "value": [households],
        },
        schema_overrides={"value": pl.Float64},
    )


def test_the_newest_statement_of_a_sender_counts_and_of_one_day_the_one_that_came_last() -> None:
    told = statements(
        ("hc-a", "2025-12", "rent", True, 500, 4),
        ("hc-a", "2025-12", "rent", False, 600, 3),
        ("hc-a", "2025-11", "rent", True, 100, 2),
        ("hc-b", "2025-12", "rent", False, 1, 5),
        ("hc-b", "2025-12", "rent", True, 2, 5),
    )
    found = latest_statements(told).sort("period", "sent_by")
    assert found["client_households"].to_list() == [100, 500, 2]


def test_who_owes_a_statement_and_made_none_or_no_complete_one_is_missing() -> None:
    told = statements(
        ("hc-a", "2025-12", "rent", True, 500, 4),
        ("hc-b", "2025-12", "rent", False, 500, 4),
        ("hc-c", "2025-11", "rent", True, 500, 4),
        ("es-x", "2025-12", "energy", True, 500, 4),  # owes none
    )
    december, november = standings(told, ["hc-a", "hc-b", "hc-c"], ["2025-12", "2025-11"])
    assert (december.stated, december.missing, december.complete) == (("hc-a",), ("hc-b", "hc-c"), False)
    assert (november.stated, november.missing) == (("hc-c",), ("hc-a", "hc-b"))
    assert standings(told, ["hc-a"], ["2025-12"])[0].complete


def test_coverage_is_client_households_of_who_stated_to_households_of_the_municipality() -> None:
    told = statements(
        ("hc-a", "2025-12", "rent", True, 2_000, 4),
        ("hc-b", "2025-12", "rent", True, 500, 4),
        ("hc-c", "2025-12", "rent", False, 4_000, 4),  # not complete
        ("es-a", "2025-12", "energy", True, 30_000, 4),  # more clients than households counts as all
    )
    found = coverage(told, population(), CATALOGUE, "gm0518", ["2025-12"])
    assert found["2025-12", RENT] == pytest.approx(0.25)
    types = CATALOGUE[SIGNALS].partner_types
    assert found["2025-12", SIGNALS] == pytest.approx((0.25 + 1) / len(types))


def test_nobody_who_delivered_is_zero_but_unknown_clients_or_households_are_unknown() -> None:
    nobody = coverage(statements(), population(), CATALOGUE, "gm0518", ["2025-12"])
    assert nobody["2025-12", RENT] == 0
    told = statements(("hc-a", "2025-12", "rent", True, 2_000, 4), ("hc-b", "2025-12", "rent", True, None, 4))
    assert coverage(told, population(), CATALOGUE, "gm0518", ["2025-12"])["2025-12", RENT] is None
    without = coverage(told, population(None), CATALOGUE, "gm0518", ["2025-12"])
    assert without["2025-12", RENT] is None


def test_what_counts_own_cases_rests_on_the_municipality_s_own_statement() -> None:
    told = statements(("gm0518", "2025-12", None, True, None, 4), ("hc-a", "2025-11", "rent", True, 5, 4))
    found = coverage(told, population(), CATALOGUE, "gm0518", ["2025-12", "2025-11"])
    assert (found["2025-12", REACHED], found["2025-11", REACHED]) == (1, 0)


def test_a_year_has_the_mean_of_its_months() -> None:
    told = statements(*(("hc-a", f"2025-{month:02d}", "rent", True, 5_000, 4) for month in range(1, 10)))
    found = coverage(told, population(), CATALOGUE, "gm0518", ["2025"])
    assert found["2025", EVICTIONS] == pytest.approx(0.5 * 9 / 12)
    assert ("2025", RENT) not in found  # released by month


def test_a_month_closes_with_it_the_quarter_and_year_that_it_ends() -> None:
    assert periods_closed_by(["2025-10", "2025-11"]) == ["2025-10", "2025-11"]
    assert periods_closed_by(["2025-09"]) == ["2025-09", "2025-Q3"]
    assert periods_closed_by(["2025-12"]) == ["2025-12", "2025-Q4", "2025"]
    assert months_of("2025-Q4") == ["2025-10", "2025-11", "2025-12"]
    assert months_of("2025")[0::11] == ["2025-01", "2025-12"]
    assert months_of("2025-07") == ["2025-07"]
