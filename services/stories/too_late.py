"""Stories that may be counted and are in no count: they came after their quarter was closed, and that stands.

Two counts of one quarter could be subtracted from each other, so a story that comes later changes none. How many there
are is told inside the node only.
"""

import json
from collections.abc import Mapping

import polars as pl

from services.basis import Closes
from services.coverage import months_of
from services.registry import Registry
from services.store.events import current_tables, is_kept, table_name
from services.store.node import NodeStore
from services.stories.patterns.counting import QUARTER
from services.stories.reading import STORY

FEWEST = 10
"""Fewer are not told as a number."""


def too_late(
    node: NodeStore, registry: Registry, closes: Closes, stories: pl.DataFrame, quarters: list[str]
) -> set[bytes]:
    """Return the stories of earlier quarters that no count holds.

    Args:
        node: the store.
        registry: event types.
        closes: all that are written down.
        stories: those that may be counted, as they stood when `quarters` were closed: `event_id`, `told_on`.
        quarters: that were closed together.

    Returns:
        Ids of the stories told before the last of these quarters ended, which are neither told in one of them nor were
        there when the quarter in which they were told was closed. A quarter of which the kept state is gone is left
        out: nobody can tell any more what was counted of it.
    """
    told = stories.select("event_id", QUARTER.alias("period"))
    earlier = told.filter(pl.col("period") < max(quarters), ~pl.col("period").is_in(quarters))
    if earlier.is_empty():
        return set()
    found = set[bytes]()
    rested_on = {quarter: _rested_on(closes, quarter) for quarter in earlier["period"].unique()}
    by_close = earlier.with_columns(kept=pl.col("period").replace_strict(rested_on, return_dtype=pl.String))
    for (kept,), part in by_close.partition_by("kept", as_dict=True).items():
        counted = _counted(node, registry, json.loads(kept))
        if counted is not None:
            found |= {*part["event_id"]} - counted
    return found


def _rested_on(closes: Closes, quarter: str) -> str:
    """Return the snapshots (JSON) on which a quarter was closed; none when it was not."""
    last = months_of(quarter)[-1]
    return closes[last][0] if last in closes else "{}"


def _counted(node: NodeStore, registry: Registry, snapshots: Mapping[str, int]) -> set[bytes] | None:
    """Return the stories that were there when quarters were closed on these snapshots; None when that is gone."""
    if table_name(STORY) not in snapshots:
        return set()
    if not is_kept(node.catalog, snapshots):
        return None
    return {*current_tables(node.catalog, [registry.get(STORY)], snapshots)[STORY]["event_id"]}


def how_many(stories: int) -> str:
    """Return a number of stories as it may be said inside the node."""
    return str(stories) if stories >= FEWEST else "some"
