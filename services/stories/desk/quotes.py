"""Quotes: a paraphrase of a story, agreed with its teller and approved as it stands by two people.

The words of a quote never change: other words are another quote. What decides whether they may leave the node is
`services.disclosure.release_words`, asked when they are published (`publishing`).
"""

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from services.errors import NotAllowed, Rejected, Retryable
from services.private_sql.asking import os_user
from services.stories.desk.about import About
from services.stories.desk.approvals import Approval, approvals_in
from services.stories.desk.records import Desk
from services.stories.desk.showing import require_use
from services.stories.desk.stages import named
from services.stories.words import begun_by, digest, identifier_in

PROPOSED, IN_TALKS, PUBLISHED, WITHDRAWN = "proposed", "in talks", "published", "withdrawn"
"""Stages of a quote: in talks is one whose teller agreed that it is quoted, not that it is published."""
QUOTE, PUBLISH = "quote", "publish"
MOST_TITLE: Final = 120
MOST_WORDS: Final = 1200
_NAME_LABEL: Final = b"spiegelnet/quote/v1"


@dataclass(frozen=True)
class Quote:
    """One quote.

    Attributes:
        quote: its name, 32 hex digits.
        story: event id of the story that it paraphrases.
        about: what is told of the story beside the words; None once it is withdrawn, and the hub told.
        title: above it; None once it is withdrawn.
        words: the paraphrase; None once it is withdrawn.
        explained: by marked word why it names nobody.
        proposed_on: the day.
        agreed_on: when its teller agreed to these words; None when that was not noted.
        stage: of the quote.
        number: of the state that the hub was told last; 0 before the first.
        since: the day of the stage.
        approvals: by the person who gave it.
    """

    quote: str
    story: bytes
    about: About | None
    title: str | None = field(repr=False)
    words: str | None = field(repr=False)
    explained: Mapping[str, str] = field(repr=False)
    proposed_on: dt.date
    agreed_on: dt.date | None
    stage: str
    number: int
    since: dt.date
    approvals: Mapping[str, Approval]

    @property
    def text(self) -> str:
        """Title and words together, as they are approved and judged."""
        return whole(self.title or "", self.words or "")


def whole(title: str, words: str) -> str:
    """Return what is approved: the title, and the words below it."""
    return f"{title}\n{words}"


def propose(desk: Desk, story: dict[str, Any], title: str, words: str, today: dt.date) -> str:
    """Keep a paraphrase, sealed, to be agreed and approved; return its name.

    Args:
        desk: of the municipality that holds the story.
        story: its row, see `showing.find`.
        title: one line.
        words: the paraphrase.
        today: the day.

    Raises:
        NotAllowed: the teller did not agree to be quoted.
        Rejected: title or words are empty or too long, or a direct identifier is in them.
    """
    require_use(story, QUOTE, PUBLISH)
    title, words = " ".join(title.split()), "\n".join(" ".join(line.split()) for line in words.strip().splitlines())
    if not 1 <= len(title) <= MOST_TITLE or not 1 <= len(words) <= MOST_WORDS:
        raise Rejected(
            f"A quote has a title of at most {MOST_TITLE} and words of at most {MOST_WORDS:,} characters.",
            todo="Shorten it, and propose it again.",
        )
    if kind := identifier_in(whole(title, words)):
        raise Rejected(
            f"There is a direct identifier in the quote ({kind}).",
            "A number or address that leads to one person never leaves, whoever approves it.",
            "Leave it out, and propose the quote again.",
        )
    event_id = story["event_id"]
    with desk.writing() as database:
        (before,) = database.execute("SELECT count(*) FROM quotes WHERE story = ?", (event_id,)).fetchone()
        name = _name(desk.quote_key, event_id, before)
        told = {"about": About.of(story).written(), "title": title, "words": words}
        sealed = (desk.seal(event_id, f"{name}/{what}", text) for what, text in told.items())
        database.execute(
            "INSERT INTO quotes (quote, story, about, title, words, proposed_on, stage, number, since)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?)",
            (name, event_id, *sealed, today.isoformat(), PROPOSED, today.isoformat()),
        )
    return name


def note_agreed(desk: Desk, quote: Quote, on: dt.date, how: str, today: dt.date) -> None:
    """Note that the teller agreed to the words of a quote.

    Raises:
        NotAllowed: it is withdrawn, or the day is to come.
        Rejected: it is not said how.
    """
    _require_open(quote)
    told = " ".join(how.split())
    if not told:
        raise Rejected("It is not said how the teller agreed.", todo="Say it: --how 'read to the teller by telephone'.")
    if not quote.proposed_on <= on <= today:
        raise NotAllowed("The teller cannot have agreed on that day.", "These words are of later, or it is to come.")
    sealed = desk.seal(quote.story, f"{quote.quote}/agreed", told)
    with desk.writing() as database:
        row = (on.isoformat(), sealed, quote.quote)
        database.execute("UPDATE quotes SET agreed_on = ?, agreed_how = ? WHERE quote = ?", row)


