"""The life of a story at the desk: received, read, answered, a change planned or made, and what came of it.

Each stage is reached once, by a named person on a day, and is told back to who sent the story (`telling`).
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from services.errors import NotAllowed, Rejected
from services.stories.desk.records import Desk

RECEIVED, READ, ANSWERED, PLANNED, MADE, OUTCOME = (
    "received", "read", "answered", "change_planned", "change_made", "outcome"
)  # fmt: skip
STAGES: Final = (RECEIVED, READ, ANSWERED, PLANNED, MADE, OUTCOME)
"""In the order of a story's life; a plan may be left out, and nothing is changed about every story."""
NEEDS: Final[Mapping[str, str]] = {READ: RECEIVED, ANSWERED: READ, PLANNED: ANSWERED, MADE: ANSWERED, OUTCOME: ANSWERED}
"""What a stage comes after."""
BY_ITSELF: Final = "the node"
MOST_MESSAGE: Final = 2000


@dataclass(frozen=True)
class Step:
    """That a story reached a stage.

    Attributes:
        story: its event id.
        stage: one of `STAGES`.
        who: named themselves as doing it.
        said_on: the day.
        message: what the teller is told, in words; None where the stage says it all.
        told: whether the sender of the story was told.
    """

    story: bytes
    stage: str
    who: str
    said_on: dt.date
    message: str | None = field(repr=False)
    told: bool


def receive(desk: Desk, stories: Mapping[bytes, dt.date]) -> int:
    """Note that stories (event id to the day of receipt) were received; return how many are new."""
    rows = [(story, RECEIVED, BY_ITSELF, day.isoformat()) for story, day in stories.items()]
    with desk.writing() as database:
        before = database.total_changes
        database.executemany("INSERT OR IGNORE INTO steps (story, stage, who, said_on) VALUES (?, ?, ?, ?)", rows)
        return database.total_changes - before


def take_step(desk: Desk, story: bytes, stage: str, who: str, today: dt.date, message: str | None = None) -> None:
    """Note that a story reached a stage.

    Args:
        desk: of the municipality that holds the story.
        story: its event id.
        stage: one of `STAGES` but the first.
        who: the person.
        today: the day.
        message: for the teller; kept sealed.

    Raises:
        NotAllowed: the story is not that far, was there before, or is further already; or who reads it never saw it.
        Rejected: the message is too long or empty.
    """
    name, words = named(who), message if message is None else _message(message)
    with desk.writing() as database:
        done = {known for (known,) in database.execute("SELECT stage FROM steps WHERE story = ?", (story,))}
        _require_order(stage, done)
        if stage == READ and name not in _saw(desk, story):
            raise NotAllowed(
                "That person never saw this story.",
                "Read is what the teller is told; it has to be so.",
                "Show it first: `spiegelnet stories show`, with the same name.",
            )
        sealed = None if words is None else desk.seal(story, stage, words)
        row = (story, stage, name, today.isoformat(), sealed)
        database.execute("INSERT INTO steps (story, stage, who, said_on, message) VALUES (?, ?, ?, ?, ?)", row)


def steps(desk: Desk, *, untold: bool = False) -> list[Step]:
    """Return the steps of all stories, messages opened, in the order of days and stages.

    Args:
        desk: the desk.
        untold: only those of which the story's sender was not told yet.
    """
    query = "SELECT story, stage, who, said_on, message, told FROM steps" + (" WHERE NOT told" if untold else "")
    with desk.reading() as database:
        rows = database.execute(query).fetchall()
    found = [
        Step(
            story, stage, who, dt.date.fromisoformat(day),
            None if sealed is None else desk.opened(story, stage, sealed), bool(told),
        )
        for story, stage, who, day, sealed, told in rows
    ]  # fmt: skip
    return sorted(found, key=lambda step: (step.said_on, STAGES.index(step.stage), step.story))


def note_told(desk: Desk, told: list[Step]) -> None:
    """Note that the senders of these stories were told of these steps."""
    with desk.writing() as database:
        rows = [(step.story, step.stage) for step in told]
        database.executemany("UPDATE steps SET told = 1 WHERE story = ? AND stage = ?", rows)


def named(who: str) -> str:
    """Return a person's name in one spelling of spaces.

    Raises:
        NotAllowed: nobody is named.
    """
    name = " ".join(who.split())
    if not name or len(name) > 80:  # noqa: PLR2004 - a name, no sentence
        raise NotAllowed(
            "It is not said who does this.",
            "With stories every step has a person, whom the teller may ask for.",
            "Name yourself in at most 80 characters: --as 'Noor de Wit'.",
        )
    return name


def _saw(desk: Desk, story: bytes) -> set[str]:
    with desk.reading() as database:
        return {who for (who,) in database.execute("SELECT who FROM shown WHERE story = ?", (story,))}


def _require_order(stage: str, done: set[str]) -> None:
    if stage in done:
        raise NotAllowed(f"This story was {_words(stage)} before.", "Each stage is told to the teller once.")
    if NEEDS[stage] not in done:
        raise NotAllowed(
            f"This story is not {_words(NEEDS[stage])} yet.",
            f"It is {_words(stage)} after that.",
            "`spiegelnet stories list` says how far each story is.",
        )
    later = [known for known in STAGES[STAGES.index(stage) + 1 :] if known in done]
    if later:
        raise NotAllowed(f"This story is {_words(later[-1])} already.", "Stages are told in their order.")


def _words(stage: str) -> str:
    told = {PLANNED: "with a change planned", MADE: "with a change made", OUTCOME: "closed with its outcome"}
    return told.get(stage, stage)


def _message(text: str) -> str:
    words = text.strip()
    if not 1 <= len(words) <= MOST_MESSAGE:
        raise Rejected(f"The message is empty or has more than {MOST_MESSAGE:,} characters.", todo="Write it shorter.")
    return words
