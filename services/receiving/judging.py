"""From opened parcels to a verdict on every event: duplicate, quarantined, held or accepted, in this order.

An event whose id is accepted or held already, for the same sender, is a duplicate and is not judged again. Of equal ids
in one micro-batch the first that passes is taken, so that a mended row after its faulty one counts.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

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


def judged(node: NodeStore, registry: Registry, ledger: Ledger, parcels: Sequence[OpenedParcel]) -> pl.DataFrame:
    """Give every event of `parcels` (in the order of the topic) its verdict, before rules about whole deliveries.

    Returns:
        Columns of `ARRIVAL`, `verdict` and `rule`.

    Raises:
        Fatal: a contract's rule cannot be run at all.
    """
    arrivals = _arrivals(registry, parcels)
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
        for event_type, frame in _frames(node, registry, parcels)
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


def _arrivals(registry: Registry, parcels: Sequence[OpenedParcel]) -> pl.DataFrame:
    parts = [_arrival(registry, parcel) for parcel in parcels]
    rows = pl.concat(parts) if parts else ARRIVAL.to_frame().drop("_row")
    return rows.with_row_index("_row").with_columns(pl.col("_row").cast(pl.Int64))


def _arrival(registry: Registry, parcel: OpenedParcel) -> pl.DataFrame:
    header, inner = parcel.header, parcel.inner
    event_type = registry.get(inner.event_type, inner.version)
    own = {
        "row": pl.int_range(parcel.frame.height, dtype=pl.Int32, eager=True),
        "event_id": parcel.frame["event_id"],
        "period": period(event_type, parcel.frame),
        "payload": pl.Series(parcel.rows, dtype=pl.Binary),
    }
    shared = {
        "parcel_id": header.parcel_id,
        "attempt": 0,
        "sender": header.sender,
        "stream": header.stream,
        "sequence": header.sequence,
        "topic_offset": parcel.offset,
        "delivery_id": inner.delivery_id,
        "event_type": inner.event_type,
        "version": inner.version,
        "received_on": parcel.received_at.date(),
        "epoch": inner.epoch,
    }
    literals = [pl.lit(value, dtype=ARRIVAL[name]).alias(name) for name, value in shared.items()]
    return pl.DataFrame(own).with_columns(literals).select(ARRIVAL.names()[1:])


def _frames(
    node: NodeStore, registry: Registry, parcels: Sequence[OpenedParcel]
) -> Iterable[tuple[EventType, pl.DataFrame]]:
    """Yield the events of all parcels by type and version, with `_row` and what rules may compare them with."""
    groups: dict[tuple[str, int], list[pl.DataFrame]] = {}
    start = 0
    for parcel in parcels:
        height = parcel.frame.height
        events = pl.DataFrame({"_row": pl.int_range(start, start + height, eager=True)}).with_columns(
            pl.lit(parcel.header.sender).alias("sender"), pl.lit(parcel.received_at.date()).alias("received_on")
        )
        frame = with_context(node, parcel.frame, events)
        groups.setdefault((parcel.inner.event_type, parcel.inner.version), []).append(frame)
        start += height
    for (name, version), frames in groups.items():
        yield registry.get(name, version), pl.concat(frames)
