"""Patterns at the close of a quarter: counted on the snapshots that its last month kept, released, told to the hub.

A node that never received a story does nothing here. Once it has, each quarter that closes has a release with all its
cells, so that neither a cell nor a release that is not there tells that nobody told anything.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from services.basis import Closes, together
from services.coverage import months_of, periods_closed_by
from services.embargo import with_public_from
from services.indicators import references
from services.network import Network
from services.observations import put_once
from services.published import published_table
from services.receiving.naming import CORRECTION
from services.releases import log_releases, released_otherwise, releases
from services.sending.sender import Sender
from services.store.events import current_tables, is_kept, table_name
from services.store.intake import open_intake, trimmed_periods
from services.store.node import NodeStore
from services.store.tables import replace_rows
from services.stories.patterns.counting import allowed, count_patterns
from services.stories.patterns.ratings import beside_quotes, quoted
from services.stories.patterns.releasing import PATTERNS, pattern_release
from services.stories.published import PATTERNS_OF_NODE, TABLE_OF_NODE
from services.stories.reading import CONSENT, STORY
from services.stories.too_late import too_late

POPULATION: Final = "population_reference"
PATTERN: Final = "story_pattern"
PATTERN_RELEASES: Final = "node.pattern_releases"


@dataclass(frozen=True)
class Patterns:
    """Patterns of quarters that were closed.

    Attributes:
        released: columns `PATTERNS`; no rows where there are no stories.
        stands: quarters that cannot be counted again as they were; what was released of them stands.
        lost: quarters that were not released in time, and are not any more: stories of them are removed.
        too_late: how many stories that may be counted came after their quarter was closed, or are of one that never
            was; they are in no count. Never leaves the node.
    """

    released: pl.DataFrame
    stands: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    too_late: int = 0


def closed_patterns(
    network: Network, sender: Sender, node: NodeStore, closes: Closes, months: Sequence[str]
) -> Patterns:
    """Count and protect the quarters that were closed with these months.

    Args:
        network: the network.
        sender: the municipality.
        node: its store.
        closes: what all closed months rest on.
        months: those of them that are asked for.
    """
    due = {
        kept: quarters
        for kept, stand in together(closes[month] for month in months).items()
        if table_name(STORY) in json.loads(kept)
        and (quarters := [item for item in periods_closed_by([x.period for x in stand]) if "Q" in item])
    }
    if not due:
        return Patterns(pl.DataFrame(schema=PATTERNS))
    known = releases(node, PATTERN_RELEASES, PATTERNS_OF_NODE)
    before, stands, lost = {*known["period"]}, list[str](), list[str]()
    made, late = [pl.DataFrame(schema=PATTERNS)], set[bytes]()
    for kept, quarters in due.items():
        snapshots: Mapping[str, int] = json.loads(kept)
        if not is_kept(node.catalog, snapshots):
            stands += [item for item in quarters if item in before]
            lost += [item for item in quarters if item not in before]
            continue
        stories, population = _kept(network, node, snapshots)
        counts = count_patterns(stories, quarters, sender.keys.release)
        found = pattern_release(counts, sender.id, references(population))
        late |= too_late(node, network.registry, closes, stories, quarters)
        removed = {*trimmed_periods(open_intake(node.catalog))}  # asked after reading: events may go at this moment
        gone = {item for item in quarters if item not in before and removed & {*months_of(item)}}
        other = released_otherwise(known, found)
        lost += sorted(gone)
        stands += sorted(other)
        made.append(found.filter(~pl.col("period").is_in([*gone, *other])))
    return Patterns(pl.concat(made), tuple(stands), tuple(lost), len(late))


def _kept(network: Network, node: NodeStore, kept: Mapping[str, int]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the stories that may be counted and the population, as they stood."""
    types = [network.registry.get(name) for name in (STORY, CONSENT, CORRECTION, POPULATION)]
    tables = current_tables(node.catalog, types, kept)
    return allowed(tables[STORY], tables[CONSENT], tables[CORRECTION]), tables[POPULATION]


def publish_patterns(network: Network, sender: Sender, node: NodeStore, patterns: pl.DataFrame) -> None:
    """Write the releases into the log that stays in the node, then put the patterns into the published warehouse.

    Which quotes stand decides what is shown of ratings, and nothing of what is released.
    """
    if patterns.is_empty():
        return
    days = network.embargo_days
    rows = with_public_from(patterns, days)
    sender.at("log patterns")
    log_releases(node.catalog, rows, PATTERN_RELEASES)
    sender.at("publish patterns")
    published = node.published()
    table = published_table(published, PATTERNS_OF_NODE, rows.to_arrow().schema, days)
    shown = beside_quotes(rows, quoted(published, TABLE_OF_NODE))
    replace_rows(table, shown, {"period": rows["period"].unique().to_list()})


def report_patterns(sender: Sender, patterns: pl.DataFrame) -> int:
    """Put released patterns into the outbox, once per release for good; returns the number of parcels."""
    parcels = 0
    for (release_id,), part in patterns.group_by("release_id", maintain_order=True):
        cell = pl.concat_str(["municipality", "theme", "signification_kind", "signification"], separator="|")
        frame = part.with_columns(
            sender.event_ids(PATTERN, str(release_id), part.select(cell).to_series()).alias("event_id"),
            pl.col("municipality").alias("area"),
            pl.col("numerator", "denominator").cast(pl.Int32),
        )
        parcels += put_once(sender, PATTERN, str(release_id), frame)
    return parcels
