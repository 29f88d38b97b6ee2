"""The private, append-only table `intake`: every event that arrived, with its verdict.

Its commits carry the place on the topic up to which messages were read, in the same transaction as the rows: what was
read is stored, and is not read again. A later decision (a hold, its lifting, a replay) is a further row of the same
parcel and row with the next `attempt`; the highest attempt counts.

Never commit without an append: a commit of properties only succeeds on a stale table and would move the offset back.
"""

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl
import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table

from services.errors import Fatal, Retryable
from services.store.snapshots import scan
from services.store.tables import append, ensure_table

ACCEPTED, QUARANTINED, HELD, DUPLICATE = "accepted", "quarantined", "held", "duplicate"
WITHDRAWN, CORRECTED = "withdrawn", "corrected"
"""Rules of a later `duplicate` about an event that its sender took back. A withdrawn one never counts again; in the
place of a corrected one another comes under its id."""
TABLE = "node.intake"
TYPES = "spiegelnet.types"
"""Property of a snapshot: event types of which its files hold accepted events, in alphabetical order, with commas."""

_TYPES_EVER = "spiegelnet.types-ever"
"""Property of the table: the same of all events that it ever accepted."""
_TRIMMED_PERIODS = "spiegelnet.trimmed-periods"
_TOPIC, _OFFSET = "spiegelnet.topic-id", "spiegelnet.next-offset"
_READING, _EARLIER = "spiegelnet.reading", "spiegelnet.earlier-readings"


def _field(name: str, kind: pa.DataType, *, null: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=null)


SCHEMA = pa.schema(
    [
        _field("parcel_id", pa.binary(16)),
        _field("row", pa.int32()),
        _field("attempt", pa.int32()),
        _field("sender", pa.string()),
        _field("stream", pa.binary(16)),
        _field("sequence", pa.int64()),
        _field("topic_offset", pa.int64()),
        _field("delivery_id", pa.binary(16)),
        _field("event_type", pa.string()),
        _field("version", pa.int32()),
        _field("event_id", pa.binary(16)),
        # The month that the event is about, by its contract; null when the contract names no date.
        _field("period", pa.string(), null=True),
        _field("verdict", pa.string()),
        # Quarantined or held: the rule. Duplicate: where it was before, or that its sender took it back. Accepted:
        # `warn:…`, `lifted:…` or null.
        _field("rule", pa.string(), null=True),
        _field("decided_at", pa.timestamp("us", tz="UTC")),
        _field("received_on", pa.date32()),
        _field("epoch", pa.string()),
        # Avro bytes with the node's own pseudonyms; sealed when quarantined or held. Null for a duplicate, and for a
        # further row about an event whose bytes stand in the row that accepted it.
        _field("payload", pa.binary(), null=True),
    ]
)
STORED = tuple(name for name in SCHEMA.names if name != "decided_at")
"""Columns that rows bring; when they were decided is added as they are stored."""


@dataclass(frozen=True)
class Position:
    """A place on a topic.

    Attributes:
        topic_id: of the topic; one that was made anew has another.
        next_offset: the next message to read.
        reading: 1, and one more each time that a person decided to read on elsewhere after an alarm.
    """

    topic_id: str
    next_offset: int
    reading: int = 1

    @property
    def reading_id(self) -> str:
        """Names a topic as it was read in one go: only within it an offset means one message for good."""
        return self.topic_id if self.reading == 1 else f"{self.topic_id}~{self.reading}"


def open_intake(catalog: SqlCatalog) -> Table:
    """Return the table as it is now; make it when it is not there yet."""
    return ensure_table(catalog, TABLE, SCHEMA)


def position(table: Table) -> Position | None:
    """Return up to where messages were read, or None before the first."""
    if _OFFSET not in table.properties:
        return None
    return Position(table.properties[_TOPIC], int(table.properties[_OFFSET]), int(table.properties.get(_READING, 1)))


def readings(table: Table) -> dict[str, int]:
    """Return up to which offset each reading of a topic was stored, by its id: earlier ones, and the present one."""
    earlier = {name: int(end) for name, end in json.loads(table.properties.get(_EARLIER, "{}")).items()}
    place = position(table)
    return earlier if place is None else {**earlier, place.reading_id: place.next_offset}


