"""What the parties read in an agenda, and who may see it when.

Partners read first. Nobody sees a reading before giving its own, so that each one says what it sees and not what it
thinks of another's words:

- a party sees its own words at all times;
- a partner whose reading is in sees those of partners that are in too; it is in with words of its own, or when it says
  that it has none and gives up to add any;
- the owner's words, which weigh most since it made the figures' policy, are hidden until everybody who was invited is
  in or did not come; the owner sees those of the partners then too, not one by one as they come: else it would answer
  the first, and the last would read beside an owner that has replied already;
- words without name are shown with the owner's, and never before: by the moment of their coming one could tell whose
  they are.
"""

import secrets

from services.errors import Fatal, NotAllowed
from services.sessions.model import AWAY, IN, INVITED, QUESTIONS, READ, SILENT, Contribution, Question, Session
from services.sessions.reading import item_of, load
from services.sessions.records import Records, next_number, written

FEWEST_FOR_NAMELESS = 3
"""Parties, the owner included: among fewer, words without name are soon told to be somebody's."""


def contribute(
    records: Records, session_id: str, item: str, question: Question, words: str, party: str | None
) -> Session:
    """Keep what a party reads in an item of the agenda.

    Args:
        records: of the municipality.
        session_id: of the session.
        item: of its agenda.
        question: that the words answer.
        words: as given.
        party: whose they are; None keeps nothing of whose they are.

    Raises:
        Fatal: there is no such session, item or question.
        NotAllowed: the party is neither the owner nor invited, or is said not to have come.
        Rejected: the words cannot be kept.
    """
    session = load(records, session_id)
    item_of(session, item)
    if question not in QUESTIONS:
        raise Fatal(f"{question} is none of the four questions.", todo=f"They are {', '.join(QUESTIONS)}.")
    text = written(words)
    if party is None:
        _keep_nameless(records, session.id, item, question, text)
        return session
    _require_present(session, party)
    with records.writing() as connection:
        number = next_number(connection, "contributions")
        sealed = records.seal(f"contribution/{number}", "words", text)
        row = (number, session.id, item, question, party, sealed)
        connection.execute("INSERT INTO contributions VALUES (?, ?, ?, ?, ?, ?)", row)
    return session


def reading_is_in(records: Records, session_id: str, party: str) -> Session:
    """Note that the reading of a partner is in; it may still add to it.

    One that was said not to come, and came after all, is waited for again, as long as nothing was opened without it.

    Raises:
        Fatal: there is no such session.
        NotAllowed: the party is not invited, or gave no words under its name.
    """
    session = load(records, session_id)
    before = _require_invited(session, party)
    if before == AWAY:
        return _set_state(records, session, party, IN if session.is_opened else INVITED, None)
    if not _has_given(records, session, party):
        raise NotAllowed(
            f"{party} gave no words in its own name.",
            "Who sees what others read gives its own reading first.",
            "Run `spiegelnet session contribute`, or say --nothing-to-say: it can give no words after that.",
        )
    return _set_state(records, session, party, IN, None)


def nothing_to_say(records: Records, session_id: str, party: str) -> Session:
    """Note that a partner has nothing to say in its own name; its reading is in, and it can give no words any more.

    Raises:
        Fatal: there is no such session.
        NotAllowed: the party is not invited, gave words, or is said not to have come.
    """
    session = load(records, session_id)
    if _require_invited(session, party) == AWAY:
        _require_present(session, party)
    if _has_given(records, session, party):
        raise NotAllowed(f"{party} gave words.", "They are its reading.", "Run `spiegelnet session ready` without it.")
    return _set_state(records, session, party, SILENT, None)


def did_not_come(records: Records, session_id: str, party: str, reason: str) -> Session:
    """Note, by the owner, that a partner did not come, and why, so that the session can go on without it.

    Raises:
        Fatal: there is no such session.
        NotAllowed: the party is not invited, or its reading is in.
        Rejected: there is no reason, or it cannot be kept.
    """
    session = load(records, session_id)
    if _require_invited(session, party) in READ:
        raise NotAllowed(f"The reading of {party} is in.", "It came.", "Go on with the session.")
    return _set_state(records, session, party, AWAY, written(reason))


