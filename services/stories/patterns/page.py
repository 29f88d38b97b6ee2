"""Patterns and the answer to a question as pages in Dutch, to read and print without a network."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment

from services.asking import Ask
from services.network import Network
from services.pages import environment
from services.stories.patterns.codes import KIND_TITLES, RATING, SIGNIFICATIONS, THEMES, TOTAL, title_of
from services.stories.patterns.question import Answers
from services.stories.patterns.reach import TITLES, Reach, reaches
from services.stories.patterns.reading import Cell, Quarter, Quote, quarters, quotes
from services.stories.patterns.warm import COLD_TITLES, WarmAndCold, warm_with_cold
from services.stories.patterns.wording import (
    HOW_COUNTED,
    MANY_AT_ONCE,
    STATUS,
    VERDICTS,
    heard_sentence,
    peers_sentence,
    sentences,
)


@dataclass(frozen=True)
class ThemePart:
    """One theme as the page shows it.

    Attributes:
        title: in Dutch.
        told: tellers in each quarter, as that is shown.
        tables: by title of a kind, rows of a title and its counts per quarter; a kind without a count has no rows.
        hidden: titles of kinds of which no count is shown in any quarter.
        warm: effects and figures.
        quotes: stories that stand beside it.
    """

    title: str
    told: tuple[Cell | None, ...]
    tables: Mapping[str, list[tuple[str, tuple[Cell | None, ...]]]]
    hidden: tuple[str, ...]
    warm: WarmAndCold
    quotes: tuple[Quote, ...]


def write_patterns(network: Network, ask: Ask, municipality: str, path: Path) -> int:
    """Write the page of a municipality's patterns, and return how many quarters are on it.

    Args:
        network: for names, and today's date.
        ask: answers a SELECT over the published tables.
        municipality: its CBS code.
        path: of the page; what stood there is replaced.

    Raises:
        Fatal: the code is no municipality's.
        SpiegelnetError: a question is not answered.
        OSError: the file cannot be written.
    """
    found = quarters(ask, [municipality]).get(municipality, [])
    told = quotes(ask, municipality)
    _, warm = warm_with_cold(ask, municipality)
    parts = [_part(item, found, [quote for quote in told if quote.theme == item.theme]) for item in warm]
    html = _render(
        "patronen.html",
        network,
        municipality,
        found,
        parts=sorted(parts, key=lambda item: item.title),
        reaches=reaches(ask, municipality),
        made_up=any(quote.made_up for quote in told),
    )
    path.write_text(html, "utf-8")
    return len(found)


def write_answer(network: Network, answers: Answers, path: Path) -> None:
    """Write the page that answers a question.

    Raises:
        OSError: the file cannot be written.
    """
    told = [(item, sentences(answers, item), peers_sentence(item)) for item in answers.answers]
    html = _render(
        "antwoord.html",
        network,
        answers.asked.municipality,
        [answers.quarter],
        told=told,
        answers=answers,
        heard=heard_sentence(answers.asked.heard),
        many=MANY_AT_ONCE if len(told) > 1 else "",
    )
    path.write_text(html, "utf-8")


def _part(warm: WarmAndCold, found: list[Quarter], told: list[Quote]) -> ThemePart:
    """A theme's tables; a rating is shown only beside stories, and never by itself."""
    tables, hidden = {}, []
    for kind, title in KIND_TITLES.items():
        if kind == RATING and not told:
            continue
        rows = [
            (name, tuple(item.cells.get((warm.theme, code)) for item in found))
            for code, name in SIGNIFICATIONS[kind].items()
        ]
        shown = [row for row in rows if any(cell and cell.count is not None for cell in row[1])]
        if shown:
            tables[title] = shown
        else:
            hidden.append(title.lower())
    whole = tuple(item.cells.get((warm.theme, TOTAL)) for item in found)
    return ThemePart(THEMES[warm.theme], whole, tables, tuple(hidden), warm, tuple(told))


def closed_until(found: list[Quarter], today: dt.date) -> dt.date | None:
    """Return the day on which the last of these quarters becomes public; None when all are."""
    later = [item.public_from for item in found if item.public_from and item.public_from > today]
    return max(later, default=None)


def _render(template: str, network: Network, municipality: str, found: list[Quarter], **shown: object) -> str:
    known = network.directory.participants.get(municipality)
    name = f"{known.name} ({municipality})" if known else municipality
    today = network.today()
    return (
        _environment()
        .get_template(template)
        .render(
            name=name, today=today, quarters=found, closed_until=closed_until(found, today), how=HOW_COUNTED, **shown
        )
    )


def approach_of(item: Reach) -> str:
    """Return the Dutch name of an approach."""
    return TITLES[item.approach]


@cache
def _environment() -> Environment:
    made = environment("services.stories.patterns")
    made.globals.update(
        STATUS=STATUS, VERDICTS=VERDICTS, COLD_TITLES=COLD_TITLES, THEMES=THEMES, EFFECTS=SIGNIFICATIONS["effect"]
    )
    made.filters.update(approach=approach_of, meaning=title_of)
    return made
