"""Typed tables `events.<type>`: accepted events, decoded, derived from `intake` by a step that may be repeated.

Events of all versions of a type stand in one table, with the columns of the newest. Each table, and each of its
snapshots, carries the sequence number of the `intake` snapshot up to which it was derived, in the same commit as the
rows. An event stands in its table once, whatever is decided about it later: `current_events` leaves out those that are
held now.
"""

from collections.abc import Callable, Mapping, Sequence

import polars as pl
import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table

from services.avro.decode import decode_rows
from services.avro.shape import polars_schema
from services.errors import Retryable
from services.registry import EventType, Registry
from services.store.accepted import accepted_events, candidates, relevant
from services.store.intake import ACCEPTED, TABLE, open_intake
from services.store.ledger import PLACE
from services.store.snapshots import (
    DataFile,
    files_within,
    has_snapshot,
    scan,
    scan_files,
    sequence_number,
    snapshot_of,
    summary,
)
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

IN_TYPED = ("in_parcel", "in_row")
"""Columns of a typed table that name an event, as `PLACE` does in `intake`."""
_WATERMARK = "spiegelnet.intake-sequence"


def table_name(event_type: str) -> str:
    """Return the identifier of an event type's table in the private warehouse."""
    return f"events.{event_type}"


def project(
    catalog: SqlCatalog, registry: Registry, at: Callable[[str], None] = lambda _: None, *, catch_up: bool = False
) -> None:
    """Bring all typed tables up to date with `intake`; one commit per table that has new events.

    Args:
        catalog: of the private warehouse.
        registry: for decoding.
        at: called with the name of each step before it, for tests that end the process there.
        catch_up: whether a table without new events is to say too that it is up to date.

    Raises:
        Retryable: another process did the same at this moment.
        DecodeError: the store is damaged.
    """
    intake = open_intake(catalog)
    now = sequence_number(intake)
    names = registry.names() if catch_up else candidates(intake, registry)
    tables = {name: load_table(catalog, table_name(name)) for name in names}
    files = relevant(intake, {name: watermark(table) for name, table in tables.items()})
    accepted = accepted_events(intake, files, [column for column, _ in ORIGIN.values()])
    for name in names:
        table = tables[name]
        done = watermark(table)
        rows = _not_there(accepted.get(name), files[name], table)
        if rows is not None and rows.height:
            typed = _decoded(registry, name, rows)
            if table is None or not {*typed.column_names} <= {*table.schema().column_names}:
                table = ensure_table(catalog, table_name(name), typed.schema)
        elif table and done < now and (catch_up or files[name]):  # what was looked through needs no second look
            typed = table.schema().as_arrow().empty_table()
        else:
            continue
        if watermark(table) != done:
            raise Retryable(
                f"Another process brought {name} up to date at this moment.",
                "Nothing was stored twice.",
                "Run the command again.",
            )
        at("append typed")
        append(table, typed, {_WATERMARK: str(now)}, {_WATERMARK: str(now)})
        at("typed appended")


def watermark(table: Table | None) -> int:
    """Return the sequence number of `intake` up to which a typed table was derived; 0 when it is not there yet."""
    return int(table.properties.get(_WATERMARK, 0)) if table else 0


def current_events(catalog: SqlCatalog, event_type: EventType, kept: Mapping[str, int] | None = None) -> pl.DataFrame:
    """Return the events of one type that count; see `current_tables`."""
    return current_tables(catalog, [event_type], kept)[event_type.name]


def current_tables(
    catalog: SqlCatalog, event_types: Sequence[EventType], kept: Mapping[str, int] | None = None
) -> dict[str, pl.DataFrame]:
    """Return by type the events that count: accepted, and not held by a later decision.

    Args:
        catalog: of the private warehouse.
        event_types: of each its newest version, whose columns are there; nothing stands in those that an event's own
            version did not have.
        kept: snapshot id by table as `keep_snapshots` gave them, to read what counted then; by default what counts now.

    Returns:
        The event's columns and those of `ORIGIN`.

    Raises:
        Fatal: a snapshot of `kept` is not there any more.
    """
    intake = open_intake(catalog)
    gone = withdrawn(intake, kept)
    tables = {item.name: _whole(_typed(catalog, intake, item, kept), item) for item in event_types}
    return {name: events.join(gone, left_on=IN_TYPED, right_on=PLACE, how="anti") for name, events in tables.items()}


def _typed(catalog: SqlCatalog, intake: Table, event_type: EventType, kept: Mapping[str, int] | None) -> pl.DataFrame:
    """Read a typed table; of a kept snapshot that is ahead of the kept `intake`, only what is in that."""
    name = table_name(event_type.name)
    table = None if kept is not None and name not in kept else load_table(catalog, name)
    if table is None:
        return pl.DataFrame(schema_of(event_type).empty_table())
    events = scan(table, kept[name] if kept else None).collect()
    known = accepted_then(catalog, intake, event_type, kept)
    if known is None:
        return events
    return events.join(known, left_on=IN_TYPED, right_on=PLACE, how="semi", maintain_order="left")


