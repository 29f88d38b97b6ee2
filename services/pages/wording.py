"""How numbers, days and periods are written in Dutch."""

import datetime as dt
import math

from services.indicators.periods import period_of

NOTHING = "–"
MONTHS = (
    "januari",
    "februari",
    "maart",
    "april",
    "mei",
    "juni",
    "juli",
    "augustus",
    "september",
    "oktober",
    "november",
    "december",
)
_QUARTERS = ("eerste", "tweede", "derde", "vierde")
_DUTCH_SIGNS = str.maketrans(",.", ".,")


def number(value: float | None, decimals: int) -> str:
    """Return `1.234,5`; a dash for nothing."""
    return NOTHING if value is None else f"{value:,.{decimals}f}".translate(_DUTCH_SIGNS)


def decimals_for(largest: float) -> int:
    """Return with how many decimals a series is told: two below 10, one above."""
    return 2 if largest < 10 else 1  # noqa: PLR2004 - below 10 one decimal would hide most of a difference


def share(value: float | None) -> str:
    """Return a share of 1 as `12 %`, never rounded up to all."""
    return NOTHING if value is None else f"{math.floor(value * 100 + 1e-9)} %"


def date_text(day: dt.date) -> str:
    """Return `1 januari 2026`."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def period_text(period: str) -> str:
    """Return `december 2025`, `vierde kwartaal 2025` or `2025`.

    Raises:
        Fatal: it is not a period.
    """
    found = period_of(period)
    if found.kind == "month":
        return f"{MONTHS[found.start.month - 1]} {found.start.year}"
    if found.kind == "quarter":
        return f"{_QUARTERS[(found.start.month - 1) // 3]} kwartaal {found.start.year}"
    return str(found.start.year)


def in_period(period: str) -> str:
    """Return `in december 2025`, `in het vierde kwartaal 2025` or `in 2025`.

    Raises:
        Fatal: it is not a period.
    """
    return f"in {'het ' if period_of(period).kind == 'quarter' else ''}{period_text(period)}"


def period_short(period: str) -> str:
    """Return `dec 2025`, `4e kw 2025` or `2025`.

    Raises:
        Fatal: it is not a period.
    """
    found = period_of(period)
    if found.kind == "month":
        return f"{MONTHS[found.start.month - 1][:3]} {found.start.year}"
    if found.kind == "quarter":
        return f"{(found.start.month - 1) // 3 + 1}e kw {found.start.year}"
    return str(found.start.year)
