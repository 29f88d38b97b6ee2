"""What a mirror shows, asked of the published tables in SQL that both engines answer alike."""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from services.asking import Ask
from services.errors import Fatal
from services.indicators import TOTAL
from services.mirror.stories import Stories, read_stories

_CODE = re.compile(r"gm[0-9]{4}")


@dataclass(frozen=True)
class Figure:
    """One row of `hub.benchmark.figures`; docs/sql.md says what each column means."""

    period: str
    period_kind: str
    numerator: int | None
    denominator: int | None
    denominator_date: dt.date | None
    value: float | None
    ci_low: float | None
    ci_high: float | None
    status: str
    peer_set: str | None
    peer_count: int | None
    peer_p25: float | None
    peer_median: float | None
    peer_p75: float | None
    compared: str
    trend: str
    coverage: float | None
    definition_version: int
    public_from: dt.date | None


@dataclass(frozen=True)
class Definition:
    """One row of `hub.benchmark.indicators`, its texts in Dutch; `parts` are titles of what it is split by, by code.

    `themes` are those of the stories that belong beside it, the nearest first; none in a table of an earlier version.
    """

    indicator: str
    source: str
    polarity: str
    release_level: str
    title: str
    definition: str
    unit: str
    numerator: str
    denominator: str
    proxy_for: str
    does_not_say: tuple[str, ...]
    perverse_incentives: tuple[str, ...]
    misses: tuple[str, ...]
    series_breaks: tuple[str, ...]
    dimension_title: str | None
    parts: Mapping[str, str]
    themes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PeerGroup:
    """The peers that figures of one period and set of indicators stand beside.

    Attributes:
        peer_set: as the figures name it.
        period: of the figures.
        vintage: year of the public figures that likeness rests on.
        peers: codes, in alphabetical order: a mirror ranks nobody.
    """

    peer_set: str
    period: str
    vintage: int
    peers: tuple[str, ...]


@dataclass(frozen=True)
class Reading:
    """All that a mirror shows.

    Attributes:
        municipality: its code.
        definitions: of all indicators, by id.
        figures: by indicator id, by period; an indicator without any is not in it.
        parts: by indicator id and part of its dimension, by period.
        peer_groups: of each set of indicators the newest, in alphabetical order.
        stories: quotes and patterns that can stand beside the figures.
        missed: by indicator who its figure misses, as people found and share it; beside what its definition says.
    """

    municipality: str
    definitions: Mapping[str, Definition]
    figures: Mapping[str, tuple[Figure, ...]]
    parts: Mapping[str, Mapping[str, tuple[Figure, ...]]]
    peer_groups: tuple[PeerGroup, ...]
    stories: Stories
    missed: Mapping[str, tuple[str, ...]]

    def told(self) -> dict[str, tuple[Figure, ...]]:
        """Figures of indicators that are defined: no other one is shown."""
        return {name: items for name, items in self.figures.items() if name in self.definitions}

    def all_told(self) -> list[Figure]:
        """The same, with those of parts, in one list."""
        told = self.told()
        parts = [items for name in told for items in self.parts.get(name, {}).values()]
        return [item for items in (*told.values(), *parts) for item in items]


_FIGURES = """
SELECT indicator, dimension_value, {columns} FROM hub.benchmark.figures
WHERE municipality = '{municipality}' ORDER BY indicator, dimension_value, period
"""
_PLAIN = ("indicator", "source", "polarity", "release_level")
_SINGLE = ("title", "definition", "unit", "numerator", "denominator", "proxy_for")
_SEVERAL = ("does_not_say", "perverse_incentives", "misses", "series_breaks")
_INDICATORS = "SELECT {columns} FROM hub.benchmark.indicators ORDER BY indicator"
_PEERS = """
SELECT peer_set, period, trait_vintage, peer FROM hub.benchmark.peers
WHERE municipality = '{municipality}' ORDER BY peer_set, period, peer
"""


