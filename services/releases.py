"""The log of releases in a node: the record of what was let out of it. There is one release of a period, for good.

A release is written down before it is let out. What is published counts as released too: a copy of the private
warehouse that was put back may know less than that.
"""

import datetime as dt

import polars as pl
import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog

from services.errors import Retryable
from services.store.node import NodeStore
from services.store.snapshots import scan
from services.store.tables import ensure_table, load_table, replace_rows

PUBLISHED_CELLS = "published.cells"
RELEASES = "node.releases"
_SCHEMA = pa.schema(
    [
        pa.field("release_id", pa.string(), nullable=False),
        pa.field("period", pa.string(), nullable=False),
        pa.field("cells", pa.int32(), nullable=False),
        pa.field("published", pa.int32(), nullable=False),
        pa.field("released_on", pa.date32(), nullable=False),
    ]
)


def log_releases(catalog: SqlCatalog, cells: pl.DataFrame, log: str = RELEASES) -> None:
    """Write down the releases of these cells, unless they were before.

    Args:
        catalog: of the private warehouse.
        cells: with `release_id`, `period` and `status`.
        log: table in which releases of this kind are written down.

    Raises:
        Retryable: another process wrote at this moment.
    """
    table = ensure_table(catalog, log, _SCHEMA)
    known = scan(table).select("period", "release_id").collect()
    if released_otherwise(known, cells):
        raise Retryable(
            "Another process released the same months at this moment.",
            "Nothing of this release was let out.",
            "Run the command again.",
        )
    rows = (
        cells.group_by("release_id", "period", maintain_order=True)
        .agg(
            pl.len().cast(pl.Int32).alias("cells"),
            (pl.col("status") == "published").sum().cast(pl.Int32).alias("published"),
        )
        .with_columns(pl.lit(dt.datetime.now(dt.UTC).date()).alias("released_on"))
    )
    new = rows.join(known, on="release_id", how="anti", maintain_order="left")
    if new.height:
        replace_rows(table, new, {"release_id": new["release_id"].to_list()})


def releases(node: NodeStore, log: str = RELEASES, published: str = PUBLISHED_CELLS) -> pl.DataFrame:
    """Return what was released: `period, release_id`, of a log and of what is published."""
    tables = [load_table(node.catalog, log)]
    if (node.root / "published").exists():
        tables.append(load_table(node.published(), published))
    nothing = pl.DataFrame(schema={"period": pl.String, "release_id": pl.String})
    found = [scan(table).select(nothing.columns).unique().collect() for table in tables if table]
    return pl.concat([nothing, *found]).unique(maintain_order=True)


def released_otherwise(known: pl.DataFrame, cells: pl.DataFrame) -> set[str]:
    """Return the periods of these cells of which another release is known, see `releases`.

    Two releases of one period may be subtracted from each other. So the first one stands, also when what it rested on
    is not as it was: events that were kept long enough are removed from it too.
    """
    same = cells.join(known, on=["period", "release_id"], how="semi")["period"]
    return {*cells["period"]} & {*known["period"]} - {*same}
