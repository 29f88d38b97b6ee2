"""Rows that are taken back are gone at once, and no file of the table keeps them."""

import os
import time
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from pyiceberg.table import Table

from services.store.erasing import replace_for_good
from services.store.snapshots import scan
from services.store.tables import ensure_table, load_table
from services.store.warehouse import open_warehouse
from tests.kept_words import holding

SCHEMA = pa.schema([("quote", pa.large_string()), ("words", pa.large_string())])
CANARY = "Kanarie zong in de vroege ochtend"
BEGINNING = "Kanarie zong"
"""As much as a manifest has of it for certain, as the bound of a column."""


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return ensure_table(open_warehouse(tmp_path, "published"), "published.stories", SCHEMA)


def rows(*words: str) -> pl.DataFrame:
    return pl.DataFrame({"quote": [str(number) for number in range(len(words))], "words": list(words)})


def test_a_row_that_is_taken_back_is_in_no_file_any_more(tmp_path: Path, table: Table) -> None:
    replace_for_good(table, rows(CANARY, "Een ander citaat"))
    assert {path.suffix for path in holding(tmp_path, CANARY)} == {".parquet"}
    assert ".avro" in {path.suffix for path in holding(tmp_path, BEGINNING)}
    assert replace_for_good(table, rows("Een ander citaat")) > 0
    assert holding(tmp_path, BEGINNING) == []
    assert scan(table).collect()["words"].to_list() == ["Een ander citaat"]


def test_the_last_row_may_go_too_and_others_may_come_after(tmp_path: Path, table: Table) -> None:
    replace_for_good(table, rows(CANARY))
    replace_for_good(table, rows())
    assert scan(table).collect().is_empty()
    assert holding(tmp_path, BEGINNING) == []
    replace_for_good(table, rows("Een ander citaat"))
    again = load_table(table.catalog, "published.stories")  # type: ignore[arg-type]
    assert again is not None
    assert scan(again).collect().height == 1


def test_doing_it_again_changes_nothing(table: Table) -> None:
    replace_for_good(table, rows(CANARY))
    before = table.metadata_location
    assert replace_for_good(table, rows(CANARY)) == 0
    assert table.metadata_location == before


def test_what_a_run_left_that_ended_before_it_removed_files_goes_at_the_next(tmp_path: Path, table: Table) -> None:
    replace_for_good(table, rows(CANARY))
    old = next(tmp_path.rglob("*.parquet"))
    kept = old.read_bytes()
    replace_for_good(table, rows("Een ander citaat"))
    old.write_bytes(kept)
    os.utime(old, (time.time() - 60, time.time() - 60))
    assert replace_for_good(table, rows("Een ander citaat")) == 1
    assert holding(tmp_path, BEGINNING) == []


def test_a_file_that_another_process_is_writing_stays(tmp_path: Path, table: Table) -> None:
    replace_for_good(table, rows(CANARY))
    young = next(tmp_path.rglob("*.parquet")).with_name("00000-0-of-another.parquet")
    young.write_bytes(b"being written")
    os.utime(young, (time.time() + 60, time.time() + 60))
    replace_for_good(table, rows("Een ander citaat"))
    assert young.exists()
