"""Sessions and actions as tables for private SQL: what the municipality's own analysts may ask, inside its node.

No contribution is in them: what somebody read is for the talk, with a name or without.
"""

from collections.abc import Mapping
from typing import Final

import polars as pl
from polars.datatypes import DataType, DataTypeClass

from services.network import Network
from services.sessions.model import AWAY, READ
from services.sessions.reading import actions, conclusions, sessions
from services.sessions.records import Records

_SESSIONS: Final[Mapping[str, DataType | DataTypeClass]] = {
    "session": pl.String,
    "title": pl.String,
    "held_on": pl.Date,
    "period": pl.String,
    "owner": pl.String,
    "read": pl.List(pl.String),
    "did_not_come": pl.List(pl.String),
    "opened": pl.Boolean,
    "items": pl.List(pl.String),
    "conclusions": pl.List(pl.String),
}
_ACTIONS: Final[Mapping[str, DataType | DataTypeClass]] = {
    "action": pl.Int64,
    "session": pl.String,
    "item": pl.String,
    "words": pl.String,
    "owner": pl.String,
    "due_on": pl.Date,
    "state": pl.String,
    "outcome": pl.String,
    "closed_on": pl.Date,
}


def session_tables(network: Network, municipality: str) -> Mapping[str, pl.DataFrame]:
    """Return the tables `sessions` and `actions` of a municipality; without any session they are empty.

    Raises:
        NotAllowed: its keys are not on this machine.
        Retryable, Fatal: the file cannot be used.
    """
    if not network.home.participant(municipality).sessions.exists():
        return {"sessions": pl.DataFrame(schema=_SESSIONS), "actions": pl.DataFrame(schema=_ACTIONS)}
    records = Records.of(network, municipality)
    concluded: dict[str, list[str]] = {}
    for conclusion in conclusions(records):
        concluded.setdefault(conclusion.session, []).append(conclusion.words)
    held = [
        {
            "session": item.id,
            "title": item.title,
            "held_on": item.held_on,
            "period": item.period,
            "owner": item.owner,
            "read": [party.id for party in item.parties if party.state in READ],
            "did_not_come": [party.id for party in item.parties if party.state == AWAY],
            "opened": item.is_opened,
            "items": [one.id for one in item.items],
            "conclusions": concluded.get(item.id, []),
        }
        for item in sessions(records)
    ]
    agreed = [
        {"action": item.number, **{name: getattr(item, name) or None for name in _ACTIONS if name != "action"}}
        for item in actions(records)
    ]
    return {"sessions": pl.DataFrame(held, schema=_SESSIONS), "actions": pl.DataFrame(agreed, schema=_ACTIONS)}
