"""What each sender delivered about each month, for publication: counts of events that pass disclosure control.

The same function as for cells decides: a number below the threshold is null, the others are perturbed and rounded. Each
event weighs as a unit, against the households of the municipality as public base.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from services.coverage import Standing
from services.disclosure import Count, release_cell
from services.indicators import unit_key
from services.store.intake import ACCEPTED, QUARANTINED
from services.store.node import NodeStore
from services.store.snapshots import sequence_number

QUALITY: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "period": pl.String,
    "sender": pl.String,
    "stated": pl.Boolean,
    "received": pl.Int64,
    "accepted": pl.Int64,
    "quarantined": pl.Int64,
    "quarantined_by_rule": pl.List(pl.Struct({"rule": pl.String, "events": pl.Int64})),
    "held": pl.Int64,
    "duplicate": pl.Int64,
    "late": pl.Int64,
}
"""Columns of `published.quality`. `stated`: whether the sender's delivery statement says that it is complete. Numbers
are null where suppressed; `late` came after the month was closed."""


def published_quality(
    node: NodeStore, release_key: bytes, stand: Sequence[Standing], kept: Mapping[str, int], households: int | None
) -> pl.DataFrame:
    """Return the quality of some closed months: a row per month and sender that delivered or owes a statement.

    Args:
        node: the store.
        release_key: of the node, for the cell keys.
        stand: the months' statements.
        kept: snapshot id of `node.intake` at the close, by table name.
        households: public number of the municipality; None lets no number out.
    """
    intake, ledger = node.intake()
    closed_at = sequence_number(intake, kept["node.intake"]) if "node.intake" in kept else 0
    months = [item.period for item in stand]
    events = ledger.latest.filter(pl.col("period").is_in(months)).with_columns(
        (pl.col("verdict") == ACCEPTED).and_(pl.col("decided_in") > closed_at).alias("is_late")
    )
    keys = [unit_key(release_key, event_id) for event_id in events["event_id"].to_list()]
    events = events.with_columns(pl.Series("key", keys, dtype=pl.Int64))
    counts = _protected(events, households)
    told = pl.DataFrame(
        [(item.period, sender, True) for item in stand for sender in item.stated]
        + [(item.period, sender, False) for item in stand for sender in item.missing],
        schema={"period": pl.String, "sender": pl.String, "stated": pl.Boolean},
        orient="row",
    )
    keys_of = ["period", "sender"]
    whole = counts.filter(pl.col("rule").is_null()).pivot("what", index=keys_of, values="events")
    by_rule = (
        counts.filter(pl.col("rule").is_not_null(), pl.col("events").is_not_null())
        .sort("rule")
        .group_by(keys_of, maintain_order=True)
        .agg(pl.struct("rule", "events").alias("quarantined_by_rule"))
    )
    rows = told.join(whole, on=keys_of, how="full", coalesce=True).join(by_rule, on=keys_of, how="left")
    missing = [pl.lit(None, dtype=QUALITY[name]).alias(name) for name in QUALITY if name not in rows.columns]
    return (
        rows.with_columns(*missing)
        .with_columns(pl.col("stated").fill_null(value=False), pl.col("quarantined_by_rule").fill_null([]))
        .select(pl.col(name).cast(kind) for name, kind in QUALITY.items())
        .sort("period", "sender")
    )


def _protected(events: pl.DataFrame, households: int | None) -> pl.DataFrame:
    """Return protected counts: `period`, `sender`, `what` (a verdict, received or late), `rule`, `events` or null."""
    keys = ["period", "sender", "what", "rule"]
    nothing = pl.lit(None, dtype=pl.String)
    parts = [
        events.with_columns(what=pl.lit("received"), rule=nothing),
        events.filter("is_late").with_columns(what=pl.lit("late"), rule=nothing),
        events.with_columns(what=pl.col("verdict"), rule=nothing),
        events.filter(pl.col("verdict") == QUARANTINED).with_columns(what=pl.col("verdict")),
    ]
    counted = pl.concat([part.select(*keys, "key") for part in parts]).group_by(keys).agg(pl.len(), pl.col("key").sum())
    numbers = [
        release_cell(Count(events, events, key), households).numerator
        for events, key in counted.select("len", "key").iter_rows()
    ]
    return counted.with_columns(pl.Series("events", numbers, dtype=pl.Int64))
