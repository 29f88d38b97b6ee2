"""Options that several commands share, and the reading of months."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from services.config import default_home
from services.errors import Fatal
from services.indicators.periods import period_of

HomeOption = Annotated[
    Path,
    typer.Option(
        "--home",
        help="The network's state folder.",
        default_factory=default_home,
        show_default="the demo's: build/demo",
    ),
]


class LogForm(StrEnum):
    """What tasks write to standard error."""

    OFF = "off"
    TEXT = "text"
    JSON = "json"


LogOption = Annotated[
    LogForm | None, typer.Option("--log", help="Write what runs to standard error, a line each; wins over the setting.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]
MOST_MONTHS = 120


def months_between(text: str) -> list[str]:
    """Read `2025-12`, or a range `2025-01..2025-11`, as a list of months in order.

    Raises:
        Fatal: it is not a month or a range of at most ten years.
    """
    first, _, last = text.partition("..")
    span, end = period_of(first), period_of(last or first)
    months: list[str] = []
    year, number = span.start.year, span.start.month
    while f"{year}-{number:02d}" <= end.id and len(months) <= MOST_MONTHS:
        months.append(f"{year}-{number:02d}")
        year, number = (year, number + 1) if number < 12 else (year + 1, 1)  # noqa: PLR2004 - months of a year
    if span.kind != "month" or end.kind != "month" or not months or len(months) > MOST_MONTHS:
        raise Fatal(f"{text} is not a month or a range of months.", todo="Write 2025-12, or 2025-01..2025-11.")
    return months
