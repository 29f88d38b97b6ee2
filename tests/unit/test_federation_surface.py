"""The SQL surface has the names of the design, and tells a user what is wrong with a query."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest

from services.benchmark.figures import FIGURES_SCHEMA
from services.benchmark.peers import PEERS_SCHEMA
from services.embargo import PUBLIC_FROM
from services.errors import Fatal, NotAllowed, Rejected, SpiegelnetError
from services.federation.render import as_json
from services.federation.surface import open_surface, query
from services.indicators.loader import catalogue_table, load_catalogue
from services.quality import QUALITY
from services.release import CELLS

FIGURES = pl.DataFrame(
    {"period": ["2016", "2016"], "municipality": ["gm0518", "gm0599"], "value": [73.4, 68.0]},
)


@pytest.fixture
def surface(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Figures in two files, cells of one node, the rest empty; a quote in the folder's name must not matter."""
    folder = tmp_path / "it's published"
    folder.mkdir()
    FIGURES[:1].write_parquet(folder / "a.parquet")
    FIGURES[1:].with_columns(unit=pl.lit("%")).write_parquet(folder / "b.parquet")
    pl.DataFrame({"indicator": ["reached_share"], "numerator": [25]}).write_parquet(folder / "c.parquet")
    hub = {"benchmark.figures": [folder / "a.parquet", folder / "b.parquet"]}
    connection = open_surface(hub, {"gm0518": {"cells": [folder / "c.parquet"]}, "hc-wonen": {}})
    yield connection
    connection.close()


def refusal(connection: duckdb.DuckDBPyConnection, sql: str) -> SpiegelnetError:
    with pytest.raises(SpiegelnetError) as caught:
        query(connection, sql)
    return caught.value


def test_a_region_unites_the_cells_of_its_nodes(tmp_path: Path) -> None:
    for node in ("gm0518", "gm0599", "gm0301"):
        pl.DataFrame({"municipality": [node], "numerator": [25]}).write_parquet(tmp_path / f"{node}.parquet")
    nodes = {node: {"cells": [tmp_path / f"{node}.parquet"]} for node in ("gm0518", "gm0599", "gm0301")}
    regions = {"pv28": ["gm0518", "gm0599", "gm0612"], "pv29": ["gm0715"]}
    connection = open_surface({}, nodes, regions)
    found = query(connection, "SELECT municipality, numerator FROM hub.network.region_pv28 ORDER BY 1")
    assert found["municipality"].to_pylist() == ["gm0518", "gm0599"]
    empty = query(connection, "SELECT * FROM hub.network.region_pv29")
    assert (empty.num_rows, empty.column_names) == (0, [*CELLS, PUBLIC_FROM])


def test_a_column_that_files_of_an_earlier_version_lack_is_null_and_stands_in_its_place(tmp_path: Path) -> None:
    FIGURES.write_parquet(tmp_path / "a.parquet")
    connection = open_surface({"benchmark.figures": [tmp_path / "a.parquet"]}, {})
    found = query(connection, "SELECT * FROM hub.benchmark.figures")
    assert found.column_names == [*FIGURES_SCHEMA, PUBLIC_FROM]
    assert set(found["dimension"].to_pylist()) == {None}
    assert found["value"].to_pylist() == FIGURES["value"].to_list()


def test_files_of_a_table_are_one_table(surface: duckdb.DuckDBPyConnection) -> None:
    found = query(surface, "SELECT municipality, value, unit FROM hub.benchmark.figures ORDER BY value")
    assert found.to_pylist() == [
        {"municipality": "gm0599", "value": 68.0, "unit": "%"},
        {"municipality": "gm0518", "value": 73.4, "unit": None},
    ]


def test_hub_and_nodes_are_joined_in_one_query(surface: duckdb.DuckDBPyConnection) -> None:
    sql = """
        SELECT c.indicator, c.numerator, f.value
        FROM gm0518.published.cells c, hub.benchmark.figures f WHERE f.municipality = 'gm0518'
    """
    assert query(surface, sql).to_pylist() == [{"indicator": "reached_share", "numerator": 25, "value": 73.4}]


@pytest.mark.parametrize(
    "table",
    [
        "hub.benchmark.peers",
        "hub.benchmark.indicators",
        "hub.benchmark.stories",
        "hub.network.cells",
        "gm0518.published.quality",
        "gm0518.published.stories",
        '"hc-wonen".published.cells',
    ],
)
def test_a_table_without_files_is_there_and_empty(surface: duckdb.DuckDBPyConnection, table: str) -> None:
    found = query(surface, f"SELECT * FROM {table}")
    assert found.num_rows == 0
    assert found.num_columns > 5


