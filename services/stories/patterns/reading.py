"""What questions about patterns rest on, asked of the published tables in SQL that both engines answer alike."""

import datetime as dt
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from services.asking import Ask
from services.errors import Fatal
from services.federation.tables import HUB_TABLES
from services.indicators import TOTAL, period_of
from services.stories.patterns.words import Text

_CODE = re.compile(r"gm[0-9]{4}")
_STORIES = "benchmark.stories"
Place = tuple[str, str]
"""Theme and signification of a cell."""


@dataclass(frozen=True)
class Cell:
    """One released count: a number where `published`, else None."""

    kind: str
    status: str
    count: int | None


@dataclass(frozen=True)
class Quarter:
    """The patterns of one municipality and quarter.

    Attributes:
        period: the quarter.
        public_from: day from which others may see it.
        cells: by theme and signification.
    """

    period: str
    public_from: dt.date | None
    cells: Mapping[Place, Cell]

    def count(self, theme: str, signification: str) -> int | None:
        """Return a published count; None where there is none."""
        cell = self.cells.get((theme, signification))
        return cell.count if cell else None


@dataclass(frozen=True)
class Figure:
    """The newest figure of an indicator about a theme, beside the peers' median."""

    indicator: str
    title: str
    unit: str
    period: str
    status: str
    value: float | None
    peer_median: float | None
    compared: str


@dataclass(frozen=True)
class Quote:
    """A published paraphrase of a story."""

    theme: str
    approach: str | None
    period: str
    title: str
    words: str = field(repr=False)
    effects: tuple[str, ...]
    made_up: bool


def require_municipality(code: str) -> str:
    """Return the code of a municipality.

    Raises:
        Fatal: it is none.
    """
    if not _CODE.fullmatch(code):
        raise Fatal(
            "Patterns are of a municipality.", "Its CBS code is gm and four digits.", "Write for example gm0153."
        )
    return code


def quarters(ask: Ask, municipalities: Collection[str], period: str | None = None) -> dict[str, list[Quarter]]:
    """Return the patterns of municipalities, by municipality, the oldest quarter first.

    Args:
        ask: answers a SELECT over the published tables.
        municipalities: their codes.
        period: one quarter only.

    Raises:
        Fatal: a code is no municipality's, or the period no quarter.
        SpiegelnetError: the question is not answered.
    """
    if not municipalities:
        return {}
    named = ", ".join(f"'{require_municipality(item)}'" for item in sorted(municipalities))
    when = f" AND period = '{require_quarter(period)}'" if period else ""
    rows = ask(
        "SELECT municipality, period, public_from, theme, signification_kind, signification, status, numerator "
        f"FROM hub.benchmark.patterns WHERE municipality IN ({named}){when} ORDER BY municipality, period"
    ).to_pylist()
    found: dict[tuple[str, str], dict[Place, Cell]] = {}
    days: dict[str, dt.date | None] = {}
    for row in rows:
        cells = found.setdefault((row["municipality"], row["period"]), {})
        count = row["numerator"] if row["status"] == "published" else None
        cells[row["theme"], row["signification"]] = Cell(row["signification_kind"], row["status"], count)
        days[row["period"]] = row["public_from"]
    made: dict[str, list[Quarter]] = {}
    for (municipality, quarter), cells in found.items():
        made.setdefault(municipality, []).append(Quarter(quarter, days[quarter], cells))
    return made


def require_quarter(period: str) -> str:
    """Return a quarter.

    Raises:
        Fatal: it is none.
    """
    if period_of(period).kind != "quarter":
        raise Fatal(f"{period} is no quarter.", "Stories are counted by quarter.", "Write for example 2025-Q4.")
    return period


def peers(ask: Ask, municipality: str) -> set[str]:
    """Return all peers that the newest figures of any set stand beside."""
    whose = f"WHERE municipality = '{require_municipality(municipality)}'"
    rows = ask(f"SELECT peer_set, period, peer FROM hub.benchmark.peers {whose}").to_pylist()
    newest: dict[str, str] = {}
    for row in rows:
        newest[row["peer_set"]] = max(row["period"], newest.get(row["peer_set"], ""))
    return {row["peer"] for row in rows if newest[row["peer_set"]] == row["period"]}


def figures(ask: Ask, municipality: str) -> dict[str, list[Figure]]:
    """Return by theme the newest figure of each indicator about it, in order of title."""
    known = {
        row["indicator"]: row
        for row in ask("SELECT indicator, themes, title_nl, unit_nl FROM hub.benchmark.indicators").to_pylist()
    }
    rows = ask(
        "SELECT indicator, period, status, value, peer_median, compared FROM hub.benchmark.figures "
        f"WHERE municipality = '{require_municipality(municipality)}' "
        f"AND coalesce(dimension_value, '{TOTAL}') = '{TOTAL}' ORDER BY period"
    ).to_pylist()
    newest = {row["indicator"]: row for row in rows if row["indicator"] in known}
    made: dict[str, list[Figure]] = {}
    for name, row in sorted(newest.items(), key=lambda item: str(known[item[0]]["title_nl"])):
        about = known[name]
        figure = Figure(
            name, about["title_nl"], about["unit_nl"], row["period"], row["status"], row["value"], row["peer_median"],
            row["compared"],
        )  # fmt: skip
        for theme in about["themes"] or ():
            made.setdefault(theme, []).append(figure)
    return made


def quotes(ask: Ask, municipality: str) -> list[Quote]:
    """Return a municipality's published quotes, the newest first; none where the network has no table of them."""
    if _STORIES not in HUB_TABLES:
        return []
    rows = ask(
        f"SELECT theme, approach, period, title, words, effects, made_up FROM hub.{_STORIES} "
        f"WHERE municipality = '{require_municipality(municipality)}' ORDER BY published_on DESC, quote"
    ).to_pylist()
    return [
        Quote(
            row["theme"], row["approach"], row["period"], row["title"] or "", row["words"], tuple(row["effects"] or ()),
            row["made_up"],
        )
        for row in rows
        if row["words"]
    ]  # fmt: skip


def searched(found: Collection[Quote]) -> list[Text]:
    """Return quotes as texts to search."""
    return [Text(f"{item.title}. {item.words}", item.theme, item.effects) for item in found]
