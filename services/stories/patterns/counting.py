"""Counting stories into patterns: pure, in columns; what comes out is not protected yet and stays in memory.

- Only stories count whose teller allows it, by the newest consent that their sender passed on.
- A known teller counts once per cell and quarter, however many stories there are. Each anonymous story counts.
- The threshold of disclosure control counts known tellers, and all anonymous stories of one sender and quarter together
  as one: nobody knows whether they are of one person.
"""

from collections.abc import Sequence
from typing import Final

import polars as pl

from services.indicators import period_of, unit_keys
from services.stories.patterns.codes import RATINGS, TOTAL, grid
from services.stories.reading import with_consent

COUNTED: Final = ("period", "theme", "signification_kind", "signification")
"""Columns that name a cell."""
QUARTER: Final = pl.format("{}-Q{}", pl.col("told_on").dt.year(), pl.col("told_on").dt.quarter())
"""The quarter in which a story was told."""
_UNITS: Final = ("period", "theme", "unit", "key", "weight")


def allowed(stories: pl.DataFrame, consents: pl.DataFrame, corrections: pl.DataFrame) -> pl.DataFrame:
    """Return the stories that may be counted: those whose newest `uses` hold `count`.

    Args:
        stories: events of `story`.
        consents: events of `story_consent`; only those of a story's own sender speak about it.
        corrections: events of `correction`; likewise.
    """
    told = with_consent(stories, consents, corrections)
    return told.filter(pl.col("uses").cast(pl.List(pl.String)).list.contains("count"))


def count_patterns(stories: pl.DataFrame, periods: Sequence[str], release_key: bytes) -> pl.DataFrame:
    """Count stories per quarter, theme and signification.

    Args:
        stories: those that may be counted (`allowed`): `event_id`, `sent_by`, `teller`, `theme`, `told_on`, `signals`,
            `effects`, `uncertainties`, `considerations`, `rating`.
        periods: quarters.
        release_key: the node's secret for release.

    Returns:
        A row for every cell of `codes.grid` in each quarter: `COUNTED`, and `value`, `units` and `key` of its `Count`.
    """
    spans = [period_of(period) for period in periods]
    cells = pl.DataFrame(
        [(span.id, *cell) for span in spans for cell in grid()], schema=dict.fromkeys(COUNTED, pl.String), orient="row"
    )
    told = _with_units(_in_quarters(stories, periods), release_key)
    everything = pl.concat([told, told.with_columns(theme=pl.lit(TOTAL))])
    counts = _meanings(everything).group_by(COUNTED).agg(_value(), _count_units(), _key())
    return cells.join(counts, on=COUNTED, how="left", maintain_order="left").with_columns(
        pl.col("value", "units", "key").fill_null(0)
    )


def _in_quarters(stories: pl.DataFrame, periods: Sequence[str]) -> pl.DataFrame:
    return stories.with_columns(QUARTER.alias("period"), pl.col("theme").cast(pl.String)).filter(
        pl.col("period").is_in(list(periods))
    )


def _with_units(stories: pl.DataFrame, release_key: bytes) -> pl.DataFrame:
    """Add `unit`, who stands behind a story, its `key`, and `weight`, what is counted once: the teller or the story."""
    known = pl.col("teller").is_not_null()
    sender = pl.col("sent_by").cast(pl.Binary)
    anonymous = pl.concat_str([pl.lit("anonymous"), "sent_by", "period"], separator="|").cast(pl.Binary)
    unit = pl.when(known).then(sender + pl.lit(b"|") + pl.col("teller")).otherwise(anonymous)
    found = stories.with_columns(unit.alias("unit"))
    one = pl.when(known).then("unit").otherwise(anonymous + pl.lit(b"|") + pl.col("event_id"))
    return found.with_columns(unit_keys(release_key, found["unit"]), one.alias("weight"))


def _meanings(stories: pl.DataFrame) -> pl.DataFrame:
    """Return a row per story and signification: columns of `_UNITS`, `signification_kind`, `signification`."""
    effect = pl.col("effects").struct.field("effect").cast(pl.String)
    on = pl.col("effects").struct.field("felt_by").cast(pl.String)
    effects = stories.explode("effects").filter(pl.col("effects").is_not_null())
    parts = [
        _part(stories, TOTAL, pl.lit(TOTAL)),
        *(
            _part(stories.explode(column), kind, pl.col(column).cast(pl.String))
            for kind, column in (
                ("signal", "signals"),
                ("uncertainty", "uncertainties"),
                ("consideration", "considerations"),
            )
        ),
        _part(effects, "effect", pl.concat_str([effect, on], separator=":")),
        _part(effects, "effect", pl.concat_str([effect, pl.lit(TOTAL)], separator=":")),
        _part(stories.filter(pl.col("rating").cast(pl.String).is_in(RATINGS)), "rating", pl.col("rating")),
    ]
    return pl.concat(parts).filter(pl.col("signification").is_not_null())


def _part(rows: pl.DataFrame, kind: str, signification: pl.Expr) -> pl.DataFrame:
    return rows.select(
        *_UNITS,
        pl.lit(kind).alias("signification_kind"),
        signification.cast(pl.String).alias("signification"),
    )


def _value() -> pl.Expr:
    return pl.col("weight").n_unique().cast(pl.Int64).alias("value")


def _count_units() -> pl.Expr:
    return pl.col("unit").n_unique().cast(pl.Int64).alias("units")


def _key() -> pl.Expr:
    """The sum of the keys of distinct units: two units of one key are two."""
    return pl.struct("unit", "key").unique().struct.field("key").sum().alias("key")
