"""The mirror as a page: one HTML file that needs nothing beside it, no network and no script.

The templates escape every value. The page is well-formed XML too, so that any parser reads it, and its own policy lets
a browser fetch nothing.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment

from services.asking import Ask
from services.errors import Fatal
from services.mirror.chart import Chart, draw, highest_value
from services.mirror.reading import Definition, Figure, PeerGroup, Reading, read
from services.mirror.wording import (
    COMPARED,
    STATUS,
    coverage_sentence,
    newest_sentences,
    polarity_sentence,
)
from services.network import Network
from services.pages import environment
from services.pages.wording import decimals_for, number, period_text


@dataclass(frozen=True)
class Section:
    """One indicator as the page shows it.

    Attributes:
        definition: what it counts, and what is to be said beside it.
        figures: its series, by period.
        decimals: of its values.
        chart: None when no value is shown.
        newest: sentences on the newest period.
        shown_before: of a newest figure that is not shown, the newest that is.
        coverage: in a sentence.
        polarity: likewise.
        parts: titles of what it is split by, with their series by period.
    """

    definition: Definition
    figures: tuple[Figure, ...]
    decimals: int
    chart: Chart | None
    newest: list[str]
    shown_before: str
    coverage: str
    polarity: str
    parts: tuple[tuple[str, tuple[Figure, ...]], ...]

    @property
    def described(self) -> str:
        """The chart in words, for who cannot see it."""
        first, last = self.figures[0], self.figures[-1]
        shown = [item for item in self.figures if item.value is not None]
        hidden = sum(item.status == "suppressed" for item in self.figures)
        parts = [f"Perioden van {period_text(first.period)} tot en met {period_text(last.period)}."]
        if shown:
            ends = {item.period: number(item.value, self.decimals) for item in (shown[0], shown[-1])}
            told = " en ".join(f"{value} in {period_text(period)}" for period, value in ends.items())
            parts.append(f"Eigen cijfer, {self.definition.unit}: {told}.")
        if last.peer_median is not None:
            median = number(last.peer_median, self.decimals)
            parts.append(f"Mediaan van de evenknieën in {period_text(last.period)}: {median}.")
        if hidden:
            parts.append(f"Onderdrukt in {hidden} van {len(self.figures)} perioden; dat is niet nul.")
        return " ".join([*parts, "Alle waarden staan in de tabel onder de grafiek."])


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        path: the page.
        indicators: how many are on it.
        figures: how many of their figures are shown; the others are told as suppressed or missing.
        untold: figures that are not shown.
        closed_until: the day until which it may not be passed on, since some figures are under embargo.
    """

    path: Path
    indicators: int
    figures: int
    untold: int
    closed_until: dt.date | None


def write_mirror(network: Network, ask: Ask, municipality: str, path: Path) -> Written:
    """Write the mirror of a municipality; what stood at `path` is replaced.

    Args:
        network: for the names of participants and today's date.
        ask: answers a SELECT over the published tables.
        municipality: its CBS code; a participant, or any other of which open data are in the benchmark.
        path: of the page.

    Raises:
        Fatal: it is no such code, or nobody knows anything about it.
        SpiegelnetError: a question is not answered.
        OSError: the file cannot be written.
    """
    names = {item.id: item.name for item in network.directory.participants.values()}
    reading = read(ask, municipality)
    if not reading.figures and municipality not in names:
        raise Fatal(
            f"There are no figures of {municipality}.",
            "It takes no part in this network, and no open data about it are in the benchmark.",
            '`spiegelnet sql "select distinct municipality from hub.benchmark.figures"` tells of whom there are.',
        )
    today = network.today()
    path.write_text(page(reading, names, today), "utf-8")
    told, figures = reading.told(), reading.all_told()
    shown = sum(item.value is not None for item in figures)
    return Written(path, len(told), shown, len(figures) - shown, closed_until(figures, today))


def page(reading: Reading, names: Mapping[str, str], today: dt.date) -> str:
    """Return the page as HTML.

    Args:
        reading: what it shows.
        names: of participants, by id; of others the code is shown.
        today: the day that stands on it.
    """
    sections = [
        _section(reading.definitions[name], items, reading.parts.get(name, {}))
        for name, items in reading.told().items()
    ]
    template = _environment().get_template("mirror.html")
    return template.render(
        name=_named(reading.municipality, names),
        today=today,
        sections=sorted(sections, key=lambda item: item.definition.title),
        undefined=sorted(indicator for indicator in reading.figures if indicator not in reading.definitions),
        without=_without(reading),
        groups=[(group, _peers(group, names)) for group in reading.peer_groups],
        closed_until=closed_until(reading.all_told(), today),
        released=any(item.definition.source == "events" for item in sections),
    )


def closed_until(figures: Sequence[Figure], today: dt.date) -> dt.date | None:
    """Return the day on which the last of the figures becomes public; None when all are."""
    later = [item.public_from for item in figures if item.public_from and item.public_from > today]
    return max(later, default=None)


def _section(definition: Definition, figures: tuple[Figure, ...], parts: Mapping[str, tuple[Figure, ...]]) -> Section:
    newest = figures[-1]
    decimals = decimals_for(highest_value(figures) or 0)
    shown = [item for item in figures if item.value is not None]
    before = ""
    if newest.value is None and shown:
        before = f"{number(shown[-1].value, decimals)} {definition.unit}, over {period_text(shown[-1].period)}"
    return Section(
        definition,
        figures,
        decimals,
        draw([item for item in figures if item.period_kind == newest.period_kind]),
        newest_sentences(newest, definition, decimals),
        before,
        coverage_sentence(newest, definition),
        polarity_sentence(definition),
        tuple((title, parts[code]) for code, title in definition.parts.items() if code in parts),
    )


def _without(reading: Reading) -> list[tuple[str, bool]]:
    """Titles of indicators without a figure of this municipality, and whether they are released per province."""
    found = [item for name, item in reading.definitions.items() if name not in reading.figures]
    return sorted((item.title, item.release_level == "region") for item in found)


def _peers(group: PeerGroup, names: Mapping[str, str]) -> list[str]:
    return sorted(_named(code, names) for code in group.peers)


def _named(code: str, names: Mapping[str, str]) -> str:
    return f"{names[code]} ({code})" if code in names else code


@cache
def _environment() -> Environment:
    made = environment("services.mirror")
    made.globals.update(STATUS=STATUS, COMPARED=COMPARED)
    return made
