"""Tables are appended to or replaced in part, once, and are read as the Parquet files of a snapshot."""

import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from pyiceberg.exceptions import CommitStateUnknownException
from pyiceberg.table import CommitTableResponse, Table
from pyiceberg.table.update import TableRequirement, TableUpdate
from pyiceberg.types import StringType

from services.errors import Fatal, Retryable
from services.store.commits import commit
from services.store.local_files import local_path
from services.store.snapshots import data_files, files, scan, sequence_number
from services.store.tables import MAX_SNAPSHOTS, append, ensure_table, keep_snapshot, load_table, replace_rows
from services.store.warehouse import Catalog, open_warehouse

SCHEMA = pa.schema([pa.field("period", pa.string(), nullable=False), pa.field("value", pa.int64())])


def _rows(*rows: tuple[str, int | None]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"period": pl.String, "value": pl.Int64}, orient="row")


def _table(folder: Path) -> Table:
    return ensure_table(open_warehouse(folder, "published"), "node.cells", SCHEMA)


def _content(table: Table) -> list[tuple[object, ...]]:
    return sorted(scan(table).collect().rows(), key=repr)


def test_rows_and_properties_are_stored_together(tmp_path: Path) -> None:
    table = _table(tmp_path)
    append(table, _rows(("2025-11", 1)).to_arrow(), {"mark": "7"}, {"note": "x"})
    again = _table(tmp_path)
    assert _content(again) == [("2025-11", 1)]
    assert again.properties["mark"] == "7"


def test_a_stale_table_can_neither_append_nor_move_a_property_back(tmp_path: Path) -> None:
    table, stale = _table(tmp_path), _table(tmp_path)
    append(table, _rows(("2025-11", 1)).to_arrow(), {"offset": "5"})
    for rows in (_rows(("2025-11", 2)), _rows()):
        with pytest.raises(Retryable):
            append(stale, rows.to_arrow(), {"offset": "3"})
        stale = _table(tmp_path) if rows.height else stale
        append(table := _table(tmp_path), _rows(("2025-12", 1)).to_arrow(), {"offset": "6"})
    assert _table(tmp_path).properties["offset"] == "6"


class _Interrupted(Catalog):
    """A catalog whose answer to a commit is lost: before or after the commit was made."""

    lost_before = False
    since: Callable[[], None] = staticmethod(lambda: None)

    def commit_table(
        self, table: Table, requirements: tuple[TableRequirement, ...], updates: tuple[TableUpdate, ...]
    ) -> CommitTableResponse:
        if not self.lost_before:
            super().commit_table(table, requirements, updates)
        self.since()
        raise CommitStateUnknownException


@pytest.mark.parametrize("lost_before", [True, False])
def test_a_commit_without_an_answer_counts_when_it_took_place_and_only_then(
    tmp_path: Path, *, lost_before: bool
) -> None:
    table = _table(tmp_path)
    catalog = open_warehouse(tmp_path, "published")
    table.catalog = _Interrupted(catalog.name, catalog.engine, **catalog.properties)
    table.catalog.lost_before = lost_before
    if lost_before:
        with pytest.raises(Retryable):
            append(table, _rows(("2025-11", 1)).to_arrow(), {"commit": "a"})
    else:
        append(table, _rows(("2025-11", 1)).to_arrow(), {"commit": "a"})
    assert _content(_table(tmp_path)) == ([] if lost_before else [("2025-11", 1)])


def _add_a_column(table: Table) -> None:
    with commit(table) as changes, changes.update_schema() as change:
        change.add_column("later", StringType())


def _set_a_property(table: Table) -> None:
    with commit(table) as changes:
        changes.set_properties({"offset": "1"})


