"""What a session comes to: conclusions, and actions with who does them by when."""

import datetime as dt

from services.errors import Fatal, NotAllowed
from services.sessions.model import DONE, DROPPED, OPEN, Action, Conclusion
from services.sessions.originals import note_copies
from services.sessions.reading import actions, item_of, load
from services.sessions.readings import require_opened
from services.sessions.records import Records, next_number, written


def conclude(records: Records, session_id: str, words: str, item: str | None = None) -> Conclusion:
    """Write down what those present concluded, about an item of the agenda or the session as a whole.

    Raises:
        Fatal: there is no such session or item.
        NotAllowed: not all readings are in.
        Rejected: the words cannot be kept.
    """
    session = load(records, session_id)
    if item is not None:
        item_of(session, item)
    require_opened(session, "A conclusion")
    text = written(words)
    with records.writing() as connection:
        number = next_number(connection, "conclusions")
        row = (number, session.id, item, records.seal(f"conclusion/{number}", "words", text))
        connection.execute("INSERT INTO conclusions VALUES (?, ?, ?, ?)", row)
    note_copies(records, f"conclusion/{number}", text)
    return Conclusion(number, session.id, item, text)


def agree(
    records: Records, session_id: str, words: str, owner: str, due_on: dt.date, item: str | None = None
) -> Action:
    """Write down an action.

    Args:
        records: of the municipality.
        session_id: in which it is agreed.
        words: what is to be done.
        owner: a person, a role or an organisation.
        due_on: by when.
        item: of the agenda; None for the session as a whole.

    Raises:
        Fatal: there is no such session or item, or the day lies before the session.
        NotAllowed: not all readings are in.
        Rejected: a text cannot be kept.
    """
    session = load(records, session_id)
    if item is not None:
        item_of(session, item)
    require_opened(session, "An action")
    if due_on < session.held_on:
        raise Fatal(f"{due_on} lies before the session.", f"It is held on {session.held_on}.", "Name a later day.")
    text, who = written(words), written(owner)
    with records.writing() as connection:
        number = next_number(connection, "actions")
        sealed = (records.seal(f"action/{number}", "words", text), records.seal(f"action/{number}", "owner", who))
        connection.execute(
            "INSERT INTO actions (number, session, item, words, owner, due_on, state) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (number, session.id, item, *sealed, due_on.isoformat(), OPEN),
        )
    note_copies(records, f"action/{number}", text)
    return Action(number, session.id, item, text, who, due_on, OPEN, "", None)


def close_action(records: Records, number: int, outcome: str, *, dropped: bool = False) -> Action:
    """Say what came of an action, or why it is dropped.

    Raises:
        Fatal: there is no such action.
        NotAllowed: it is closed already.
        Rejected: the words cannot be kept.
    """
    before = action_of(records, number)
    if before.state != OPEN:
        raise NotAllowed(f"Action {number} is {before.state} since {before.closed_on}.", "It is closed once.", "")
    text = written(outcome)
    sealed = records.seal(f"action/{number}", "outcome", text)
    state, today = DROPPED if dropped else DONE, records.network.today().isoformat()
    with records.writing() as connection:
        connection.execute(
            "UPDATE actions SET state = ?, outcome = ?, closed_on = ? WHERE number = ? AND state = ?",
            (state, sealed, today, number, OPEN),
        )
    note_copies(records, f"action/{number}/outcome", text)
    return action_of(records, number)


def action_of(records: Records, number: int) -> Action:
    """Return one action.

    Raises:
        Fatal: there is none of that number.
    """
    found = {item.number: item for item in actions(records)}
    if number not in found:
        raise Fatal(
            f"{records.municipality} has no action {number}.",
            todo=f"`spiegelnet session actions {records.municipality}` lists them.",
        )
    return found[number]