def accepted_then(
    catalog: SqlCatalog, intake: Table, event_type: EventType, kept: Mapping[str, int] | None
) -> pl.DataFrame | None:
    """Return which events of a kept snapshot of a typed table are in the kept `intake`, where that has not all of them.

    Returns:
        Columns `PLACE`; None where all of them are, as in a table as it is now.
    """
    name = table_name(event_type.name)
    table = load_table(catalog, name) if kept is not None and name in kept else None
    if kept is None or table is None:
        return None
    snapshot = snapshot_of(table, kept[name])
    up_to = summary(snapshot).get(_WATERMARK) if snapshot else None
    if up_to is not None and int(up_to) <= sequence_number(intake, kept[TABLE]):
        return None
    accepted = (pl.col("event_type") == event_type.name) & (pl.col("verdict") == ACCEPTED)
    return scan(intake, kept[TABLE]).filter(accepted).select(PLACE).collect()


def _whole(events: pl.DataFrame, event_type: EventType) -> pl.DataFrame:
    """Add the columns that a table has not got yet: no event of the version that brings them has come."""
    columns = polars_schema(event_type.shape)
    return events.with_columns(
        pl.lit(None, kind).alias(name) for name, kind in columns.items() if name not in events.columns
    )


def keep_snapshots(catalog: SqlCatalog, registry: Registry, name: str) -> dict[str, int]:
    """Keep `intake` as it is now under `name`, and the typed tables with at least all that is in it.

    What is kept rests on `intake` alone: events that a typed table has beyond it are not read, see `current_tables`. A
    name once given keeps what it kept first.

    Returns:
        Snapshot id by table; tables without rows are left out.

    Raises:
        Retryable: another process stored something at this moment.
    """
    intake = keep_snapshot(open_intake(catalog), name)
    if intake is None:
        return {}
    project(catalog, registry)
    tables = [load_table(catalog, table_name(known)) for known in registry.names()]
    kept = {".".join(table.name()): keep_snapshot(table, name) for table in tables if table}
    return {TABLE: intake} | {known: snapshot for known, snapshot in kept.items() if snapshot is not None}


def is_kept(catalog: SqlCatalog, kept: Mapping[str, int]) -> bool:
    """Say whether all snapshots of `keep_snapshots` can still be read."""
    tables = {name: load_table(catalog, name) for name in kept}
    return all((table := tables[name]) is not None and has_snapshot(table, kept[name]) for name in kept)


def _not_there(rows: pl.DataFrame | None, files: Sequence[DataFile], table: Table | None) -> pl.DataFrame | None:
    """Of events that files accept, those that are new; a file that was joined of others may hold such as are not."""
    if rows is None or table is None or all(file.written_in == file.sequence for file in files):
        return rows
    known = scan(table).select(IN_TYPED).collect()
    return rows.join(known, left_on=PLACE, right_on=IN_TYPED, how="anti", maintain_order="left")


def _decoded(registry: Registry, name: str, rows: pl.DataFrame) -> pa.Table:
    """Decode by the version in which each event came; columns of the newest version that is known, in its types."""
    newest = registry.get(name)
    parts = [pl.DataFrame(schema=polars_schema(newest.shape))]
    for (version,), part in rows.partition_by("version", as_dict=True).items():
        events = decode_rows(registry.get(name, int(str(version))), part["payload"].to_arrow())
        origin = part.select(pl.col(column).alias(as_name) for as_name, (column, _) in ORIGIN.items())
        parts.append(pl.concat([events, origin], how="horizontal"))
    return pl.concat(parts, how="diagonal").to_arrow().cast(schema_of(newest))


def schema_of(event_type: EventType) -> pa.Schema:
    """Return the columns of an event type's table: the event's own, and those of `ORIGIN`."""
    origin = [pa.field(name, kind, nullable=False) for name, (_, kind) in ORIGIN.items()]
    return pa.schema([*event_type.arrow_schema, *origin])


def withdrawn(intake: Table, kept: Mapping[str, int] | None = None) -> pl.DataFrame:
    """Return the places of events whose latest verdict is a later one, and not `accepted`; `kept` as elsewhere."""
    found = files_within(intake, "attempt", 1, snapshot_id=kept.get(TABLE) if kept else None)  # nearly always none
    later = scan_files(intake, [file.path for file in found]).filter(pl.col("attempt") > 0)
    latest = later.select(*PLACE, "attempt", "verdict").sort("attempt").unique(PLACE, keep="last")
    return latest.filter(pl.col("verdict") != ACCEPTED).select(PLACE).collect()
