"""The hub's benchmark: released cells of all nodes and open data become figures beside peers, in published tables.

The hub holds no record and no pseudonym; what it reads here are observations, public population figures and masked
shares of which only the sum over a province means anything.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import polars as pl

from services.arrivals import BENCHMARK_CELLS, OBSERVATION, PERIODS, Arrival, arrivals
from services.benchmark.figures import figures
from services.directory import HUB
from services.embargo import with_public_from
from services.indicators import catalogue_table, load_catalogue, period_of
from services.network import Network
from services.published import published_table
from services.receiving.collecting import open_node
from services.regions import COLUMNS, NO_SUM, NOT_COME, NOT_DELIVERED, places, regional_cells, settled
from services.store.events import current_events
from services.store.tables import replace_rows
from services.stories.patterns.ratings import beside_quotes, quoted
from services.stories.patterns.releasing import hub_patterns
from services.stories.published import PATTERNS_OF_HUB, TABLE_OF_HUB


@dataclass
class BenchmarkReport:
    """What the hub made.

    Attributes:
        figures: rows of `benchmark.figures` by (kind of period, status).
        peers: rows of `benchmark.peers`.
        cells: rows of `network.cells`.
        patterns: rows of `benchmark.patterns`.
        regions_undelivered: (period, region, indicator) in which nobody delivered to one of the members.
        regions_incomplete: (period, region, indicator) of which a member's share has not come.
        regions_refused: (period, region, indicator) of which the shares do not add up to a possible count.
        periods: how those stand that are in the benchmark.
    """

    figures: Counter[tuple[str, str]] = field(default_factory=Counter)
    peers: int = 0
    cells: int = 0
    patterns: int = 0
    regions_undelivered: list[tuple[str, str, str]] = field(default_factory=list)
    regions_incomplete: list[tuple[str, str, str]] = field(default_factory=list)
    regions_refused: list[tuple[str, str, str]] = field(default_factory=list)
    periods: list[Arrival] = field(default_factory=list)


_PERIODS: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "period": pl.String,
    "period_kind": pl.String,
    "municipalities": pl.Int64,
    "released": pl.Int64,
    "missing": pl.List(pl.String),
    "complete": pl.Boolean,
}


def run_benchmark(
    network: Network,
    *,
    today: dt.date | None = None,
    asked: Collection[str] = (),
    at: Callable[[str], None] = lambda _: None,
) -> BenchmarkReport:
    """Make all published tables of the hub anew from what it has received; the same input gives the same tables.

    Args:
        network: the network.
        today: periods for which the benchmark waits on this day (`services.arrivals`) are left out; None: it waits for
            none.
        asked: periods to tell of in `benchmark.periods` also when nobody released them.
        at: called with the name of each step before it, for tests that end the process there.
    """
    report = BenchmarkReport()
    node = open_node(network, HUB)
    catalogue = load_catalogue()
    registry = network.registry
    standing = arrivals(network, asked)
    left_out = [item.period for item in standing if today and not item.may_go(today)]
    report.periods = [item for item in standing if item.period not in left_out]
    wanted = ~pl.col("period").is_in(left_out)
    observations = current_events(node.catalog, registry.get(OBSERVATION)).filter(wanted)
    population = current_events(node.catalog, registry.get("population_reference"))
    shares = current_events(node.catalog, registry.get("regional_share")).filter(wanted)
    patterns = hub_patterns(current_events(node.catalog, registry.get("story_pattern")).filter(wanted))
    found = regional_cells(network, shares, catalogue, population)
    regional = settled(node.catalog, found, shares, at).filter(wanted)
    report.regions_undelivered = places(found, regional, NOT_DELIVERED)
    report.regions_incomplete = places(found, regional, NOT_COME)
    report.regions_refused = places(found, regional, NO_SUM)
    cells = pl.concat([observations.select(COLUMNS), regional.select(COLUMNS)])
    frame, peers = figures(cells, population, catalogue, dt.datetime.now(dt.UTC))
    frame = _released_at(frame, observations, regional)
    published, days = node.published(), network.embargo_days
    sorted_cells = cells.sort("period", "area", "indicator", "dimension", "dimension_value")
    told = with_public_from(_told(report.periods), days)
    for name, rows, key in (
        ("benchmark.figures", with_public_from(frame, days), {}),
        ("benchmark.peers", with_public_from(peers, days), {}),
        ("benchmark.indicators", catalogue_table(catalogue), {}),
        (PATTERNS_OF_HUB, with_public_from(beside_quotes(patterns, quoted(published, TABLE_OF_HUB)), days), {}),
        (PERIODS, told, {"period": told["period"].to_list()}),
        # last: a release that is there is no longer new (`services.arrivals`), so all that tells of it is there before
        (BENCHMARK_CELLS, with_public_from(sorted_cells, days), {}),
    ):
        at(f"publish {name}")
        replace_rows(published_table(published, name, rows.to_arrow().schema, days), rows, key)
    report.figures.update(frame.select("period_kind", "status").iter_rows())
    report.peers, report.cells, report.patterns = peers.height, cells.height, patterns.height
    return report


def _told(standing: Collection[Arrival]) -> pl.DataFrame:
    rows = [
        (
            item.period,
            period_of(item.period).kind,
            len(item.released) + len(item.missing),
            len(item.released),
            item.missing,
            not item.missing,
        )
        for item in standing
    ]
    return pl.DataFrame(rows, schema=_PERIODS, orient="row")


def _released_at(frame: pl.DataFrame, observations: pl.DataFrame, regional: pl.DataFrame) -> pl.DataFrame:
    """Date each figure with the day on which its release, or a province's last share, reached the hub.

    Making the figure anew does not change it.
    """
    received = pl.concat([part.select("release_id", "received_on") for part in (observations, regional)])
    moment = pl.col("received_on").max().cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    days = received.group_by("release_id").agg(moment.alias("released_at"))
    return (
        frame.drop("released_at").join(days, on="release_id", how="left", maintain_order="left").select(frame.columns)
    )
