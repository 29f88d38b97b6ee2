"""Files are removed when no table has named them for a day, and never one that is named or just being written."""

import datetime as dt
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table

from services.errors import Fatal
from services.store.compaction import compact
from services.store.snapshots import files, scan
from services.store.sums import SummedWriter, is_sum, sum_path
from services.store.sweeping import Swept, require_files_whole, sweep, tables_of
from services.store.tables import append, ensure_table, forget, keep_snapshot, replace_rows
from services.store.warehouse import open_warehouse

NOW = dt.datetime(2026, 1, 1, 6, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
SCHEMA = pa.schema([pa.field("period", pa.string()), pa.field("value", pa.int64())])


@pytest.fixture
def catalog(tmp_path: Path) -> SqlCatalog:
    return open_warehouse(tmp_path, "published")


def table_of(catalog: SqlCatalog) -> Table:
    return ensure_table(catalog, "node.cells", SCHEMA)


def rows(*values: int, period: str = "2025-12") -> pl.DataFrame:
    return pl.DataFrame({"period": [period] * len(values), "value": list(values)})


def add(catalog: SqlCatalog, *values: int) -> None:
    append(table_of(catalog), rows(*values).to_arrow(), {})


def swept(catalog: SqlCatalog, now: dt.datetime) -> Swept:
    return sweep(catalog, tables_of(catalog), now)


def let_go(catalog: SqlCatalog) -> None:
    table = table_of(catalog)
    held = {ref.snapshot_id for ref in table.metadata.refs.values()}
    forget(table, [item.snapshot_id for item in table.metadata.snapshots if item.snapshot_id not in held])


def present(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.parquet") if not is_sum(path))


def test_a_file_goes_a_day_after_the_last_snapshot_that_named_it(catalog: SqlCatalog, tmp_path: Path) -> None:
    for value in range(3):
        add(catalog, value)
    old = files(table_of(catalog))
    assert compact(table_of(catalog), least=2) == 3
    assert swept(catalog, NOW).waiting == 0  # snapshots of before name them
    let_go(catalog)
    assert swept(catalog, NOW).removed == 0
    assert swept(catalog, NOW + DAY - dt.timedelta(seconds=1)).removed == 0
    assert present(tmp_path) == sorted([*old, *files(table_of(catalog))])
    done = swept(catalog, NOW + DAY)
    assert done.removed > 3
    assert done.freed > 0
    assert present(tmp_path) == files(table_of(catalog))
    assert not any(sum_path(path).exists() for path in old)
    assert sorted(scan(table_of(catalog)).collect()["value"]) == [0, 1, 2]


def test_files_of_a_kept_snapshot_stay(catalog: SqlCatalog, tmp_path: Path) -> None:
    add(catalog, 1)
    kept = keep_snapshot(table_of(catalog), "close-2025-12")
    replace_rows(table_of(catalog), rows(2), {})
    let_go(catalog)
    for days in range(4):
        swept(catalog, NOW + days * DAY)
    assert scan(table_of(catalog), kept).collect()["value"].to_list() == [1]
    assert len(present(tmp_path)) == 2


def test_a_file_that_is_being_written_is_left_alone_and_named_ones_do_not_wait(
    catalog: SqlCatalog, tmp_path: Path
) -> None:
    add(catalog, 1)
    data = files(table_of(catalog))[0].parent
    with SummedWriter(data / "under-way.parquet") as file:
        file.write(b"PAR1")
        assert swept(catalog, NOW).waiting == 1
    assert swept(catalog, NOW + dt.timedelta(hours=23)).waiting == 2  # and its checksum, which is newer
    done = swept(catalog, NOW + 2 * DAY)
    assert (done.removed, done.waiting) == (2, 0)
    assert len(present(tmp_path)) == 1


def test_waiting_begins_anew_when_the_list_of_those_that_wait_is_lost(catalog: SqlCatalog, tmp_path: Path) -> None:
    add(catalog, 1)
    data = files(table_of(catalog))[0].parent
    (data / "lost.parquet").write_bytes(b"")
    swept(catalog, NOW)
    (tmp_path / "published" / "unreferenced.json").write_text("{")
    assert swept(catalog, NOW + DAY).removed == 0
    assert swept(catalog, NOW + 2 * DAY).removed == 1


def test_all_damaged_files_are_named(catalog: SqlCatalog) -> None:
    for value in range(3):
        add(catalog, value)
    tables = tables_of(catalog)
    assert require_files_whole(tables) == len([*files(tables[0])]) + 3 + 3 + 1  # lists, manifests, the description
    paths = files(tables[0])
    for path in paths[:2]:
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(Fatal) as caught:
        require_files_whole(tables)
    assert all(path.name in str(caught.value) for path in paths[:2])


def test_a_sweep_removes_nothing_while_a_file_that_lists_others_is_damaged(catalog: SqlCatalog, tmp_path: Path) -> None:
    add(catalog, 1)
    data = files(table_of(catalog))[0].parent
    (data / "lost.parquet").write_bytes(b"")
    swept(catalog, NOW)
    manifest = next(path for path in (tmp_path / "published").rglob("*-m0.avro"))
    manifest.write_bytes(manifest.read_bytes()[:-3])
    with pytest.raises(Fatal, match="damaged"):
        swept(catalog, NOW + 2 * DAY)
    assert (data / "lost.parquet").exists()
