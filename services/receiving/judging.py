"""From opened parcels to a verdict on every event: duplicate, quarantined, held or accepted, in this order.

An event whose id is accepted or held already, for the same sender, is a duplicate and is not judged again. Of equal ids
in one micro-batch the first that passes is taken, so that a mended row after its faulty one counts.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from services.gate.rows import JUDGED, gate
from services.privacy.header import Header, InnerHeader
from services.receiving.naming import knowing
from services.receiving.pairing import with_pairs
from services.receiving.words import with_words
from services.registry import EventType, Registry
from services.store.intake import ACCEPTED, DUPLICATE, HELD, QUARANTINED
from services.store.ledger import IDENTITY, STREAM, Ledger
from services.store.node import NodeStore

REPEATED, SEEN_BEFORE = "repeated_in_delivery", "seen_before"
"""Why an event is a duplicate: it was in the same delivery, or came before: in another one, or in this one when it was
sent for the first time (a sender that lost its outbox sends its files again, in other streams)."""
WARNED = "warn:"
"""Prefix of the rules that an accepted event broke without being stopped."""


@dataclass(frozen=True)
class OpenedParcel:
    """A parcel that was verified, opened and strictly decoded.

    Attributes:
        header: its clear header, proven.
        inner: what it is about.
        frame: its events, with this node's own pseudonyms; words of persons are open in it.
        rows: the Avro bytes of the same events, in the same order; words of persons are sealed in them.
        offset: on the topic.
        received_at: when the broker got it, UTC.
    """

    header: Header
    inner: InnerHeader
    frame: pl.DataFrame
    rows: pa.Array
    offset: int
    received_at: dt.datetime


ARRIVAL = pl.Schema(
    {
        "_row": pl.Int64,
        "parcel_id": pl.Binary,
        "row": pl.Int32,
        "attempt": pl.Int32,
        "sender": pl.String,
        "stream": pl.Binary,
        "sequence": pl.Int64,
        "topic_offset": pl.Int64,
        "delivery_id": pl.Binary,
        "event_type": pl.String,
        "version": pl.Int32,
        "event_id": pl.Binary,
        "period": pl.String,
        "received_on": pl.Date,
        "epoch": pl.String,
        "payload": pl.Binary,
    }
)
"""Columns of an event that arrived, before its verdict; `_row` numbers those of one micro-batch."""
_OF_PARCEL: Final = {
    name: ARRIVAL[name]
    for name in (
        "parcel_id",
        "sender",
        "stream",
        "sequence",
        "topic_offset",
        "delivery_id",
        "event_type",
        "version",
        "received_on",
        "epoch",
    )
}
_OF_EVENT: Final = ("_row", "event_id", "period")


def judged(node: NodeStore, registry: Registry, ledger: Ledger, parcels: Sequence[OpenedParcel]) -> pl.DataFrame:
    """Give every event of `parcels` (in the order of the topic) its verdict, before rules about whole deliveries.

    Returns:
        Columns of `ARRIVAL`, `verdict` and `rule`.

    Raises:
        Fatal: a contract's rule cannot be run at all.
    """
    kinds = _by_type(registry, parcels)
    arrivals = _arrivals(kinds, parcels)
    taken = ledger.taken(arrivals.select(IDENTITY))
    arrivals = arrivals.join(taken, on=IDENTITY, how="left", maintain_order="left")
    unknown = arrivals.filter(pl.col("taken_in").is_null()).select("_row")
    found = [
        gate(
            event_type,
            with_known(
                node, registry, ledger, event_type, frame.join(unknown, on="_row", how="semi", maintain_order="left")
            ),
        )
        for event_type, frame in _with_contexts(node, kinds, arrivals)
    ]
    judgements = pl.concat([JUDGED.to_frame(), *found])
    return verdicts(arrivals.join(judgements, on="_row", how="left", maintain_order="left"))


def verdicts(rows: pl.DataFrame) -> pl.DataFrame:
    """Turn what was found about events into verdicts.

    Args:
        rows: columns of `ARRIVAL`; `taken_in` and `taken_by`, the delivery and the stream that brought the same event
            before; and what the gate found: `rule`, `error` and `warned`.

    Returns:
        Columns of `ARRIVAL`, `verdict` and `rule`.
    """
    passes = pl.col("taken_in").is_null() & pl.col("rule").is_null()
    first = pl.col("_row").filter(passes).min().over(IDENTITY)
    first_in = pl.col("delivery_id").filter(passes).first().over(IDENTITY)
    first_by = STREAM.filter(passes).first().over(IDENTITY)
    later = pl.col("_row") > first
    taken_in = pl.coalesce("taken_in", pl.when(later).then(first_in))
    taken_by = pl.coalesce("taken_by", pl.when(later).then(first_by))
    repeated = (taken_in == pl.col("delivery_id")) & (taken_by == STREAM)
    again = pl.when(repeated).then(pl.lit(REPEATED)).otherwise(pl.lit(SEEN_BEFORE))
    return rows.with_columns(taken_in.alias("taken_in"), again.alias("again")).select(
        *ARRIVAL.names(),
        pl.when(pl.col("taken_in").is_not_null())
        .then(pl.lit(DUPLICATE))
        .when(pl.col("error").is_not_null())
        .then(pl.lit(HELD))
        .when(pl.col("rule").is_not_null())
        .then(pl.lit(QUARANTINED))
        .otherwise(pl.lit(ACCEPTED))
        .alias("verdict"),
        pl.when(pl.col("taken_in").is_not_null())
        .then("again")
        .otherwise(pl.coalesce("error", "rule", WARNED + pl.col("warned")))
        .alias("rule"),
    )


def with_known(
    node: NodeStore, registry: Registry, ledger: Ledger, event_type: EventType, frame: pl.DataFrame
) -> pl.DataFrame:
    """Add to events what rules may ask: of what came before (`knowing`, `with_pairs`) and of words (`with_words`)."""
    known = with_pairs(node, registry, event_type, knowing(ledger, event_type, frame))
    return with_words(event_type, known)


def with_context(node: NodeStore, frame: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """Add to events what rules may compare them with.

    Args:
        node: who received them.
        frame: the events' own columns.
        events: `_row`, `sender` and `received_on` of the same events, in the same order.
    """
    kind = pl.col("sender").replace_strict(node.sender_kinds, default=None, return_dtype=pl.String)
    context = events.select("_row", "sender", kind.alias("sender_kind"), "received_on")
    return pl.concat([frame, context.with_columns(pl.lit(node.participant).alias("received_by"))], how="horizontal")


def period(event_type: EventType, frame: pl.DataFrame) -> pl.Series:
    """Return the month or other period that each event is about, by its contract; null when it names no field."""
    column = event_type.contract.period_field
    if column is None:
        return pl.Series([None] * frame.height, dtype=pl.String)
    values: pl.Series = frame[column]
    return values.dt.strftime("%Y-%m") if values.dtype == pl.Date else values


def _by_type(registry: Registry, parcels: Sequence[OpenedParcel]) -> list[tuple[EventType, pl.DataFrame]]:
    """Return the events of all parcels by type and version, with `_row`, their number among all events."""
    groups: dict[tuple[str, int], list[tuple[pl.DataFrame, NDArray[np.int64]]]] = {}
    start = 0
    for parcel in parcels:
        rows = np.arange(start, start + parcel.frame.height)
        groups.setdefault((parcel.inner.event_type, parcel.inner.version), []).append((parcel.frame, rows))
        start += parcel.frame.height
    return [
        (
            registry.get(name, version),
            pl.concat([frame for frame, _ in parts]).with_columns(
                pl.Series("_row", np.concatenate([rows for _, rows in parts]), pl.Int64)
            ),
        )
        for (name, version), parts in groups.items()
    ]


def _arrivals(kinds: Sequence[tuple[EventType, pl.DataFrame]], parcels: Sequence[OpenedParcel]) -> pl.DataFrame:
    heights = np.array([parcel.frame.height for parcel in parcels], np.int64)
    ends = heights.cumsum()
    shared = pl.DataFrame([_shared(parcel) for parcel in parcels], schema=_OF_PARCEL, orient="row")
    whole = shared.select(pl.all().gather(np.repeat(np.arange(len(parcels)), heights)))
    own = [frame.select("_row", "event_id", period(event_type, frame).alias("period")) for event_type, frame in kinds]
    in_order = pl.concat([pl.DataFrame(schema={name: ARRIVAL[name] for name in _OF_EVENT}), *own]).sort("_row")
    payload = pa.chunked_array([parcel.rows for parcel in parcels], pa.large_binary())
    return (
        pl.concat([whole, in_order], how="horizontal")
        .with_columns(
            pl.Series("row", np.arange(len(in_order)) - np.repeat(ends - heights, heights), pl.Int32),
            pl.lit(0, pl.Int32).alias("attempt"),
            pl.Series("payload", payload, pl.Binary),
        )
        .select(ARRIVAL.names())
    )


def _shared(parcel: OpenedParcel) -> tuple[Any, ...]:
    """What is the same for all events of a parcel, see `_OF_PARCEL`."""
    header, inner = parcel.header, parcel.inner
    return (
        header.parcel_id,
        header.sender,
        header.stream,
        header.sequence,
        parcel.offset,
        inner.delivery_id,
        inner.event_type,
        inner.version,
        parcel.received_at.date(),
        inner.epoch,
    )


def _with_contexts(
    node: NodeStore, kinds: Sequence[tuple[EventType, pl.DataFrame]], arrivals: pl.DataFrame
) -> Iterable[tuple[EventType, pl.DataFrame]]:
    """Yield the events by type and version, with what rules may compare them with."""
    compared = arrivals.select("_row", "sender", "received_on")
    for event_type, frame in kinds:
        yield event_type, with_context(node, frame.drop("_row"), compared[frame["_row"]])
