"""The stories that a sender has in its sources, by the number that it gave them."""

from pathlib import Path
from typing import Final

import polars as pl

from connectors import SourceError, connector_for
from services.privacy import pseudonym
from services.sending.sources import source_files

STORY: Final = "story"
TOLD: Final = {"story": pl.Binary, "number": pl.String, "municipality": pl.String}


def told_stories(sources: Path, event_key: bytes) -> pl.DataFrame:
    """Return the stories in a sender's sources; files that cannot be read are passed over, as sending tells of them.

    Args:
        sources: the folder.
        event_key: 32 bytes, by which the sender makes event ids.

    Returns:
        Columns `TOLD`, a row per event: its id (16 bytes), the sender's own number, the municipality.
    """
    parts = [pl.DataFrame(schema=TOLD)]
    for path in source_files(sources):
        try:
            connector = connector_for(path)
            if STORY not in connector.event_types:
                continue
            rows = [batch.rows.select("source_key", "municipality") for batch in connector.read(path)]
        except SourceError:
            continue
        parts += [
            part.select(
                pseudonym.event_ids(event_key, STORY, connector.name, part["source_key"]).alias("story"),
                pl.col("source_key").alias("number"),
                "municipality",
            )
            for part in rows
        ]
    return pl.concat(parts).unique(maintain_order=True)
