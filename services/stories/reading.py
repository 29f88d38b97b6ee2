"""The stories of a municipality as they stand: with what their tellers allow now, and their words sealed."""

from collections.abc import Mapping

import polars as pl

from services.network import Network
from services.store.events import current_tables
from services.store.warehouse import open_warehouse

STORY, CONSENT = "story", "story_consent"


def stories(network: Network, municipality: str, kept: Mapping[str, int] | None = None) -> pl.DataFrame:
    """Return the stories that count, by the newest consent.

    Args:
        network: the network.
        municipality: whose node is read.
        kept: snapshot id by table as `keep_snapshots` gave them, to read what stood then; by default what stands now.

    Returns:
        Columns of `story` and `ORIGIN`; `title`, `body`, `meaning` and `provider` sealed, see `StoryKey.open`.

    Raises:
        Fatal: a file of the store is damaged, or a snapshot of `kept` is not there any more.
        Retryable, NotAllowed: the catalog's database is away, or does not let this participant in.
    """
    root = network.home.participant(municipality).root
    catalog = open_warehouse(root, "private", network.database(municipality))
    types = [network.registry.get(name) for name in (STORY, CONSENT)]
    tables = current_tables(catalog, types, kept)
    return with_consent(tables[STORY], tables[CONSENT])


def with_consent(told: pl.DataFrame, changes: pl.DataFrame) -> pl.DataFrame:
    """Put what tellers allow now in the place of what they allowed when they told.

    A change counts for a story of the same sender; of several the one with the highest number.

    Args:
        told: events of `story`.
        changes: events of `story_consent`.

    Returns:
        `told`, in its order, with the newest `uses`.
    """
    newest = (
        changes.sort("number")
        .unique(["sent_by", "story"], keep="last")
        .select("sent_by", pl.col("story").alias("event_id"), pl.col("uses").alias("_uses"))
    )
    joined = told.join(newest, on=["sent_by", "event_id"], how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce("_uses", "uses").alias("uses")).drop("_uses")
