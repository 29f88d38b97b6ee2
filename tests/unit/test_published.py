"""A published table of an earlier version becomes what it is to be: its columns, its days, its rows apart by day."""

import datetime as dt
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table
from pyiceberg.table.refs import MAIN_BRANCH

from services.errors import Fatal
from services.published import published_table
from services.store.snapshots import data_files, files, scan
from services.store.tables import append, ensure_table, keep_snapshot, replace_rows
from services.store.warehouse import open_warehouse

NAME = "published.cells"
SCHEMA = pa.schema([pa.field("period", pa.string()), pa.field("numerator", pa.int64())])
DATED = SCHEMA.append(pa.field("public_from", pa.date32()))
JANUARY, FAR = dt.date(2026, 1, 15), dt.date(9999, 12, 31)
EMBARGO_DAYS = 14


@pytest.fixture
def catalog(tmp_path: Path) -> SqlCatalog:
    """Give a published warehouse without tables."""
    return open_warehouse(tmp_path, "published")


def mixed(catalog: SqlCatalog) -> Table:
    """Make a table as earlier versions did: rows of all days in one file, and some without a day."""
    table = ensure_table(catalog, NAME, DATED)
    append(table, pl.DataFrame({"period": ["2025-11"], "numerator": [5], "public_from": [JANUARY]}).to_arrow(), {})
    rows = {"period": ["2025-12", "2098-12", "2025-12", "spring"], "numerator": [10, 9315, 15, 20]}
    days = [JANUARY, FAR, None, None]
    replace_rows(table, pl.DataFrame({**rows, "public_from": pl.Series(days, dtype=pl.Date)}), {})
    return table


def days_by_file(table: Table) -> list[list[dt.date | None]]:
    return sorted((pl.read_parquet(path)["public_from"].unique().to_list() for path in files(table)), key=repr)


def test_its_rows_of_different_days_are_in_different_files(catalog: SqlCatalog) -> None:
    assert [len(days) for days in days_by_file(mixed(catalog))] == [3], (
        "the attack needs a file with rows of both kinds"
    )
    table = published_table(catalog, NAME, DATED, EMBARGO_DAYS)
    assert days_by_file(table) == sorted([[JANUARY], [FAR], [None]], key=repr)
    for file in data_files(table):
        assert len(pl.read_parquet(file.path)["public_from"].unique()) == 1


def test_its_rows_are_the_same_and_have_the_day_that_follows_from_their_period(catalog: SqlCatalog) -> None:
    mixed(catalog)
    published_table(catalog, NAME, DATED, EMBARGO_DAYS)
    found = scan(published_table(catalog, NAME, DATED, EMBARGO_DAYS)).collect()
    assert sorted(found.rows()) == [
        ("2025-12", 10, JANUARY),
        ("2025-12", 15, JANUARY),
        ("2098-12", 9315, FAR),
        ("spring", 20, None),
    ]


def test_nobody_can_ask_for_it_as_it_was(catalog: SqlCatalog) -> None:
    before = [item.snapshot_id for item in mixed(catalog).metadata.snapshots]
    table = published_table(catalog, NAME, DATED, EMBARGO_DAYS)
    assert len(before) > 1
    assert len(table.metadata.snapshots) == 1
    assert set(table.metadata.refs) == {MAIN_BRANCH}
    for snapshot in before:
        with pytest.raises(Fatal, match="no snapshot"):
            files(table, snapshot)


def test_a_snapshot_that_somebody_kept_stays(catalog: SqlCatalog) -> None:
    kept = keep_snapshot(mixed(catalog), "audit")
    table = published_table(catalog, NAME, DATED, EMBARGO_DAYS)
    assert {item.snapshot_id for item in table.metadata.snapshots} > {kept}
    assert len(table.metadata.snapshots) == 2


def test_it_is_done_once(catalog: SqlCatalog) -> None:
    mixed(catalog)
    first = published_table(catalog, NAME, DATED, EMBARGO_DAYS).metadata_location
    assert published_table(catalog, NAME, DATED, EMBARGO_DAYS).metadata_location == first


def test_one_without_the_column_gets_it_with_its_days(catalog: SqlCatalog) -> None:
    replace_rows(ensure_table(catalog, NAME, SCHEMA), pl.DataFrame({"period": ["2025-12"], "numerator": [10]}), {})
    table = published_table(catalog, NAME, DATED, EMBARGO_DAYS)
    assert scan(table).collect().rows() == [("2025-12", 10, JANUARY)]


def test_one_without_rows_keeps_what_comes_apart(catalog: SqlCatalog) -> None:
    ensure_table(catalog, NAME, DATED)
    table = published_table(catalog, NAME, DATED, EMBARGO_DAYS)
    assert table.metadata.snapshots == []
    days = {"period": ["2025-12", "2098-12"], "numerator": [10, 9315], "public_from": [JANUARY, FAR]}
    replace_rows(table, pl.DataFrame(days), {})
    assert days_by_file(table) == [[JANUARY], [FAR]]


def test_one_that_everybody_sees_at_once_is_left_as_it_is(catalog: SqlCatalog) -> None:
    table = published_table(catalog, "benchmark.indicators", SCHEMA, EMBARGO_DAYS)
    assert table.spec().is_unpartitioned()
