"""Is the story that I have heard three times a pattern? Counts beside what is expected, with figures and quotes.

How often somebody heard a story says nothing about how often it was told, so that number decides nothing: it is only
said again beside the answer.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from services.asking import Ask
from services.errors import Rejected
from services.stories.patterns.codes import SIGNIFICATIONS, THEMES, TOTAL, kind_of, require_theme
from services.stories.patterns.judging import Judgement, judge
from services.stories.patterns.reading import Figure, Quarter, Quote, figures, peers, quarters, quotes

MOST_QUOTES = 3


@dataclass(frozen=True)
class Asked:
    """A question.

    Attributes:
        municipality: whose stories.
        themes: at least one, or none for all.
        significations: at least one, or none for all signals.
        period: a quarter; None for the newest that is published.
        heard: how often the asker heard it; told again, and nothing else.
    """

    municipality: str
    themes: tuple[str, ...] = ()
    significations: tuple[str, ...] = ()
    period: str | None = None
    heard: int | None = None


@dataclass(frozen=True)
class PeerShare:
    """What tellers in peers' municipalities told on the same theme: sums of what is published there."""

    municipalities: int
    meant: int
    told: int


@dataclass(frozen=True)
class Answer:
    """One theme and one signification.

    Attributes:
        theme: its code.
        signification: its code.
        meant: published count of tellers who gave the signification on the theme; None where it is not published.
        told: of tellers on the theme.
        judgement: what they say.
        peers: None where no peer published both counts.
    """

    theme: str
    signification: str
    meant: int | None
    told: int | None
    judgement: Judgement
    peers: PeerShare | None


@dataclass(frozen=True)
class Answers:
    """All that answers a question.

    Attributes:
        asked: the question, with the codes that were taken.
        quarter: in which the stories were told.
        answers: in the order of themes and significations.
        figures: by theme, what the benchmark has.
        quotes: by theme, at most `MOST_QUOTES`.
    """

    asked: Asked
    quarter: Quarter
    answers: tuple[Answer, ...]
    figures: Mapping[str, Sequence[Figure]]
    quotes: Mapping[str, Sequence[Quote]]


def answer(ask: Ask, asked: Asked) -> Answers:
    """Answer from published tables alone.

    Args:
        ask: answers a SELECT over them.
        asked: the question.

    Raises:
        Fatal: a code or period is none.
        Rejected: nothing is published about the municipality's stories.
        SpiegelnetError: a question in SQL is not answered.
    """
    themes = tuple(require_theme(item) for item in asked.themes) or tuple(THEMES)
    meanings = asked.significations or tuple(SIGNIFICATIONS["signal"])
    for item in meanings:
        kind_of(item)
    quarter = _quarter(ask, asked)
    others = quarters(ask, peers(ask, asked.municipality) - {asked.municipality}, quarter.period)
    beside = [item for found in others.values() for item in found]
    of_theme, told = figures(ask, asked.municipality), quotes(ask, asked.municipality)
    return Answers(
        asked,
        quarter,
        tuple(_answer(quarter, beside, theme, meaning) for theme, meaning in product(themes, meanings)),
        {theme: of_theme.get(theme, []) for theme in themes},
        {theme: _fitting(told, theme, meanings) for theme in themes},
    )


def _quarter(ask: Ask, asked: Asked) -> Quarter:
    found = quarters(ask, [asked.municipality], asked.period).get(asked.municipality)
    if not found:
        raise Rejected(
            f"No patterns of {asked.municipality} are published" + (f" for {asked.period}." if asked.period else "."),
            "Stories are counted when a quarter closes, at a node that received stories.",
            "`spiegelnet pattern list` tells of which quarters there are.",
        )
    return found[-1]


def _answer(quarter: Quarter, beside: Collection[Quarter], theme: str, meaning: str) -> Answer:
    meant, told = quarter.count(theme, meaning), quarter.count(theme, TOTAL)
    judgement = judge(meant, told, quarter.count(TOTAL, meaning), quarter.count(TOTAL, TOTAL))
    both = [
        (above, below)
        for item in beside
        if (above := item.count(theme, meaning)) is not None and (below := item.count(theme, TOTAL)) is not None
    ]
    shared = PeerShare(len(both), sum(above for above, _ in both), sum(below for _, below in both)) if both else None
    return Answer(theme, meaning, meant, told, judgement, shared)


def _fitting(told: Sequence[Quote], theme: str, meanings: Collection[str]) -> list[Quote]:
    """Quotes about a theme; those with an effect that was asked about come first."""
    about = [item for item in told if item.theme == theme]
    return sorted(about, key=lambda item: not {*item.effects} & {*meanings})[:MOST_QUOTES]
