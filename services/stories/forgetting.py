"""Words that were taken back: which parcels of the hub hold nothing but states of quotes that later ones replaced."""

import polars as pl
from pyiceberg.catalog.sql import SqlCatalog

from services.registry import Registry
from services.store.events import current_events, table_name
from services.store.tables import load_table

QUOTE = "story_quote"


def parcels_taken_back(catalog: SqlCatalog, registry: Registry) -> list[bytes]:
    """Return the ids of parcels of which no quote stands any more, so that their words are not kept either.

    Args:
        catalog: of the private warehouse; where no quote ever came there are none.
        registry: for the columns.
    """
    if load_table(catalog, table_name(QUOTE)) is None:
        return []
    events = current_events(catalog, registry.get(QUOTE))
    replaced = pl.col("number") < pl.col("number").max().over("municipality", "quote")
    whole = events.with_columns(replaced.alias("replaced")).group_by("in_parcel").agg(pl.col("replaced").all())
    return whole.filter("replaced")["in_parcel"].to_list()
