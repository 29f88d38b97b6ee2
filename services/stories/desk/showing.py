"""Stories shown inside the node: how far each one is, and its text to who may see it, which is written down."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from services.errors import NotAllowed, Rejected
from services.network import Network
from services.private_sql.asking import MOST_PURPOSE, os_user
from services.stories.desk.meaning import meant
from services.stories.desk.records import Desk
from services.stories.desk.replies import Reply, Standing, replies
from services.stories.desk.stages import OUTCOME, named, steps
from services.stories.points.questions import StoryPoint, load_point
from services.stories.words import begun_by

TEXTS: Final = ("title", "body", "meaning", "provider")
"""Fields of a story in somebody's words."""
TEAM: Final = "team"
"""The use of a story to which its teller has to agree before anybody reads its text."""

Marking = Callable[[str], str]
"""Puts what seems to name a person, a place or an address into brackets."""


@dataclass(frozen=True)
class StoryStanding:
    """How far one story is; nothing of its text.

    Attributes:
        story: its event id, hex.
        theme: what it is about.
        told_on: the day.
        stage: the last that it reached.
        waiting: days since then; 0 once its outcome is told.
        uses: what its teller agreed to.
        reply: how the provider's right of reply stands.
    """

    story: str
    theme: str
    told_on: dt.date
    stage: str
    waiting: int
    uses: tuple[str, ...]
    reply: Standing


@dataclass(frozen=True)
class Shown:
    """A story's text, as it is shown.

    Attributes:
        story: its event id, hex.
        texts: by field; those that the story has.
        marked: whether names and places are marked in them.
        meant: what the teller said it means beside its words, as (heading, text) in Dutch.
    """

    story: str
    texts: dict[str, str] = field(repr=False)
    marked: bool
    meant: list[tuple[str, str]] = field(repr=False)


def standing(desk: Desk, stories: pl.DataFrame, today: dt.date) -> list[StoryStanding]:
    """Return how far each current story is, those that wait longest first.

    Args:
        desk: the desk.
        stories: as `services.stories.reading.stories` gives them.
        today: the day.
    """
    last = {step.story: step for step in steps(desk)}
    asked = replies(desk)
    rows = []
    for row in stories.select("event_id", "theme", "told_on", "received_on", "uses", "provider").iter_rows(named=True):
        step = last.get(row["event_id"])
        since, stage = (step.said_on, step.stage) if step else (row["received_on"], "received")
        rows.append(
            StoryStanding(
                row["event_id"].hex(),
                row["theme"],
                row["told_on"],
                stage,
                0 if stage == OUTCOME else (today - since).days,
                tuple(row["uses"]),
                asked.get(row["event_id"], Reply()).standing(today, names_provider=row["provider"] is not None),
            )
        )
    return sorted(rows, key=lambda item: (-item.waiting, item.story))


def find(stories: pl.DataFrame, name: str) -> dict[str, Any]:
    """Return the row of the story whose event id begins with `name` (hex).

    Raises:
        NotAllowed: there is none, or more than one; or fewer than six digits are given.
    """
    hexes = stories["event_id"].bin.encode("hex")
    found = stories.filter(hexes.is_in(begun_by(hexes, name)))
    if found.height != 1:
        raise NotAllowed(
            "There is no such story here, or more than one.",
            "A story is named by the first six or more digits of its id; one that was taken back is not here any more.",
            "`spiegelnet stories list` names them.",
        )
    return found.row(0, named=True)


def show(network: Network, desk: Desk, story: dict[str, Any], who: str, purpose: str, marking: Marking | None) -> Shown:
    """Open a story's text for a person; that it was shown is written down before.

    Args:
        network: tells the time.
        desk: of the municipality that holds the story.
        story: its row, see `find`.
        who: the person.
        purpose: what for.
        marking: marks names and places in a text; None shows it as it was told.

    Raises:
        NotAllowed: the teller did not agree that the team sees it; or name or purpose are lacking.
        Retryable, Fatal: it cannot be written down, or the text not be opened.
    """
    name, reason = named(who), _purpose(purpose)
    require_use(story, TEAM)
    sealed = desk.seal(story["event_id"], "purpose", reason)
    row = (network.now().isoformat(timespec="seconds"), os_user(), name, story["event_id"], sealed, marking is not None)
    with desk.writing() as database:
        database.execute("INSERT INTO shown (at, user, who, story, purpose, marked) VALUES (?, ?, ?, ?, ?, ?)", row)
    texts = texts_of(desk, story)
    return Shown(
        story["event_id"].hex(),
        {name: marking(text) if marking else text for name, text in texts.items()},
        marking is not None,
        meant(story, _asked_by_itself(network, story)),
    )


def texts_of(desk: Desk, story: dict[str, Any]) -> dict[str, str]:
    """Open the texts of a story, by field; for what is decided inside the node, or after it was written down."""
    return {name: desk.key.open_one(story[name], story["event_id"], name) for name in TEXTS if story[name] is not None}


def showings(desk: Desk) -> list[tuple[str, str, str, str, str, bool]]:
    """Return who saw what, oldest first: when (ISO 8601), user, person, story (hex), purpose, whether it was marked."""
    with desk.reading() as database:
        rows = database.execute("SELECT at, user, who, story, purpose, marked FROM shown ORDER BY id").fetchall()
    return [
        (at, user, who, story.hex(), desk.opened(story, "purpose", purpose), bool(marked))
        for at, user, who, story, purpose, marked in rows
    ]


def require_use(story: dict[str, Any], *uses: str) -> None:
    """Raise unless the teller agreed to one of these uses of the story.

    Raises:
        NotAllowed: the teller did not.
    """
    if not set(uses) & set(story["uses"]):
        raise NotAllowed(
            f"The teller did not agree to this use of the story ({' or '.join(uses)}).",
            "A story is used for what its teller agreed to, and for no longer than that.",
            "Where it matters, ask the teller by way of who sent the story.",
        )


def _asked_by_itself(network: Network, story: dict[str, Any]) -> StoryPoint | None:
    """What the municipality asked where it sent the story itself; what others ask stands in their own folders."""
    if story["sent_by"] != story["municipality"]:
        return None
    return load_point(network.home.participant(story["municipality"]).sources)


def _purpose(text: str) -> str:
    purpose = " ".join(text.split())
    if not purpose:
        raise NotAllowed(
            "A story is shown for a purpose only.",
            "Each time is written down with who saw it, and what for.",
            'Name the purpose: --purpose "answer the teller".',
        )
    if len(purpose) > MOST_PURPOSE:
        raise Rejected(f"The purpose has more than {MOST_PURPOSE} characters.", todo="Say it in a sentence.")
    return purpose
