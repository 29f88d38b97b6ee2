"""How many stories came how far, as it may be told to anybody: each number passes disclosure control like any cell."""

import datetime as dt
import hashlib
from collections.abc import Mapping

import polars as pl

from services.disclosure import Cell, Count, release_cell
from services.indicators import latest, references, unit_keys
from services.network import Network
from services.receiving.collecting import open_node
from services.store.events import current_events
from services.stories.desk.records import Desk
from services.stories.desk.stages import STAGES, steps

COUNT = "count"
INHABITANTS = "inhabitants"


def stage_counts(network: Network, municipality: str, desk: Desk, stories: pl.DataFrame) -> Mapping[str, Cell]:
    """Return by stage how many stories reached it, of those told in quarters that are over and that may be counted.

    A teller is a unit, and so are all anonymous stories of one sender and quarter together: below ten units a number is
    suppressed. The denominator is the public number of inhabitants, and means the place only.

    Args:
        network: the network.
        municipality: whose stories.
        desk: its desk.
        stories: as `services.stories.reading.stories` gives them.
    """
    today = network.today()
    begun = dt.date(today.year, today.month - (today.month - 1) % 3, 1)
    counted = stories.filter(pl.col("told_on") < begun, pl.col("uses").list.contains(COUNT))
    units = dict(zip(counted["event_id"], _units(counted), strict=True))
    reached: dict[str, list[bytes]] = {stage: [] for stage in STAGES}
    for step in steps(desk):
        if step.story in units:
            reached[step.stage].append(units[step.story])
    population = current_events(open_node(network, municipality).catalog, network.registry.get("population_reference"))
    found = latest(references(population), municipality, INHABITANTS, today)
    below = found.value if found else None
    return {stage: release_cell(_count(desk.quote_key, behind), below) for stage, behind in reached.items()}


def _units(stories: pl.DataFrame) -> list[bytes]:
    """Name the unit of each story."""
    return [
        teller or hashlib.sha256(f"{sent_by}|{day.year}-Q{(day.month + 2) // 3}".encode()).digest()
        for teller, sent_by, day in stories.select("teller", "sent_by", "told_on").iter_rows()
    ]


def _count(release_key: bytes, behind: list[bytes]) -> Count:
    distinct = sorted(set(behind))
    keys = unit_keys(release_key, pl.Series(distinct, dtype=pl.Binary))
    return Count(len(behind), len(distinct), int(keys.sum()))
