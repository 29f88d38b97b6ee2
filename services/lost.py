"""Periods that cannot be released any more, since events that they would be counted on were kept long enough."""

from collections.abc import Collection

from services.indicators import Catalogue, period_of

_LOOKS_BACK = "lookback_start"
"""Column of `periods` in an indicator's SQL that counts events of before the period too."""


def has_lost_events(period: str, catalogue: Catalogue, removed: Collection[str]) -> bool:
    """Say whether events are removed that an indicator of this period counts; of what is left it would count too few.

    Args:
        period: a month, quarter or year.
        catalogue: indicators by id.
        removed: months of which events were removed, see `trimmed_periods`.
    """
    span = period_of(period)
    counts = [
        count.sql
        for entry in catalogue.values()
        if entry.release_period == span.kind
        for count in (entry.numerator, entry.denominator)
        if count.sql
    ]
    start = span.lookback_start if any(_LOOKS_BACK in sql for sql in counts) else span.start
    return bool(counts) and any(f"{start:%Y-%m}" <= month < f"{span.end:%Y-%m}" for month in removed)
