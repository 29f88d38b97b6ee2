"""Figures of provinces at the hub: once released they stay, also when the shares they were summed from are removed.

Shares are kept for some months only, until their sum is released and checked. So the hub writes down what it released,
in its private store, and takes it from there when it cannot sum any more.
"""

from collections.abc import Callable

import polars as pl
from pyiceberg.catalog.sql import SqlCatalog

from services.store.snapshots import scan
from services.store.tables import ensure_table, load_table, replace_rows

RELEASED = "node.regions"
KEY = ("period", "area", "indicator")
RECEIVED_ON = "received_on"
"""Day on which the last share came."""


def settled(catalog: SqlCatalog, cells: pl.DataFrame, shares: pl.DataFrame, at: Callable[[str], None]) -> pl.DataFrame:
    """Return the provinces' cells as they stand: summed now, or else as they were released before.

    Args:
        catalog: of the hub's private warehouse.
        cells: as the shares that are there give them; a sum that cannot be made is `missing`.
        shares: those shares.
        at: called with the name of each step before it.

    Returns:
        Columns of `cells`, and `received_on`; in order of period, area and indicator.
    """
    days = shares.group_by("period", pl.col("region").alias("area")).agg(pl.col(RECEIVED_ON).max())
    found = cells.join(days, on=["period", "area"], how="left", maintain_order="left")
    summed = found.filter(pl.col("status") != "missing")
    table = load_table(catalog, RELEASED)
    before = scan(table).select(found.columns).collect() if table else found.clear()
    released = pl.concat([summed, before.join(summed, on=KEY, how="anti")]).sort(KEY)
    if released.height:
        at("keep regions")
        table = table or ensure_table(catalog, RELEASED, released.to_arrow().schema)
        replace_rows(table, released, {})
    return pl.concat([released, found.join(released, on=KEY, how="anti")]).sort(KEY)
