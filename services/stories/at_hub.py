"""The hub's table of quotes: the newest state of each quote that is published, and no file with the words of others."""

import polars as pl

from services.directory import HUB
from services.network import Network
from services.published import published_schemas, published_table
from services.receiving.collecting import open_node
from services.store.erasing import replace_for_good
from services.store.events import current_events
from services.stories.patterns.ratings import hide_alone
from services.stories.published import PATTERNS_OF_HUB, TABLE_OF_HUB, indicators_by_theme


def follow_quotes(network: Network) -> int:
    """Make `benchmark.stories` of the quotes that the hub received; return how many are in it.

    Ratings whose last quote is gone are hidden with it.

    Raises:
        Retryable, Fatal: see `services.store.erasing`; run again.
    """
    node = open_node(network, HUB)
    schema = published_schemas(HUB)[TABLE_OF_HUB]
    events = current_events(node.catalog, network.registry.get("story_quote"))
    rows = standing_quotes(events).select(schema.names)
    published = node.published()
    replace_for_good(published_table(published, TABLE_OF_HUB, schema, 0), rows)
    hide_alone(published, PATTERNS_OF_HUB, TABLE_OF_HUB)
    return rows.height


def standing_quotes(events: pl.DataFrame) -> pl.DataFrame:
    """Return the quotes that may be shown, with the `indicators` about their theme.

    Args:
        events: of type `story_quote`; of each quote of a municipality the highest number stands.
    """
    newest = events.sort("number").unique(["municipality", "quote"], keep="last")
    shown = newest.filter(pl.col("state") == "published", pl.col("uses").list.contains("publish"))
    about = pl.DataFrame(
        list(indicators_by_theme().items()),
        schema={"theme": pl.String, "indicators": pl.List(pl.String)},
        orient="row",
    )
    texts = pl.col("theme", "approach", "role").cast(pl.String)
    joined = shown.with_columns(texts).join(about, on="theme", how="left")
    return joined.with_columns(pl.col("indicators").fill_null([])).sort("municipality", "theme", "quote")
