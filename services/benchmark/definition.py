"""What the benchmark needs to know of an indicator; the catalogue's entries have it."""

from collections.abc import Sequence
from typing import Protocol


class Unit(Protocol):
    """A unit's name as it stands behind a figure."""

    @property
    def en(self) -> str:
        """In English."""


class SeriesBreak(Protocol):
    """From this period on, figures no longer compare with those before."""

    @property
    def period(self) -> str:
        """The first period after the break."""


class Part(Protocol):
    """One part of a dimension."""

    @property
    def code(self) -> str:
        """As in the figures' `dimension_value`."""

    @property
    def compared(self) -> bool:
        """Whether municipalities mean the same by it."""


class Dimension(Protocol):
    """What an indicator is split by."""

    @property
    def name(self) -> str:
        """As in the figures' `dimension`."""

    @property
    def parts(self) -> Sequence[Part]:
        """All that there are."""


class Definition(Protocol):
    """One indicator of the catalogue."""

    @property
    def set(self) -> str:
        """Indicator set; peers are chosen per set."""

    @property
    def source(self) -> str:
        """`events`, or `open_data` that its publisher protected."""

    @property
    def kind(self) -> str:
        """`proportion` (units of units) or `rate` (events per unit)."""

    @property
    def unit(self) -> Unit:
        """Unit of the value."""

    @property
    def factor(self) -> int:
        """The value is numerator ÷ denominator × factor: 100 or 1000."""

    @property
    def series_breaks(self) -> Sequence[SeriesBreak]:
        """Where a trend starts anew."""

    @property
    def dimension(self) -> Dimension | None:
        """What it is split by; None where figures are about all together only."""
