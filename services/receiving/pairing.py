"""Pairs of pseudonyms that rollovers bring, compared with those that the same sender brought before.

A pair speaks for the events of its own sender only, see `services.households`. So what others said of the same
pseudonyms does not matter here, and nobody can take a pseudonym away from another. What a sender said first stands.
"""

from typing import Final

import polars as pl

from services.households import ROLLOVER
from services.registry import EventType, Registry
from services.store.events import current_events, project
from services.store.node import NodeStore

NAMED_PAIR: Final = "named_pair"
_STEP: Final = ("sender", "old_epoch", "new_epoch")
_PAIR: Final = (*_STEP, "old_address", "new_address")


def with_pairs(node: NodeStore, registry: Registry, event_type: EventType, frame: pl.DataFrame) -> pl.DataFrame:
    """Add to rollovers how they stand to the pairs that their sender brought before, for the rules of their contract.

    Args:
        node: who received them.
        registry: for the pairs that are stored.
        event_type: of all events.
        frame: the events in the order of the topic, with `sender`.

    Returns:
        For a rollover with `named_pair`: `unchanged` when both pseudonyms are the same; `old_known` when the old one
        goes by another new one, `new_known` when the new one stands for another old one, in the same step from epoch to
        epoch; else null. Other events as they are.

    Raises:
        Retryable: another process stored something at this moment.
    """
    if event_type.name != ROLLOVER:
        return frame
    project(node.catalog, registry)  # what a run that ended between its commit and the typed tables left undone
    known = current_events(node.catalog, event_type).rename({"sent_by": "sender"}).select(_PAIR)
    said = pl.concat([known, frame.select(_PAIR)])
    return frame.with_columns(_judged(said).tail(frame.height).alias(NAMED_PAIR))


def _judged(said: pl.DataFrame) -> pl.Series:
    """How each pair, in the order in which they came, stands to the first that says something of its pseudonyms."""
    differ = pl.col("old_address") != pl.col("new_address")
    first_new = pl.col("new_address").filter(differ).first().over(*_STEP, "old_address")
    first_old = pl.col("old_address").filter(differ).first().over(*_STEP, "new_address")
    state = (
        pl.when(~differ).then(pl.lit("unchanged"))
        .when(pl.col("new_address") != first_new).then(pl.lit("old_known"))
        .when(pl.col("old_address") != first_old).then(pl.lit("new_known"))
    )  # fmt: skip
    return said.select(state.alias(NAMED_PAIR))[NAMED_PAIR]
