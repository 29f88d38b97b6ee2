"""The log of releases in a node: the record of what was let out of it. There is one release of a period, for good."""

import datetime as dt

import polars as pl
import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog

from services.store.snapshots import scan
from services.store.tables import ensure_table, load_table, replace_rows

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


def log_releases(catalog: SqlCatalog, cells: pl.DataFrame) -> None:
    """Write down the releases of these cells, unless they were before.

    Args:
        catalog: of the private warehouse.
        cells: as `services.release` makes them.

    Raises:
        Retryable: another process wrote at this moment.
    """
    log = (
        cells.group_by("release_id", "period", maintain_order=True)
        .agg(
            pl.len().cast(pl.Int32).alias("cells"),
            (pl.col("status") == "published").sum().cast(pl.Int32).alias("published"),
        )
        .with_columns(pl.lit(dt.datetime.now(dt.UTC).date()).alias("released_on"))
    )
    table = ensure_table(catalog, RELEASES, _SCHEMA)
    known = scan(table).select("release_id").collect()["release_id"]
    new = log.filter(~pl.col("release_id").is_in(known.implode()))
    if new.height:
        replace_rows(table, new, {"release_id": new["release_id"].to_list()})


def released_otherwise(catalog: SqlCatalog, cells: pl.DataFrame) -> set[str]:
    """Return the periods of these cells of which the log has another release.

    Two releases of one period may be subtracted from each other. So the first one stands, also when what it rested on
    is not as it was: events that were kept long enough are removed from it too.
    """
    table = load_table(catalog, RELEASES)
    if table is None:
        return set()
    known = scan(table).select("period", "release_id").collect()
    same = cells.join(known, on=["period", "release_id"], how="semi")["period"]
    return {*cells["period"]} & {*known["period"]} - {*same}