def approve(desk: Desk, quote: Quote, who: str, at: dt.datetime, explained: Mapping[str, str] | None = None) -> None:
    """Note that a person, and which user of the machine, approves a quote as it stands; the last time counts.

    Args:
        desk: the desk.
        quote: as it was shown to that person.
        who: the person.
        at: when, UTC.
        explained: by word that is marked in it why it names nobody, such as the month of March.

    Raises:
        NotAllowed: the quote is withdrawn, or nobody is named.
    """
    _require_open(quote)
    reasons = json.dumps({**quote.explained, **(explained or {})}, ensure_ascii=False)
    sealed = desk.seal(quote.story, f"{quote.quote}/explained", reasons)
    row = (quote.quote, named(who), os_user(), digest(quote.text), at.isoformat(timespec="microseconds"))
    with desk.writing() as database:
        database.execute("INSERT OR REPLACE INTO approvals (quote, who, user, sha256, at) VALUES (?, ?, ?, ?, ?)", row)
        database.execute("UPDATE quotes SET explained = ? WHERE quote = ?", (sealed, quote.quote))


def set_stage(desk: Desk, quote: Quote, stage: str, today: dt.date) -> None:
    """Move a quote to another stage; what the hub is to hear of gets the next number, withdrawn words are forgotten.

    Raises:
        Retryable: another person or process moved it since it was read; it stays as that left it.
    """
    told = PUBLISHED in (stage, quote.stage)
    forget = ", title = NULL, words = NULL, explained = NULL, agreed_how = NULL" if stage == WITHDRAWN else ""
    with desk.writing() as database:
        moved = database.execute(
            f"UPDATE quotes SET stage = ?, since = ?, number = number + ?{forget}"
            " WHERE quote = ? AND stage = ? AND number = ?",
            (stage, today.isoformat(), int(told), quote.quote, quote.stage, quote.number),
        )
        if moved.rowcount != 1:
            raise Retryable(
                "Somebody else changed this quote at this moment.",
                "What was decided rested on what it was before.",
                "Look at the quote, and run the command again.",
            )


def forget(desk: Desk, quote: Quote) -> None:
    """Forget what is left of a quote that is withdrawn, once the hub is told where it ever heard of it."""
    with desk.writing() as database:
        database.execute("UPDATE quotes SET about = NULL WHERE quote = ? AND stage = ?", (quote.quote, WITHDRAWN))


def quotes(desk: Desk) -> list[Quote]:
    """Return all quotes, withdrawn ones too, in the order in which they were proposed."""
    query = (
        "SELECT quote, story, about, title, words, explained, proposed_on, agreed_on, stage, number, since FROM quotes"
    )
    with desk.reading() as database:
        rows = database.execute(query).fetchall()
        approvals = approvals_in(database)
    found = [_quote(desk, row, approvals.get(row[0], {})) for row in rows]
    return sorted(found, key=lambda quote: (quote.proposed_on, quote.quote))


def find_quote(desk: Desk, name: str) -> Quote:
    """Return the quote whose name begins with these six or more digits.

    Raises:
        NotAllowed: there is none, or more than one.
    """
    known = {item.quote: item for item in quotes(desk)}
    found = begun_by(known, name)
    if len(found) != 1:
        raise NotAllowed(
            "There is no such quote here, or more than one.", todo="`spiegelnet stories quotes` names them."
        )
    return known[found[0]]


def _quote(desk: Desk, row: tuple[Any, ...], approvals: Mapping[str, Approval]) -> Quote:
    name, story, about, title, words, explained, proposed_on, agreed_on, stage, number, since = row

    def opened(what: str, sealed: str | None) -> str | None:
        return None if sealed is None else desk.opened(story, f"{name}/{what}", sealed)

    reasons, told = opened("explained", explained), opened("about", about)
    return Quote(
        name,
        story,
        About.read(told) if told else None,
        opened("title", title),
        opened("words", words),
        json.loads(reasons) if reasons else {},
        dt.date.fromisoformat(proposed_on),
        None if agreed_on is None else dt.date.fromisoformat(agreed_on),
        stage,
        number,
        dt.date.fromisoformat(since),
        approvals,
    )


def _name(key: bytes, story: bytes, before: int) -> str:
    return hmac.new(key, _NAME_LABEL + story + before.to_bytes(4), hashlib.sha256).hexdigest()[:32]


def _require_open(quote: Quote) -> None:
    if quote.stage == WITHDRAWN:
        raise NotAllowed("This quote was withdrawn.", "Its words are gone.", "Propose another one.")