@pytest.mark.parametrize("lost_before", [True, False])
@pytest.mark.parametrize("changed_since", [True, False])
def test_a_commit_without_snapshot_or_answer_counts_when_the_table_is_as_it_was_to_be_and_else_nothing_is_claimed(
    tmp_path: Path, *, lost_before: bool, changed_since: bool
) -> None:
    table = _table(tmp_path)
    catalog = open_warehouse(tmp_path, "published")
    table.catalog = _Interrupted(catalog.name, catalog.engine, **catalog.properties)
    table.catalog.lost_before = lost_before
    if changed_since:
        table.catalog.since = lambda: _set_a_property(_table(tmp_path))
        with pytest.raises(Retryable, match="took place is not known"):
            _add_a_column(table)
    elif lost_before:
        with pytest.raises(Retryable, match="changed by another process"):
            _add_a_column(table)
    else:
        _add_a_column(table)
    assert ("later" in _table(tmp_path).schema().column_names) is not lost_before


class _Refusing(Catalog):
    """A catalog that cannot make what is staged."""

    before: Callable[[], None] = staticmethod(lambda: None)

    def commit_table(
        self, table: Table, requirements: tuple[TableRequirement, ...], updates: tuple[TableUpdate, ...]
    ) -> CommitTableResponse:
        del table, requirements, updates
        self.before()
        raise ValueError


@pytest.mark.parametrize("ahead", [True, False])
def test_what_cannot_be_committed_is_to_be_tried_again_only_when_another_process_was_ahead(
    tmp_path: Path, *, ahead: bool
) -> None:
    table = _table(tmp_path)
    catalog = open_warehouse(tmp_path, "published")
    table.catalog = _Refusing(catalog.name, catalog.engine, **catalog.properties)
    if ahead:
        table.catalog.before = lambda: append(_table(tmp_path), _rows(("2025-11", 1)).to_arrow(), {})
    with pytest.raises(Retryable if ahead else ValueError):
        _add_a_column(table)


def test_replacing_touches_only_the_rows_of_the_key(tmp_path: Path) -> None:
    table = _table(tmp_path)
    append(table, _rows(("2025-10", 1), ("2025-11", 2), ("2025-12", 3)).to_arrow(), {})
    assert replace_rows(table, _rows(("2025-11", 20), ("2025-11", 21)), {"period": ["2025-11", "2025-12"]})
    assert _content(_table(tmp_path)) == [("2025-10", 1), ("2025-11", 20), ("2025-11", 21)]


def test_replacing_with_the_same_rows_makes_no_new_snapshot(tmp_path: Path) -> None:
    table = _table(tmp_path)
    rows = _rows(("2025-11", None), ("2025-11", 1), ("2025-11", 1))
    assert replace_rows(table, rows, {"period": ["2025-11"]})
    before = sequence_number(_table(tmp_path))
    assert not replace_rows(_table(tmp_path), rows.reverse(), {"period": ["2025-11"]})
    assert sequence_number(_table(tmp_path)) == before
    assert replace_rows(_table(tmp_path), rows.head(2), {"period": ["2025-11"]})


def test_replacing_without_a_key_replaces_all(tmp_path: Path) -> None:
    table = _table(tmp_path)
    replace_rows(table, _rows(("2025-11", 1)), {})
    replace_rows(table, _rows(("2025-12", 2)), {})
    assert _content(_table(tmp_path)) == [("2025-12", 2)]
    replace_rows(table, _rows(), {})
    assert _content(_table(tmp_path)) == []


def test_rows_outside_the_key_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Fatal, match="period"):
        replace_rows(_table(tmp_path), _rows(("2025-11", 1), ("2025-10", 1)), {"period": ["2025-11"]})


def test_other_readers_of_parquet_see_the_same_rows(tmp_path: Path) -> None:
    table = _table(tmp_path)
    append(table, _rows(("2025-10", 1), ("2025-11", 2)).to_arrow(), {})
    replace_rows(table, _rows(("2025-11", 5)), {"period": ["2025-11"]})
    paths = [str(path) for path in files(table)]
    assert sorted(duckdb.read_parquet(paths).fetchall()) == [("2025-10", 1), ("2025-11", 5)]
    assert sorted(table.scan().to_arrow().to_pydict()["value"]) == [1, 5]


