"""Which municipalities' releases of a period have come to the hub, and whether its benchmark waits for more.

A period is due when every municipality of the network has released it, or on the day on which months close at the
latest; then it goes with what has come, and who is missing is named.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

from services.directory import HUB
from services.indicators import period_of
from services.network import Network
from services.receiving.collecting import open_node
from services.store.events import current_events
from services.store.snapshots import scan
from services.store.tables import load_table

OBSERVATION = "indicator_observation"
PERIODS = "benchmark.periods"
BENCHMARK_CELLS = "network.cells"


@dataclass(frozen=True)
class Arrival:
    """How one period stands at the hub.

    Attributes:
        period: a month, quarter or year.
        released: municipalities whose release has come.
        missing: the others of the network.
        deadline: from this day on the benchmark does not wait for them.
        is_new: whether the benchmark lacks a release that has come, or has not been made of this period at all.
    """

    period: str
    released: tuple[str, ...]
    missing: tuple[str, ...]
    deadline: dt.date
    is_new: bool

    def may_go(self, today: dt.date) -> bool:
        """Say whether the benchmark need not wait for anybody."""
        return not self.missing or today >= self.deadline

    def is_due(self, today: dt.date) -> bool:
        """Say whether the benchmark has something to do for this period, and need not wait."""
        return self.is_new and self.may_go(today)


def arrivals(network: Network, asked: Collection[str] = ()) -> list[Arrival]:
    """Say how the periods stand of which a municipality's release has come, and those asked for, in order.

    Args:
        network: the network; the hub's store must be on this machine.
        asked: periods that are to be in the answer though nobody may have released them.
    """
    node = open_node(network, HUB)
    towns = frozenset(network.directory.municipalities)
    events = current_events(node.catalog, network.registry.get(OBSERVATION))
    come = events.filter(pl.col("sent_by").is_in(towns)).select("period", "sent_by", "release_id").unique()
    cells, periods = (load_table(node.published(), name) for name in (BENCHMARK_CELLS, PERIODS))
    has = set(scan(cells).select("release_id").unique().collect()["release_id"]) if cells else set()
    made = set(scan(periods).select("period").collect()["period"]) if periods else set()
    found = []
    for period in sorted({*come["period"].to_list(), *asked}):
        part = come.filter(pl.col("period") == period)
        released = set(part["sent_by"].to_list())
        end = period_of(period).end
        found.append(
            Arrival(
                period,
                tuple(sorted(released)),
                tuple(sorted(towns - released)),
                end.replace(day=network.settings.month.close_day),
                is_new=period not in made or not set(part["release_id"].to_list()) <= has,
            )
        )
    return found