def visible(records: Records, session: Session, viewer: str | None) -> list[Contribution]:
    """Return the contributions that somebody may see, by item, question and party; without a name by chance.

    Args:
        records: of the municipality.
        session: as it is now.
        viewer: a party or the owner; None sees what everybody may once the session is opened.

    Raises:
        NotAllowed: the viewer is neither the owner nor invited.
        Retryable, Fatal: the file cannot be used.
    """
    if viewer is not None and viewer != session.owner:
        _require_invited(session, viewer)
    may = {party for party in (session.owner, *(item.id for item in session.parties)) if _may(session, viewer, party)}
    with records.reading() as connection:
        named = connection.execute(
            "SELECT number, item, question, party, words FROM contributions WHERE session = ? ORDER BY party, number",
            [session.id],
        ).fetchall()
        nameless = connection.execute(
            "SELECT id, item, question, words FROM nameless WHERE session = ?", [session.id]
        ).fetchall()
    found = [
        Contribution(item, question, party, records.unseal(f"contribution/{number}", "words", words))
        for number, item, question, party, words in named
        if party in may
    ]
    if session.is_opened:
        secrets.SystemRandom().shuffle(nameless)
        found += [
            Contribution(item, question, None, records.unseal(f"nameless/{name}", "words", words))
            for name, item, question, words in nameless
        ]
    return found


def all_words(records: Records, session: str) -> list[str]:
    """Return the words of all contributions to a session, seen or not: none may be copied into what leaves.

    Raises:
        Retryable, Fatal: the file cannot be used.
    """
    with records.reading() as connection:
        named = connection.execute("SELECT number, words FROM contributions WHERE session = ?", [session]).fetchall()
        nameless = connection.execute("SELECT id, words FROM nameless WHERE session = ?", [session]).fetchall()
    kept = [*((f"contribution/{name}", words) for name, words in named)]
    kept += [(f"nameless/{name}", words) for name, words in nameless]
    return [records.unseal(record, "words", words) for record, words in kept]


def require_opened(session: Session, what: str) -> None:
    """Check that all readings are in before something is concluded from them.

    Raises:
        NotAllowed: some are not.
    """
    if not session.is_opened:
        raise NotAllowed(
            f"{what} comes after the readings of all who were invited.",
            f"Not in yet: {', '.join(session.waited_for)}.",
            "Wait for `spiegelnet session ready`, or say with `spiegelnet session away` who did not come.",
        )


def _may(session: Session, viewer: str | None, party: str) -> bool:
    if session.is_opened or viewer == party:
        return True
    states = {item.id: item.state for item in session.parties}
    return states.get(viewer or "") in READ and states.get(party) in READ


def _keep_nameless(records: Records, session: str, item: str, question: Question, words: str) -> None:
    name = secrets.token_hex(16)
    sealed = records.seal(f"nameless/{name}", "words", words)
    with records.writing() as connection:
        connection.execute("INSERT INTO nameless VALUES (?, ?, ?, ?, ?)", (name, session, item, question, sealed))


def _require_present(session: Session, party: str) -> None:
    if party == session.owner:
        return
    state = _require_invited(session, party)
    if state == SILENT:
        raise NotAllowed(
            f"{party} said that it has nothing to say in {session.id}.", "It may have seen what others read since.", ""
        )
    if state == AWAY:
        raise NotAllowed(
            f"{party} is said not to have come to {session.id}.",
            "The session went on without it.",
            f"If it came after all: `spiegelnet session ready` with --as {party} first.",
        )


def _require_invited(session: Session, party: str) -> str:
    """Return the state of a party; raise where it is not invited."""
    states = {item.id: item.state for item in session.parties}
    if party not in states:
        known = ", ".join(states)
        raise NotAllowed(
            f"{party} is not invited to {session.id}.", f"Invited are {known}; the owner is {session.owner}.", ""
        )
    return states[party]


def _has_given(records: Records, session: Session, party: str) -> bool:
    with records.reading() as connection:
        sql = "SELECT count(*) FROM contributions WHERE session = ? AND party = ?"
        return bool(connection.execute(sql, (session.id, party)).fetchone()[0])


def _set_state(records: Records, session: Session, party: str, state: str, reason: str | None) -> Session:
    sealed = None if reason is None else records.seal(f"session/{session.id}/{party}", "reason", reason)
    with records.writing() as connection:
        connection.execute(
            "UPDATE parties SET state = ?, reason = ? WHERE session = ? AND party = ?",
            (state, sealed, session.id, party),
        )
    return load(records, session.id)
