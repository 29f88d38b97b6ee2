"""A rating stands in a published table only beside a story: a published quote of the same municipality and theme.

It is released like other counts, so that a release is the same whichever quotes there are; what is shown of it follows
the quotes. Where none stands, its row says what the row of any count says that is not shown.
"""

from typing import Final

import polars as pl
from pyiceberg.catalog.sql import SqlCatalog

from services.store.snapshots import scan
from services.store.tables import load_table, replace_rows
from services.stories.patterns.codes import RATING

_BESIDE: Final = ("municipality", "theme")
_NUMBERS: Final = ("numerator", "denominator", "denominator_date")


def beside_quotes(patterns: pl.DataFrame, quotes: pl.DataFrame) -> pl.DataFrame:
    """Return patterns with each published rating `suppressed` of which no quote stands on its theme.

    Args:
        patterns: columns `releasing.PATTERNS`, and perhaps others.
        quotes: published ones; `municipality`, `theme`.

    Returns:
        The same rows and columns, in their order.
    """
    stands = quotes.select(_BESIDE).unique().with_columns(pl.lit(value=True).alias("_stands"))
    alone = (pl.col("signification_kind") == RATING) & (pl.col("status") == "published") & pl.col("_stands").is_null()
    return (
        patterns.join(stands, on=_BESIDE, how="left", maintain_order="left")
        .with_columns(
            pl.when(~alone).then(pl.col(_NUMBERS)),
            pl.when(alone).then(pl.lit("suppressed")).otherwise("status").alias("status"),
        )
        .select(patterns.columns)
    )


def quoted(catalog: SqlCatalog, table: str) -> pl.DataFrame:
    """Return `municipality, theme` of the quotes in a published table; none where it is not there yet.

    Raises:
        Retryable, Fatal: see `services.store.tables.load_table`.
    """
    found = load_table(catalog, table)
    if found is None:
        return pl.DataFrame(schema=dict.fromkeys(_BESIDE, pl.String))
    return scan(found).select(_BESIDE).unique().collect()


def hide_alone(catalog: SqlCatalog, patterns: str, quotes: str) -> bool:
    """Hide the ratings of a published table whose last quote is gone; return whether there were any.

    Args:
        catalog: of the published warehouse.
        patterns: name of the table of patterns; it need not be there.
        quotes: name of the table of quotes.

    Raises:
        Retryable, NotAllowed, Fatal: see `services.store.commits.commit`.
    """
    table = load_table(catalog, patterns)
    if table is None:
        return False
    return replace_rows(table, beside_quotes(scan(table).collect(), quoted(catalog, quotes)), {})
