"""Events that name another event, which their sender takes back: a withdrawal or a correction."""

from typing import Final

import polars as pl

from services.registry import EventType
from services.store.intake import ACCEPTED, CORRECTED, DUPLICATE, HELD, QUARANTINED, WITHDRAWN
from services.store.ledger import Ledger

WITHDRAWAL, CORRECTION = "withdrawal", "correction"
NAMED: Final = {WITHDRAWAL: WITHDRAWN, CORRECTION: CORRECTED}
"""By event type the field with the other event's id; what it takes back is a duplicate by a rule of the same name."""
TARGET: Final = ("sender", "event_id", "event_type")
"""What names the other event: an id counts for its sender only."""
STATES: Final = (ACCEPTED, HELD, QUARANTINED)
"""Verdicts of events that can be taken back."""


def taken_out(rule: str) -> pl.Expr:
    """Return the expression of rows whose event was taken back in this way."""
    return (pl.col("verdict") == DUPLICATE) & (pl.col("rule") == rule)


def knowing(ledger: Ledger, event_type: EventType, frame: pl.DataFrame) -> pl.DataFrame:
    """Add to events that name another one what is known of that, for the rules of their contract.

    Args:
        ledger: all that came before; events that are judged together never name each other, see `apart`.
        event_type: of all events.
        frame: the events, with `sender`.

    Returns:
        For a withdrawal or correction with `named_event`: `known`, `withdrawn`, or `unknown` when this sender never
        sent an event of that id and type. Others as they are.
    """
    column = NAMED.get(event_type.name)
    if column is None:
        return frame
    asked = frame.select("sender", "event_type", event_id=column).unique()
    rows = ledger.about(asked).filter(~pl.col("event_type").is_in(list(NAMED))).join(asked, on=TARGET, how="semi")
    state = (
        pl.when(taken_out(WITHDRAWN)).then(pl.lit("withdrawn"))
        .when(pl.col("verdict").is_in(STATES) | taken_out(CORRECTED)).then(pl.lit("known"))
    )  # fmt: skip
    states = rows.select(*TARGET, state.alias("named_event")).drop_nulls("named_event")
    # of several rows with one id the state that comes last in the alphabet counts: withdrawn
    states = states.group_by(TARGET).agg(pl.col("named_event").max())
    on = ["sender", column, "event_type"]
    found = frame.join(states, left_on=on, right_on=list(TARGET), how="left", maintain_order="left")
    return found.with_columns(pl.col("named_event").fill_null("unknown"))
