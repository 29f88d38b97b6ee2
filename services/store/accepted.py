"""Accepted events in `intake`, found and read for the typed tables: by type, those of some files, all types at once."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot

from services.registry import Registry
from services.store.intake import ACCEPTED, TYPES, accepted_types
from services.store.snapshots import DataFile, data_files, scan_files, sequence_number, summary


def candidates(intake: Table, registry: Registry) -> Sequence[str]:
    """Types that may have something new: those that snapshots name, or all ever accepted when some are forgotten."""
    snapshots = intake.metadata.snapshots
    if len(snapshots) < sequence_number(intake):
        ever = accepted_types(intake)
        return [name for name in registry.names() if name in ever]
    return sorted({name for snapshot in snapshots for name in _types(snapshot)})


def relevant(intake: Table, done: Mapping[str, int]) -> dict[str, list[DataFile]]:
    """List by type the files since a sequence number; those whose snapshot did not accept any event of it are left out.

    Args:
        intake: the table.
        done: by type the sequence number.
    """
    types = {item.snapshot_id: _types(item) for item in intake.metadata.snapshots}
    numbers = {item.snapshot_id: item.sequence_number or 0 for item in intake.metadata.snapshots}
    now = sequence_number(intake)

    def may_have(name: str, after: int) -> bool:
        recent = [types[snapshot] for snapshot, number in numbers.items() if number > after]
        return len(recent) != now - after or any(name in known for known in recent)

    asked = {name: after for name, after in done.items() if may_have(name, after)}
    files = data_files(intake, after=min(asked.values())) if asked else []
    brought = {
        name: [file for file in files if file.sequence > after and name in types.get(file.snapshot_id, [name])]
        for name, after in asked.items()
    }
    return {name: brought.get(name, []) for name in done}


def accepted_events(
    intake: Table, files: Mapping[str, Sequence[DataFile]], columns: Sequence[str]
) -> dict[str, pl.DataFrame]:
    """Read by type the events that files accept; types with the same files, nearly always all of them, at once.

    A further row without payload is about an event that was accepted before.

    Args:
        intake: the table.
        files: by type.
        columns: of `intake`, beside `event_type`, `version` and `payload`.
    """
    together: dict[tuple[Path, ...], list[str]] = {}
    for name, some in files.items():
        together.setdefault(tuple(file.path for file in some), []).append(name)
    found: dict[str, pl.DataFrame] = {}
    for paths, names in together.items():
        if paths:
            new = pl.col("event_type").is_in(names) & (pl.col("verdict") == ACCEPTED) & pl.col("payload").is_not_null()
            rows = scan_files(intake, paths).filter(new).select(*columns, "event_type", "version", "payload").collect()
            found |= {str(name): part for (name,), part in rows.partition_by("event_type", as_dict=True).items()}
    return found


def _types(snapshot: Snapshot) -> list[str]:
    return [name for name in summary(snapshot).get(TYPES, "").split(",") if name]
