"""What a sender takes back counts no longer: a further row says so about each event that it withdrew or corrected.

The row is in the same commit as the verdict on the withdrawal or correction, and leaves the snapshots that closes keep
as they are: months that are closed stay as released. An event that was withdrawn stays taken, so that its row, sent
again, is a duplicate; one that was corrected is free to come again under its id.
"""

from collections.abc import Sequence
from itertools import groupby

import polars as pl
from pyiceberg.table import Table

from services.avro.decode import decode_rows
from services.receiving.judging import OpenedParcel
from services.receiving.naming import NAMED, STATES, TARGET, taken_out
from services.registry import Registry
from services.store.intake import ACCEPTED, CORRECTED, DUPLICATE, STORED, WITHDRAWN
from services.store.ledger import PLACE, Ledger, decided_anew

_BACK = pl.Schema({"sender": pl.String, "event_id": pl.Binary, "event_type": pl.String, "by": pl.String})


def apart(parcels: Sequence[OpenedParcel]) -> list[list[OpenedParcel]]:
    """Part parcels, in their order, where withdrawals or corrections begin and end.

    What they name came before, and what a correction makes room for comes after: neither is judged together with them.
    """
    return [list(run) for _, run in groupby(parcels, lambda parcel: parcel.inner.event_type in NAMED)]


def taken_back(
    registry: Registry, intake: Table, ledger: Ledger, rows: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Find what is taken back by withdrawals and corrections that are accepted.

    Args:
        registry: their schemas.
        intake: the table.
        ledger: of the same commit.
        rows: with a verdict each and not yet stored; payloads in the clear.

    Returns:
        `rows`, in which those that are themselves taken back are duplicates; and further rows (columns `STORED`) about
        events that are in `intake`.
    """
    back = _accepted(registry, rows)
    if back.is_empty():
        return rows, pl.DataFrame(schema={name: rows.schema[name] for name in STORED})
    there = ledger.about(back).join(rows.select(PLACE), on=PLACE, how="anti").join(back, on=TARGET)
    again = taken_out(CORRECTED) & (pl.col("by") == WITHDRAWN)
    there = there.filter(pl.col("verdict").is_in(STATES) | again)
    return _with_duplicates(rows, back), decided_anew(intake, there.select(*PLACE, "by"), DUPLICATE)


def _with_duplicates(rows: pl.DataFrame, back: pl.DataFrame) -> pl.DataFrame:
    """Take back what is decided at this very moment, as a replay does with what was stopped."""
    hit = pl.col("by").is_not_null() & pl.col("verdict").is_in(STATES)
    return (
        rows.join(back, on=TARGET, how="left", maintain_order="left")
        .with_columns(
            pl.when(hit).then(pl.lit(DUPLICATE)).otherwise("verdict").alias("verdict"),
            pl.when(hit).then("by").otherwise("rule").alias("rule"),
            pl.when(~hit).then("payload").alias("payload"),
        )
        .drop("by")
    )


def _accepted(registry: Registry, rows: pl.DataFrame) -> pl.DataFrame:
    """Which events are taken back: columns `TARGET`, and `by`, the rule; what is both counts as withdrawn."""
    back = rows.filter(
        pl.col("verdict") == ACCEPTED, pl.col("event_type").is_in(list(NAMED)), pl.col("payload").is_not_null()
    )
    parts = [_BACK.to_frame()]
    for (name, version), part in back.group_by("event_type", "version", maintain_order=True):
        events = decode_rows(registry.get(str(name), int(str(version))), part["payload"].to_arrow())
        named = events.select(pl.col(NAMED[str(name)]).alias("event_id"), "event_type")
        found = named.with_columns(part["sender"], pl.lit(NAMED[str(name)]).alias("by"))
        parts.append(found.select(_BACK.names()))
    whole = pl.concat(parts).filter(~pl.col("event_type").is_in(list(NAMED)))
    return whole.sort("by", descending=True, maintain_order=True).unique(TARGET, keep="first", maintain_order=True)
