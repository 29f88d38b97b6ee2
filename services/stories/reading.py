"""The stories of a municipality as they stand: with what their tellers allow now, and their words sealed."""

from collections.abc import Mapping

import polars as pl

from services.network import Network
from services.receiving.naming import CORRECTION, WITHDRAWAL
from services.store.events import current_tables, table_name
from services.store.snapshots import scan
from services.store.tables import load_table
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
    types = [network.registry.get(name) for name in (STORY, CONSENT, CORRECTION)]
    tables = current_tables(catalog, types, kept)
    return with_consent(tables[STORY], tables[CONSENT], tables[CORRECTION])


def not_taken_back(network: Network, municipality: str) -> set[bytes]:
    """Return the event ids of stories that count or may again: those held too, and those whose correction is to come.

    What its sender withdrew is not among them, nor what retention removed.

    Raises:
        Retryable, Fatal, NotAllowed: as `stories`.
    """
    root = network.home.participant(municipality).root
    catalog = open_warehouse(root, "private", network.database(municipality))
    if (table := load_table(catalog, table_name(STORY))) is None:
        return set()
    withdrawals = current_tables(catalog, [network.registry.get(WITHDRAWAL)])[WITHDRAWAL]
    taken_back = withdrawals.filter(pl.col("event_type") == STORY).select("sent_by", event_id="withdrawn")
    known = scan(table).select("sent_by", "event_id").collect()
    return {*known.join(taken_back, on=["sent_by", "event_id"], how="anti")["event_id"]}


def with_consent(told: pl.DataFrame, changes: pl.DataFrame, corrections: pl.DataFrame) -> pl.DataFrame:
    """Put what tellers allow now in the place of what they allowed when they told.

    A change counts for a story of the same sender; of several the one with the highest number. A story that came after
    it may tell of a teller who agrees to less since, so then both have to allow a use; likewise one that was corrected
    and came on the same day, of which nobody knows here which of the two is the last word.

    Args:
        told: events of `story`, with `sent_by` and `received_on`.
        changes: events of `story_consent`, with the same.
        corrections: events of `correction`, with `sent_by`.

    Returns:
        `told`, in its order, with the newest `uses`.
    """
    newest = changes.sort("number").unique(["sent_by", "story"], keep="last")
    said = newest.select("sent_by", event_id="story", _uses="uses", _since="received_on")
    of_stories = corrections.filter(pl.col("event_type") == STORY)
    again = of_stories.select("sent_by", event_id="corrected", _again="corrected").unique()
    keys = ["sent_by", "event_id"]
    joined = told.join(said, on=keys, how="left", maintain_order="left")
    joined = joined.join(again, on=keys, how="left", maintain_order="left")
    same_day = (pl.col("received_on") == pl.col("_since")) & pl.col("_again").is_not_null()
    both = pl.col("uses").list.set_intersection(pl.col("_uses"))
    uses = pl.when((pl.col("received_on") > pl.col("_since")) | same_day).then(both)
    return joined.with_columns(uses.otherwise(pl.coalesce("_uses", "uses")).alias("uses")).drop(
        "_uses", "_since", "_again"
    )
