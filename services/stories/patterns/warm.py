"""Warm with cold: what tellers say it did, beside what the benchmark has on volume, waiting and duration.

Side by side, and never divided: what something did to people is not worth an amount per euro.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from services.asking import Ask
from services.stories.patterns.codes import SIGNIFICATIONS, THEMES, TOTAL, require_theme
from services.stories.patterns.reading import Figure, Quarter, figures, quarters

COLD: Final[Mapping[str, str]] = MappingProxyType(
    {
        "household_help_per_1000_inhabitants": "volume",
        "guidance_per_1000_inhabitants": "volume",
        "youth_support_per_1000_inhabitants": "volume",
        "debt_counselling_started_per_1000_households": "volume",
        "assistance_per_1000": "volume",
        "first_talk_within_four_weeks_share": "waiting",
        "arrangement_within_half_a_year_share": "duration",
        "debt_counselling_dropout_share": "drop-out",
    }
)
"""Indicators that say something on how much there is, how long it takes and how long people wait. None says what it
costs: the benchmark has no euros."""
COLD_TITLES: Final = MappingProxyType(
    {"volume": "omvang", "waiting": "wachttijd", "duration": "doorlooptijd", "drop-out": "uitval"}
)


@dataclass(frozen=True)
class WarmAndCold:
    """One theme.

    Attributes:
        theme: its code.
        told: published count of tellers on it; None where there is none.
        effects: (code, count) of effects that are published.
        hidden: whether some effect is not.
        cold: (kind, figure), see `COLD`.
    """

    theme: str
    told: int | None
    effects: tuple[tuple[str, int], ...]
    hidden: bool
    cold: tuple[tuple[str, Figure], ...]


def warm_with_cold(ask: Ask, municipality: str, themes: Sequence[str] = ()) -> tuple[str, list[WarmAndCold]]:
    """Return the newest quarter ("" for none), and per theme what was told beside the figures.

    Args:
        ask: answers a SELECT over the published tables.
        municipality: whose.
        themes: which; none for all.

    Raises:
        Fatal: a code is none.
        SpiegelnetError: a question is not answered.
    """
    chosen = [require_theme(item) for item in themes] or list(THEMES)
    found = quarters(ask, [municipality]).get(municipality, [])
    of_theme = figures(ask, municipality)
    newest = found[-1] if found else None
    return newest.period if newest else "", [_of_theme(newest, item, of_theme.get(item, [])) for item in chosen]


def _of_theme(quarter: Quarter | None, theme: str, known: Sequence[Figure]) -> WarmAndCold:
    counts = [(code, quarter.count(theme, code) if quarter else None) for code in SIGNIFICATIONS["effect"]]
    return WarmAndCold(
        theme,
        quarter.count(theme, TOTAL) if quarter else None,
        tuple((code, count) for code, count in counts if count is not None),
        any(count is None for _, count in counts),
        tuple((COLD[item.indicator], item) for item in known if item.indicator in COLD),
    )
