"""Figures of provinces at the hub: sums of masked shares, of which only the sum over a province means anything.

Shares are kept for some months only, until their sum is released and checked. So the hub writes down in its private
store what it released, and takes it from there when it cannot sum any more: a figure once released stays.
"""

from collections.abc import Callable, Iterator

import polars as pl
from pyiceberg.catalog.sql import SqlCatalog

from services.coverage import HOUSEHOLDS
from services.directory import members_digest
from services.disclosure import Count, UnsafeCountError
from services.errors import Fatal
from services.indicators import Catalogue, Reference, latest, period_of, references
from services.network import Network
from services.privacy.masking import sum_of_shares
from services.release import Coverage, RegionSum, region_release
from services.store.snapshots import scan
from services.store.tables import ensure_table, load_table, replace_rows

RELEASED = "node.regions"
RECEIVED_ON = "received_on"
"""Day on which the last share came."""
NOT_COME = "a municipality's share has not come"
NOT_DELIVERED = "nobody delivered to one of the municipalities"
NO_SUM = "the municipalities' shares do not add up"

COLUMNS = (
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
"""Columns of the cells that the hub holds, of municipalities as of provinces."""
_KEY = ("period", "area", "indicator")
_MISSING = pl.col("status") == "missing"

Place = tuple[str, str, str]
"""Period, region and indicator."""


def regional_cells(
    network: Network, shares: pl.DataFrame, catalogue: Catalogue, population: pl.DataFrame
) -> pl.DataFrame:
    """Sum complete sets of shares and release the sums; a set that gives no sum is a missing cell with its reason.

    Returns:
        `COLUMNS`, in order of period, area and indicator.
    """
    parts = [region_release([], catalogue, population, {})]
    missing: list[dict[str, object]] = []
    for place, total, covered in _sums(_usable(network, shares, catalogue), population):
        if isinstance(total, str):
            missing.append(_missing(catalogue, total, place))
            continue
        try:
            parts.append(region_release([total], catalogue, population, {total.region: covered}))
        except Fatal:  # more households than live there
            missing.append(_missing(catalogue, NO_SUM, place))
    frame = (
        pl.concat(parts)
        .with_columns(
            pl.col("municipality").alias("area"),
            pl.lit("province").alias("area_kind"),
            pl.when(_MISSING).then(pl.lit("a municipality's public population is not known")).alias("reason"),
            pl.lit(None, dtype=pl.Float64).alias("published_value"),
        )
        .select(COLUMNS)
    )
    return pl.concat([frame, pl.DataFrame(missing, schema=frame.schema)]).sort(_KEY)


def settled(catalog: SqlCatalog, cells: pl.DataFrame, shares: pl.DataFrame, at: Callable[[str], None]) -> pl.DataFrame:
    """Return the provinces' cells as they stand: summed now, or else as they were before.

    Args:
        catalog: of the hub's private warehouse.
        cells: as the shares that are there give them, see `regional_cells`.
        shares: those shares.
        at: called with the name of each step before it.

    Returns:
        Columns of `cells`, and `received_on`; in order of period, area and indicator.
    """
    days = shares.group_by("period", pl.col("region").alias("area")).agg(pl.col(RECEIVED_ON).max())
    found = cells.join(days, on=["period", "area"], how="left", maintain_order="left")
    table = load_table(catalog, RELEASED)
    before = scan(table).select(found.columns).collect() if table else found.clear()
    stands = _first_of(pl.concat([found.with_columns(now=True), before.with_columns(now=False)]))
    if stands.height:
        at("keep regions")
        table = table or ensure_table(catalog, RELEASED, stands.to_arrow().schema)
        replace_rows(table, stands, {})
    return stands


def _first_of(cells: pl.DataFrame) -> pl.DataFrame:
    """Choose one cell of each place: a released one before a missing one, and what was released before what is now.

    The same shares give another figure when the public population has changed since: what was released stands. Of
    missing cells it is the present one, but that a share has not come is said last: so it looks, too, when shares have
    begun to be removed.
    """
    waits = _MISSING & (pl.col("reason") == NOT_COME)
    rank = [_MISSING.cast(pl.Int8) + waits.fill_null(value=False).cast(pl.Int8), pl.col("now") != _MISSING]
    chosen = cells.sort(*_KEY, *rank, maintain_order=True).unique(_KEY, keep="first", maintain_order=True)
    return chosen.drop("now")


def places(cells: pl.DataFrame, stands: pl.DataFrame, reason: str) -> list[Place]:
    """Return where a reason is given now that nothing else is known of.

    Args:
        cells: as shares give them now.
        stands: as they stand, see `settled`.
        reason: of a missing cell.
    """
    missing = stands.filter(_MISSING)
    given = cells.filter(pl.col("reason") == reason).join(missing, on=[*_KEY, "reason"], how="semi")
    return [(period, area, indicator) for period, area, indicator in given.select(_KEY).iter_rows()]


def _usable(network: Network, shares: pl.DataFrame, catalogue: Catalogue) -> pl.DataFrame:
    """Leave out shares of what is no sum here: by one who is not of the province, or of another definition."""
    versions = {entry.id: entry.definition_version for entry in catalogue.values() if entry.release_level == "region"}
    own = {item.id: item.province for item in network.directory.of_kind("municipality") if item.province}
    province = pl.col("sent_by").replace_strict(own, default=None, return_dtype=pl.String)
    version = pl.col("indicator").replace_strict(versions, default=None, return_dtype=pl.Int64)
    return shares.filter(province == pl.col("region"), pl.col("definition_version") == version)


def _sums(shares: pl.DataFrame, population: pl.DataFrame) -> Iterator[tuple[Place, RegionSum | str, Coverage]]:
    """Yield the sum of each place, or why there is none."""
    known = references(population)
    for (period, region, indicator), part in shares.group_by("period", "region", "indicator", maintain_order=True):
        place = (str(period), str(region), str(indicator))
        shared = _complete(part)
        if shared is None:
            yield place, NOT_COME, {}
            continue
        if (shared["coverage"] == 0).any():
            yield place, NOT_DELIVERED, {}
            continue
        events, units, key = (
            sum_of_shares(shared[name].to_list()) for name in ("share_events", "share_units", "share_key")
        )
        try:
            total = RegionSum(*place, tuple(sorted(shared["sent_by"])), Count(events, units, key))
        except UnsafeCountError:
            yield place, NO_SUM, {}
            continue
        yield place, total, {(place[0], place[2]): _coverage(shared, known, place[0])}


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


def _missing(catalogue: Catalogue, reason: str, place: Place) -> dict[str, object]:
    period, region, indicator = place
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
