"""Where everything stands in a chart: own figures, their limits, and the peers' quartiles, by period.

Positions are in units of the drawing, (0, 0) at its upper left. The vertical axis begins at 0, so that no difference
looks larger than it is. Each period has a slot of equal width, whether there is a figure or not: what is not shown
leaves a gap and is never drawn at 0.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from services.indicators.periods import period_of
from services.mirror.reading import Figure
from services.pages.wording import number, period_short

WIDTH, HEIGHT = 640.0, 320.0
LEFT, RIGHT, TOP, BOTTOM = 62.0, 628.0, 14.0, 282.0
MOST_LABELS = 7
"""Periods that fit under the axis side by side."""
_TICKS = 4
_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}
_Up = Callable[[float], float]


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: where, and what it says."""

    place: float
    text: str


@dataclass(frozen=True)
class Band:
    """The peers of one period: the box from the first to the third quartile, and the median across it."""

    left: float
    right: float
    upper: float
    lower: float
    median: float

    @property
    def width(self) -> float:
        """Of the box."""
        return round(self.right - self.left, 2)

    @property
    def height(self) -> float:
        """Of the box."""
        return round(self.lower - self.upper, 2)


@dataclass(frozen=True)
class Point:
    """An own figure, with the ends of its limits."""

    x: float
    y: float
    upper: float
    lower: float


@dataclass(frozen=True)
class Slot:
    """The place of a period, from edge to edge of the drawing."""

    left: float
    width: float


@dataclass(frozen=True)
class Chart:
    """All that is drawn.

    Attributes:
        points: own figures.
        lines: ends of the lines between figures of neighbouring periods and the same definition.
        bands: of the peers.
        suppressed: slots of figures that are not shown.
        redefined: where a new definition begins; figures before and after it do not compare.
        across: marks of the periods.
        up: marks of the values.
    """

    points: tuple[Point, ...]
    lines: tuple[tuple[Point, Point], ...]
    bands: tuple[Band, ...]
    suppressed: tuple[Slot, ...]
    redefined: tuple[float, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = RIGHT
    top: float = TOP
    bottom: float = BOTTOM


def draw(figures: Sequence[Figure]) -> Chart | None:
    """Place the figures of one indicator.

    Args:
        figures: by period, at least one, all of the same kind of period.

    Returns:
        None when neither an own figure nor one of the peers is shown.
    """
    highest = highest_value(figures)
    if highest is None:
        return None
    step, most = _axis(highest)
    places = _slots(figures)
    width = (RIGHT - LEFT) / (places[-1] + 1)
    rows = list(zip(figures, (round(LEFT + place * width, 2) for place in places), strict=True))

    def y(value: float) -> float:
        return round(BOTTOM - value / most * (BOTTOM - TOP), 2)

    points = {
        place: _point(item, round(left + width / 2, 2), y)
        for place, (item, left) in zip(places, rows, strict=True)
        if item.value is not None
    }
    steps = list(pairwise(zip(places, rows, strict=True)))
    lines = [
        (points[one], points[two])
        for (one, (before, _)), (two, (after, _)) in steps
        if two == one + 1 and points.keys() >= {one, two} and before.definition_version == after.definition_version
    ]
    return Chart(
        tuple(points.values()),
        tuple(lines),
        tuple(_band(item, left, width, y) for item, left in rows if item.peer_median is not None),
        tuple(Slot(left, round(width, 2)) for item, left in rows if item.status == "suppressed"),
        tuple(
            left
            for (_, (before, _)), (_, (after, left)) in steps
            if before.definition_version != after.definition_version
        ),
        _across(rows, places, width),
        tuple(Tick(y(step * count), _tick_text(step * count, step)) for count in range(round(most / step) + 1)),
    )


def highest_value(figures: Sequence[Figure]) -> float | None:
    """Return the highest number that is drawn; None when nothing is."""
    shown = [value for item in figures for value in (item.value, item.ci_high, item.peer_p75) if value is not None]
    return max(shown, default=None)


def _point(item: Figure, x: float, y: _Up) -> Point:
    value = item.value or 0.0
    upper = value if item.ci_high is None else item.ci_high
    lower = value if item.ci_low is None else item.ci_low
    return Point(x, y(value), y(upper), y(lower))


def _band(item: Figure, left: float, width: float, y: _Up) -> Band:
    median = item.peer_median or 0.0
    high = median if item.peer_p75 is None else item.peer_p75
    low = median if item.peer_p25 is None else item.peer_p25
    return Band(left, round(left + width, 2), y(high), y(low), y(median))


def _slots(figures: Sequence[Figure]) -> list[int]:
    """Number each period by how many of its kind lie between it and the first."""
    starts = [period_of(item.period).start for item in figures]
    months = [start.year * 12 + start.month for start in starts]
    size = _MONTHS.get(figures[0].period_kind, 1)
    return [(month - months[0]) // size for month in months]


def _axis(highest: float) -> tuple[float, float]:
    """Return the distance of the marks and the end of the axis: 1, 2 or 5 times a power of ten."""
    if highest <= 0:
        return 1.0, 1.0
    rough = highest / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return step, step * max(math.ceil(highest / step - 1e-9), 1)


def _tick_text(value: float, step: float) -> str:
    return number(value, max(0, -math.floor(math.log10(step) + 1e-9)))


def _across(rows: Sequence[tuple[Figure, float]], places: Sequence[int], width: float) -> tuple[Tick, ...]:
    """Name so many periods that their names fit, counted back from the newest."""
    every = math.ceil((places[-1] + 1) / MOST_LABELS)
    return tuple(
        Tick(round(left + width / 2, 2), period_short(item.period))
        for (item, left), place in zip(rows, places, strict=True)
        if (places[-1] - place) % every == 0
    )
