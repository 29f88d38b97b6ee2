"""What a closed month rests on, written down once: the snapshots that were kept, and who had stated a delivery.

Whatever is counted of a closed month later is counted on these. Two processes that close the same month at the same
moment cannot each write down their own: the second is overtaken, and finds the first one's when it runs again.
"""

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping, Sequence

import polars as pl
import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table

from services.coverage import Standing
from services.errors import Fatal, Rejected, Retryable
from services.indicators import period_of
from services.registry import Registry
from services.store.events import keep_snapshots
from services.store.snapshots import scan
from services.store.tables import ensure_table, replace_rows

CLOSES = "node.closes"
CLOSES_SCHEMA = pa.schema(
    [
        pa.field("period", pa.string(), nullable=False),
        pa.field("closed_on", pa.date32(), nullable=False),
        # name under which the snapshots are kept, and their ids by table, as JSON
        pa.field("kept_as", pa.string(), nullable=False),
        pa.field("snapshots", pa.string(), nullable=False),
        pa.field("stated", pa.string(), nullable=False),
        pa.field("missing", pa.string(), nullable=False),
    ]
)

Closes = Mapping[str, tuple[str, Standing]]
"""By month the ids of the snapshots kept (JSON), and how its statements stood."""


def closes_table(catalog: SqlCatalog) -> Table:
    """Return the table of closed months as it is now."""
    return ensure_table(catalog, CLOSES, CLOSES_SCHEMA)


def closed_months(table: Table) -> Closes:
    """Return what the closed months rest on, in order of month."""
    rows = scan(table).select("period", "snapshots", "stated", "missing").sort("period").collect()
    return {
        period: (kept, Standing(period, tuple(json.loads(stated)), tuple(json.loads(missing))))
        for period, kept, stated, missing in rows.iter_rows()
    }


def require_closed(closes: Closes, municipality: str, months: Sequence[str]) -> Closes:
    """Return what these months rest on.

    Raises:
        Fatal: one of them is not closed.
    """
    for month in months:
        if month not in closes:
            raise Fatal(
                f"{municipality} has not closed {month}.",
                "What a release rests on is written down when its month closes.",
                f"Close it first: `spiegelnet month {month} --participant {municipality}`.",
            )
    return {month: closes[month] for month in months}


def require_closable(municipality: str, stand: Sequence[Standing], close_day: int, today: dt.date) -> None:
    """Refuse to close months too early.

    Args:
        municipality: whose months.
        stand: how the statements of each month stand.
        close_day: day of the next month on which a month closes without all statements.
        today: the day.

    Raises:
        Retryable: a month has not ended, or statements are missing and its closing day has not come.
    """
    for item in stand:
        end = period_of(item.period).end
        if today < end:
            raise Retryable(
                f"{municipality} cannot close {item.period} yet.",
                "The month has not ended; what is still to come would enter no month.",
                f"Run again from {end.isoformat()} on.",
            )
        deadline = end.replace(day=close_day)
        if item.missing and today < deadline:
            raise Retryable(
                f"{municipality} cannot close {item.period} yet.",
                f"No complete delivery statement of: {', '.join(item.missing)}.",
                f"Ask them, or run again from {deadline.isoformat()} on: then it closes with coverage stated.",
            )


def require_stated(municipality: str, stand: Sequence[Standing]) -> None:
    """Refuse to close months of which nothing is known, such as those before a network was set up: a close is for good.

    Raises:
        Rejected: nobody stated a complete delivery of a month.
    """
    for item in stand:
        if not item.stated:
            raise Rejected(
                f"{municipality} does not close {item.period} by itself.",
                "Nobody stated a complete delivery of that month, and a close is for good.",
                f"If it is to close all the same: `spiegelnet schedule run node_month --period {item.period}`.",
            )


def write_close(
    catalog: SqlCatalog,
    table: Table,
    registry: Registry,
    months: Sequence[str],
    standings_at: Callable[[Mapping[str, int]], Sequence[Standing]],
    today: dt.date,
    at: Callable[[str], None],
) -> Closes:
    """Keep the snapshots as they are now, and write down for each month what it rests on.

    Args:
        catalog: of the private warehouse.
        table: of closed months, as it was when these months were found open.
        registry: event types whose tables are kept.
        months: in order.
        standings_at: tells how the statements of the months stand in the snapshots that are kept, by their ids, and
            refuses months that cannot be closed on those.
        today: the day of the close.
        at: called with the name of each step before it.

    Raises:
        Retryable: another process closed or stored something since.
    """
    # All months: a close of fewer that ended here before kept what had come until then, nothing of later months.
    kept_as = f"close-{','.join(months)}"
    at("keep snapshots")
    snapshots = keep_snapshots(catalog, registry, kept_as)
    kept, stand = json.dumps(snapshots, sort_keys=True), standings_at(snapshots)
    rows = [
        {
            "period": item.period,
            "closed_on": today,
            "kept_as": kept_as,
            "snapshots": kept,
            "stated": json.dumps(item.stated),
            "missing": json.dumps(item.missing),
        }
        for item in stand
    ]
    at("write close")
    replace_rows(table, pl.DataFrame(rows), {"period": [item.period for item in stand]})
    return {item.period: (kept, item) for item in stand}


def together(closes: Iterable[tuple[str, Standing]]) -> dict[str, list[Standing]]:
    """Group months by the snapshots (JSON) that they were closed on."""
    groups: dict[str, list[Standing]] = {}
    for kept, standing in closes:
        groups.setdefault(kept, []).append(standing)
    return groups
