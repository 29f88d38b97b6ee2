"""Rows of the tables that sessions share: of a conclusion, an action and an entry of the register."""

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any

from services.sessions.approving import Looked
from services.sessions.missing import Entry
from services.sessions.model import READ, SESSION, STORY, Action, AgendaFigure, Conclusion, Session

Row = dict[str, Any]


def session_row(
    item: Conclusion, session: Session, looked: Mapping[str, Looked], published: Collection[str]
) -> Row | None:
    """Return the row of a conclusion; None while it is not shared. A story is named by a quote that is published."""
    words = looked[f"conclusion/{item.number}"]
    figures = {one.id: one.about for one in session.items if isinstance(one.about, AgendaFigure)}
    figure = figures.get(item.item or "")
    return words.row(
        lambda text, shared_on: {
            "session": session.id,
            "held_on": session.held_on,
            "period": session.period,
            "parties": [session.owner, *(party.id for party in session.parties if party.state in READ)],
            **_about(session, item.item, published),
            "release_id": figure.release_id if figure else None,
            "conclusion": item.number,
            "words": text,
            "shared_on": shared_on,
            "public_from": _public_from(session, shared_on),
        }
    )


def action_row(
    item: Action,
    session: Session,
    looked: Mapping[str, Looked],
    published: Collection[str],
    participants: Collection[str],
) -> Row | None:
    """Return the row of an action; None while it is not shared. A person who does it is not named outside the node."""
    outcome = looked.get(f"action/{item.number}/outcome")
    return looked[f"action/{item.number}"].row(
        lambda text, shared_on: {
            "session": session.id,
            "period": session.period,
            **_about(session, item.item, published),
            "action": item.number,
            "words": text,
            "owner": item.owner if item.owner in participants else None,
            "due_on": item.due_on,
            "state": item.state,
            "outcome": outcome.words.words if outcome else None,
            "closed_on": item.closed_on,
            "shared_on": shared_on,
            "public_from": _public_from(session, shared_on),
        }
    )


def entry_row(item: Entry, looked: Mapping[str, Looked]) -> Row | None:
    """Return the row of an entry of the register; None while it is not shared."""
    if not item.confirmed_by:
        return None
    return looked[f"missing/{item.number}"].row(
        lambda _, shared_on: {
            "indicator": item.indicator,
            "entry": item.number,
            "who": item.who,
            "because": item.because,
            "source": item.source,
            "shared_on": shared_on,
        }
    )


def _about(session: Session, item: str | None, published: Collection[str]) -> Row:
    kind = next((one.kind for one in session.items if one.id == item), SESSION)
    return {"item_kind": kind, "item": item if kind != STORY or item in published else None}


def _public_from(session: Session, shared_on: dt.date) -> dt.date:
    """Keep words about a figure back as long as the figure: they may tell it."""
    figures = [item.about for item in session.items if isinstance(item.about, AgendaFigure)]
    days = [dt.date.fromisoformat(item.public_from) for item in figures if item.public_from]
    return max([shared_on, *days])
