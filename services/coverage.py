"""Who has told what it sent: delivery statements against those who owe one, and the coverage that follows.

Coverage of an indicator is the mean over its partner types of (client households of the senders that stated a complete
delivery ÷ households of the municipality), each at most 1. A partner type of which nobody delivered counts as 0; one of
which a sender does not know its client households makes the coverage unknown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from services.indicators import Catalogue, latest, period_of, references
from services.release import Coverage

HOUSEHOLDS = "households"


@dataclass(frozen=True)
class Standing:
    """How the statements of one month stand in one municipality.

    Attributes:
        period: a month.
        stated: senders whose latest statement says that their delivery is complete.
        missing: senders that owe a statement and have not made one, or not a complete one.
    """

    period: str
    stated: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether everybody who owes a statement has made one."""
        return not self.missing


def latest_statements(statements: pl.DataFrame) -> pl.DataFrame:
    """Return the newest statement of each sender per period: of one day the one that came last."""
    return statements.sort("stated_on", maintain_order=True).unique(
        ["period", "sent_by"], keep="last", maintain_order=True
    )


def standings(statements: pl.DataFrame, owing: Sequence[str], months: Sequence[str]) -> list[Standing]:
    """Say per month who stated a complete delivery and who is missing.

    Args:
        statements: rows of `delivery_statement` that this municipality received, with `sent_by`.
        owing: senders that owe this municipality a statement each month.
        months: the months asked for.
    """
    done = latest_statements(statements).filter(pl.col("complete"))
    by_month: dict[str, set[str]] = {month: set() for month in months}
    for period, sender in done.select("period", "sent_by").iter_rows():
        if period in by_month:
            by_month[period].add(sender)
    return [
        Standing(month, tuple(sorted(by_month[month] & set(owing))), tuple(sorted(set(owing) - by_month[month])))
        for month in months
    ]


def coverage(
    statements: pl.DataFrame, population: pl.DataFrame, catalogue: Catalogue, municipality: str, periods: Sequence[str]
) -> Coverage:
    """Return coverage per (period, indicator) for the periods; see the module for the formula.

    A year or quarter has the mean of its months that were stated or missed; an indicator that rests on no partner type
    (it counts the municipality's own cases) has the share of its months with a complete statement of its own.

    Args:
        statements: rows of `delivery_statement` with `sent_by`.
        population: rows of `population_reference` of this area.
        catalogue: indicators by id.
        municipality: the area.
        periods: months, quarters and years mixed.
    """
    done = latest_statements(statements).filter(pl.col("complete"))
    is_known = pl.col("client_households").is_not_null().all()
    clients = done.filter(pl.col("partner_type").is_not_null()).group_by("period", "partner_type")
    total = clients.agg(pl.when(is_known).then(pl.col("client_households").sum()))
    known: Mapping[tuple[str, str], int | None] = {(period, kind): number for period, kind, number in total.iter_rows()}
    own = set(done.filter(pl.col("sent_by") == municipality)["period"].to_list())
    reference = references(population)
    result: dict[tuple[str, str], float | None] = {}
    for period in periods:
        months = months_of(period)
        base = latest(reference, municipality, HOUSEHOLDS, period_of(period).start)
        for indicator in catalogue.values():
            if indicator.source != "events" or indicator.release_period != period_of(period).kind:
                continue
            if not indicator.partner_types:
                result[period, indicator.id] = sum(month in own for month in months) / len(months)
            elif base is None:
                result[period, indicator.id] = None
            else:
                numbers = [known.get((month, kind), 0) for month in months for kind in indicator.partner_types]
                shares = [min(1.0, number / base.value) for number in numbers if number is not None]
                unknown = len(shares) < len(numbers)
                result[period, indicator.id] = None if unknown else sum(shares) / len(shares)
    return result


def months_of(period: str) -> list[str]:
    """Return the calendar months of a period, in order."""
    span = period_of(period)
    count = {"month": 1, "quarter": 3, "year": 12}[span.kind]
    return [f"{span.start.year}-{span.start.month + offset:02d}" for offset in range(count)]


def periods_closed_by(months: Sequence[str]) -> list[str]:
    """Return the months themselves, and each quarter and year whose last month is among them."""
    periods = list(months)
    for month in months:
        year, number = month.split("-")
        if int(number) % 3 == 0:
            periods.append(f"{year}-Q{int(number) // 3}")
        if number == "12":
            periods.append(year)
    return periods
