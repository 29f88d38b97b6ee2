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
from services.directory import STORY_POINT
from services.errors import Fatal
from services.mirror.reading import Figure, PeerGroup, Reading, read
from services.mirror.section import sections
from services.mirror.stories import Pattern
from services.mirror.wording import COMPARED, STATUS
from services.network import Network
from services.pages import environment


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        path: the page.
        indicators: how many are on it.
        stories: how many have a story of the municipality itself beside them.
        figures: how many of their figures are shown; the others are told as suppressed or missing.
        untold: figures that are not shown.
        closed_until: the day until which it may not be passed on, since some figures are under embargo.
    """

    path: Path
    indicators: int
    stories: int
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
    reading = read(ask, municipality, takes_part=municipality in network.directory.municipalities)
    if not reading.figures and municipality not in names:
        raise Fatal(
            f"There are no figures of {municipality}.",
            "It takes no part in this network, and no open data about it are in the benchmark.",
            '`spiegelnet sql "select distinct municipality from hub.benchmark.figures"` tells of whom there are.',
        )
    today = network.today()
    points = [item.name for item in network.directory.of_kind(STORY_POINT) if municipality in item.serves]
    path.write_text(page(reading, names, today, points), "utf-8")
    told, figures = reading.told(), reading.all_told()
    shown = sum(item.value is not None for item in figures)
    themes = {item.theme for item in reading.stories.own}
    stories = sum(not themes.isdisjoint(reading.definitions[name].themes) for name in told)
    until = closed_until([*figures, *reading.stories.patterns], today)
    return Written(path, len(told), stories, shown, len(figures) - shown, until)


def page(reading: Reading, names: Mapping[str, str], today: dt.date, points: Sequence[str] = ()) -> str:
    """Return the page as HTML.

    Args:
        reading: what it shows.
        names: of participants, by id; of others the code is shown.
        today: the day that stands on it.
        points: names of the story points that collect stories about the municipality.
    """
    told, untold = sections(reading, {code: _named(code, names) for code in names})
    template = _environment().get_template("mirror.html")
    return template.render(
        name=_named(reading.municipality, names),
        today=today,
        sections=told,
        untold=untold,
        points=points,
        undefined=sorted(indicator for indicator in reading.figures if indicator not in reading.definitions),
        without=_without(reading),
        groups=[(group, _peers(group, names)) for group in reading.peer_groups],
        closed_until=closed_until([*reading.all_told(), *reading.stories.patterns], today),
        released=any(item.definition.source == "events" for item in told),
    )


def closed_until(figures: Sequence[Figure | Pattern], today: dt.date) -> dt.date | None:
    """Return the day on which the last of what is shown becomes public; None when all is."""
    later = [item.public_from for item in figures if item.public_from and item.public_from > today]
    return max(later, default=None)


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
