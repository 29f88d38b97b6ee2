"""From true counts to the cells that leave: every number passes services.disclosure, and nothing else is added.

All here is pure: the same counts give the same frame, byte for byte. A `release_id` is a digest of what is released (so
it commits to nothing that is not public): one release is one area and one period.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import polars as pl

from services.disclosure import Cell, Count, release_cell
from services.errors import Fatal
from services.indicators import TOTAL, Catalogue, Indicator, Reference, latest, period_of, references

CELLS: Final = {
    "period": pl.String,
    "period_kind": pl.String,
    "municipality": pl.String,
    "district": pl.String,
    "dimension": pl.String,
    "dimension_value": pl.String,
    "indicator": pl.String,
    "definition_version": pl.Int32,
    "unit_kind": pl.String,
    "numerator": pl.Int64,
    "denominator": pl.Int64,
    "denominator_date": pl.Date,
    "status": pl.String,
    "area_vintage": pl.Int32,
    "coverage": pl.Float64,
    "release_id": pl.String,
}
"""Columns of released cells. `district` is null for the area's total; `municipality` is a region for regional cells."""

_ORDER: Final = ("municipality", "period", "indicator", "dimension", "dimension_value", "district")

MIN_REGION_MEMBERS: Final = 3
"""With two members each could subtract its own true count from the sum and hold the other's within the noise."""

Coverage = Mapping[tuple[str, str], float | None]
"""(period, indicator) → client households that delivered ÷ households, over the indicator's partner types. 0 says that
nobody delivered: the cell is `missing`. None, or no entry, is unknown and changes nothing."""


@dataclass(frozen=True, slots=True)
class RegionSum:
    """What the hub learns of a region: the sum of its members' counts, their masks cancelled.

    Attributes:
        period: `2025`.
        region: area id, `pv20`.
        indicator: an indicator with `release_level: region`.
        members: area ids of the municipalities in the sum.
        count: the sums of events, distinct households and unit keys (modulo 2**62; a sum of keys is far below it).
    """

    period: str
    region: str
    indicator: str
    members: tuple[str, ...]
    count: Count


def node_release(
    counts: pl.DataFrame, catalogue: Catalogue, municipality: str, coverage: Coverage | None = None
) -> pl.DataFrame:
    """One municipality's released cells.

    Args:
        counts: as `services.indicators.count_cells` gives them; regional indicators are left out here.
        catalogue: indicators by id.
        municipality: the node's area, `gm0518`.
        coverage: per (period, indicator), see `Coverage`.

    Returns:
        A frame with the columns `CELLS`, sorted; a row for each cell, whatever its status.
    """
    coverage = coverage or {}
    rows = []
    for row in counts.iter_rows(named=True):
        entry = catalogue[row["indicator"]]
        if entry.release_level == "region":
            continue
        share = coverage.get((row["period"], entry.id))
        above = Count(row["value"], row["units"], row["key"])
        below = row["population"]
        if entry.denominator.sql:
            below = Count(row["below_value"], row["below_units"], row["below_key"])
        cell = release_cell(None if share == 0 else above, below)
        place = (municipality, row["district"], row["population_date"], row["vintage"])
        part = (row["dimension"], row["dimension_value"])
        rows.append(_row(row["period"], entry, place, cell, share, part))
    return _frame(rows)


def regional_counts(counts: pl.DataFrame, catalogue: Catalogue) -> pl.DataFrame:
    """A node's true counts of regional indicators: `period, indicator, definition_version, value, units, key`.

    They leave the node only masked, one share of a region's sum (`regional_share`).
    """
    regional = {entry.id: entry.definition_version for entry in catalogue.values() if entry.release_level == "region"}
    version = pl.col("indicator").replace_strict(regional, default=None, return_dtype=pl.Int32)
    return (
        counts.filter(pl.col("indicator").is_in(list(regional)) & pl.col("district").is_null())
        .with_columns(version.alias("definition_version"))
        .select("period", "indicator", "definition_version", "value", "units", "key")
    )


