"""The hub's benchmark: released cells of all nodes and open data become figures beside peers, in published tables.

The hub holds no record and no pseudonym; what it reads here are observations, public population figures and masked
shares of which only the sum over a province means anything.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl

from services.arrivals import OBSERVATION, PERIODS, Arrival, arrivals
from services.benchmark.figures import figures
from services.coverage import HOUSEHOLDS
from services.directory import HUB, members_digest
from services.disclosure import Count, UnsafeCountError
from services.embargo import with_public_from
from services.errors import Fatal
from services.indicators import Catalogue, Reference, catalogue_table, latest, load_catalogue, period_of, references
from services.network import Network
from services.privacy.masking import sum_of_shares
from services.published import published_table
from services.receiving.collecting import open_node
from services.regions import KEY, settled
from services.release import Coverage, RegionSum, region_release
from services.store.events import current_events
from services.store.tables import replace_rows

OBSERVATION_COLUMNS = (
    "period",
    "period_kind",
    "area",
    "area_kind",
    "area_vintage",
    "indicator",
    "definition_version",
    "dimension",
    "dimension_value",
    "unit_kind",
    "numerator",
    "denominator",
    "denominator_date",
    "status",
    "reason",
    "coverage",
    "published_value",
    "release_id",
)


@dataclass
class BenchmarkReport:
    """What the hub made.

    Attributes:
        figures: rows of `benchmark.figures` by (kind of period, status).
        peers: rows of `benchmark.peers`.
        cells: rows of `network.cells`.
        regions_undelivered: (period, region, indicator) in which nobody delivered to one of the members.
        regions_incomplete: (period, region, indicator) of which a member's share has not come.
        regions_refused: (period, region, indicator) of which the shares do not add up to a possible count.
        periods: how those stand that are in the benchmark.
    """

    figures: Counter[tuple[str, str]] = field(default_factory=Counter)
    peers: int = 0
    cells: int = 0
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
    regional = settled(node.catalog, _regional(network, shares, catalogue, population, report), shares, at)
    regional = regional.filter(wanted)
    report.regions_incomplete = _still_missing(report.regions_incomplete, regional)
    cells = pl.concat([observations.select(OBSERVATION_COLUMNS), regional.select(OBSERVATION_COLUMNS)])
    frame, peers = figures(cells, population, catalogue, dt.datetime.now(dt.UTC))
    frame = _released_at(frame, observations, regional)
    published, days = node.published(), network.settings.release.embargo_days
    sorted_cells = cells.sort("period", "area", "indicator", "dimension", "dimension_value")
    for name, rows in (
        ("benchmark.figures", with_public_from(frame, days)),
        ("benchmark.peers", with_public_from(peers, days)),
        ("benchmark.indicators", catalogue_table(catalogue)),
        ("network.cells", with_public_from(sorted_cells, days)),
    ):
        at(f"publish {name}")
        replace_rows(published_table(published, name, rows.to_arrow().schema), rows, {})
    at(f"publish {PERIODS}")  # last: what it names is there
    told = with_public_from(_told(report.periods), days)
    replace_rows(
        published_table(published, PERIODS, told.to_arrow().schema), told, {"period": told["period"].to_list()}
    )
    report.figures.update(frame.select("period_kind", "status").iter_rows())
    report.peers, report.cells = peers.height, cells.height
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


def _still_missing(places: list[tuple[str, str, str]], regional: pl.DataFrame) -> list[tuple[str, str, str]]:
    """Leave out what was released before: its shares are removed in the course of time."""
    missing = set(regional.filter(pl.col("status") == "missing").select(KEY).iter_rows())
    return [place for place in places if place in missing]


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


def _regional(
    network: Network, shares: pl.DataFrame, catalogue: Catalogue, population: pl.DataFrame, report: BenchmarkReport
) -> pl.DataFrame:
    """Sum complete sets of shares and release the sums; a set that gives no sum is a missing cell with its reason."""
    parts = [region_release([], catalogue, population, {})]
    for item, covered in _sums(_usable(network, shares, catalogue), population, report):
        try:
            parts.append(region_release([item], catalogue, population, {item.region: covered}))
        except Fatal:  # more households than live there
            report.regions_refused.append((item.period, item.region, item.indicator))
    released = pl.concat(parts)
    is_missing = pl.col("status") == "missing"
    frame = released.with_columns(
        pl.col("municipality").alias("area"),
        pl.lit("province").alias("area_kind"),
        pl.when(is_missing).then(pl.lit("a municipality's public population is not known")).alias("reason"),
        pl.lit(None, dtype=pl.Float64).alias("published_value"),
    ).select(OBSERVATION_COLUMNS)
    missing = [_missing(catalogue, _NOT_COME, *key) for key in report.regions_incomplete]
    missing += [_missing(catalogue, _NOT_DELIVERED, *key) for key in report.regions_undelivered]
    missing += [_missing(catalogue, _NO_SUM, *key) for key in report.regions_refused]
    return pl.concat([frame, pl.DataFrame(missing, schema=frame.schema)]).sort("period", "area", "indicator")


def _usable(network: Network, shares: pl.DataFrame, catalogue: Catalogue) -> pl.DataFrame:
    """Leave out shares of what is no sum here: by one who is not of the province, or of another definition."""
    versions = {entry.id: entry.definition_version for entry in catalogue.values() if entry.release_level == "region"}
    own = {item.id: item.province for item in network.directory.of_kind("municipality") if item.province}
    province = pl.col("sent_by").replace_strict(own, default=None, return_dtype=pl.String)
    version = pl.col("indicator").replace_strict(versions, default=None, return_dtype=pl.Int64)
    return shares.filter(province == pl.col("region"), pl.col("definition_version") == version)


def _sums(
    shares: pl.DataFrame, population: pl.DataFrame, report: BenchmarkReport
) -> Iterator[tuple[RegionSum, Coverage]]:
    known = references(population)
    for (period, region, indicator), part in shares.group_by("period", "region", "indicator", maintain_order=True):
        place = (str(period), str(region), str(indicator))
        shared = _complete(part)
        if shared is None:
            report.regions_incomplete.append(place)
            continue
        if (shared["coverage"] == 0).any():
            report.regions_undelivered.append(place)
            continue
        events, units, key = (
            sum_of_shares(shared[name].to_list()) for name in ("share_events", "share_units", "share_key")
        )
        try:
            total = RegionSum(*place, tuple(sorted(shared["sent_by"])), Count(events, units, key))
        except UnsafeCountError:
            report.regions_refused.append(place)
            continue
        yield total, {(place[0], place[2]): _coverage(shared, known, place[0])}


def _coverage(shares: pl.DataFrame, known: list[Reference], period: str) -> float | None:
    """Mean of the members' coverage, weighted by their households; None where either is unknown for a member."""
    weighted, households = 0.0, 0
    for member, covered in shares.select("sent_by", "coverage").iter_rows():
        base = latest(known, member, HOUSEHOLDS, period_of(period).start)
        if base is None or covered is None:
            return None
        weighted, households = weighted + covered * base.value, households + base.value
    return weighted / households if households else None


def _complete(shares: pl.DataFrame) -> pl.DataFrame | None:
    """Return the shares of the first list of members of which every member's has come, one each; None if there is none.

    Members as they were when the period closed: who joins a province later changes no sum of before.
    """
    for (digest,), part in shares.group_by("members", maintain_order=True):
        once = part.unique("sent_by", keep="first", maintain_order=True)
        if members_digest(once["sent_by"].to_list()) == digest:
            return once
    return None


_NOT_COME = "a municipality's share has not come"
_NOT_DELIVERED = "nobody delivered to one of the municipalities"
_NO_SUM = "the municipalities' shares do not add up"


def _missing(catalogue: Catalogue, reason: str, period: str, region: str, indicator: str) -> dict[str, object]:
    entry = catalogue[indicator]
    return {
        "period": period,
        "period_kind": entry.release_period,
        "area": region,
        "area_kind": "province",
        "area_vintage": int(period[:4]),
        "indicator": indicator,
        "definition_version": entry.definition_version,
        "dimension": "total",
        "dimension_value": "total",
        "unit_kind": entry.unit_kind,
        "status": "missing",
        "reason": reason,
        "release_id": "",
    }