@pytest.mark.parametrize(
    ("table", "written"),
    [
        ("hub.benchmark.figures", pl.Schema({**FIGURES_SCHEMA, PUBLIC_FROM: pl.Date})),
        ("hub.benchmark.peers", pl.Schema({**PEERS_SCHEMA, PUBLIC_FROM: pl.Date})),
        ("hub.benchmark.indicators", catalogue_table(load_catalogue()).schema),
        ("gm0518.published.cells", pl.Schema({**CELLS, PUBLIC_FROM: pl.Date})),
        ("gm0518.published.quality", pl.Schema({**QUALITY, PUBLIC_FROM: pl.Date})),
    ],
)
def test_an_empty_table_has_the_columns_and_types_of_what_is_written_there(table: str, written: pl.Schema) -> None:
    found = pl.from_arrow(query(open_surface({}, {"gm0518": {}}), f"SELECT * FROM {table}"))
    assert isinstance(found, pl.DataFrame)
    utc = [
        (name, pl.Datetime("us", "UTC") if isinstance(kind, pl.Datetime) else kind)
        for name, kind in found.schema.items()
    ]
    assert utc == list(written.items())


@pytest.mark.parametrize(
    "sql",
    [
        "DESCRIBE hub.benchmark.figures",
        "SHOW ALL TABLES",
        "SUMMARIZE hub.benchmark.figures",
        "VALUES (1)",
        "FROM range(3)",
        "SELECT unnest([1, 2])",
        "PIVOT hub.benchmark.figures ON municipality IN ('gm0518') USING max(value)",
        "SELECT column_name FROM information_schema.columns",
        "SELECT 1; -- and nothing more",
    ],
)
def test_looking_around_is_allowed(surface: duckdb.DuckDBPyConnection, sql: str) -> None:
    assert query(surface, sql).num_rows > 0


def test_an_unknown_table_is_named_with_those_that_look_like_it(surface: duckdb.DuckDBPyConnection) -> None:
    assert refusal(surface, "SELECT * FROM hub.benchmark.figure").todo == "Did you mean hub.benchmark.figures?"
    assert "hub.benchmark.peers" in refusal(surface, "SELECT * FROM peers").todo
    elsewhere = refusal(surface, "SELECT * FROM gm0519.published.cells")
    assert "gm0518.published.cells" in elsewhere.todo
    assert "SHOW ALL TABLES" in refusal(surface, "SELECT * FROM zzzzzz").todo


def test_an_unknown_column_is_named_with_those_that_look_like_it(surface: duckdb.DuckDBPyConnection) -> None:
    error = refusal(surface, "SELECT municpality FROM hub.benchmark.figures")
    assert error.what == "There is no column municpality."
    assert error.todo.startswith("Did you mean municipality")
    assert "value" in refusal(surface, "SELECT f.valu FROM hub.benchmark.figures f").todo


def test_a_syntax_error_says_where(surface: duckdb.DuckDBPyConnection) -> None:
    assert refusal(surface, "SELECT value\nFRM hub.benchmark.figures").what.endswith("line 2.")
    assert "0 statements" in refusal(surface, "-- nothing").what


def test_an_error_holds_no_value_of_a_row(surface: duckdb.DuckDBPyConnection) -> None:
    for sql in (
        "SELECT municipality::INT FROM hub.benchmark.figures",
        "SELECT error(municipality) FROM hub.benchmark.figures",
        "SELECT (value * 1e300 * 1e300)::INT FROM hub.benchmark.figures",
        "SELECT (municipality || ' 99')::DATE FROM hub.benchmark.figures",
    ):
        error = refusal(surface, sql)
        assert isinstance(error, Rejected)
        assert "gm05" not in str(error)


def test_every_refusal_says_what_to_do(surface: duckdb.DuckDBPyConnection) -> None:
    for sql in (
        "SELEC 1",
        "SELECT nofunction(1)",
        "SELECT period, count(*) FROM hub.benchmark.figures",
        "DROP VIEW hub.benchmark.figures",
        "SELECT * FROM 'x.parquet'",
        "SELECT ?",
    ):
        error = refusal(surface, sql)
        assert isinstance(error, Rejected | NotAllowed)
        assert all((error.what, error.why, error.todo)), sql


def test_moments_are_told_in_utc_whatever_the_machine_thinks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        found = query(open_surface({}, {}), "SELECT TIMESTAMPTZ '2026-01-10 08:00:00+00' AS moment")
    finally:
        monkeypatch.undo()
        time.tzset()
    assert json.loads(as_json(found)) == [{"moment": "2026-01-10T08:00:00+00:00"}]


def test_a_query_after_a_refused_one_is_answered(surface: duckdb.DuckDBPyConnection) -> None:
    refusal(surface, "SELECT error('x') FROM hub.benchmark.figures")
    assert query(surface, "SELECT count(*) AS n FROM hub.benchmark.figures").to_pylist() == [{"n": 2}]


@pytest.mark.parametrize("node", ["hub", "memory", 'a"; DROP', "Gm0518", ""])
def test_a_name_that_is_none_is_refused(node: str) -> None:
    with pytest.raises(Fatal):
        open_surface({}, {node: {}})


def test_a_file_that_is_not_there_or_is_no_parquet_is_told(tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text("no parquet")
    for name in ("away.parquet", "text.parquet"):
        with pytest.raises(Fatal, match="could not be opened"):
            open_surface({"benchmark.figures": [tmp_path / name]}, {})
