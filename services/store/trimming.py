"""Rows that may be kept no longer, taken out of a table and out of every snapshot of it that is kept.

A snapshot cannot change. So one that was kept is let go of, and another without these rows takes its place, found by
the same id; each file is written anew once for all snapshots that have it. What is left of the files is removed
later, see `services.store.sweeping`.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

import polars as pl
from pyiceberg.table import Table
from pyiceberg.table.refs import MAIN_BRANCH
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.table.update.snapshot import ManageSnapshots

from services.store.commits import commit, require_same_refs
from services.store.compaction import Describe, nothing
from services.store.rewriting import STANDS_SINCE, Replacement, carried, replace_files, replace_kept
from services.store.snapshots import STANDS_FOR, TRIMMED, DataFile, data_files, scan_files, summary
from services.store.tables import forget, write_files


@dataclass(frozen=True)
class Trimmed:
    """What was taken out.

    Attributes:
        rows: of the table as it is now.
        kept: how many kept snapshots lost rows too.
    """

    rows: int = 0
    kept: int = 0


def trim(table: Table, expired: pl.Expr, describe: Describe = nothing, note: Describe = nothing) -> Trimmed:
    """Take rows out of the table as it is now, and of all snapshots that are kept, in one commit; let go of the others.

    Args:
        table: as it is now.
        expired: which rows; no null.
        describe: gives properties of the new snapshot by the rows of the files that are written anew.
        note: gives properties of the table by the rows that are taken out.

    Raises:
        Retryable: another process committed, or kept a snapshot, in between; nothing was changed.
        NotAllowed, Fatal: see `commit`, and `require_whole`.
    """
    branches = {name: data_files(table, ref.snapshot_id) for name, ref in table.metadata.refs.items()}
    replaced, gone = _without(table, branches, expired)
    touched = {
        name: parts
        for name, files in branches.items()
        if (parts := [replaced[file.stored.file_path] for file in files if file.stored.file_path in replaced])
    }
    if touched:
        paths = [part.gone[0].path for part in replaced.values()]
        properties = {TRIMMED: str(int(table.properties.get(TRIMMED, 0)) + 1)}
        _commit(table, touched, describe, properties | dict(note(scan_files(table, paths).filter(expired))))
        _let_go(table)
    here = touched.pop(MAIN_BRANCH, [])
    return Trimmed(sum(gone[part.gone[0].stored.file_path] for part in here), len(touched))


def drop_kept(table: Table, needed: Collection[int], before: dt.date) -> list[str]:
    """Stop keeping snapshots that nothing rests on any more.

    Args:
        table: as it is now.
        needed: ids of snapshots that stay, however old.
        before: only snapshots made before this day go.

    Returns:
        The names under which they were kept.

    Raises:
        Retryable: another process kept a snapshot in between.
    """
    names = [
        name
        for name, ref in table.metadata.refs.items()
        if name != MAIN_BRANCH
        and (snapshot := table.snapshot_by_id(ref.snapshot_id))
        and int(summary(snapshot).get(STANDS_FOR, snapshot.snapshot_id)) not in needed
        and _since(snapshot) < before
    ]
    if names:
        with commit(table) as changes:
            require_same_refs(changes)
            for name in names:
                ManageSnapshots(changes).remove_tag(name).commit()
        _let_go(table)
    return names


def _without(
    table: Table, branches: dict[str, list[DataFile]], expired: pl.Expr
) -> tuple[dict[str, Replacement], dict[str, int]]:
    """Write anew the files that have such rows; by location what takes their place, and how many rows go."""
    distinct = {file.stored.file_path: file for files in branches.values() for file in files}
    replaced, gone = {}, {}
    for location, file in distinct.items():
        rows = scan_files(table, [file.path])
        count = rows.select(expired.sum()).collect().item()
        if count:
            replaced[location] = Replacement((file,), write_files(table, rows.filter(~expired).collect().to_arrow()))
            gone[location] = int(count)
    return replaced, gone


def _commit(table: Table, touched: dict[str, list[Replacement]], describe: Describe, noted: dict[str, str]) -> None:
    """Stage the newest snapshot first: what is required of it then holds for the whole commit."""
    with commit(table) as changes:
        require_same_refs(changes)
        if parts := touched.get(MAIN_BRANCH):
            paths = [file.path for part in parts for file in part.gone]
            properties = carried(table.current_snapshot()) | dict(describe(scan_files(table, paths)))
            replace_files(changes, parts, properties)
        for name, parts in touched.items():
            snapshot = table.snapshot_by_id(table.metadata.refs[name].snapshot_id)
            if name != MAIN_BRANCH and snapshot:
                replace_kept(changes, name, snapshot, parts)
        changes.set_properties(noted)


def _let_go(table: Table) -> None:
    held = {ref.snapshot_id for ref in table.metadata.refs.values()}
    if free := [item.snapshot_id for item in table.metadata.snapshots if item.snapshot_id not in held]:
        forget(table, free)


def _since(snapshot: Snapshot) -> dt.date:
    """Return the day on which the snapshot was made, or the one that it stands for."""
    made = int(summary(snapshot).get(STANDS_SINCE, snapshot.timestamp_ms))
    return dt.datetime.fromtimestamp(made / 1000, dt.UTC).date()
