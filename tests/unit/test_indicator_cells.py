"""Cells of several statements in one question: each has what it has when it is asked by itself."""

from collections.abc import Iterable

import duckdb

from services.indicators.cells import cells_sql

BY_DISTRICT = "SELECT period, unit, district FROM arrears"
IN_ONE_DISTRICT = "SELECT period, unit, district FROM arrears WHERE district = 'wk2'"
BY_LAW = "SELECT period, unit, district, law FROM provisions"
ASKED = [(BY_DISTRICT, None), (BY_LAW, "law"), (IN_ONE_DISTRICT, None), (BY_DISTRICT, None)]

Cell = tuple[int, str, str | None, int, int, int, int]


def cells(asked: Iterable[tuple[str, str | None]]) -> list[Cell]:
    """Rows of (number, period, part, events, units, keyed, keys), sorted."""
    with duckdb.connect() as con:
        con.execute(
            "CREATE TABLE arrears AS FROM (VALUES ('2025-12', 1, 'wk1'), ('2025-12', 1, 'wk2'),"
            " ('2025-12', 1, 'wk2'), ('2025-12', 2, 'wk3'), ('2025-11', 3, NULL)) t(period, unit, district)"
        )
        con.execute(
            "CREATE TABLE provisions AS FROM (VALUES ('2025-12', 2, 'wk1', 'youth'),"
            " ('2025-12', 2, 'wk1', 'wmo'), ('2025-12', 3, 'wk1', NULL)) t(period, unit, district, law)"
        )
        con.execute(
            "CREATE TABLE district_groups AS FROM (VALUES ('2025-12', 'wk1', 'wk1-wk2'),"
            " ('2025-12', 'wk2', 'wk1-wk2')) t(period, district, district_group)"
        )
        con.execute("CREATE TABLE unit_keys AS FROM (VALUES (1, 10), (2, 20)) t(unit, key)")
        rows = con.execute(cells_sql(asked)).fetchall()
    return sorted((tuple(row) for row in rows), key=lambda row: tuple(str(value or "") for value in row[:3]))


def test_statements_that_are_asked_together_have_the_cells_of_each_by_itself() -> None:
    one_by_one = [(number, *row[1:]) for number, asked in enumerate(ASKED) for row in cells([asked])]
    assert cells(ASKED) == one_by_one


def test_a_cell_counts_its_events_and_units_and_sums_the_keys_that_are_known() -> None:
    assert cells([(BY_DISTRICT, None), (BY_LAW, "law")]) == [
        (0, "2025-11", None, 1, 1, 0, None),
        (0, "2025-12", None, 4, 2, 2, 30),
        (0, "2025-12", "wk1-wk2", 3, 1, 1, 10),
        (1, "2025-12", None, 3, 2, 1, 20),
        (1, "2025-12", "wmo", 1, 1, 1, 20),
        (1, "2025-12", "youth", 1, 1, 1, 20),
    ]