def test_a_snapshot_is_read_as_it_was(tmp_path: Path) -> None:
    table = _table(tmp_path)
    append(table, _rows(("2025-10", 1)).to_arrow(), {})
    snapshot = keep_snapshot(table, "close")
    append(table, _rows(("2025-11", 2)).to_arrow(), {})
    assert keep_snapshot(table, "close") == snapshot
    assert scan(table, snapshot).collect().rows() == [("2025-10", 1)]
    with pytest.raises(Fatal):
        files(table, 1)


def test_only_new_files_are_listed_after_a_sequence_number_also_when_manifests_were_merged(tmp_path: Path) -> None:
    table = _table(tmp_path)
    with table.transaction() as changes:
        changes.set_properties({"commit.manifest.min-count-to-merge": "2"})
    for number in range(6):
        append(table, _rows(("2025-10", number)).to_arrow(), {})
    snapshot = table.current_snapshot()
    assert snapshot
    assert len(snapshot.manifests(table.io)) < 6
    new = data_files(table, after=4)
    assert [file.sequence for file in new] == [5, 6]
    assert pl.read_parquet([file.path for file in new])["value"].to_list() == [4, 5]


def test_kept_snapshots_outlive_the_others(tmp_path: Path) -> None:
    table = _table(tmp_path)
    append(table, _rows(("2025-10", 0)).to_arrow(), {})
    kept = keep_snapshot(table, "close")
    for number in range(MAX_SNAPSHOTS + 5):
        append(table, _rows(("2025-10", number + 1)).to_arrow(), {})
    assert len(_table(tmp_path).metadata.snapshots) <= MAX_SNAPSHOTS + 2, "the kept and the newest one come on top"
    assert scan(table, kept).collect().height == 1
    assert scan(table).collect().height == MAX_SNAPSHOTS + 6


def test_a_warehouse_can_be_moved(tmp_path: Path) -> None:
    table = _table(tmp_path / "here")
    append(table, _rows(("2025-10", 1)).to_arrow(), {})
    table.catalog.close()
    shutil.move(tmp_path / "here", tmp_path / "there")
    moved = _table(tmp_path / "there")
    append(moved, _rows(("2025-11", 2)).to_arrow(), {})
    assert _content(moved) == [("2025-10", 1), ("2025-11", 2)]
    assert all((tmp_path / "there") in path.parents for path in files(moved))


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "local:///private/t/x",
        "local:///published/../private/x",
        "local://host/published/x",
        "/etc/passwd",
    ],
)
def test_a_table_cannot_name_a_file_outside_its_warehouse(tmp_path: Path, location: str) -> None:
    with pytest.raises(Fatal):
        local_path(location, tmp_path, "published")
    with pytest.raises(Fatal):
        _table(tmp_path).io.new_input(location)


def test_a_table_that_is_not_there_is_none_and_an_empty_one_has_its_columns(tmp_path: Path) -> None:
    assert load_table(open_warehouse(tmp_path, "published"), "node.figures") is None
    empty = _table(tmp_path)
    assert files(empty) == []
    assert scan(empty).collect().schema == pl.Schema({"period": pl.String, "value": pl.Int64})


def test_the_private_warehouse_is_for_its_owner_only(tmp_path: Path) -> None:
    open_warehouse(tmp_path, "private")
    assert (tmp_path / "private").stat().st_mode & 0o077 == 0


def test_a_table_of_an_earlier_version_gets_the_columns_it_lacks(tmp_path: Path) -> None:
    replace_rows(_table(tmp_path), _rows(("2025-11", 1)), {"period": ["2025-11"]})
    wider = SCHEMA.append(pa.field("public_from", pa.date32()))
    table = ensure_table(open_warehouse(tmp_path, "published"), "node.cells", wider)
    day = dt.date(2026, 1, 1)
    replace_rows(table, _rows(("2025-12", 2)).with_columns(public_from=day), {"period": ["2025-12"]})
    assert _content(_table(tmp_path)) == [("2025-11", 1, None), ("2025-12", 2, day)]
