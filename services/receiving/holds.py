"""Holding whole deliveries: what a batch rule stops waits, sealed, until a person lifts the hold.

A delivery may span several micro-batches, so its rules look at all of it that has come so far. One that was sent again
as a whole, in another stream, is looked at as if each were alone: together they would be twice as large. Once held it
stays held, and so does what comes after; once lifted it is not held again. Quarantined events stay quarantined.
"""

import polars as pl
from pyiceberg.table import Table

from services.gate.batches import hold
from services.gate.rows import ERROR
from services.receiving.judging import REPEATED
from services.registry import Registry
from services.store.intake import ACCEPTED, DUPLICATE, HELD, QUARANTINED
from services.store.ledger import PLACE, STREAM, Ledger, decided_anew

LIFTED = "lifted:"
"""Prefix of the rule of an event that was held and then let through."""
_DELIVERY = ["sender", "delivery_id"]
_KNOWN = [*_DELIVERY, "event_type", "version", "verdict", "rule"]


def held_deliveries(registry: Registry, ledger: Ledger, rows: pl.DataFrame) -> pl.DataFrame:
    """Say which of the deliveries in `rows` (judged, not yet stored) are held, by all that has come of them.

    Returns:
        Columns `sender`, `delivery_id` and `hold`, the rule.

    Raises:
        Fatal: a batch rule cannot be run.
    """
    touched = rows.select(_DELIVERY).unique()
    known = pl.concat([ledger.of(touched).select(*_KNOWN, "stream"), rows.select(*_KNOWN, STREAM)])
    by_person = pl.col("rule").str.starts_with(LIFTED)
    by_rule = (pl.col("verdict") == HELD) & ~pl.col("rule").str.starts_with(ERROR)
    counts = known.with_columns(
        by_person.any().over(_DELIVERY).fill_null(value=False).alias("lifted"),
        pl.col("rule").filter(by_rule).first().over(_DELIVERY).alias("held_by"),
    )
    counts = counts.group_by(*_DELIVERY, "stream", "event_type", "version", maintain_order=True).agg(
        pl.len().alias("events"),
        (pl.col("verdict") == QUARANTINED).sum().alias("quarantined"),
        ((pl.col("verdict") == DUPLICATE) & (pl.col("rule") == REPEATED)).sum().alias("repeated"),
        pl.col("lifted", "held_by").first(),
    )
    judged = [
        hold(registry.get(str(name), int(str(version))).contract.batch_rules, part)
        for (name, version), part in counts.group_by("event_type", "version", maintain_order=True)
    ]
    found = pl.concat(judged) if judged else counts.with_columns(pl.lit(None, dtype=pl.String).alias("hold"))
    rule = pl.coalesce("held_by", pl.when(~pl.col("lifted")).then("hold"))
    return found.select(*_DELIVERY, rule.alias("hold")).filter(pl.col("hold").is_not_null()).unique(_DELIVERY)


def with_holds(rows: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    """Hold what would have been accepted of held deliveries."""
    stops = pl.col("hold").is_not_null() & (pl.col("verdict") == ACCEPTED)
    return (
        rows.join(held, on=_DELIVERY, how="left", maintain_order="left")
        .with_columns(
            pl.when(stops).then(pl.lit(HELD)).otherwise("verdict").alias("verdict"),
            pl.when(stops).then("hold").otherwise("rule").alias("rule"),
        )
        .drop("hold")
    )


def held_later(intake: Table, ledger: Ledger, held: pl.DataFrame) -> pl.DataFrame:
    """Make the further rows that hold what was accepted of held deliveries in earlier micro-batches."""
    accepted = ledger.of(held).filter(pl.col("verdict") == ACCEPTED).join(held, on=_DELIVERY)
    return decided_anew(intake, accepted.select(*PLACE, by="hold"), HELD)
