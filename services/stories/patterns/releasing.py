"""From counts of stories to the patterns that leave: every number passes `services.disclosure`.

The denominator is the public number of inhabitants: it lets the same function decide, and says how large the place is.
Nobody may make a rate of it: who tells a story is not drawn from the inhabitants by lot.
"""

from collections.abc import Sequence
from typing import Final

import polars as pl

from services.disclosure import Count, release_cell
from services.indicators import Reference, latest, period_of
from services.release import with_release_ids
from services.stories.patterns.counting import COUNTED

INHABITANTS: Final = "inhabitants"
DEFINITION_VERSION: Final = 1
PATTERNS: Final = {
    "period": pl.String,
    "period_kind": pl.String,
    "municipality": pl.String,
    "theme": pl.String,
    "signification_kind": pl.String,
    "signification": pl.String,
    "numerator": pl.Int64,
    "denominator": pl.Int64,
    "denominator_date": pl.Date,
    "status": pl.String,
    "definition_version": pl.Int32,
    "release_id": pl.String,
}
"""Columns of released patterns; docs/sql.md says what each means."""


def pattern_release(counts: pl.DataFrame, municipality: str, population: Sequence[Reference]) -> pl.DataFrame:
    """One municipality's released patterns.

    Args:
        counts: as `counting.count_patterns` gives them.
        municipality: its area, `gm0518`.
        population: public figures; the latest number of inhabitants on or before a quarter is its denominator, and
            without one everything is `missing`.

    Returns:
        A frame with the columns `PATTERNS`, sorted by what names a cell; a row for each, whatever its status.
    """
    bases = {
        period: latest(population, municipality, INHABITANTS, period_of(period).start)
        for period in counts["period"].unique().to_list()
    }
    rows: list[dict[str, object]] = []
    for row in counts.sort(COUNTED).iter_rows(named=True):
        base = bases[row["period"]]
        cell = release_cell(Count(row["value"], row["units"], row["key"]), base.value if base else None)
        rows.append(
            {name: row[name] for name in COUNTED}
            | {
                "period_kind": "quarter",
                "municipality": municipality,
                "numerator": cell.numerator,
                "denominator": cell.denominator,
                "denominator_date": base.reference_date if base and cell.denominator is not None else None,
                "status": cell.status,
                "definition_version": DEFINITION_VERSION,
            }
        )
    return pl.DataFrame(with_release_ids(rows), schema=PATTERNS)


def hub_patterns(events: pl.DataFrame) -> pl.DataFrame:
    """What the nodes told the hub, as one table.

    Args:
        events: rows of `story_pattern`, which the gate let in from the municipality that each is about only.

    Returns:
        A frame with the columns `PATTERNS`, sorted; of one cell the newest definition.
    """
    cell = ["period", "area", "theme", "signification_kind", "signification"]
    newest = events.sort("definition_version", maintain_order=True).unique(cell, keep="last", maintain_order=True)
    named = newest.with_columns(pl.col("area").alias("municipality"))
    return named.select(pl.col(name).cast(kind) for name, kind in PATTERNS.items()).sort("municipality", *COUNTED)
