"""A teller changes what may be done with a story: the sender passes it on, by the number that it gave the story."""

import datetime as dt
import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import polars as pl

from services.errors import Rejected
from services.sending.delivery import require_right
from services.sending.enqueueing import enqueue_once
from services.sending.sender import Sender
from services.stories.points.told import told_stories

CONSENT: Final = "story_consent"
USES: Final = ("count", "team", "quote", "publish")


@dataclass(frozen=True)
class Changed:
    """A change of consent in the outbox.

    Attributes:
        number: the sender's own number of the story.
        receiver: the municipality that holds the story.
        uses: all that is allowed from now on.
    """

    number: str
    receiver: str
    uses: tuple[str, ...]


def change_consent(sender: Sender, number: str, uses: Collection[str], now: dt.datetime) -> Changed:
    """Put a change of consent into the outbox; it stands in the place of all that was allowed before.

    A change is numbered by the minute in which it is made, so that a sender that lost its outbox goes on above the
    changes that it made before; and always above the last one of this story, whatever the clock says.

    Args:
        sender: who sent the story.
        number: its own number of the story.
        uses: all that the teller allows from now on, of `USES`; empty for nothing.
        now: UTC.

    Raises:
        NotAllowed: this participant tells no stories.
        Rejected: no story of that number, or more than one, is in its sources; or a use is unknown.
    """
    event_type = sender.registry.in_use(CONSENT)
    require_right(sender, event_type)
    if unknown := sorted(set(uses) - set(USES)):
        raise Rejected(f"{', '.join(unknown)} is no use.", todo=f"Name of {', '.join(USES)}, with commas, or none.")
    found = told_stories(sender.sources, sender.keys.event).filter(pl.col("number") == number)
    if found.height != 1:
        raise Rejected(
            f"{found.height} stories in the sources of {sender.id} have this number.",
            "One is needed: by its row it is known which event it became.",
            "Look up the number that the teller was given.",
        )
    story, receiver = found.select("story", "municipality").row(0)
    allowed = [use for use in USES if use in uses]
    with sender.outbox.together():
        change = sender.outbox.next_number(story, at_least=int(now.timestamp()) // 60)
        keys = pl.Series([f"{story.hex()}|{change}"])
        frame = pl.DataFrame(
            {
                "event_id": sender.event_ids(CONSENT, CONSENT, keys),
                "story": pl.Series([story], dtype=pl.Binary),
                "uses": pl.Series([allowed], dtype=pl.List(pl.String)),
                "number": pl.Series([change], dtype=pl.Int32),
                "changed_on": pl.Series([now.date()], dtype=pl.Date),
            }
        )
        enqueue_once(sender, CONSENT, receiver, frame, _source(story, change))
    return Changed(number, receiver, tuple(allowed))


def _source(story: bytes, change: int) -> bytes:
    """Return 32 bytes that name one change of one story's consent."""
    return hashlib.sha256(json.dumps([CONSENT, story.hex(), change]).encode()).digest()
