"""Which municipalities' releases of a period have come to the hub, and whether its benchmark waits for more.

A period is due when every municipality of the network has released it. While somebody is missing it waits until the
closing day is over, and until nothing has come for a day: on the closing day all nodes that waited release at once, and
when months are made up for they come one after the other. Then it goes with what has come, and who is missing is named.
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
        waits_until: the benchmark waits for them until this day is over.
        is_made: whether the benchmark has been made of this period, with whatever had come.
        is_new: whether the benchmark lacks a release that has come, or has not been made of this period at all.
    """

    period: str
    released: tuple[str, ...]
    missing: tuple[str, ...]
    waits_until: dt.date
    is_made: bool
    is_new: bool

    def may_go(self, today: dt.date) -> bool:
        """Say whether the period is in a benchmark that is made today: what was published once does not go away."""
        return self.is_made or self._is_settled(today)

    def is_due(self, today: dt.date) -> bool:
        """Say whether the benchmark has something to do for this period, and need not wait."""
        return self.is_new and self._is_settled(today)

    def _is_settled(self, today: dt.date) -> bool:
        return not self.missing or today > self.waits_until


def arrivals(network: Network, asked: Collection[str] = ()) -> list[Arrival]:
    """Say how the periods stand of which a municipality's release has come, and those asked for, in order.

    Args:
        network: the network; the hub's store must be on this machine.
        asked: periods that are to be in the answer though nobody may have released them.
    """
    node = open_node(network, HUB)
    towns = frozenset(network.directory.municipalities)
    events = current_events(node.catalog, network.registry.get(OBSERVATION))
    come = (
        events.filter(pl.col("sent_by").is_in(towns))
        .group_by("period", "sent_by", "release_id")
        .agg(pl.col("received_on").max())
    )
    cells, periods = (load_table(node.published(), name) for name in (BENCHMARK_CELLS, PERIODS))
    has = set(scan(cells).select("release_id").unique().collect()["release_id"]) if cells else set()
    made = set(scan(periods).select("period").collect()["period"]) if periods else set()
    found = []
    for period in sorted({*come["period"].to_list(), *asked}):
        part = come.filter(pl.col("period") == period)
        released = set(part["sent_by"].to_list())
        closing = period_of(period).end.replace(day=network.settings.month.close_day)
        found.append(
            Arrival(
                period,
                tuple(sorted(released)),
                tuple(sorted(towns - released)),
                max([closing, *part["received_on"].to_list()]),
                is_made=period in made,
                is_new=period not in made or not set(part["release_id"].to_list()) <= has,
            )
        )
    return found
