"""The published figures that the sample follows; each with its origin, for the reader and for the tests.

The figures on early warning are those of the national monitor of early-warning signals (Divosa), as the founders wrote
them down; they are national, so that municipalities of the sample differ around them.
"""

from dataclasses import dataclass
from typing import Final

SIGNALS_PER_1000: Final = 3.15
"""Signals per 1,000 inhabitants a month: published 3 to 4; the low end, since a sample needs no more."""

PARTNER_MIX: Final = {"health_insurance": 0.41, "rent": 0.20, "energy": 0.20, "water": 0.18, "other": 0.01}
"""Signals by class of partner, of all signals."""

MULTIPLE: Final = 0.11
"""Addresses with signals of two or more partners in the month, of the addresses with a signal in it."""

CONSECUTIVE: Final = 0.40
"""Addresses that are not multiple and had a signal in the six months before, of the same."""

LOOK_BACK: Final = 6
"""Months."""

FOLLOWED_UP: Final = 0.92
"""Addresses for which the municipality opens a case; made up."""

REACHED: Final = 0.45
"""Cases in which the resident is reached; made up, municipalities differ."""

ACCEPTED: Final = 1 / 3
"""Reached residents who accept help."""

COUNTRY_INHABITANTS: Final = 17_942_942
"""Inhabitants of the Netherlands on 1 January 2024 (CBS)."""

STOPS_A_YEAR: Final = 20_000
"""Households cut off from energy in a year, nationally."""

EVICTIONS_A_YEAR: Final = 2_700
"""Evictions by housing corporations in a year, nationally."""

SPELLS_RUNNING_PER_1000: Final = 4.0
"""Spells of social assistance that run at the start, per 1,000 inhabitants; made up, some ninth of what there are, so
that the demo stays quick."""

SPELLS_A_MONTH_PER_1000: Final = 0.4
"""Spells that begin in a month, and that end in it; made up, somewhat over half of the 0.7 of CBS 83747NED (2016)."""

PROVISIONS_RUNNING_PER_1000: Final = 2.0
"""Provisions of the Wmo and the Jeugdwet that run at the start, per 1,000 inhabitants; made up, far below what there
are, so that the demo stays quick."""

PROVISIONS_A_MONTH_PER_1000: Final = 0.1
"""Provisions that begin in a month, and that end in it; made up."""
DEBT_APPLICATIONS_PER_1000: Final = 4.5
"""Applications for debt counselling per 1,000 inhabitants a year; made up, municipalities differ."""

FIRST_TALK_IN_TIME: Final = 0.8
"""First talks within four weeks; made up, municipalities differ."""

DEBTS_DROPPED_OUT: Final = 0.30
DEBTS_LEFT: Final = 0.25
DEBTS_ARRANGED: Final = 0.45
"""Which way applications go: dropping out, another end, an attempt at an arrangement; made up, together 1."""

DEBTS_LEFT_SILENTLY: Final = 0.3
"""Of those who drop out: before the first talk; made up."""

DEBTS_PAID_OFF: Final = 0.3
"""Arrangements that were kept up to their end in a month, for each application in it; made up."""

DEBTS_IN_CRISIS: Final = 0.08
"""Applications in a crisis; made up."""

DIRTY: Final = 0.007
"""Rows that are wrong in some way, of the rows of a file; made up."""


@dataclass(frozen=True)
class Money:
    """Arrears of a class of partner, in euros; the spread is that of the logarithm. Made up."""

    median: float
    spread: float


ARREARS: Final = {
    "health_insurance": Money(380, 0.6),
    "rent": Money(950, 0.5),
    "energy": Money(420, 0.6),
    "water": Money(160, 0.5),
    "other": Money(700, 0.7),
}
