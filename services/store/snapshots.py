"""Snapshots of Iceberg tables, read as plain Parquet files.

No table here ever gets a delete file: rows are appended, or the files that hold replaced rows are written anew. So the
files of a snapshot are the table, for any reader of Parquet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot

from services.errors import Fatal
from services.store.warehouse import local_path


@dataclass(frozen=True)
class DataFile:
    """A Parquet file of a table, the snapshot that added it and that snapshot's sequence number."""

    path: Path
    snapshot_id: int
    sequence: int


def data_files(table: Table, snapshot_id: int | None = None, *, after: int = 0) -> list[DataFile]:
    """List the files of a snapshot, oldest first.

    Args:
        table: the table.
        snapshot_id: the newest snapshot by default.
        after: only files that were added by snapshots with a higher sequence number; costs nothing for older ones.

    Raises:
        Fatal: the table has no such snapshot.
    """
    snapshot = _snapshot(table, snapshot_id)
    if snapshot is None:
        return []
    properties = table.catalog.properties
    root, warehouse = Path(properties["spiegelnet.root"]), properties["spiegelnet.warehouse"]
    found = [
        DataFile(local_path(entry.data_file.file_path, root, warehouse), entry.snapshot_id or 0, entry.sequence_number)
        for manifest in snapshot.manifests(table.io)
        if manifest.sequence_number > after
        for entry in manifest.fetch_manifest_entry(table.io)
        if entry.sequence_number is not None and entry.sequence_number > after
    ]
    return sorted(found, key=lambda file: (file.sequence, file.path.name))


def files(table: Table, snapshot_id: int | None = None) -> list[Path]:
    """List the Parquet files of a snapshot (the newest by default), oldest first; see `data_files`."""
    return [file.path for file in data_files(table, snapshot_id)]


def scan(table: Table, snapshot_id: int | None = None) -> pl.LazyFrame:
    """Read a snapshot (the newest by default); without files, no rows of the table's columns."""
    return scan_files(table, files(table, snapshot_id))


def scan_files(table: Table, paths: Sequence[Path]) -> pl.LazyFrame:
    """Read some of a table's files."""
    if not paths:
        return pl.DataFrame(table.schema().as_arrow().empty_table()).lazy()
    return pl.scan_parquet(list(paths))


def sequence_number(table: Table, snapshot_id: int | None = None) -> int:
    """Return the sequence number of a snapshot (the newest by default); 0 for an empty table.

    Raises:
        Fatal: the table has no such snapshot.
    """
    snapshot = _snapshot(table, snapshot_id)
    return (snapshot.sequence_number or 0) if snapshot else 0


def _snapshot(table: Table, snapshot_id: int | None) -> Snapshot | None:
    if snapshot_id is None:
        return table.current_snapshot()
    snapshot = table.snapshot_by_id(snapshot_id)
    if snapshot is None:
        raise Fatal(
            f"Table {'.'.join(table.name())} has no snapshot {snapshot_id}.",
            "It was forgotten, or belongs to another table.",
            "Only snapshots that a release has kept stay readable.",
        )
    return snapshot
