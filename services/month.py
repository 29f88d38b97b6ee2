"""Closing months at one node, in three steps: what a month rests on, its release, and what the hub is told of it.

A close keeps the snapshots it was made on and writes down what it rests on; running any step again reads those
snapshots and gives the same release, byte for byte. Later events enter no month that is closed. Counts that are not
protected yet exist in memory only, within a step.
"""

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import duckdb
import polars as pl

from services.basis import (
    Closes,
    closed_months,
    closes_table,
    require_closable,
    require_closed,
    require_stated,
    together,
    write_close,
)
from services.coverage import Standing, coverage, periods_closed_by, standings
from services.embargo import with_public_from
from services.errors import Retryable
from services.households import ROLLOVER, first_names, views_under_one_name
from services.indicators import CHILD_TABLES, EVENT_TABLES, RECORD_TABLES, count_cells, load_catalogue, prepare
from services.lost import has_lost_events
from services.network import Network
from services.observations import report_cells, report_shares
from services.published import published_table
from services.quality import publish_quality
from services.receiving.collecting import open_node
from services.release import Coverage, node_release, regional_counts
from services.releases import PUBLISHED_CELLS, log_releases, released_otherwise, releases
from services.sending.sender import Sender
from services.store.events import current_events, current_tables, is_kept, project
from services.store.intake import open_intake, trimmed_periods
from services.store.node import NodeStore
from services.store.tables import replace_rows
from services.store.views import current_views
from services.stories.closing import Patterns, closed_patterns, publish_patterns, report_patterns

_IN_MEMORY: Final[dict[str, str | bool | int | float | list[str]]] = {"threads": 1, "temp_directory": ""}
"""Pseudonyms are never put on a disk in the clear, as they would be where memory is short."""
STATEMENT, POPULATION = "delivery_statement", "population_reference"
COUNTED = (*EVENT_TABLES, *RECORD_TABLES, *CHILD_TABLES)


@dataclass
class MonthReport:
    """What closing brought at one node.

    Attributes:
        municipality: the node.
        periods: months, quarters and years that were closed.
        statuses: cells by (kind of period, status).
        patterns: counts of stories by status.
        too_late: how many stories are in no count, since they came after their quarter was closed. Shown inside the
            node only, see `services.stories.too_late.how_many`.
        missing: senders without a complete statement, by month.
        parcels: observation and share parcels put into the outbox.
        closed_before: months that had been closed before; their release is the same.
        snapshots: ids of the newest snapshots that were counted, by table.
        stands: periods that cannot be counted again as they were, since events were kept long enough and are removed,
            or an older store was put back; what was released of them stands.
        lost: periods that were not released in time, and are not any more: events that they would be counted on were
            kept long enough and are removed.
        postponed: why parcels wait in the outbox: the broker is away, or does not know their receiver yet.
    """

    municipality: str
    periods: list[str] = field(default_factory=list)
    statuses: Counter[tuple[str, str]] = field(default_factory=Counter)
    patterns: Counter[str] = field(default_factory=Counter)
    too_late: int = 0
    missing: dict[str, tuple[str, ...]] = field(default_factory=dict)
    parcels: int = 0
    closed_before: list[str] = field(default_factory=list)
    snapshots: dict[str, int] = field(default_factory=dict)
    stands: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    postponed: list[Retryable] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """What was closed, in numbers."""
        published = sum(cells for (_, status), cells in self.statuses.items() if status == "published")
        return {"cells": self.statuses.total(), "published": published, "closed_before": len(self.closed_before)}

    def add_patterns(self, found: Patterns) -> None:
        """Tell of the patterns of quarters that were closed."""
        self.patterns.update(found.released["status"].to_list())
        self.too_late = max(self.too_late, found.too_late)
        self.stands += [period for period in found.stands if period not in self.stands]
        self.lost += [period for period in found.lost if period not in self.lost]


