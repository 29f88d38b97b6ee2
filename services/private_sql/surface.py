"""A DuckDB connection that holds a municipality's own events, without pseudonyms, and can open no file at all.

The events are copied into memory before the connection is locked, so that no path has to be allowed: a question cannot
name the files behind the tables, in which the pseudonyms are. The fences of `services.federation.surface` hold too.
"""

import secrets
from collections.abc import Mapping
from typing import Any

import duckdb
import polars as pl

from services.errors import Fatal
from services.federation.surface import lock
from services.households import under_one_name
from services.network import Network
from services.registry import EventType, Registry
from services.sessions.tables import session_tables
from services.store.events import current_tables
from services.store.warehouse import open_warehouse

SCHEMA = "private"
NUMBERED = {"event_id": "event", "address": "household"}
"""Columns of which each value becomes a number within one question, and what they are then called."""
WITHHELD = ("in_delivery", "in_parcel", "in_row")
"""Columns of `services.store.events.ORIGIN` that name a single event."""
_MEGABYTE = 1_000_000
_SPACE = 1000
"""Megabytes that a question has beside twice the tables."""


def open_private(network: Network, municipality: str) -> duckdb.DuckDBPyConnection:
    """Open `<municipality>.private.<event type>` for reading; pass the connection to `query` only.

    A table holds the events that count now: accepted, and not held by a later decision. One without events is there and
    empty. Beside them are `sessions` and `actions`, see `services.sessions.tables`.

    Raises:
        Fatal: a file of the store is damaged.
        Retryable, NotAllowed: the catalog's database is away, or does not let this participant in.
    """
    root = network.home.participant(municipality).root
    catalog = open_warehouse(root, "private", network.database(municipality))
    event_types = shown_types(network.registry)
    tables = current_tables(catalog, event_types)
    events = {**tables, **under_one_name(tables)}
    frames = numbered({item.name: without_pseudonyms(item, events[item.name]) for item in event_types})
    frames |= session_tables(network, municipality)
    connection = duckdb.connect(":memory:")
    try:
        connection.execute(f"ATTACH ':memory:' AS \"{municipality}\"")
        connection.execute(f'CREATE SCHEMA "{municipality}".{SCHEMA}')
        for name, frame in frames.items():
            connection.register("given", frame)
            connection.execute(f'CREATE TABLE "{municipality}".{SCHEMA}.{name} AS SELECT * FROM given')
            connection.unregister("given")
        size = sum(frame.estimated_size() for frame in frames.values()) // _MEGABYTE
        lock(connection, [], f"{_SPACE + 2 * size}MB")
    except duckdb.Error as error:
        connection.close()
        raise Fatal(
            f"The events of {municipality} could not be opened for a question.",
            f"DuckDB: {type(error).__name__}.",
            "See whether this machine has memory enough for them; `spiegelnet status` tells how many there are.",
        ) from error
    return connection


def shown_types(registry: Registry) -> list[EventType]:
    """Return the newest version of each event type that may come to a municipality."""
    newest = (registry.get(name) for name in registry.names())
    return [item for item in newest if item.contract.receiver != "hub"]


def without_pseudonyms(event_type: EventType, events: pl.DataFrame) -> pl.DataFrame:
    """Leave out what names an event or a household (pseudonyms, ids, and whatever else is bytes), and words of persons.

    The columns of `NUMBERED` stay for now: `numbered` takes them away.
    """
    hidden = {item["name"] for item in event_type.schema["fields"] if _is_hidden(item)}
    hidden |= {name for name, kind in events.schema.items() if _has_bytes(kind)} | set(WITHHELD)
    return events.drop([name for name in events.columns if name in hidden - NUMBERED.keys()])


def numbered(frames: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Put `event` and `household` in the place of event id and address: numbers by chance, the same in all frames.

    So households can be counted, states of one event told from two events, and events joined in a question. Another
    question has other numbers: no answer can be laid beside another, beside the store or beside a parcel.
    """
    found = dict(frames)
    for column, name in NUMBERED.items():
        values = [frame[column] for frame in found.values() if column in frame.columns]
        if values:
            numbers = _by_chance(pl.concat(values), column, name)
            found = {known: _replaced(frame, numbers, column, name) for known, frame in found.items()}
    return {known: _mixed(frame) for known, frame in found.items()}


def _mixed(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows in an order by chance: by their places two answers could be laid beside each other."""
    return frame.sample(fraction=1.0, shuffle=True, seed=secrets.randbits(63))


def _by_chance(values: pl.Series, column: str, name: str) -> pl.DataFrame:
    mixed = _mixed(values.unique().to_frame(column))
    return mixed.with_row_index(name, offset=1).with_columns(pl.col(name).cast(pl.Int64))


def _replaced(frame: pl.DataFrame, numbers: pl.DataFrame, column: str, name: str) -> pl.DataFrame:
    if column not in frame.columns:
        return frame
    joined = frame.join(numbers, on=column, how="left", maintain_order="left")
    return joined.select(name, pl.exclude(name, column))


def _is_hidden(item: Mapping[str, Any]) -> bool:
    """Say whether a field, or a field of a record in it, is a pseudonym or holds words of a person."""
    return item.get("privacy") in ("pseudonym", "text") or any(_is_hidden(inner) for inner in _inner(item.get("type")))


def _inner(kind: object) -> list[Mapping[str, Any]]:
    """Fields of the records in an Avro type."""
    if isinstance(kind, list):
        return [field for part in kind for field in _inner(part)]
    if isinstance(kind, dict):
        return [*kind.get("fields", []), *_inner(kind.get("items")), *_inner(kind.get("values"))]
    return []


def _has_bytes(kind: Any) -> bool:
    """Say whether a column's type is bytes or holds bytes; Polars gives a type as its class or as one of it."""
    if isinstance(kind, pl.List | pl.Array):
        return _has_bytes(kind.inner)
    if isinstance(kind, pl.Struct):
        return any(_has_bytes(item.dtype) for item in kind.fields)
    return bool(kind == pl.Binary)
