"""Public populations of a municipality and the fixed map that merges its small districts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

MIN_GROUP_DWELLINGS: Final = 4000
"""About 23 households with a signal a month at the national 3.1 signals per 1,000 inhabitants, so that a district with
half as many per dwelling as average still has the 10 households that release needs in most months."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One public number: `value` for `area` in the boundaries of `vintage`, as of `reference_date`."""

    area: str
    trait: str
    reference_date: date
    vintage: int
    value: int


@dataclass(frozen=True, slots=True)
class Group:
    """A district, or neighbouring ones in code order: `wk051801`, or `wk051801-wk051804` from first to last."""

    name: str
    districts: tuple[str, ...]
    population: Reference


def references(population: pl.DataFrame) -> list[Reference]:
    """Rows of `population_reference` that have a value, newest first."""
    known = population.filter(pl.col("value").is_not_null()).with_columns(pl.col("value").round(0).cast(pl.Int64))
    rows = known.select("area", "trait", "reference_date", "area_vintage", "value").unique().iter_rows()
    return sorted(
        (Reference(*row) for row in rows),
        key=lambda row: (row.reference_date, row.vintage, row.area, row.trait, row.value),
        reverse=True,
    )


def latest(newest_first: Iterable[Reference], area: str, trait: str, on: date) -> Reference | None:
    """The area's latest value of a trait on or before a date, None where there is none."""
    return next(
        (row for row in newest_first if row.area == area and row.trait == trait and row.reference_date <= on), None
    )


def district_groups(newest_first: Sequence[Reference], municipality: str, trait: str, on: date) -> tuple[Group, ...]:
    """The municipality's district map as of a date.

    The map is fixed per municipality and vintage: it follows from public dwellings only, never from events, so no month
    can be subtracted from another month with another map. In the order of their codes, districts are joined until a
    group has `MIN_GROUP_DWELLINGS`; what remains joins the last group. A municipality with one group has no district
    cells: the map is empty.
    """
    prefix = f"wk{municipality.removeprefix('gm')}"
    known = [row for row in newest_first if row.trait == trait and row.area.startswith(prefix)]
    anchor = next((row for row in known if row.reference_date <= on), None)
    if anchor is None:
        return ()
    same = ((row.reference_date, row.vintage) == (anchor.reference_date, anchor.vintage) for row in known)
    sizes = {row.area: row.value for row, keep in zip(known, same, strict=True) if keep}
    return tuple(
        Group(
            name=group[0] if len(group) == 1 else f"{group[0]}-{group[-1]}",
            districts=tuple(group),
            population=Reference(
                municipality, trait, anchor.reference_date, anchor.vintage, sum(sizes[area] for area in group)
            ),
        )
        for group in _merge(sizes)
    )


def _merge(sizes: dict[str, int]) -> list[list[str]]:
    """Neighbours in code order joined until each group is large enough; empty when fewer than two groups result."""
    groups: list[list[str]] = [[]]
    for area in sorted(sizes):
        if sum(sizes[member] for member in groups[-1]) >= MIN_GROUP_DWELLINGS:
            groups.append([])
        groups[-1].append(area)
    if len(groups) > 1 and sum(sizes[member] for member in groups[-1]) < MIN_GROUP_DWELLINGS:
        tail = groups.pop()
        groups[-1].extend(tail)
    return groups if len(groups) > 1 else []
