"""Traits of areas, as the peer choice sees them: standardised, per vintage, never an outcome.

A trait set belongs to the vintage of the public population file it comes from. The newest file that has its whole
set and is not younger than the period is used; for a period before the first such file, the nearest later one. The
vintage is published with every peer, so that a reader sees what likeness rests on.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from services.benchmark.statistics import Floats

BASE = (
    "inhabitants",
    "urbanity",
    "one_person_households_pct",
    "households_with_children_pct",
    "aged_65_plus_pct",
)
FROM_2020 = (*BASE, "low_income_pct", "owner_occupied_pct", "corporation_owned_pct")
LOGARITHMIC = "inhabitants"  # size differs by factors, so its logarithm is compared

# How much a trait weighs in the distance, 1 unless named here. No trait is thought to matter more than another: a
# weight tuned on outcomes would let the outcome choose the peers.
WEIGHTS: dict[str, float] = {}

MOST_MISSING = 0.2


@dataclass(frozen=True)
class Traits:
    """One vintage's standardised traits.

    Attributes:
        vintage: year of the boundaries and of the file.
        municipalities: those with at most 20 % of the traits missing, in alphabetical order of their code.
        names: published names of the traits.
        scores: z-scores, municipalities × traits; NaN where a trait is missing.
        weights: one per trait.
    """

    vintage: int
    municipalities: tuple[str, ...]
    names: tuple[str, ...]
    scores: Floats
    weights: Floats


def trait_set(vintage: int) -> tuple[str, ...]:
    """The traits that files of this vintage are compared on."""
    return FROM_2020 if vintage >= 2020 else BASE  # noqa: PLR2004  the year is the name


def whole_vintages(population: pl.DataFrame) -> list[int]:
    """Vintages whose whole trait set is published for municipalities, oldest first.

    Args:
        population: rows of `population_reference`.
    """
    known = (
        population.filter((pl.col("area_kind") == "municipality") & pl.col("value").is_not_null())
        .group_by("area_vintage")
        .agg(pl.col("trait").unique())
        .sort("area_vintage")
    )
    return [vintage for vintage, names in known.iter_rows() if set(trait_set(vintage)) <= set(names)]


def vintage_for(vintages: list[int], year: int) -> int | None:
    """The latest vintage not after the year, else the nearest later one; None where there is none."""
    before = [vintage for vintage in vintages if vintage <= year]
    return max(before) if before else min(vintages, default=None)


def standardised(population: pl.DataFrame, vintage: int) -> Traits:
    """Z-scores over all municipalities of the vintage, with the population's standard deviation.

    Args:
        population: rows of `population_reference`; a trait given twice counts as it stands last.
        vintage: one of `whole_vintages`.
    """
    wanted = trait_set(vintage)
    rows = population.filter(
        (pl.col("area_kind") == "municipality") & (pl.col("area_vintage") == vintage) & pl.col("trait").is_in(wanted)
    )
    wide = rows.pivot(on="trait", index="area", values="value", aggregate_function="last").sort("area")
    wide = wide.with_columns(pl.col(LOGARITHMIC).log())
    values = wide.select(wanted).to_numpy().astype(np.float64)
    deviation = np.nanstd(values, axis=0)
    scores = (values - np.nanmean(values, axis=0)) / np.where(deviation > 0, deviation, 1)
    enough = np.mean(np.isnan(scores), axis=1) <= MOST_MISSING
    return Traits(
        vintage=vintage,
        municipalities=tuple(wide["area"].filter(pl.Series(enough))),
        names=tuple(f"ln_{name}" if name == LOGARITHMIC else name for name in wanted),
        scores=scores[enough],
        weights=np.array([WEIGHTS.get(name, 1.0) for name in wanted]),
    )