def next_reading(before: Position | None, topic_id: str, offset: int) -> Position:
    """Return the position from which a topic is read after a person decided to read on elsewhere."""
    return Position(topic_id, offset, before.reading + 1 if before else 2)


def begin_reading(table: Table, begun: Position, now: dt.datetime) -> None:
    """Move the position to the beginning of another reading; nothing that is stored goes.

    Args:
        table: as it was when that was decided.
        begun: see `next_reading`.
        now: UTC.

    Raises:
        Retryable: another process stored in between.
    """
    nothing = pl.DataFrame(SCHEMA.empty_table()).select(STORED)
    _append(table, nothing, {**_at(begun), _EARLIER: json.dumps(readings(table))}, now)


def store(
    table: Table,
    rows: pl.DataFrame,
    moved_to: Position | None,
    now: dt.datetime,
    at: Callable[[str], None] = lambda _: None,
) -> None:
    """Append rows and move the position on, both or neither.

    Args:
        table: as loaded before the rows were judged.
        rows: columns of `STORED`; may be empty.
        moved_to: the position after these rows; None for decisions about events that were received before.
        now: when it is decided, UTC.
        at: called with the name of each step before it, for tests that end the process there.

    Raises:
        Fatal: the topic is another one than before.
        Retryable: another process stored in between, or the position would not move up.
    """
    if moved_to:
        _require_onward(position(table), moved_to)
    _append(table, rows, _at(moved_to) if moved_to else {}, now, at)


def _append(
    table: Table,
    rows: pl.DataFrame,
    properties: Mapping[str, str],
    now: dt.datetime,
    at: Callable[[str], None] = lambda _: None,
) -> None:
    dated = rows.with_columns(pl.lit(now, dtype=pl.Datetime("us", "UTC")).alias("decided_at"))
    types = types_of(rows.lazy())
    ever = {*types[TYPES].split(","), *accepted_types(table)} - {""}
    at("write")
    append(table, dated.to_arrow(), {**properties, _TYPES_EVER: ",".join(sorted(ever))}, types, at)


def _at(place: Position) -> dict[str, str]:
    """Return the properties of a table that stands there."""
    return {_TOPIC: place.topic_id, _OFFSET: str(place.next_offset), _READING: str(place.reading)}


def types_of(rows: pl.LazyFrame) -> dict[str, str]:
    """Return the property of a snapshot that brings these rows (columns of `SCHEMA`)."""
    accepted = rows.filter(pl.col("verdict") == ACCEPTED, pl.col("payload").is_not_null())
    types = accepted.select(pl.col("event_type").unique().sort()).collect()["event_type"]
    return {TYPES: ",".join(types.to_list())}


def accepted_types(table: Table) -> list[str]:
    """Return the event types of which the table ever accepted an event, in alphabetical order."""
    types = table.properties.get(_TYPES_EVER)
    if types is None:  # of an earlier version: looked up once, the next commit writes it down
        types = types_of(scan(table))[TYPES]
    return [name for name in types.split(",") if name]


def trimmed_periods(table: Table) -> frozenset[str]:
    """Return the periods of which events were removed because they may be kept no longer."""
    return frozenset(period for period in table.properties.get(_TRIMMED_PERIODS, "").split(",") if period)


def note_trimmed(table: Table, gone: pl.LazyFrame) -> dict[str, str]:
    """Return the property of the table that says of which periods events are removed, with these rows."""
    periods = gone.select(pl.col("period").unique().drop_nulls()).collect()["period"].to_list()
    return {_TRIMMED_PERIODS: ",".join(sorted({*periods, *trimmed_periods(table)}))}


def _require_onward(before: Position | None, after: Position) -> None:
    if before and before.topic_id != after.topic_id:
        raise Fatal(
            "This participant's topic is not the one that was read before.",
            "It was removed and made anew, so its offsets mean other messages.",
            "Ask the broker's keeper what happened to it; then read on with `spiegelnet receive … --go-on`.",
        )
    if before and before.reading != after.reading:
        raise Retryable(
            "These messages were read before a person decided to read on elsewhere.", todo="Run the command again."
        )
    if before and after.next_offset <= before.next_offset:
        raise Retryable(
            "These messages were stored before.",
            f"The store has read up to {before.next_offset}, this run up to {after.next_offset}.",
            "Run the command again: it starts where the store is.",
        )
