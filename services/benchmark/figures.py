"""Tables `hub.benchmark.figures` and `.peers`, made of the cells that the hub received and public traits.

The same input gives the same rows in the same order: by period, indicator, part of its dimension and code, never by
value. Cells of districts, and of parts that the catalogue does not know, stay in `hub.network.cells`. A suppressed or
missing cell stays in the table with its status, its peers' quartiles beside it and nothing else. Provinces and other
regions have figures without peers.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import polars as pl

from services.benchmark.compare import TOTAL, compared, floats
from services.benchmark.definition import Definition
from services.benchmark.statistics import poisson_limits, wilson
from services.benchmark.trend import trend
from services.errors import Rejected

FIGURES_SCHEMA = pl.Schema(
    {
        "period": pl.String(),
        "period_kind": pl.String(),
        "municipality": pl.String(),
        "indicator": pl.String(),
        "dimension": pl.String(),
        "dimension_value": pl.String(),
        "numerator": pl.Int64(),
        "denominator": pl.Int64(),
        "denominator_date": pl.Date(),
        "value": pl.Float64(),
        "unit": pl.String(),
        "ci_low": pl.Float64(),
        "ci_high": pl.Float64(),
        "status": pl.String(),
        "peer_set": pl.String(),
        "peer_count": pl.Int64(),
        "peer_p25": pl.Float64(),
        "peer_median": pl.Float64(),
        "peer_p75": pl.Float64(),
        "overdispersion": pl.Float64(),
        "compared": pl.String(),
        "trend": pl.String(),
        "coverage": pl.Float64(),
        "definition_version": pl.Int64(),
        "release_id": pl.String(),
        "released_at": pl.Datetime("us", "UTC"),
    }
)


SERIES = ("indicator", "dimension", "dimension_value")
"""What makes figures of one area comparable from period to period."""


def figures(
    observations: pl.DataFrame,
    population: pl.DataFrame,
    catalogue: Mapping[str, Definition],
    released_at: datetime,
    own_choice: Mapping[str, Sequence[str]] | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Benchmark every figure that the hub holds.

    Args:
        observations: rows of `indicator_observation`; where one figure was released twice, the newest definition
            counts, and of that the last row.
        population: rows of `population_reference`.
        catalogue: definitions by indicator id. A cell of an indicator that it does not hold keeps its counts and
            gets no value.
        released_at: moment of this benchmark, with a time zone.
        own_choice: peers that municipalities chose themselves, listed beside the recommended ones.

    Returns:
        Figures and peers, as `FIGURES_SCHEMA` and `PEERS_SCHEMA`.

    Raises:
        Rejected: a municipality chose itself, or a code that the population files do not hold.
    """
    _check_choice(own_choice or {}, population)
    cells = _with_values(_cells(observations, catalogue))
    cells = cells.with_columns(_trends(cells, catalogue))
    beside, peers = compared(cells, population, own_choice or {})
    frame = cells.join(beside, on="_row", how="left", maintain_order="left").with_columns(
        pl.col("compared").fill_null("not_compared"),
        pl.lit(released_at).dt.convert_time_zone("UTC").alias("released_at"),
    )
    scaled = [pl.col(name) * pl.col("factor") for name in ("peer_p25", "peer_median", "peer_p75")]
    frame = frame.with_columns(scaled).rename({"area": "municipality"})
    return frame.select(FIGURES_SCHEMA.names()).cast(FIGURES_SCHEMA), peers


def _check_choice(own_choice: Mapping[str, Sequence[str]], population: pl.DataFrame) -> None:
    known = set(population.filter(pl.col("area_kind") == "municipality")["area"])
    for municipality, peers in own_choice.items():
        wrong = sorted({code for code in peers if code not in known} | ({municipality} & set(peers)))
        if wrong:
            raise Rejected(
                f"The own choice of peers of {municipality} cannot be used: {', '.join(wrong)}.",
                "A peer is another municipality, by a code that the population files hold.",
                "Correct the codes (gm and four digits) and run the month again.",
            )


