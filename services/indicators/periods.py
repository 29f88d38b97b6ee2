"""Calendar periods `2025-12`, `2025-Q4` and `2025` as half-open date ranges."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from services.errors import Fatal

LOOKBACK_MONTHS: Final = 6
PeriodKind = Literal["month", "quarter", "year"]
_FORM: Final = re.compile(r"(?P<year>[12]\d{3})(?:-(?P<month>0[1-9]|1[0-2])|-Q(?P<quarter>[1-4]))?")


@dataclass(frozen=True, slots=True)
class Period:
    """Dates in `[start, end)` are in the period; `[lookback_start, start)` are the six calendar months before it."""

    id: str
    kind: PeriodKind
    start: date
    end: date
    lookback_start: date


def period_of(text: str) -> Period:
    """Read a period.

    Raises:
        Fatal: the text is not a month, quarter or year.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise Fatal("A period is not a month, quarter or year.", "", "Write it as 2025-12, 2025-Q4 or 2025.")
    year, month, quarter = int(match["year"]), match["month"], match["quarter"]
    kind: PeriodKind
    if month is not None:
        kind, first, months = "month", int(month), 1
    elif quarter is not None:
        kind, first, months = "quarter", 3 * int(quarter) - 2, 3
    else:
        kind, first, months = "year", 1, 12
    return Period(text, kind, _month(year, first), _month(year, first + months), _month(year, first - LOOKBACK_MONTHS))


def _month(year: int, month: int) -> date:
    """First day of a month counted from January of `year`; months below 1 or above 12 are in other years."""
    return date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)
