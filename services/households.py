"""Events of several epochs under one name per household, by the pairs of pseudonyms that rollovers brought.

A pair speaks for the events of its own sender only: they go by the new pseudonym, as if the sender had sent them in the
new epoch. Those of another sender at the same address do so by that sender's own pair, and all meet under the newest
pseudonym, which both key services make the same for everybody. So a false pair can move the events of who sent it,
which it could have sent so from the first, and never joins or parts the households of another sender.

What a cell's noise hangs on, the key of a household, is made of the oldest pseudonym that is known of it: a new epoch
gives the same households no other noise, which could be averaged with the first.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import duckdb
import polars as pl

ROLLOVER: Final = "pseudonym_rollover"
_ADDRESS, _SENDER, _EPOCH = "address", "sent_by", "epoch"
_STEP: Final = (_SENDER, "old_epoch", "new_epoch")


def under_one_name(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Put the newest pseudonym of each address in the place of earlier ones.

    Args:
        tables: events that count, by type, with the columns of `services.store.events.ORIGIN`; rollovers among them.

    Returns:
        The same events in the same order, without the rollovers.
    """
    pairs = _newest(tables[ROLLOVER])
    others = {name: events for name, events in tables.items() if name != ROLLOVER}
    if pairs.is_empty():
        return others
    return {name: _renamed(events, pairs) if _ADDRESS in events.columns else events for name, events in others.items()}


def views_under_one_name(con: duckdb.DuckDBPyConnection, event_types: Sequence[str], pairs: pl.DataFrame) -> None:
    """Let views of events in DuckDB show the newest pseudonym of each address; see `under_one_name`.

    Args:
        con: has a view of each event type, under its name, with the columns of `services.store.events.ORIGIN`.
        event_types: all with an address.
        pairs: rollovers that count, of all senders.
    """
    newest = _newest(pairs)
    if newest.is_empty():
        return
    known = newest.select(_SENDER, pl.col("old_epoch").alias(_EPOCH), pl.col("old_address").alias(_ADDRESS))
    con.register("newest_names", known.with_columns(name=_renamed(known, newest)[_ADDRESS]).to_arrow())
    same = " AND ".join(f"n.{column} = e.{column}" for column in known.columns)
    for name in event_types:
        con.execute(f"ALTER VIEW {name} RENAME TO {name}_as_sent")
        con.execute(
            f"CREATE VIEW {name} AS SELECT e.* REPLACE (coalesce(n.name, e.{_ADDRESS}) AS {_ADDRESS})"
            f" FROM {name}_as_sent e LEFT JOIN newest_names n ON {same}"
        )


def first_names(pairs: pl.DataFrame) -> dict[bytes, bytes]:
    """Return by newer pseudonym the oldest that is known of the same household; of equally old ones that came first.

    Args:
        pairs: rollovers that count, of all senders.
    """
    oldest: dict[tuple[str, bytes], tuple[str, bytes]] = {}
    columns = ("new_epoch", "new_address", "old_epoch", "old_address")
    ascending = _in_order(pairs).sort("new_epoch", maintain_order=True)  # what is old is known before what follows it
    for new_epoch, new, old_epoch, old in ascending.select(columns).iter_rows():
        first = oldest.get((old_epoch, old), (old_epoch, old))
        known = oldest.setdefault((new_epoch, new), first)
        if first[0] < known[0]:
            oldest[new_epoch, new] = first
    return {name: first for (_, name), (_, first) in oldest.items()}


def _in_order(pairs: pl.DataFrame) -> pl.DataFrame:
    """Pairs that go to a later epoch, as they came; of what a sender says of a pseudonym in one step the first."""
    onward = pairs.filter(pl.col("new_epoch") > pl.col("old_epoch")).sort("received_on", "in_parcel", "in_row")
    once = onward.unique([*_STEP, "old_address"], keep="first", maintain_order=True)
    return once.unique([*_STEP, "new_address"], keep="first", maintain_order=True)


def _newest(pairs: pl.DataFrame) -> pl.DataFrame:
    """Of each sender's pseudonym of an epoch the pair that leads furthest."""
    furthest = _in_order(pairs).sort("new_epoch", descending=True, maintain_order=True)
    return furthest.unique([_SENDER, "old_epoch", "old_address"], keep="first", maintain_order=True)


def _renamed(events: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Follow the pairs from the earliest epoch on; the epoch in which an event came stays as it was."""
    found = events.with_columns(pl.col(_EPOCH).alias("_at"))
    for epoch in pairs["old_epoch"].unique().sort():
        step = pairs.filter(pl.col("old_epoch") == epoch).select(
            _SENDER,
            pl.col("old_epoch").alias("_at"),
            pl.col("old_address").alias(_ADDRESS),
            pl.col("new_epoch").alias("_next"),
            pl.col("new_address").alias("_name"),
        )
        found = (
            found.join(step, on=[_SENDER, "_at", _ADDRESS], how="left", maintain_order="left")
            .with_columns(pl.coalesce("_name", _ADDRESS).alias(_ADDRESS), pl.coalesce("_next", "_at").alias("_at"))
            .drop("_name", "_next")
        )
    return found.drop("_at")
