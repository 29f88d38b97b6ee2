"""Collecting: a participant reads its topic from where its store is, opens, lands, and answers with receipts."""

import datetime as dt
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from services.broker import Broker, Message
from services.errors import Retryable
from services.network import Network
from services.privacy.keys import opening_keys
from services.receiving.batching import micro_batches
from services.receiving.landing import OpenedParcel, land
from services.receiving.opening import Opener, UndecodedParcel
from services.receiving.replay import ReplayWindow
from services.store.events import project
from services.store.intake import Position
from services.store.node import NodeStore
from services.store.parcels import ParcelFate, ParcelLog

READ_BYTES = 64 << 20
"""Bytes of parcels read at once; with decoded columns beside them some 300 MiB of memory."""


@dataclass
class CollectReport:
    """What one run of collecting brought.

    Attributes:
        participant: who collected.
        parcels: opened.
        refused: parcels that were not opened, by reason.
        verdicts: events by verdict.
        rules: quarantined and held events by rule.
        deliveries: events by (sender, delivery id, event type, verdict).
        held_later: events held after they had been accepted.
        gaps: streams in which parcels have been missing for more than a quarter of an hour.
        receipts: parcels with receipts put into the outbox.
        postponed: why parcels wait in the outbox: the broker went away, or does not know their receiver yet.
    """

    participant: str
    parcels: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    deliveries: Counter[tuple[str, bytes, str, str]] = field(default_factory=Counter)
    held_later: int = 0
    gaps: int = 0
    receipts: int = 0
    postponed: list[Retryable] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """What was received, in numbers."""
        by_verdict = {name: self.verdicts[name] for name in ("accepted", "quarantined", "held", "duplicate")}
        refused = self.refused.total()
        return {"parcels": self.parcels, "refused": refused, **by_verdict, "gaps": self.gaps, "receipts": self.receipts}


def collect(
    network: Network,
    participant: str,
    broker: Broker,
    *,
    at: Callable[[str], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
) -> CollectReport:
    """Read, open and land all that waits on a participant's topic now; what comes meanwhile is for the next run.

    Args:
        network: the network.
        participant: whose topic.
        broker: the log of parcels.
        at: called with the name of each step before it, for tests that end the process there.
        clock: seconds, by which micro-batches are cut.

    Raises:
        Fatal: the topic was made anew since the last run; see `going_on`.
        Retryable: another process collected for the same participant at this moment.
    """
    report = CollectReport(participant)
    node = open_node(network, participant)
    topic = f"parcels.{participant}"
    keys = network.keys(participant)
    start = node.position() or Position(broker.topic_id(topic), 0)
    topic_id = start.topic_id
    end = broker.end_offset(topic, expected_id=topic_id)
    with ReplayWindow(network.home.participant(participant).replay) as replay:
        opener = Opener(
            participant,
            opening_keys(keys),
            keys.node,
            lambda: node.story_key,
            network.directory,
            network.registry,
            replay,
            start.reading_id,
            at,
        )

        def read(offset: int) -> list[Message]:
            if start.next_offset < offset >= end:  # else the broker says what is wrong with where we stand
                return []
            at("fetch")
            return broker.read(topic, offset, max_bytes=READ_BYTES, expected_id=topic_id)

        def opened(message: Message) -> UndecodedParcel | ParcelFate:
            return opener.open(message, dt.datetime.now(dt.UTC))

        landed = False
        for batch in micro_batches(read, opened, start.next_offset, network.settings.gate.rows, clock):
            parcels, refused = opener.decode(batch.opened)
            batch.opened.clear()  # what is decoded, and below what is stored, is not held while the next batch is read
            moved_to = replace(start, next_offset=batch.moved_to)
            _land(network, node, moved_to, parcels, [*batch.refused, *refused], report, at)
            del parcels
            landed = True
        if not landed:  # an earlier run may have ended between its commit and the typed tables
            project(node.catalog, network.registry, at)
        report.gaps = len(replay.gap_alarms(dt.datetime.now(dt.UTC)))
    return report


def open_node(network: Network, participant: str) -> NodeStore:
    """Open a participant's private store."""
    home = network.home.participant(participant)
    kinds = {item.id: item.kind for item in network.directory.participants.values()}
    return NodeStore(
        participant,
        home.root,
        network.keys(participant).store,
        ParcelLog(home.parcels),
        kinds,
        network.database(participant),
    )


def _land(
    network: Network,
    node: NodeStore,
    moved_to: Position,
    parcels: Sequence[OpenedParcel],
    refused: Sequence[ParcelFate],
    report: CollectReport,
    at: Callable[[str], None],
) -> None:
    if refused:
        node.parcels.record(refused)
    landing = land(node, network.registry, parcels, moved_to, dt.datetime.now(dt.UTC), at)
    report.parcels += len(parcels)
    report.refused.update(item.fate for item in refused)
    report.held_later += landing.held_later
    for sender, delivery_id, event_type, verdict, rule, events in landing.verdicts.iter_rows():
        report.verdicts[verdict] += events
        report.deliveries[sender, delivery_id, event_type, verdict] += events
        if rule and verdict in ("quarantined", "held"):
            report.rules[rule] += events