def close_months(network: Network, sender: Sender, months: Sequence[str], *, today: dt.date) -> MonthReport:
    """Do all three steps at one municipality's node; see `close`, `release` and `report`."""
    node = open_node(network, sender.id)
    done, closes = _close(network, sender, node, months, today)
    for part in _counted(network, sender, node, {month: closes[month] for month in months}, done):
        _publish(network, sender, node, part)
        done.periods += part.periods
        done.snapshots |= part.snapshots
        done.statuses.update(part.cells.select("period_kind", "status").iter_rows())
        done.parcels += _put_out(network, sender, part)
    found = closed_patterns(network, sender, node, closes, months)
    publish_patterns(network, sender, node, found.released)
    done.add_patterns(found)
    done.parcels += report_patterns(sender, found.released)
    publish_quality(network, sender, node, closes)
    return done


def close(network: Network, sender: Sender, months: Sequence[str], *, today: dt.date) -> MonthReport:
    """Write down what months rest on; one that was closed before rests on what it did.

    Args:
        network: the network.
        sender: the municipality, as sender of its observations.
        months: in order; their quarters and years are closed with the last month of each.
        today: decides whether the day has come on which a month closes without all statements.

    Raises:
        Retryable: statements are missing and the closing day has not come; the senders are named. Or another process
            closed a month at this moment.
        Fatal: a month is not written as 2025-12.
    """
    return _close(network, sender, open_node(network, sender.id), months, today)[0]


def await_close(
    network: Network, municipality: str, months: Sequence[str], today: dt.date, *, asked_for: bool = True
) -> None:
    """Return when `close` would not refuse these months as too early.

    Args:
        network: the network.
        municipality: whose months.
        months: in order; those that are closed may be closed again.
        today: as for `close`.
        asked_for: whether somebody asked for these months, so that they close also without any statement.

    Raises:
        Retryable: it would; why, and until when.
        Rejected: nobody asked for a month, or stated a delivery of it.
    """
    node = open_node(network, municipality)
    closes = closed_months(closes_table(node.catalog))
    stand = _closable(network, node, [month for month in months if month not in closes], today)
    if not asked_for:
        require_stated(municipality, stand)


def release(network: Network, sender: Sender, months: Sequence[str]) -> MonthReport:
    """Count, protect and publish closed months, and the quality of all that are closed; again gives the same cells.

    Raises:
        Fatal: a month is not closed.
    """
    node = open_node(network, sender.id)
    closes = closed_months(closes_table(node.catalog))
    done = MonthReport(sender.id)
    for part in _counted(network, sender, node, require_closed(closes, sender.id, months), done):
        _publish(network, sender, node, part)
        done.periods += part.periods
        done.snapshots |= part.snapshots
        done.statuses.update(part.cells.select("period_kind", "status").iter_rows())
    found = closed_patterns(network, sender, node, closes, months)
    publish_patterns(network, sender, node, found.released)
    done.add_patterns(found)
    publish_quality(network, sender, node, closes)
    return done


def report(network: Network, sender: Sender, months: Sequence[str]) -> MonthReport:
    """Put what the hub is told of closed months into the outbox; what was put there before is not put there again.

    Raises:
        Fatal: a month is not closed.
    """
    node = open_node(network, sender.id)
    closes = closed_months(closes_table(node.catalog))
    done = MonthReport(sender.id)
    for part in _counted(network, sender, node, require_closed(closes, sender.id, months), done):
        done.periods += part.periods
        done.snapshots |= part.snapshots
        done.parcels += _put_out(network, sender, part)
    found = closed_patterns(network, sender, node, closes, months)
    done.parcels += report_patterns(sender, found.released)
    return done


@dataclass(frozen=True)
class _Counted:
    """Periods that were closed on the same snapshots, counted on those.

    Attributes:
        periods: months, quarters and years.
        snapshots: ids by table.
        cells: protected.
        regional: true counts of what is released per province; they leave the node masked only.
        covered: coverage per period and indicator.
    """

    periods: list[str]
    snapshots: Mapping[str, int]
    cells: pl.DataFrame
    regional: pl.DataFrame
    covered: Coverage


