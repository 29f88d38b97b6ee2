"""Who approved a quote: by a name that is typed, and by the user of the machine that the operating system knows."""

import datetime as dt
import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from services.stories.desk.records import Desk


@dataclass(frozen=True)
class Approval:
    """One person's approval of a quote as it stood.

    Attributes:
        sha256: of title and words, hex.
        user: of the machine, under which the name was typed.
        at: when, UTC.
    """

    sha256: str
    user: str
    at: dt.datetime


def approvals_in(database: sqlite3.Connection) -> Mapping[str, Mapping[str, Approval]]:
    """Return all approvals: by quote by name of the person, in the order in which they were given."""
    found: dict[str, dict[str, Approval]] = {}
    for quote, who, sha256, user, at in database.execute(
        "SELECT quote, who, sha256, user, at FROM approvals ORDER BY at, who"
    ):
        found.setdefault(quote, {})[who] = Approval(sha256, user, dt.datetime.fromisoformat(at))
    return found


def somebody_saw(desk: Desk, story: bytes, approvals: Mapping[str, Approval]) -> bool:
    """Whether one of those who approve was shown the story, no later than they approved."""
    with desk.reading() as database:
        rows: Collection[tuple[str, str]] = database.execute(
            "SELECT who, at FROM shown WHERE story = ?", (story,)
        ).fetchall()
    given = {who.casefold(): approval.at for who, approval in approvals.items()}
    seen = ((who.casefold(), dt.datetime.fromisoformat(at)) for who, at in rows)
    return any(who in given and at <= given[who] for who, at in seen)
