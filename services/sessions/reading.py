"""Sessions as they stand in the file."""

import datetime as dt
import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from services.errors import Fatal
from services.sessions.model import (
    ACTION,
    FIGURE,
    STORY,
    Action,
    AgendaAction,
    AgendaFigure,
    AgendaStory,
    Conclusion,
    Item,
    Party,
    Session,
)
from services.sessions.records import Records, day

_ABOUT: Mapping[str, type[AgendaFigure | AgendaStory | AgendaAction]] = {
    FIGURE: AgendaFigure,
    STORY: AgendaStory,
    ACTION: AgendaAction,
}


def load(records: Records, session: str) -> Session:
    """Return one session.

    Raises:
        Fatal: there is none of that id, or the file is damaged.
        Retryable: it is locked.
    """
    found = {item.id: item for item in sessions(records)}
    if session not in found:
        raise Fatal(
            f"{records.municipality} has no session {session}.",
            "A session is named by the day on which it is held.",
            f"`spiegelnet session list {records.municipality}` lists them.",
        )
    return found[session]


def sessions(records: Records) -> list[Session]:
    """Return all sessions by day.

    Raises:
        Retryable, Fatal: the file cannot be used.
    """
    if not records.path.exists():
        return []
    with records.reading() as connection:
        rows = connection.execute("SELECT id, title, held_on, period, owner FROM sessions ORDER BY held_on, id")
        return [
            Session(
                name,
                records.unseal(f"session/{name}", "title", title),
                dt.date.fromisoformat(held_on),
                period,
                owner,
                _parties(records, connection, name),
                _items(connection, name),
            )
            for name, title, held_on, period, owner in rows.fetchall()
        ]


def item_of(session: Session, item: str) -> Item:
    """Return an item of the agenda.

    Raises:
        Fatal: it has none of that id.
    """
    for found in session.items:
        if found.id == item:
            return found
    known = ", ".join(found.id for found in session.items)
    raise Fatal(f"{item} is not on the agenda of {session.id}.", f"On it are {known}.", "Name one of them.")


def conclusions(records: Records, session: str | None = None) -> list[Conclusion]:
    """Return conclusions by number, of one session or of all.

    Raises:
        Retryable, Fatal: the file cannot be used.
    """
    rows = _rows(records, "SELECT number, session, item, words FROM conclusions ORDER BY number")
    return [
        Conclusion(number, held, item, records.unseal(f"conclusion/{number}", "words", words))
        for number, held, item, words in rows
        if session in (None, held)
    ]


def actions(records: Records, session: str | None = None) -> list[Action]:
    """Return actions by number, of one session or of all.

    Raises:
        Retryable, Fatal: the file cannot be used.
    """
    sql = "SELECT number, session, item, words, owner, due_on, state, outcome, closed_on FROM actions ORDER BY number"
    found = []
    for number, held, item, words, owner, due_on, state, outcome, closed_on in _rows(records, sql):
        record = f"action/{number}"
        due = dt.date.fromisoformat(due_on)
        texts = [
            records.unseal(record, place, sealed)
            for place, sealed in (("words", words), ("owner", owner), ("outcome", outcome))
        ]
        found.append(Action(number, held, item, texts[0], texts[1], due, state, texts[2], day(closed_on)))
    return [item for item in found if session in (None, item.session)]


def _rows(records: Records, sql: str) -> list[tuple[Any, ...]]:
    if not records.path.exists():
        return []
    with records.reading() as connection:
        return connection.execute(sql).fetchall()


def _parties(records: Records, connection: sqlite3.Connection, session: str) -> tuple[Party, ...]:
    rows = connection.execute("SELECT party, state, reason FROM parties WHERE session = ? ORDER BY party", [session])
    return tuple(
        Party(party, state, records.unseal(f"session/{session}/{party}", "reason", reason))
        for party, state, reason in rows
    )


def _items(connection: sqlite3.Connection, session: str) -> tuple[Item, ...]:
    rows = connection.execute("SELECT item, kind, content FROM items WHERE session = ? ORDER BY place", [session])
    return tuple(Item(item, _ABOUT[kind](**json.loads(content))) for item, kind, content in rows)