def _close(
    network: Network, sender: Sender, node: NodeStore, months: Sequence[str], today: dt.date
) -> tuple[MonthReport, Closes]:
    done = MonthReport(sender.id)
    table = closes_table(node.catalog)  # a close by another process after this line makes ours fail
    closes = closed_months(table)
    new = [month for month in months if month not in closes]
    done.closed_before = [month for month in months if month in closes]
    if new:
        project(node.catalog, network.registry, sender.at)  # what an ended run of receiving left undone
        _closable(network, node, new, today)
        standings_at = partial(_closable, network, node, new, today)
        closes = {**closes, **write_close(node.catalog, table, network.registry, new, standings_at, today, sender.at)}
    done.missing = {month: closes[month][1].missing for month in months}
    return done, closes


def _closable(
    network: Network, node: NodeStore, months: Sequence[str], today: dt.date, kept: Mapping[str, int] | None = None
) -> list[Standing]:
    """Say how the statements of months stand, now or as they were kept.

    Raises:
        Retryable: a month cannot be closed like that yet; see `require_closable`.
    """
    statements = current_events(node.catalog, network.registry.get(STATEMENT), kept)
    senders = [item.id for item in network.directory.senders_to(node.participant)]
    stand = standings(statements, senders, months)
    require_closable(node.participant, stand, network.settings.month.close_day, today)
    return stand


def _counted(
    network: Network, sender: Sender, node: NodeStore, closes: Closes, done: MonthReport
) -> Iterator[_Counted]:
    """Count and protect all periods that were closed with these months, per set of snapshots.

    A period that would be released otherwise than it was, or for the first time without events that are removed, is
    left out, and named in the report.
    """
    catalogue, known = load_catalogue(), releases(node)
    released = {*known["period"]}
    counted, told = (
        [network.registry.get(name) for name in names] for names in (COUNTED, (STATEMENT, POPULATION, ROLLOVER))
    )
    for kept, stand in together(closes.values()).items():
        periods = periods_closed_by([item.period for item in stand])
        if not is_kept(node.catalog, json.loads(kept)):
            done.stands += [period for period in periods if period in released]
            done.lost += [period for period in periods if period not in released]
            continue
        with duckdb.connect(":memory:", config=_IN_MEMORY) as con:
            tables = current_tables(node.catalog, told, json.loads(kept))
            current_views(con, node.catalog, counted, json.loads(kept))
            views_under_one_name(con, (*EVENT_TABLES, *CHILD_TABLES), tables[ROLLOVER])
            con.register(POPULATION, tables[POPULATION].to_arrow())
            prepare(con, sender.keys.release, first_names(tables[ROLLOVER]))
            removed = trimmed_periods(open_intake(node.catalog))  # asked after reading: events may go at this moment
            lost = [item for item in periods if item not in released and has_lost_events(item, catalogue, removed)]
            done.lost += lost
            periods = [period for period in periods if period not in lost]
            if not periods:
                continue
            counts = count_cells(con, catalogue, sender.id, periods)
        covered = coverage(tables[STATEMENT], tables[POPULATION], catalogue, sender.id, periods)
        cells = node_release(counts, catalogue, sender.id, covered)
        other = released_otherwise(known, cells)
        done.stands += [period for period in periods if period in other]
        same = ~pl.col("period").is_in(list(other))
        regional = regional_counts(counts, catalogue).filter(same)
        left = [period for period in periods if period not in other]
        yield _Counted(left, json.loads(kept), cells.filter(same), regional, covered)


def _publish(network: Network, sender: Sender, node: NodeStore, part: _Counted) -> None:
    """Write the releases into the log that stays in the node, then put their cells into the published warehouse."""
    days = network.embargo_days
    cells = with_public_from(part.cells, days)
    sender.at("log releases")
    log_releases(node.catalog, cells)
    sender.at("publish cells")
    table = published_table(node.published(), PUBLISHED_CELLS, cells.to_arrow().schema, days)
    replace_rows(table, cells, {"period": part.periods})


def _put_out(network: Network, sender: Sender, part: _Counted) -> int:
    with sender.outbox.together():
        return report_cells(sender, part.cells) + report_shares(network, sender, part.regional, part.covered)
