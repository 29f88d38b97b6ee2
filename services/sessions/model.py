"""What a duiding session is made of."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Question = Literal["recognise", "explain", "think", "future"]
QUESTIONS: Final[Mapping[Question, str]] = {
    "recognise": "Herkennen we het?",
    "explain": "Kunnen we het verklaren?",
    "think": "Wat vinden we ervan?",
    "future": "Wat betekent het voor de toekomst, en welke acties volgen?",
}
"""The four questions to each figure and story, in the order in which they are asked."""

FIGURE, STORY, ACTION, SESSION = "figure", "story", "action", "session"
"""What an item of the agenda is; `session`: a conclusion or action is about no single item."""

OPEN, DONE, DROPPED = "open", "done", "dropped"
INVITED, IN, SILENT, AWAY = "invited", "in", "silent", "away"
READ = frozenset({IN, SILENT})
"""States of a party whose reading is in; `silent`: with nothing to say under its own name."""


@dataclass(frozen=True)
class AgendaFigure:
    """A figure as it was published when the session was planned, with all that is to be said beside it; in Dutch.

    Attributes:
        indicator: its id.
        themes: of the stories that belong beside it.
        title, unit, definition, numerator_text, denominator_text, proxy_for: of the definition.
        does_not_say, perverse_incentives, misses, series_breaks: likewise, a sentence each.
        period: of the figure.
        value: null where not published; in `unit`.
        numerator, denominator: released counts.
        ci_low, ci_high: 95 % limits, in `unit`.
        status: as in `hub.benchmark.figures`.
        peer_count, peer_p25, peer_median, peer_p75: of the peers.
        peers: their names, in alphabetical order.
        coverage: share of 1.
        definition_version: of the definition.
        release_id: of the release that it is from; null for open data.
        public_from: first day on which others may see it (ISO 8601).
        decimals: with which its values are written.
        sentences: what it says, how it compares, its trend, coverage and polarity.
    """

    indicator: str
    themes: list[str]
    title: str
    unit: str
    definition: str
    numerator_text: str
    denominator_text: str
    proxy_for: str
    does_not_say: list[str]
    perverse_incentives: list[str]
    misses: list[str]
    series_breaks: list[str]
    period: str
    value: float | None
    numerator: int | None
    denominator: int | None
    ci_low: float | None
    ci_high: float | None
    status: str
    peer_count: int | None
    peer_p25: float | None
    peer_median: float | None
    peer_p75: float | None
    peers: list[str]
    coverage: float | None
    definition_version: int
    release_id: str | None
    public_from: str | None
    decimals: int
    sentences: list[str]


@dataclass(frozen=True)
class AgendaStory:
    """A story on the agenda, by its quote. Its words are looked up when shown: consent may be withdrawn until then.

    Attributes:
        quote: id of the quote.
        theme: of the story.
        period: quarter in which it was told.
    """

    quote: str
    theme: str
    period: str


@dataclass(frozen=True)
class AgendaAction:
    """An open action of an earlier session, back on the agenda.

    Attributes:
        action: its number.
        session: in which it was agreed.
    """

    action: int
    session: str


@dataclass(frozen=True)
class Item:
    """One item of an agenda.

    Attributes:
        id: indicator, quote or `action-N`, by which contributions and conclusions name it.
        about: what stands on the agenda.
    """

    id: str
    about: AgendaFigure | AgendaStory | AgendaAction

    @property
    def kind(self) -> str:
        """`figure`, `story` or `action`."""
        return {AgendaFigure: FIGURE, AgendaStory: STORY, AgendaAction: ACTION}[type(self.about)]


@dataclass(frozen=True)
class Party:
    """Who is invited to read.

    Attributes:
        id: a participant, or a guest such as `clientenraad`.
        state: `invited`, `in` once its reading is, `silent` where it says that it has nothing to say, or `away`.
        reason: why it did not come, in the owner's words.
    """

    id: str
    state: str
    reason: str = ""


@dataclass(frozen=True)
class Session:
    """One duiding session.

    Attributes:
        id: the day on which it is held, with a number behind it for a second one on that day.
        title: in the owner's words.
        held_on: the day.
        period: of the release that it is about, `2025-12`.
        owner: the participant that asks the others to read.
        parties: who is invited to read, in alphabetical order; without the owner.
        items: the agenda.
    """

    id: str
    title: str
    held_on: dt.date
    period: str
    owner: str
    parties: tuple[Party, ...]
    items: tuple[Item, ...]

    @property
    def is_opened(self) -> bool:
        """Whether the reading of everybody who was invited is in, or the owner said that they did not come."""
        return all(item.state != INVITED for item in self.parties)

    @property
    def waited_for(self) -> list[str]:
        """Of whom the reading is not in."""
        return [item.id for item in self.parties if item.state == INVITED]


@dataclass(frozen=True)
class Contribution:
    """What a party read in an item.

    Attributes:
        item: of the agenda.
        question: one of `QUESTIONS`.
        party: who gave it; None for one without name.
        words: as given.
    """

    item: str
    question: Question
    party: str | None
    words: str


@dataclass(frozen=True)
class Conclusion:
    """What those present concluded.

    Attributes:
        number: within the municipality.
        session: its id.
        item: of the agenda; None for the session as a whole.
        words: as written down.
    """

    number: int
    session: str
    item: str | None
    words: str


@dataclass(frozen=True)
class Action:
    """What somebody will do.

    Attributes:
        number: within the municipality.
        session: in which it was agreed.
        item: of the agenda; None for the session as a whole.
        words: what is to be done.
        owner: a person, a role or an organisation.
        due_on: the day.
        state: `open`, `done` or `dropped`.
        outcome: what came of it, or why it was dropped; empty while open.
        closed_on: the day; None while open.
    """

    number: int
    session: str
    item: str | None
    words: str
    owner: str
    due_on: dt.date
    state: str
    outcome: str
    closed_on: dt.date | None
