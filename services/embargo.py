"""From which day others may see what was released about a period: the same day for all nodes of a network.

The day follows from the period and the network's directory alone, so that making a table anew gives the same bytes, and
no figure of the hub shows by itself a cell that its node still keeps back. Trino compares it with today; on one
machine, where everything belongs to one owner, it is a column like others.
"""

import datetime as dt

import polars as pl

from services.errors import Fatal
from services.indicators import period_of

PUBLIC_FROM = "public_from"


def public_from(period: str, embargo_days: int) -> dt.date | None:
    """Return the first day on which others may see a period: that many days after the first day behind the period.

    Args:
        period: `2025-12`, `2025-Q4` or `2025`; of another text, which the hub may have received, nobody sees anything.
        embargo_days: of the network, `Network.embargo_days`.
    """
    try:
        return period_of(period).end + dt.timedelta(days=embargo_days)
    except Fatal:
        return None


def with_public_from(frame: pl.DataFrame, embargo_days: int) -> pl.DataFrame:
    """Add the column `public_from` to rows with a `period`."""
    days = {period: public_from(period, embargo_days) for period in frame["period"].drop_nulls().unique()}
    return frame.with_columns(
        pl.col("period").replace_strict(days, default=None, return_dtype=pl.Date).alias(PUBLIC_FROM)
    )


def with_days_missing(frame: pl.DataFrame, embargo_days: int) -> pl.DataFrame:
    """Fill the column `public_from` of rows with a `period` where it holds nothing; a day that is there stays."""
    return frame.with_columns(pl.col(PUBLIC_FROM).fill_null(with_public_from(frame, embargo_days)[PUBLIC_FROM]))