def region_release(
    sums: Iterable[RegionSum], catalogue: Catalogue, population: pl.DataFrame, coverage: Mapping[str, Coverage]
) -> pl.DataFrame:
    """Released cells of regions, at the hub.

    Args:
        sums: one per period, region and indicator.
        catalogue: indicators by id.
        population: rows of `population_reference`; the denominator is the sum over the members, `missing` where one of
            them has no figure.
        coverage: per region, see `Coverage`.

    Returns:
        A frame with the columns `CELLS`, the region in `municipality`; fewer than `MIN_REGION_MEMBERS` members are
        `suppressed`.

    Raises:
        Fatal: more households counted than the members have: the masks did not cancel.
    """
    traits = {entry.denominator.trait for entry in catalogue.values() if entry.release_level == "region"}
    known = references(population.filter(pl.col("trait").is_in([trait for trait in traits if trait])))
    rows = []
    for item in sums:
        entry = catalogue[item.indicator]
        bases = [*_bases(item, entry, known)]
        total = sum(base.value for base in bases) if len(bases) == len(item.members) else None
        if total is not None and item.count.units > total:
            raise Fatal(
                f"The sum of {item.indicator} over {item.region} in {item.period} has more households than live there.",
                "The members' masks do not cancel: a share is missing, doubled or of another list of members.",
                "Ask the members named in the shares to send them again; release nothing from this sum.",
            )
        cell = release_cell(item.count, total)
        if cell.status == "published" and len(set(item.members)) < MIN_REGION_MEMBERS:
            cell = Cell("suppressed")
        share = coverage.get(item.region, {}).get((item.period, item.indicator))
        oldest = min((base.reference_date for base in bases), default=None)
        place = (item.region, None, oldest, period_of(item.period).start.year)
        rows.append(_row(item.period, entry, place, cell, share))
    return _frame(rows)


def _bases(item: RegionSum, entry: Indicator, known: list[Reference]) -> Iterator[Reference]:
    """Each member's population as of the period, where it has one."""
    for member in item.members:
        base = latest(known, member, entry.denominator.trait or "", period_of(item.period).start)
        if base is not None:
            yield base


def _row(
    period: str,
    entry: Indicator,
    place: tuple[object, ...],
    cell: Cell,
    coverage: float | None,
    part: tuple[str, str] = (TOTAL, TOTAL),
) -> dict[str, object]:
    area, district, population_date, vintage = place
    dimension, dimension_value = part
    return {
        "period": period,
        "period_kind": entry.release_period,
        "municipality": area,
        "district": district,
        "dimension": dimension,
        "dimension_value": dimension_value,
        "indicator": entry.id,
        "definition_version": entry.definition_version,
        "unit_kind": entry.unit_kind,
        "numerator": cell.numerator,
        "denominator": cell.denominator,
        "denominator_date": None if cell.denominator is None else population_date,
        "status": cell.status,
        "area_vintage": vintage,
        "coverage": None if coverage is None else round(coverage, 2),
    }


def _frame(rows: list[dict[str, object]]) -> pl.DataFrame:
    """Sorted rows with a release id per area and period: SHA-256, 16 hex digits, of its rows as canonical JSON.

    Sorted before they become a frame: a frame's own sort leaves other bytes behind its nulls per order of input.
    """
    ordered = sorted(rows, key=lambda row: tuple(str(row[name] or "") for name in _ORDER))
    return pl.DataFrame(with_release_ids(ordered), schema=CELLS)


def with_release_ids(ordered: list[dict[str, object]]) -> list[dict[str, object]]:
    """Give each row its `release_id`: a digest of all rows of its municipality and period, which stand together."""
    for _, part in groupby(ordered, key=lambda row: (row["municipality"], row["period"])):
        release = list(part)
        canonical = json.dumps(release, default=str, separators=(",", ":"), sort_keys=True)
        name = hashlib.sha256(canonical.encode()).hexdigest()[:16]
        for row in release:
            row["release_id"] = name
    return ordered
