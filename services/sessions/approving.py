"""Two people look at words before they leave: who approved what, and whether it may be shared.

An approval is about words as they stand, by their SHA-256: of words that are changed after it, none is approved.
"""

import datetime as dt
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from services.disclosure import Words, release_words
from services.private_sql.asking import os_user
from services.sessions.originals import Consent, Originals, copied, note_copies
from services.sessions.records import Records
from services.stories.desk.quotes import PUBLISH
from services.stories.desk.stages import named
from services.stories.marking import marked_parts
from services.stories.words import digest, identifier_in

TAKEN_BACK: Final = "More than 7 words in a row are those of a story or quote that is not shown any more."


@dataclass(frozen=True)
class Approval:
    """One person's approval of words.

    Attributes:
        reviewer: the name, as given.
        user: of the machine, under which the name was typed.
        sha256: of the words, hex.
        explained: words that are marked as a name or place and are none of a person.
        approved_on: the day.
    """

    reviewer: str
    user: str
    sha256: str
    explained: tuple[str, ...]
    approved_on: dt.date


@dataclass(frozen=True)
class Looked:
    """Whether words may be shared.

    Attributes:
        words: what disclosure control says.
        shared_on: day of the approval that was lacking; None while they may not.
        unexplained: what is marked in them, and nobody explained.
    """

    words: Words
    shared_on: dt.date | None
    unexplained: tuple[str, ...] = field(repr=False)

    def row(self, made: Callable[[str, dt.date], dict[str, Any]]) -> dict[str, Any] | None:
        """Return what is made of words that may be shared and the day; None of others."""
        if self.words.words is None or self.shared_on is None:
            return None
        return made(self.words.words, self.shared_on)


def approve(records: Records, record: str, words: str, reviewer: str, explained: Sequence[str]) -> None:
    """Keep that somebody approves words; twice by the same one is once.

    Args:
        records: of the municipality.
        record: what the words belong to, `conclusion/3`.
        words: as they stand.
        reviewer: who approves.
        explained: see `Approval`.

    Raises:
        NotAllowed: no reviewer is named.
        Retryable, Fatal: the file cannot be used.
    """
    name = named(reviewer)
    new = (name, digest(words), tuple(explained))
    before = approvals(records, record)
    if any((item.reviewer, item.sha256, item.explained) == new for item in before):
        return
    place = len(before)
    sealed = [
        records.seal(f"{record}/{place}", "reviewer", name),
        records.seal(f"{record}/{place}", "user", os_user()),
        records.seal(f"{record}/{place}", "explained", json.dumps(list(explained), ensure_ascii=False)),
    ]
    row = (record, place, *sealed[:2], new[1], sealed[2], records.network.today().isoformat())
    with records.writing() as connection:
        connection.execute(
            "INSERT INTO approvals (record, place, reviewer, user, sha256, explained, approved_on)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            row,
        )


def take_back(records: Records, record: str) -> None:
    """Forget who approved a record and what belongs to it; without approvals it is not shared.

    Raises:
        Retryable, Fatal: the file cannot be used.
    """
    with records.writing() as connection:
        connection.execute("DELETE FROM approvals WHERE record IN (?, ?)", (record, f"{record}/outcome"))


def looked_at(
    records: Records, record: str, words: str, sources: Sequence[str], held: Originals, consent: Consent | None
) -> Looked:
    """Decide whether words may be shared. Of words that nobody approved no more is asked.

    Args:
        records: of the municipality.
        record: what they belong to.
        words: as they stand.
        sources: what was said in the session, which may not be copied into them.
        held: stories and quotes of the node, which may not be either.
        consent: of the teller of whose story they are; None where they are about none.

    Raises:
        Retryable, Fatal: the file cannot be used.
    """
    given = approvals(records, record)
    standing = [item for item in given if item.sha256 == digest(words)]
    explained = {word for item in standing for word in item.explained} | _public_names(records)
    unexplained = _unexplained(words, explained) if standing else ()
    if standing:
        note_copies(records, record, words, held)
    released = release_words(
        words,
        originals=(*sources, *held.closed) if standing else (),
        approvals={(item.reviewer, item.sha256) for item in given},
        agreed_with_teller=None if consent is None else consent.agreed,
        consent=None if consent is None else consent.uses,
        use=None if consent is None else PUBLISH,
        reply_due=False,
        identifier=identifier_in(words),
        unexplained_marks=len(unexplained),
    )
    if released.words is not None and copied(records, record, words) - held.published:
        released = Words("refused", None, (TAKEN_BACK,))
    day = max((item.approved_on for item in standing), default=None)
    return Looked(released, day if released.words is not None else None, unexplained)


def approvals(records: Records, record: str) -> list[Approval]:
    """Return the approvals of a record in order.

    Raises:
        Retryable, Fatal: the file cannot be used.
    """
    with records.reading() as connection:
        rows = connection.execute(
            "SELECT place, reviewer, user, sha256, explained, approved_on FROM approvals WHERE record = ?"
            " ORDER BY place",
            [record],
        ).fetchall()
    return [
        Approval(
            records.unseal(f"{record}/{place}", "reviewer", reviewer),
            records.unseal(f"{record}/{place}", "user", user),
            sha256,
            tuple(json.loads(records.unseal(f"{record}/{place}", "explained", explained))),
            dt.date.fromisoformat(day),
        )
        for place, reviewer, user, sha256, explained, day in rows
    ]


def _unexplained(words: str, explained: set[str]) -> tuple[str, ...]:
    known = {word.casefold() for word in explained}
    return tuple(part for part in marked_parts(words) if part.casefold() not in known)


def _public_names(records: Records) -> set[str]:
    """Names that say nothing about a person: of the municipality and of the organisations of the network."""
    return {item.name for item in records.network.directory.participants.values()}