_MISSED = "SELECT indicator, who, because FROM {municipality}.published.missing ORDER BY indicator, entry"


def read(ask: Ask, municipality: str, *, takes_part: bool = False) -> Reading:
    """Ask for everything about one municipality.

    Args:
        ask: answers a SELECT over the published tables.
        municipality: its CBS code.
        takes_part: whether it has a node, and so tables of its own.

    Raises:
        Fatal: it is not such a code.
        SpiegelnetError: a question is not answered.
    """
    if not _CODE.fullmatch(municipality):
        raise Fatal(
            "A mirror is made for a municipality.",
            "Its CBS code is needed: gm and four digits. Provinces and districts have no peers.",
            "Write for example: spiegelnet mirror gm0518.",
        )
    series = _series(ask, municipality)
    groups = [item for items in series.values() for item in items if item.peer_set]
    newest = {str(item.peer_set): item.period for item in sorted(groups, key=lambda item: item.period)}
    figures = {indicator: items for (indicator, part), items in series.items() if part == TOTAL}
    parts: dict[str, dict[str, tuple[Figure, ...]]] = {}
    for (indicator, part), items in series.items():
        if part != TOTAL:
            parts.setdefault(indicator, {})[part] = items
    peer_groups = _peer_groups(ask, municipality, newest)
    peers = {peer for group in peer_groups for peer in group.peers if _CODE.fullmatch(peer)}
    stories = read_stories(ask, municipality, peers)
    missed = _missed(ask, municipality) if takes_part else {}
    return Reading(municipality, _definitions(ask), figures, parts, peer_groups, stories, missed)


def _series(ask: Ask, municipality: str) -> dict[tuple[str, str], tuple[Figure, ...]]:
    """All figures by indicator and part; a table of an earlier version names no part, and holds totals only."""
    columns = [item.name for item in fields(Figure)]
    rows = ask(_FIGURES.format(columns=", ".join(columns), municipality=municipality)).to_pylist()
    found: dict[tuple[str, str], list[Figure]] = {}
    for row in rows:
        key = (row["indicator"], row["dimension_value"] or TOTAL)
        found.setdefault(key, []).append(Figure(**{name: row[name] for name in columns}))
    return {key: tuple(items) for key, items in found.items()}


def _definitions(ask: Ask) -> dict[str, Definition]:
    columns = [
        *_PLAIN,
        "parts",
        "themes",
        *(f"{name}_nl" for name in (*_SINGLE, *_SEVERAL, "dimension_title", "part_titles")),
    ]
    found = {}
    for row in ask(_INDICATORS.format(columns=", ".join(columns))).to_pylist():
        texts: dict[str, Any] = {name: row[f"{name}_nl"] for name in _SINGLE}
        texts |= {name: tuple(row[f"{name}_nl"] or ()) for name in _SEVERAL}
        texts["dimension_title"], texts["themes"] = row["dimension_title_nl"], tuple(row["themes"] or ())
        texts["parts"] = dict(zip(row["parts"] or (), row["part_titles_nl"] or (), strict=True))
        found[row["indicator"]] = Definition(**{name: row[name] for name in _PLAIN}, **texts)
    return found


def _peer_groups(ask: Ask, municipality: str, newest: Mapping[str, str]) -> tuple[PeerGroup, ...]:
    found: dict[tuple[str, str, int], list[str]] = {}
    for row in ask(_PEERS.format(municipality=municipality)).to_pylist():
        if newest.get(row["peer_set"]) == row["period"]:
            found.setdefault((row["peer_set"], row["period"], row["trait_vintage"]), []).append(row["peer"])
    return tuple(PeerGroup(*key, tuple(peers)) for key, peers in sorted(found.items()))


def _missed(ask: Ask, municipality: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for row in ask(_MISSED.format(municipality=municipality)).to_pylist():
        found[row["indicator"]] = (*found.get(row["indicator"], ()), f"{row['who']}: {row['because']}")
    return found
