"""How a network stands: conservation per sender, parcels refused, what waits, and who has not stated its delivery."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from services.coverage import standings
from services.month import CLOSES
from services.network import Network
from services.receiving.collecting import open_node
from services.receiving.replay import ReplayWindow
from services.sending.outbox import Outbox
from services.store.accounts import conservation, refused_parcels
from services.store.events import current_events
from services.store.node import NodeStore
from services.store.snapshots import scan
from services.store.tables import load_table

COUNTS = ("parcels", "opened", "accepted", "quarantined", "held", "duplicate")


@dataclass
class ParticipantStatus:
    """How one participant stands.

    Attributes:
        participant: its id.
        name: as people know it.
        senders: per sender the sums of `COUNTS` over all days, and `balanced` (on every day).
        refused: parcels that were not opened, by reason.
        waiting: parcels in its outbox that the broker does not have yet.
        unread: messages on its topic that it has not collected.
        gaps: streams with parcels missing for more than a quarter of an hour.
        closed: the last month that was closed, for municipalities.
        owing: for the month asked for, senders without a complete delivery statement.
    """

    participant: str
    name: str
    senders: list[dict[str, object]] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    waiting: int = 0
    unread: int = 0
    gaps: int = 0
    closed: str | None = None
    owing: tuple[str, ...] = ()

    @property
    def balanced(self) -> bool:
        """Whether every event of every opened parcel has its verdict."""
        return all(bool(item["balanced"]) for item in self.senders)


def participant_status(root: Path, participant: str, month: str | None) -> ParticipantStatus:
    """Say how one participant stands.

    Args:
        root: the network's home.
        participant: its id.
        month: of which missing statements are asked for; None for the last month of which any statement came.
    """
    network = Network.open(root)
    entry = network.directory.get(participant)
    status = ParticipantStatus(participant, entry.name)
    home = network.home.participant(participant)
    node = open_node(network, participant)
    place = node.position()
    with network.broker() as broker:
        status.unread = broker.end_offset(f"parcels.{participant}") - (place.next_offset if place else 0)
    with Outbox(home.outbox) as outbox:
        status.waiting = outbox.waiting()
    with ReplayWindow(home.replay) as replay:
        status.gaps = len(replay.gap_alarms(network.now()))
    if place:
        sums = conservation(node).group_by("sender").agg(pl.col(COUNTS).sum(), pl.col("balanced").all())
        status.senders = sums.sort("sender").to_dicts()
        status.refused = Counter(dict(refused_parcels(node).group_by("fate").agg(pl.col("parcels").sum()).iter_rows()))
    if entry.kind == "municipality":
        status.closed = _last_closed(node)
        status.owing = _owing(network, node, month)
    return status


def _last_closed(node: NodeStore) -> str | None:
    table = load_table(node.catalog, CLOSES)
    last = scan(table).select(pl.col("period").max()).collect().item() if table else None
    return None if last is None else str(last)


def _owing(network: Network, node: NodeStore, month: str | None) -> tuple[str, ...]:
    owing = [item.id for item in network.directory.senders_to(node.participant)]
    statements = current_events(node.catalog, network.registry.get("delivery_statement"))
    asked = month or statements["period"].max()
    if asked is None:
        return tuple(owing)
    return standings(statements, owing, [str(asked)])[0].missing
