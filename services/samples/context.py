"""Use of energy by range of postcodes, made up, in the layout in which the grid operator Coteq publishes its own."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from services.samples.chance import chance
from services.samples.exports import deliveries
from services.samples.places import Places

OPERATED: Final = ("gm0141", "gm0173")
"""Municipalities in which Coteq has the grid, and which read what it publishes."""
USE: Final = {"electricity": 2_600.0, "gas": 1_100.0}
"""Mean use of a connection in a year, kWh and cubic metres; made up, near what CBS publishes of dwellings."""
SPREAD: Final = 0.25
"""Of the logarithm of the use of a range; made up."""
TOGETHER: Final = 2
"""Postcodes in a range."""
LEAST: Final = 10
"""Connections in a range, as grid operators publish them."""


def write_context(
    folder: Path, municipality: str, places: Places, *, months: Sequence[date], seed: int
) -> dict[str, int]:
    """Write the public files that a municipality reads, into its first delivery.

    Args:
        folder: the municipality's.
        municipality: its id.
        places: of the network.
        months: first days of consecutive months.
        seed: of all chance.

    Returns:
        Rows per file; none where another operator has the grid.
    """
    if municipality not in OPERATED:
        return {}
    name, part, _ = deliveries(months)[0]
    ranges = _ranges(places.postcodes.filter(municipality=municipality))
    written = {}
    for energy, mean in USE.items():
        path = folder / name / f"coteq_{energy}_{part[-1].year}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = chance(seed, "context", municipality, energy, part[-1].year)
        use = mean * rng.lognormal(0, SPREAD, ranges.height)
        ranges.with_columns(
            pl.Series("delivery_perc", rng.uniform(80, 100, ranges.height)).round(2),
            pl.Series("perc_of_active_connections", rng.uniform(85, 100, ranges.height)).round(2),
            pl.Series("annual_consume", use).round(0).cast(pl.Int64),
            remark=pl.lit("made up"),
        ).write_csv(path)
        written[f"{name}/{path.name}"] = ranges.height
    return written


def _ranges(postcodes: pl.DataFrame) -> pl.DataFrame:
    together = (pl.int_range(pl.len()) // TOGETHER).alias("range")
    return (
        postcodes.sort("postcode")
        .group_by(together, maintain_order=True)
        .agg(
            zipcode_from=pl.col("postcode").first(),
            zipcode_to=pl.col("postcode").last(),
            num_connections=pl.col("homes").sum(),
        )
        .filter(pl.col("num_connections") >= LEAST)
        .drop("range")
    )
