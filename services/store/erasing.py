"""Rows that are to be gone at once: out of a table, and with all files that still hold them.

Elsewhere a former state of a table stays for a day, so that whoever began to read it can end. Where a person takes
words back nobody is to end reading them: a query that runs at that moment fails, and finds the table without them when
it is asked again.
"""

from contextlib import suppress
from pathlib import Path

import polars as pl
from pyiceberg.table import Table

from services.store.commits import refreshed
from services.store.sweeping import present_files, unnamed_files
from services.store.tables import forget, replace_rows


def replace_for_good(table: Table, rows: pl.DataFrame) -> int:
    """Put `rows` in the place of all rows of a table, and leave no file of any state before.

    Doing it again does no harm.

    Args:
        table: of which no snapshot is kept under a name.
        rows: all rows of the table.

    Returns:
        How many files were removed.

    Raises:
        Retryable: another process changed the table in between; nothing is lost, run again.
        NotAllowed, Fatal: see `services.store.commits.commit`.
    """
    replace_rows(table, rows, {})
    refreshed(table)
    now = table.metadata.current_snapshot_id
    if former := [item.snapshot_id for item in table.metadata.snapshots if item.snapshot_id != now]:
        forget(table, former)
        refreshed(table)
    return sum(_remove(path, table.metadata.last_updated_ms) for path in unnamed_files(table, present_files(table)))


def _remove(path: Path, before_ms: int) -> int:
    """Remove a file that is older than the table's last commit: a younger one may be of a commit that is being made."""
    with suppress(FileNotFoundError):
        if path.stat().st_mtime_ns // 1_000_000 <= before_ms:
            path.unlink()
            return 1
    return 0
