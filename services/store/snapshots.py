"""Snapshots of Iceberg tables, read as plain Parquet files.

No table here ever gets a delete file: rows are appended, or the files that hold replaced rows are written anew. So the
files of a snapshot are the table, for any reader of Parquet. Each file has the sequence number of the commit that
brought its rows, also when the file was written anew since (`services.store.rewriting`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import polars as pl
from pyiceberg.conversions import from_bytes
from pyiceberg.manifest import DataFile as IcebergFile
from pyiceberg.manifest import ManifestEntry, ManifestFile
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.types import PrimitiveType

from services.errors import Fatal
from services.store.local_files import path_of
from services.store.sums import require_whole
from services.store.unchanged import Unchanged

STANDS_FOR = "spiegelnet.stands-for"
"""Property of a snapshot in the place of a kept one, without rows that may be kept no longer: the id of that one."""
STANDS_AT = "spiegelnet.stands-at"
"""And the sequence number of that one."""

TRIMMED = "spiegelnet.trimmed"
"""Property of a table: how often rows were taken out of it that may be kept no longer."""

_MANIFESTS: Final = Unchanged[list[ManifestEntry]]()


@dataclass(frozen=True)
class DataFile:
    """A Parquet file of a table.

    Attributes:
        path: where it is.
        snapshot_id: the snapshot that added it.
        sequence: number of the commit that brought its rows, the last of them when they came by several.
        written_in: number of the commit that added the file; higher than `sequence` when it was written anew.
        stored: as the table's manifests have it.
    """

    path: Path
    snapshot_id: int
    sequence: int
    written_in: int
    stored: IcebergFile


def data_files(table: Table, snapshot_id: int | None = None, *, after: int = 0) -> list[DataFile]:
    """List the files of a snapshot, in the order in which their rows came.

    Args:
        table: the table.
        snapshot_id: the newest snapshot by default.
        after: only files with rows of commits with a higher sequence number; costs nothing for older ones.

    Raises:
        Fatal: the table has no such snapshot, or a file that describes it is damaged.
    """
    snapshot = snapshot_of(table, snapshot_id)
    if snapshot is None:
        return []
    found = [
        DataFile(
            path_of(entry.data_file.file_path, table.catalog.properties),
            entry.snapshot_id or 0,
            entry.sequence_number,
            entry.file_sequence_number or entry.sequence_number,
            entry.data_file,
        )
        for manifest in snapshot.manifests(table.io)
        if manifest.sequence_number > after
        for entry in _entries(manifest, table)
        if entry.sequence_number is not None and entry.sequence_number > after
    ]
    return sorted(found, key=lambda file: (file.sequence, file.path.name))


def _entries(manifest: ManifestFile, table: Table) -> list[ManifestEntry]:
    where = path_of(manifest.manifest_path, table.catalog.properties)
    return _MANIFESTS.of(where, lambda: manifest.fetch_manifest_entry(table.io))


def files(table: Table, snapshot_id: int | None = None) -> list[Path]:
    """List the Parquet files of a snapshot (the newest by default), see `data_files`; they are as they were written.

    Raises:
        Fatal: see `data_files`, and `require_whole`.
    """
    paths = [file.path for file in data_files(table, snapshot_id)]
    for path in paths:
        require_whole(path)
    return paths


def scan(table: Table, snapshot_id: int | None = None) -> pl.LazyFrame:
    """Read a snapshot (the newest by default); without files, no rows of the table's columns."""
    return scan_files(table, files(table, snapshot_id))


def scan_files(table: Table, paths: Sequence[Path], *, file_as: str | None = None) -> pl.LazyFrame:
    """Read some of a table's files; a column that is younger than a file holds nothing there.

    Args:
        table: the table.
        paths: which files.
        file_as: name of a further column, with the path of the file that a row is in.

    Raises:
        Fatal: a file is damaged; see `require_whole`.
    """
    for path in paths:
        require_whole(path)
    empty = pl.DataFrame(table.schema().as_arrow().empty_table())
    if not paths:
        return empty.with_columns(pl.lit(None, pl.String).alias(file_as) if file_as else []).lazy()
    return pl.scan_parquet(list(paths), schema=empty.schema, missing_columns="insert", include_file_paths=file_as)


def files_within(
    table: Table, column: str, lowest: Any, highest: Any = None, snapshot_id: int | None = None
) -> list[DataFile]:
    """List the files of a snapshot that may hold a value within bounds, by what was written down when they were made.

    Args:
        table: the table.
        column: an integer or a short text.
        lowest: the bound below, itself included.
        highest: the bound above, likewise; None for none.
        snapshot_id: the newest by default.

    Raises:
        Fatal: see `data_files`.
    """
    field = table.schema().find_field(column)
    kind = cast(PrimitiveType, field.field_type)

    def may_hold(file: DataFile) -> bool:
        bounds = (file.stored.lower_bounds or {}, file.stored.upper_bounds or {})
        if any(field.field_id not in known for known in bounds):
            return True
        first, last = (from_bytes(kind, known[field.field_id]) for known in bounds)
        return bool(last >= lowest and (highest is None or first <= highest))

    return [file for file in data_files(table, snapshot_id) if may_hold(file)]


def sequence_number(table: Table, snapshot_id: int | None = None) -> int:
    """Return the sequence number of a snapshot (the newest by default); 0 for an empty table.

    Raises:
        Fatal: the table has no such snapshot.
    """
    snapshot = snapshot_of(table, snapshot_id)
    if snapshot is None:
        return 0
    return int(summary(snapshot).get(STANDS_AT, 0)) or snapshot.sequence_number or 0


def summary(snapshot: Snapshot) -> dict[str, str]:
    """Return the properties of a snapshot."""
    return dict(snapshot.summary.additional_properties) if snapshot.summary else {}


def has_snapshot(table: Table, snapshot_id: int) -> bool:
    """Say whether a snapshot, or the one that stands for it, can still be read."""
    return _found(table, snapshot_id) is not None


def snapshot_of(table: Table, snapshot_id: int | None) -> Snapshot | None:
    """Return a snapshot, or the one that stands for it; the newest by default, None for an empty table.

    Raises:
        Fatal: the table has no such snapshot.
    """
    if snapshot_id is None:
        return table.current_snapshot()
    snapshot = _found(table, snapshot_id)
    if snapshot is None:
        raise Fatal(
            f"Table {'.'.join(table.name())} has no snapshot {snapshot_id}.",
            "It was let go of, or belongs to another table.",
            "Only snapshots that a close has kept stay readable, and those not longer than contracts allow.",
        )
    return snapshot


def _found(table: Table, snapshot_id: int) -> Snapshot | None:
    standing = (item for item in table.metadata.snapshots if summary(item).get(STANDS_FOR) == str(snapshot_id))
    return table.snapshot_by_id(snapshot_id) or next(standing, None)
