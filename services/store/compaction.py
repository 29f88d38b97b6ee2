"""Many small files of a table joined to few larger ones, with the same rows in the same order.

Files that are set apart by a column's value (`ensure_table`) stay apart; of these tables the order means nothing.
"""

from collections.abc import Callable, Collection, Iterator, Mapping

import polars as pl
from pyiceberg.table import Table

from services.store.commits import commit, require_same_refs
from services.store.rewriting import Replacement, carried, replace_files
from services.store.snapshots import DataFile, data_files, scan_files
from services.store.tables import write_files

SMALL_BYTES = 8 << 20
"""A file of this size is not joined with others any more."""
TARGET_BYTES = 32 << 20
LEAST_FILES = 8
"""Fewer are left as they are: each row is written anew a few times only, while its file grows."""


Describe = Callable[[pl.LazyFrame], Mapping[str, str]]


def nothing(_: pl.LazyFrame) -> Mapping[str, str]:
    """Say nothing of rows."""
    return {}


def compact(table: Table, cuts: Collection[int] = (), describe: Describe = nothing, *, least: int = LEAST_FILES) -> int:
    """Join small files in one commit.

    Args:
        table: as it is now.
        cuts: sequence numbers; rows that came up to one of them stay in other files than those that came after.
        describe: gives properties of the new snapshot by the rows that are written anew.
        least: files that are worth to be joined.

    Returns:
        How many files were joined.

    Raises:
        Retryable: another process committed, or kept a snapshot, in between; nothing was changed.
        NotAllowed, Fatal: see `commit`, and `require_whole`.
    """
    places: dict[tuple[int, str], list[DataFile]] = {}
    for file in data_files(table):
        places.setdefault((file.stored.spec_id, repr(file.stored.partition)), []).append(file)
    groups = [group for files in places.values() for group in _groups(files, sorted(cuts)) if len(group) >= least]
    if not groups:
        return 0
    replaced = [
        Replacement(
            tuple(group), write_files(table, scan_files(table, [file.path for file in group]).collect().to_arrow())
        )
        for group in groups
    ]
    properties = carried(table.current_snapshot()) | dict(
        describe(scan_files(table, [file.path for group in groups for file in group]))
    )
    with commit(table) as changes:
        require_same_refs(changes)  # a snapshot that was kept since is a further cut
        replace_files(changes, replaced, properties)
    return sum(len(group) for group in groups)


def _groups(files: list[DataFile], cuts: list[int]) -> Iterator[list[DataFile]]:
    """Put neighbours together, up to the target; a file is never moved past another one."""
    group: list[DataFile] = []
    size = 0
    for file in files:
        own = file.stored.file_size_in_bytes
        apart = group and any(group[-1].sequence <= cut < file.sequence for cut in cuts)
        if apart or own >= SMALL_BYTES or size + own > TARGET_BYTES:
            yield group
            group, size = [], 0
        if own < SMALL_BYTES:
            group.append(file)
            size += own
    yield group
