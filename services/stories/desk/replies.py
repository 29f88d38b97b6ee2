"""The provider's right of reply: who is told of in a story is asked, and has seven days before a quote may leave.

Asking is done by the municipality, outside the network: a provider gets no story's text from here.
"""

import datetime as dt
from dataclasses import dataclass, field
from typing import Final, Literal

from services.errors import NotAllowed, Rejected
from services.stories.desk.records import Desk
from services.stories.desk.stages import MOST_MESSAGE, named

REPLY_DAYS: Final = 7
Standing = Literal["none named", "to be asked", "asked", "overdue", "replied"]


@dataclass(frozen=True)
class Reply:
    """How the right of reply about one story stands.

    Attributes:
        asked_on: the day; None when nobody asked yet.
        replied_on: likewise.
        reply: in the provider's words.
    """

    asked_on: dt.date | None = None
    replied_on: dt.date | None = None
    reply: str | None = field(default=None, repr=False)

    @property
    def until(self) -> dt.date | None:
        """The last day on which the provider is waited for."""
        return self.asked_on and self.asked_on + dt.timedelta(days=REPLY_DAYS)

    def standing(self, today: dt.date, *, names_provider: bool) -> Standing:
        """Say in a word how it stands."""
        if not names_provider:
            return "none named"
        if self.replied_on:
            return "replied"
        if self.until is None:
            return "to be asked"
        return "asked" if today <= self.until else "overdue"

    def is_due(self, today: dt.date, *, names_provider: bool) -> bool:
        """Say whether a quote has to wait: the provider was not asked, or has days left to reply."""
        return self.standing(today, names_provider=names_provider) in ("to be asked", "asked")


def ask_provider(desk: Desk, story: bytes, who: str, today: dt.date) -> dt.date:
    """Note that the provider was asked on this day; return the last day for its reply.

    Raises:
        NotAllowed: it was asked before.
    """
    with desk.writing() as database:
        added = database.execute(
            "INSERT OR IGNORE INTO replies (story, asked_by, asked_on) VALUES (?, ?, ?)",
            (story, named(who), today.isoformat()),
        )
        if not added.rowcount:
            raise NotAllowed("The provider was asked about this story before.", "Its seven days run from that day.")
    return today + dt.timedelta(days=REPLY_DAYS)


def note_reply(desk: Desk, story: bytes, text: str, today: dt.date) -> None:
    """Keep the provider's reply, sealed; also one that comes after its seven days.

    Raises:
        NotAllowed: the provider was not asked, or has replied.
        Rejected: the reply is empty or too long.
    """
    words = text.strip()
    if not 1 <= len(words) <= MOST_MESSAGE:
        raise Rejected(f"The reply is empty or has more than {MOST_MESSAGE:,} characters.", todo="Keep its core.")
    with desk.writing() as database:
        changed = database.execute(
            "UPDATE replies SET replied_on = ?, reply = ? WHERE story = ? AND replied_on IS NULL",
            (today.isoformat(), desk.seal(story, "reply", words), story),
        )
        if not changed.rowcount:
            raise NotAllowed(
                "No reply is waited for about this story.",
                "The provider was not asked, or has replied already.",
                "`spiegelnet stories ask-provider` notes that it was asked.",
            )


def replies(desk: Desk) -> dict[bytes, Reply]:
    """Return by story how the right of reply stands, of those about which a provider was asked."""
    with desk.reading() as database:
        rows = database.execute("SELECT story, asked_on, replied_on, reply FROM replies").fetchall()
    return {
        story: Reply(
            dt.date.fromisoformat(asked),
            None if replied is None else dt.date.fromisoformat(replied),
            None if sealed is None else desk.opened(story, "reply", sealed),
        )
        for story, asked, replied, sealed in rows
    }
