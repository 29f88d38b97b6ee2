"""Landing: opened parcels become rows of `intake` with a verdict each, and accepted events reach their typed tables.

One micro-batch, over all parcels and types, is one commit, which also moves the position on the topic; where
withdrawals or corrections are among them it is a few, in order. Everything else follows from `intake` and may be
repeated. So landing can be killed anywhere and run again with the same messages.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import polars as pl

from services.privacy.sealing import seal_many
from services.receiving.holds import held_deliveries, held_later, with_holds
from services.receiving.judging import OpenedParcel, judged
from services.receiving.withdrawing import apart, taken_back
from services.registry import Registry
from services.store.events import project
from services.store.intake import ACCEPTED, HELD, QUARANTINED, STORED, Position, position, store
from services.store.ledger import Ledger
from services.store.node import NodeStore
from services.store.parcels import OPENED, ParcelFate

__all__ = ["SEALED_CONTEXT", "Landing", "OpenedParcel", "land", "sealed"]

SEALED_CONTEXT = b"spiegelnet/intake/v1"
"""What payloads in `intake` are sealed for."""
_COUNTED = ["sender", "delivery_id", "event_type", "verdict", "rule"]


@dataclass(frozen=True)
class Landing:
    """What became of a micro-batch.

    Attributes:
        verdicts: by `sender`, `delivery_id`, `event_type`, `verdict` and `rule` the number of `events`.
        held_later: events that had been accepted before and are held now, because their delivery broke a rule.
    """

    verdicts: pl.DataFrame
    held_later: int


def land(
    node: NodeStore,
    registry: Registry,
    parcels: Sequence[OpenedParcel],
    moved_to: Position,
    now: dt.datetime,
    at: Callable[[str], None] = lambda _: None,
) -> Landing:
    """Judge and store the events of some parcels.

    Args:
        node: where to.
        registry: contracts and schemas.
        parcels: in the order of the topic; those that were stored before are left out.
        moved_to: the position after all messages that were read, those included that were no opened parcels.
        now: when it is decided, UTC.
        at: called with the name of each step before it, for tests that end the process there.

    Raises:
        Retryable: another process stored in between.
        Fatal: the topic was made anew, or a contract's rule cannot be run.
    """
    intake, ledger = node.intake()
    before = position(intake)
    new = [parcel for parcel in parcels if not before or parcel.offset >= before.next_offset]
    if before and before.reading > 1:
        new = _not_stored(ledger, new)
    if len(runs := apart(new)) > 1:
        ends = [*(following[0].offset for following in runs[1:]), moved_to.next_offset]
        parts = [
            land(node, registry, run, replace(moved_to, next_offset=end), now, at)
            for run, end in zip(runs, ends, strict=True)
        ]
        verdicts = pl.concat([part.verdicts for part in parts]).group_by(_COUNTED).agg(pl.col("events").sum())
        return Landing(verdicts.sort(_COUNTED), sum(part.held_later for part in parts))
    at("gate")
    rows = judged(node, registry, ledger, new)
    held = held_deliveries(registry, ledger, rows)
    rows = with_holds(rows, held)
    later = held_later(intake, ledger, held)
    rows, back = taken_back(registry, intake, ledger, rows)
    if before != moved_to:
        at("record parcels")
        node.parcels.record(_fate(parcel, moved_to.reading_id) for parcel in new)
        store(intake, pl.concat([sealed(node, rows).select(STORED), later.select(STORED), back]), moved_to, now, at)
        at("committed")
    project(node.catalog, registry, at)
    return Landing(rows.group_by(_COUNTED).len("events").sort(_COUNTED), later.height)


def sealed(node: NodeStore, rows: pl.DataFrame) -> pl.DataFrame:
    """Seal the payload of events that are quarantined or held, leave out that of duplicates."""
    stopped = pl.col("verdict").is_in([QUARANTINED, HELD])
    hidden = seal_many(node.key, rows.select(pl.when(stopped).then("payload")).to_series(), SEALED_CONTEXT)
    in_clear = pl.when(pl.col("verdict") == ACCEPTED).then("payload")
    return rows.with_columns(hidden.alias("payload"), in_clear.alias("_clear")).with_columns(
        pl.coalesce("payload", "_clear").alias("payload")
    )


def _not_stored(ledger: Ledger, parcels: Sequence[OpenedParcel]) -> list[OpenedParcel]:
    """Leave out parcels that an earlier reading has stored: a broker that is put back from a copy has them again."""
    ids = pl.Series([parcel.header.parcel_id for parcel in parcels], dtype=pl.Binary)
    stored = ledger.has_parcels(ids)
    return [parcel for parcel in parcels if parcel.header.parcel_id not in stored]


def _fate(parcel: OpenedParcel, topic_id: str) -> ParcelFate:
    header, inner = parcel.header, parcel.inner
    return ParcelFate(
        topic_id=topic_id,
        topic_offset=parcel.offset,
        received_on=parcel.received_at.date(),
        fate=OPENED,
        sender=header.sender,
        parcel_id=header.parcel_id,
        delivery_id=inner.delivery_id,
        event_type=inner.event_type,
        events=parcel.frame.height,
        last=inner.last_of_delivery,
    )
