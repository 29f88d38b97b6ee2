"""Numbered events: each carries its number in amount and date, so that what arrived is compared with what was put in.

Nothing of the product's own ids is used: the test knows an event by what its sender's file says.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

AMOUNTS = 20_000
"""Amounts from 1 euro; above 25,000 the contract warns."""
FIRST_DAY = dt.date(2025, 1, 1)
SIGNALLED = dt.date(2025, 12, 1)
MOST = AMOUNTS * 330
"""Numbers that fit between the two days."""
HOUSES = 500
"""Addresses per town; few, since a pseudonym is asked once and then cached."""


@dataclass(frozen=True)
class Tally:
    """Numbers put in against numbers found."""

    lost: int
    twice: int
    strange: int


@dataclass
class Ledger:
    """Numbers of the events put in, by receiver; they never repeat."""

    put: dict[str, set[int]] = field(default_factory=dict)
    next: int = 0

    def take(self, receivers: Sequence[str], count: int) -> dict[str, list[int]]:
        """Give out `count` new numbers, spread over receivers."""
        if self.next + count > MOST:
            raise ValueError(f"A ledger numbers at most {MOST} events.")
        numbers = range(self.next, self.next + count)
        self.next += count
        dealt = {name: list(numbers[place :: len(receivers)]) for place, name in enumerate(receivers)}
        for name, given in dealt.items():
            self.put.setdefault(name, set()).update(given)
        return dealt

    def tally(self, receiver: str, found: Iterable[int]) -> Tally:
        """Compare what was put in for a receiver with the numbers found there."""
        counts, expected = Counter(found), self.put.get(receiver, set())
        return Tally(
            lost=len(expected - counts.keys()),
            twice=sum(times - 1 for times in counts.values()),
            strange=len(counts.keys() - expected),
        )


def write_export(path: Path, numbers: dict[str, Sequence[int]], first_house: int = 1) -> Path:
    """Write an export of an energy supplier with one event per number.

    Args:
        path: of the file.
        numbers: by postcode of the receiver.
        first_house: of `HOUSES` house numbers.
    """
    parts = [
        pl.DataFrame({"number": given}, schema={"number": pl.Int64}).with_columns(pl.lit(code).alias("Postcode"))
        for code, given in numbers.items()
    ]
    number = pl.col("number")
    arisen = pl.lit(FIRST_DAY) + pl.duration(days=number // AMOUNTS)
    cells = pl.concat(parts).select(
        (pl.lit("EN-") + number.cast(pl.String)).alias("Dossiernr"),
        "Postcode",
        (first_house + number % HOUSES).cast(pl.String).alias("Huisnr"),
        pl.lit("").alias("Toev"),
        ((1 + number % AMOUNTS).cast(pl.String) + ",00").alias("Openstaand bedrag"),
        arisen.dt.strftime("%d-%m-%Y").alias("Ontstaan op"),
        pl.lit(SIGNALLED.strftime("%d-%m-%Y")).alias("Gemeld op"),
        pl.lit("N").alias("Crisis"),
        pl.lit("N").alias("Warme overdracht"),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    cells.write_csv(path, separator=";")
    return path


def numbers_of(events: pl.DataFrame) -> list[int]:
    """Read the numbers back from events as they are stored."""
    days = (pl.col("arisen_on") - pl.lit(FIRST_DAY)).dt.total_days()
    return events.select(days * AMOUNTS + pl.col("amount_eur").cast(pl.Int64) - 1).to_series().to_list()
