"""The events that count as views in DuckDB, which reads only what a question needs of their files.

Ten million events are some three gigabytes as a frame; counting them takes a few of their columns.
"""

from collections.abc import Mapping, Sequence

import duckdb
from pyiceberg.catalog.sql import SqlCatalog

from services.duckdb_sql import in_files
from services.registry import EventType
from services.store.events import IN_TYPED, accepted_then, schema_of, table_name, withdrawn
from services.store.intake import open_intake
from services.store.ledger import PLACE
from services.store.snapshots import files
from services.store.tables import load_table

_SAME = " AND ".join(f"p.{place} = e.{typed}" for place, typed in zip(PLACE, IN_TYPED, strict=True))


def current_views(
    con: duckdb.DuckDBPyConnection,
    catalog: SqlCatalog,
    event_types: Sequence[EventType],
    kept: Mapping[str, int] | None = None,
) -> None:
    """Make a view of each event type, under its name, of the events that count.

    Args:
        con: where; the views last as long as it.
        catalog: of the private warehouse.
        event_types: see `services.store.events.current_tables`, of which each view has the rows and columns.
        kept: likewise.

    Raises:
        Fatal: a snapshot of `kept` is not there any more, or a file is damaged.
    """
    intake = open_intake(catalog)
    gone = withdrawn(intake, kept)
    for item in event_types:
        conditions = []
        if gone.height:
            con.register("withdrawn", gone.to_arrow())
            conditions.append(f"NOT EXISTS (SELECT 1 FROM withdrawn p WHERE {_SAME})")
        known = accepted_then(catalog, intake, item, kept)
        if known is not None:
            con.register(f"{item.name}_accepted", known.to_arrow())
            conditions.append(f"EXISTS (SELECT 1 FROM {item.name}_accepted p WHERE {_SAME})")
        stored = _stored(con, catalog, item, kept)
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        con.execute(f"CREATE OR REPLACE VIEW {item.name} AS SELECT e.* FROM {stored} e{where}")


def _stored(
    con: duckdb.DuckDBPyConnection, catalog: SqlCatalog, event_type: EventType, kept: Mapping[str, int] | None
) -> str:
    """Return as SQL all that a typed table holds; a column that its files lack is null."""
    name, nothing = table_name(event_type.name), schema_of(event_type).empty_table()
    table = load_table(catalog, name) if kept is None or name in kept else None
    paths = files(table, kept[name] if kept else None) if table else []
    if not paths:
        con.register(f"{event_type.name}_stored", nothing)
        return f"{event_type.name}_stored"
    read = in_files(paths)
    there = {column for column, *_ in con.execute(f"FROM {read} LIMIT 0").description}
    if there >= {*nothing.column_names}:
        return f"(SELECT {', '.join(nothing.column_names)} FROM {read})"
    kinds = con.from_arrow(nothing)
    columns = (
        column if column in there else f"NULL::{kind} AS {column}"
        for column, kind in zip(kinds.columns, kinds.types, strict=True)
    )
    return f"(SELECT {', '.join(columns)} FROM {read})"