def _cells(observations: pl.DataFrame, catalogue: Mapping[str, Definition]) -> pl.DataFrame:
    """One row per figure, with what the catalogue says of its indicator; numbers only where they were released."""
    released = pl.col("status").is_in(["published", "zero"])
    return (
        observations.filter(pl.col("area_kind") != "district")
        .sort("definition_version", maintain_order=True)
        .unique(["period", "area", *SERIES], keep="last", maintain_order=True)
        .sort("period", *SERIES, "area")
        .join(_known(catalogue), on="indicator", how="left", maintain_order="left")
        .join(_known_parts(catalogue), on=list(SERIES), how="left", maintain_order="left")
        .filter((pl.col("dimension") == TOTAL) | pl.col("part_compared").is_not_null())
        .with_columns(pl.when(released).then(pl.col("numerator", "denominator")).name.keep())
        .with_columns(
            usable=pl.all_horizontal(
                released, pl.col("numerator").is_not_null(), pl.col("kind").is_not_null(), pl.col("denominator") > 0
            ).fill_null(value=False)
        )
        .with_row_index("_row")
        .with_columns(pl.col("_row").cast(pl.Int64))
    )


def _known(catalogue: Mapping[str, Definition]) -> pl.DataFrame:
    """What the catalogue says of each indicator."""
    return pl.DataFrame(
        [(name, item.set, item.source, item.kind, item.unit.en, item.factor) for name, item in catalogue.items()],
        schema={
            "indicator": pl.String,
            "set": pl.String,
            "source": pl.String,
            "kind": pl.String,
            "unit": pl.String,
            "factor": pl.Int64,
        },
        orient="row",
    )


def _known_parts(catalogue: Mapping[str, Definition]) -> pl.DataFrame:
    """The parts of each dimension, and whether municipalities mean the same by them."""
    split = [(name, item.dimension) for name, item in catalogue.items() if item.dimension]
    return pl.DataFrame(
        [(name, by.name, part.code, part.compared) for name, by in split for part in by.parts],
        schema={**dict.fromkeys(SERIES, pl.String), "part_compared": pl.Boolean},
        orient="row",
    )


def _with_values(cells: pl.DataFrame) -> pl.DataFrame:
    """Add value and limits, scaled by the indicator's factor; null where there is no usable figure."""
    used = cells.filter("usable")
    numerator, denominator = floats(used, "numerator"), floats(used, "denominator")
    factor, proportion = floats(used, "factor"), (used["kind"] == "proportion").to_numpy()
    low, high = wilson(numerator, denominator)
    fewest, most = poisson_limits(numerator)
    values = pl.DataFrame(
        {
            "_row": used["_row"],
            "value": numerator / denominator * factor,
            "ci_low": np.where(proportion, low, fewest / denominator) * factor,
            "ci_high": np.where(proportion, high, most / denominator) * factor,
        }
    )
    return cells.join(values, on="_row", how="left", maintain_order="left")


def _trends(cells: pl.DataFrame, catalogue: Mapping[str, Definition]) -> pl.Series:
    """Trend of each figure among its own earlier ones of the same definition, since the last series break."""
    breaks = pl.DataFrame(
        [(name, stop.period) for name, item in catalogue.items() for stop in item.series_breaks],
        schema={"indicator": pl.String, "break": pl.String},
        orient="row",
    )
    era = (
        cells.select("_row", "indicator", "period")
        .join(breaks, on="indicator")
        .group_by("_row")
        .agg((pl.col("break") <= pl.col("period")).sum().alias("era"))
    )
    key = ["area", *SERIES, "period_kind", "definition_version", "era"]
    points = cells.filter("usable").join(era, on="_row", how="left").with_columns(pl.col("era").fill_null(0))
    points = points.sort(*key, "period").with_columns(series=pl.struct(key).rle_id())
    proportion = (points["kind"] == "proportion").cast(pl.Float64).to_numpy()
    series = points["series"].cast(pl.Int64).to_numpy()
    words = trend(floats(points, "numerator"), floats(points, "denominator"), series, proportion=proportion)
    found = pl.DataFrame({"_row": points["_row"], "trend": words.tolist()}, schema_overrides={"trend": pl.String})
    joined = cells.select("_row").join(found, on="_row", how="left", maintain_order="left")
    return joined["trend"].fill_null("not_assessed")
