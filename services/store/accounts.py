"""What came in and what became of it, counted: conservation and receipts."""

import hashlib

import polars as pl
from pyiceberg.table import Table

from services.store.intake import ACCEPTED, DUPLICATE, HELD, QUARANTINED, readings
from services.store.node import NodeStore
from services.store.parcels import OPENED, REMOVED

_VERDICTS = (ACCEPTED, QUARANTINED, HELD, DUPLICATE)
_UNANSWERED = "receipt"
"""A receipt for a receipt would go back and forth for ever."""


def conservation(node: NodeStore) -> pl.DataFrame:
    """Compare the events of opened parcels with their verdicts, which must be as many, always.

    Events that were removed because they may be kept no longer count with the verdict that they had.

    Returns:
        Per `sender` and `received_on`: `parcels`, `opened` (events by their inner headers), `accepted`, `quarantined`,
        `held`, `duplicate`, `expired` (how many of them are removed), and `balanced`.
    """
    found = _conservation(node)
    # another process may have removed events while this one was counting
    return found if found["balanced"].all() else _conservation(node)


def _conservation(node: NodeStore) -> pl.DataFrame:
    table, ledger = node.intake()
    opened = stored_parcels(node, table).group_by("sender", "received_on")
    keys = ["sender", "received_on"]
    present = ledger.counts(without=node.parcels.expiring())
    parts = [
        opened.agg(pl.len().cast(pl.Int64).alias("parcels"), pl.col("events").sum().alias("opened")),
        _by_verdict(present, *keys),
        node.parcels.removed(),
    ]
    numbers = ["parcels", "opened", *_VERDICTS, "expired"]
    every = pl.concat([REMOVED.to_frame(), *parts], how="diagonal").group_by(keys).agg(pl.col(numbers).sum())
    return every.with_columns((pl.sum_horizontal(_VERDICTS) == pl.col("opened")).alias("balanced")).sort(keys)


def refused_parcels(node: NodeStore) -> pl.DataFrame:
    """Count parcels that were not opened: per `received_on` and `fate`, `parcels`."""
    closed = node.parcels.fates().filter(pl.col("fate") != OPENED)
    return closed.group_by("received_on", "fate").len("parcels").sort("received_on", "fate")


def receipts(node: NodeStore) -> pl.DataFrame:
    """Say what became of each delivery that has come to its end.

    Returns:
        Per `sender` and `delivery_id`: `event_type`, `version`, `accepted`, `held`, `duplicate`, `quarantined` (a list
        of structs `rule`, `events`), and `key` (32 hex digits), which changes when one of these does: a receipt with
        an unchanged key was sent before.
    """
    table, ledger = node.intake()
    ended = stored_parcels(node, table).filter("last", pl.col("event_type") != _UNANSWERED)
    deliveries = ended.select("sender", "delivery_id").unique()
    keys = ["sender", "delivery_id"]
    rows = ledger.counts().join(deliveries, on=keys, how="semi")
    first = rows.group_by(keys).agg(pl.col("event_type", "version").min())
    counted = (
        first.join(_by_verdict(rows, *keys).drop(QUARANTINED), on=keys)
        .join(_by_rule(rows, keys), on=keys, how="left")
        .with_columns(pl.col("quarantined").fill_null([]))
        .sort(keys)
    )
    digests = [hashlib.sha256(repr(row).encode()).hexdigest()[:32] for row in counted.iter_rows()]
    return counted.with_columns(pl.Series("key", digests, dtype=pl.String))


def stored_parcels(node: NodeStore, intake: Table) -> pl.DataFrame:
    """Opened parcels whose events are in `intake`: a parcel is written down just before its events are."""
    ends = pl.DataFrame(list(readings(intake).items()), schema={"topic_id": pl.String, "end": pl.Int64}, orient="row")
    opened = node.parcels.fates().filter(pl.col("fate") == OPENED)
    return opened.join(ends, on="topic_id").filter(pl.col("topic_offset") < pl.col("end")).drop("end")


def _by_verdict(counts: pl.DataFrame, *keys: str) -> pl.DataFrame:
    events = pl.col("events")
    return counts.group_by(keys).agg(events.filter(pl.col("verdict") == item).sum().alias(item) for item in _VERDICTS)


def _by_rule(counts: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    stopped = counts.filter(pl.col("verdict") == QUARANTINED).group_by(*keys, "rule")
    by_rule = stopped.agg(pl.col("events").sum()).sort("rule")
    return by_rule.group_by(keys, maintain_order=True).agg(pl.struct("rule", "events").alias("quarantined"))
