"""Typed tables `events.<type>`: accepted events, decoded, derived from `intake` by a step that may be repeated.

Each table carries the sequence number of the `intake` snapshot up to which it was derived, in the same commit as the
rows. An event stands in its table once, whatever is decided about it later: `current_events` leaves out those that are
held now.
"""

from collections.abc import Callable, Mapping, Sequence

import polars as pl
import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot

from services.avro.decode import decode_rows
from services.registry import EventType, Registry
from services.store.intake import ACCEPTED, TABLE, TYPES, open_intake
from services.store.ledger import PLACE
from services.store.snapshots import DataFile, data_files, scan, scan_files, sequence_number
from services.store.tables import append, ensure_table, keep_snapshot, load_table

ORIGIN = {
    "sent_by": ("sender", pa.string()),
    "in_delivery": ("delivery_id", pa.binary(16)),
    "in_parcel": ("parcel_id", pa.binary(16)),
    "in_row": ("row", pa.int32()),
    "received_on": ("received_on", pa.date32()),
    "epoch": ("epoch", pa.string()),
}
"""Columns of every typed table behind those of the event, and where `intake` has them."""

_WATERMARK = "spiegelnet.intake-sequence"


def table_name(event_type: str) -> str:
    """Return the identifier of an event type's table in the private warehouse."""
    return f"events.{event_type}"


def project(catalog: SqlCatalog, registry: Registry, at: Callable[[str], None]) -> None:
    """Bring all typed tables up to date with `intake`; one commit per table that has new events.

    Args:
        catalog: of the private warehouse.
        registry: for decoding.
        at: called with the name of each step before it, for tests that end the process there.

    Raises:
        Retryable: another process did the same at this moment.
        DecodeError: the store is damaged.
    """
    intake = open_intake(catalog)
    now = sequence_number(intake)
    for name in _candidates(intake, registry):
        table = load_table(catalog, table_name(name))
        done = int(table.properties.get(_WATERMARK, 0)) if table else 0
        rows = _accepted(intake, _relevant(intake, name, done), name)
        if rows.height:
            typed = _decoded(registry, name, rows)
            table = table or ensure_table(catalog, table_name(name), typed.schema)
            at("append typed")
            append(table, typed, {_WATERMARK: str(now)})
            at("typed appended")


def current_events(catalog: SqlCatalog, event_type: EventType, kept: Mapping[str, int] | None = None) -> pl.DataFrame:
    """Return the events of one type that count; see `current_tables`."""
    return current_tables(catalog, [event_type], kept)[event_type.name]


def current_tables(
    catalog: SqlCatalog, event_types: Sequence[EventType], kept: Mapping[str, int] | None = None
) -> dict[str, pl.DataFrame]:
    """Return by type the events that count: accepted, and not held by a later decision.

    Args:
        catalog: of the private warehouse.
        event_types: of each its newest version; names the columns when there are no events.
        kept: snapshot id by table as `keep_snapshots` gave them, to read what counted then; by default what counts now.

    Returns:
        The event's columns and those of `ORIGIN`.

    Raises:
        Fatal: a snapshot of `kept` is not there any more.
    """
    withdrawn = _withdrawn(open_intake(catalog), kept.get(TABLE) if kept else None).collect()
    return {item.name: _current(catalog, item, kept, withdrawn) for item in event_types}


def _current(
    catalog: SqlCatalog, event_type: EventType, kept: Mapping[str, int] | None, withdrawn: pl.DataFrame
) -> pl.DataFrame:
    name = table_name(event_type.name)
    table = None if kept is not None and name not in kept else load_table(catalog, name)
    if table is None:
        return pl.DataFrame(_schema(event_type).empty_table())
    events = scan(table, kept[name] if kept else None).collect()
    if withdrawn.is_empty():
        return events
    return events.join(withdrawn, left_on=["in_parcel", "in_row"], right_on=PLACE, how="anti")


def keep_snapshots(catalog: SqlCatalog, registry: Registry, name: str) -> dict[str, int]:
    """Keep `intake` and the typed tables as they are now under `name`; a name once given keeps what it kept first.

    Returns:
        Snapshot id by table; tables without rows are left out.

    Raises:
        Retryable: another process stored something at this moment.
    """
    tables = [load_table(catalog, known) for known in (TABLE, *map(table_name, registry.names()))]
    kept = {".".join(table.name()): keep_snapshot(table, name) for table in tables if table}
    return {known: snapshot for known, snapshot in kept.items() if snapshot is not None}


def _candidates(intake: Table, registry: Registry) -> Sequence[str]:
    """Types that may have something new: those that snapshots name, or all when old snapshots are forgotten."""
    snapshots = intake.metadata.snapshots
    if len(snapshots) < sequence_number(intake):
        return registry.names()
    return sorted({name for snapshot in snapshots for name in _types(snapshot)})


def _relevant(intake: Table, name: str, after: int) -> list[DataFile]:
    """Files since a sequence number; those whose snapshot did not accept any event of the type are left out."""
    known = {snapshot.snapshot_id: name in _types(snapshot) for snapshot in intake.metadata.snapshots}
    recent = [snapshot for snapshot in intake.metadata.snapshots if (snapshot.sequence_number or 0) > after]
    if len(recent) == sequence_number(intake) - after and not any(known[item.snapshot_id] for item in recent):
        return []
    return [file for file in data_files(intake, after=after) if known.get(file.snapshot_id, True)]


def _types(snapshot: Snapshot) -> list[str]:
    summary = snapshot.summary.additional_properties if snapshot.summary else {}
    return [name for name in summary.get(TYPES, "").split(",") if name]


def _accepted(intake: Table, files: Sequence[DataFile], name: str) -> pl.DataFrame:
    """Events that `files` accept; a further row without payload is about an event that was accepted before."""
    new = (pl.col("event_type") == name) & (pl.col("verdict") == ACCEPTED) & pl.col("payload").is_not_null()
    columns = [column for column, _ in ORIGIN.values()]
    return (
        scan_files(intake, [file.path for file in files]).filter(new).select(*columns, "version", "payload").collect()
    )


def _decoded(registry: Registry, name: str, rows: pl.DataFrame) -> pa.Table:
    """Decode by the version in which each event came; columns of the newest version, in its types."""
    newest = registry.get(name, int(rows.select(pl.col("version").max()).item()))
    parts = []
    for (version,), part in rows.group_by("version", maintain_order=True):
        events = decode_rows(registry.get(name, int(str(version))), part["payload"].to_arrow())
        origin = part.select(pl.col(column).alias(as_name) for as_name, (column, _) in ORIGIN.items())
        parts.append(pl.concat([events, origin], how="horizontal"))
    return pl.concat(parts, how="diagonal").to_arrow().cast(_schema(newest))


def _schema(event_type: EventType) -> pa.Schema:
    origin = [pa.field(name, kind, nullable=False) for name, (_, kind) in ORIGIN.items()]
    return pa.schema([*event_type.arrow_schema, *origin])


def _withdrawn(intake: Table, snapshot_id: int | None) -> pl.LazyFrame:
    """Places of events whose latest verdict is a later one than the first, and not `accepted`."""
    later = scan(intake, snapshot_id).filter(pl.col("attempt") > 0).select(*PLACE, "attempt", "verdict")
    latest = later.sort("attempt").unique(PLACE, keep="last")
    return latest.filter(pl.col("verdict") != ACCEPTED).select(PLACE)
