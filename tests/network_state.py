"""What a network's folder holds, as plain rows that two runs can be compared by.

Left out is what differs between any two runs: ids of parcels and streams (random), times, ids of snapshots.
"""

from pathlib import Path
from typing import Any

import polars as pl

from services.basis import CLOSES
from services.network import Network
from services.privacy.sealing import open_many
from services.receiving.collecting import open_node
from services.receiving.landing import SEALED_CONTEXT
from services.releases import RELEASES
from services.sending.outbox import Outbox
from services.sending.sender import open_sender
from services.store.events import current_events
from services.store.intake import open_intake
from services.store.snapshots import scan
from services.store.tables import load_table

Rows = list[tuple[Any, ...]]
PUBLISHED = (
    "published.cells",
    "published.quality",
    "published.patterns",
    "published.stories",
    "benchmark.figures",
    "benchmark.peers",
    "benchmark.indicators",
    "benchmark.periods",
    "benchmark.patterns",
    "benchmark.stories",
    "network.cells",
)
_RANDOM = ("parcel_id", "stream", "decided_at", "topic_offset", "received_on", "in_parcel", "released_at")


def rows_of(frame: pl.DataFrame) -> Rows:
    """Return the rows without random columns, in an order of their own."""
    return sorted(frame.drop(_RANDOM, strict=False).rows(), key=repr)


def intake(root: Path, participant: str) -> pl.DataFrame:
    """Return a node's intake with every payload opened."""
    network = Network.open(root)
    node = open_node(network, participant)
    frame = scan(open_intake(node.catalog)).collect()
    is_sealed = pl.col("verdict").is_in(["quarantined", "held"])
    opened = open_many(node.key, frame.select(pl.when(is_sealed).then("payload")).to_series(), SEALED_CONTEXT)
    clear = frame.select(pl.when(~is_sealed).then("payload")).to_series()
    return frame.with_columns(opened.zip_with(opened.is_not_null(), clear).alias("payload"))


def events(root: Path, participant: str, event_type: str) -> pl.DataFrame:
    """Return the events of a type that count at a node."""
    network = Network.open(root)
    return current_events(open_node(network, participant).catalog, network.registry.get(event_type))


def receiver_state(root: Path, participant: str) -> dict[str, Rows]:
    """Return what a participant has stored as receiver; without receipts, which the next run collects."""
    found = {"intake": rows_of(intake(root, participant).filter(pl.col("event_type") != "receipt"))}
    for name in Network.open(root).registry.names():
        if name != "receipt":
            found[name] = rows_of(events(root, participant, name))
    return found


def sender_state(root: Path, participant: str) -> dict[str, Any]:
    """Return what a participant has written down as sender, and how many parcels wait."""
    network = Network.open(root)
    with open_sender(network, participant) as sender:
        refused = [vars(row) for row in sender.journal.refused_rows(mended=True)]
        state = {"files": sender.journal.files().rows(), "dated": sender.journal.dated().rows(), "refused": refused}
    with Outbox(network.home.participant(participant).outbox) as outbox:
        return {**state, "waiting": outbox.waiting()}


def cell(root: Path, town: str, period: str, indicator: str) -> dict[str, object]:
    """The municipality's total of an indicator, as published."""
    cells = published(root, town)["published.cells"].filter(
        pl.col("district").is_null(), period=period, indicator=indicator
    )
    return cells.row(0, named=True)


def published(root: Path, participant: str) -> dict[str, pl.DataFrame]:
    """Return a participant's published tables."""
    catalog = open_node(Network.open(root), participant).published()
    tables = {name: load_table(catalog, name) for name in PUBLISHED}
    return {name: scan(table).collect() for name, table in tables.items() if table}


def release_state(root: Path, participant: str) -> dict[str, Rows]:
    """Return what a participant has closed, released and published."""
    catalog = open_node(Network.open(root), participant).catalog
    found = {name: rows_of(frame) for name, frame in published(root, participant).items()}
    for name in (CLOSES, RELEASES):
        table = load_table(catalog, name)
        if table:
            found[name] = rows_of(scan(table).collect().drop("snapshots", strict=False))
    return found


def messages(root: Path, participant: str) -> list[bytes]:
    """Return every parcel on a participant's topic."""
    with Network.open(root).broker(participant) as broker:
        return [item.value for item in broker.read(f"parcels.{participant}", 0, max_bytes=1 << 30)]
