"""Events through a real broker, one process each way, beside the obvious first attempt and beside Kafka's own tool."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import polars as pl

from connectors.base import BATCH_ROWS
from infra.bench.kafka_tool import producer_performance
from infra.bench.workload import Pair, made_up_arrears, open_single_events, parcels, rate, single_events
from services.avro.decode import decode_block
from services.avro.encode import encode_rows
from services.broker import Broker
from services.errors import Fatal
from services.gate.rows import prepare_suites
from services.home import Home
from services.network import Network
from services.privacy import parcel
from services.privacy.keys import opening_keys
from services.receiving.collecting import CollectReport, collect
from services.registry import EventType
from services.sending.enqueueing import enqueue
from services.sending.sender import open_sender

EVENTS = 1_000_000
BASELINE_EVENTS = 50_000
TOOL_TIMES = 10
"""How many times as many bytes Kafka's own tool sends: it is over before it has begun otherwise."""


@dataclass(frozen=True)
class Route:
    """A network that runs, and two of its participants."""

    network: Network
    pair: Pair

    @staticmethod
    def of(home: Home, sender: str, receiver: str) -> "Route":
        """Open a network of which both participants' keys are on this machine."""
        network = Network.open(home.root)
        return Route(network, Pair(sender, network.keys(sender), receiver, network.keys(receiver)))

    @property
    def topic(self) -> str:
        """Where the receiver reads."""
        return f"parcels.{self.pair.receiver}"


def through_kafka(
    route: Route, event_type: EventType, events: int = EVENTS, baseline_events: int = BASELINE_EVENTS
) -> dict[str, float]:
    """Measure sending and receiving.

    Args:
        route: an energy supplier and a municipality that has collected all that came before.
        event_type: payment arrears.
        events: how many go as parcels.
        baseline_events: how many go one by one.

    Returns:
        Events per second by name: sending as parcels, and by way of the outbox; receiving, and with the gate and the
        store; both ways of the baseline; MB (10⁶ bytes) per second of sealed bytes and of the broker's own tool; and
        ratios.

    Raises:
        Fatal: not all events were accepted, or the broker's own tool failed.
    """
    frame = made_up_arrears(events, route.pair.receiver)
    results: dict[str, float] = {}
    with route.network.broker(route.pair.sender) as sending, route.network.broker(route.pair.receiver) as receiving:
        start = receiving.end_offset(route.topic)
        results["send_events_per_s"] = rate(events, lambda: _send(sending, route, event_type, frame))
        size, number = _sealed_size(receiving, route, start)
        results["send_mb_per_s"] = results["send_events_per_s"] / events * size / 1e6
        results["receive_events_per_s"] = rate(events, lambda: _receive(receiving, route, event_type, start))
        prepare_suites(route.network.registry)  # as workers have them before they collect
        results["collect_events_per_s"] = rate(events, lambda: _collect(receiving, route, frame))
        results["outbox_send_events_per_s"] = rate(events, lambda: _send_by_outbox(sending, route, event_type, frame))
        results |= _baseline(sending, receiving, route, event_type, frame.head(baseline_events))
    results["tool_mb_per_s"] = producer_performance(
        route.network, route.pair.sender, route.topic, TOOL_TIMES * number, size // number
    )
    results["send_ratio_to_baseline"] = results["send_events_per_s"] / results["baseline_send_events_per_s"]
    results["receive_ratio_to_baseline"] = results["receive_events_per_s"] / results["baseline_receive_events_per_s"]
    results["send_ratio_to_tool"] = results["send_mb_per_s"] / results["tool_mb_per_s"]
    return results


def _send(broker: Broker, route: Route, event_type: EventType, frame: pl.DataFrame) -> None:
    """Encode in columns, seal, append, and wait for the broker's word on all of it."""
    with broker.together():
        for sealed in parcels(event_type, frame, route.pair):
            broker.append_many(route.topic, [(os.urandom(16), sealed)])


def _send_by_outbox(broker: Broker, route: Route, event_type: EventType, frame: pl.DataFrame) -> None:
    """Do what `spiegelnet send` does with rows that have their pseudonyms: all is on the disk before any of it goes."""
    source = os.urandom(32)
    with open_sender(route.network, route.pair.sender) as sender:
        for batch, start in enumerate(range(0, frame.height, BATCH_ROWS)):
            enqueue(
                sender,
                event_type,
                route.pair.receiver,
                encode_rows(event_type, frame.slice(start, BATCH_ROWS)),
                delivery_id=sender.delivery_id(source, route.pair.receiver, event_type.name),
                position=(source, batch + 1),
                last=start + BATCH_ROWS >= frame.height,
            )
        sender.push(broker)


def _messages(broker: Broker, topic: str, offset: int) -> Iterator[bytes]:
    while found := broker.read(topic, offset, max_bytes=64 << 20):
        yield from (message.value for message in found)
        offset = found[-1].offset + 1


def _sealed_size(broker: Broker, route: Route, offset: int) -> tuple[int, int]:
    """Return the bytes of all parcels and how many they are."""
    sizes = [len(value) for value in _messages(broker, route.topic, offset)]
    return sum(sizes), len(sizes)


def _receive(broker: Broker, route: Route, event_type: EventType, offset: int) -> None:
    """Read, verify, open and strictly decode."""
    keys = opening_keys(route.pair.receiver_keys)
    for value in _messages(broker, route.topic, offset):
        parcel.verify(value, route.pair.sender_keys.public)
        inner, avro = parcel.open_parcel(value, route.pair.receiver, keys)
        decode_block(event_type, avro, inner.event_count)


def _collect(broker: Broker, route: Route, frame: pl.DataFrame) -> CollectReport:
    """All that receiving does: also the replay window, own pseudonyms, the gate, and Iceberg tables in the end."""
    report = collect(route.network, route.pair.receiver, broker)
    if report.verdicts["accepted"] != frame.height:
        raise Fatal(f"Of {frame.height} events {report.verdicts['accepted']} were accepted; the rest is in the report.")
    return report


def _baseline(
    sending: Broker, receiving: Broker, route: Route, event_type: EventType, frame: pl.DataFrame
) -> dict[str, float]:
    """One event per message, by the same client, likewise encoded and decoded one by one."""
    start = receiving.end_offset(route.topic)

    def send() -> None:
        with sending.together():
            events = iter(single_events(event_type, frame))
            while some := list(islice(events, 1_000)):
                sending.append_many(route.topic, [(os.urandom(16), value) for value in some])

    return {
        "baseline_send_events_per_s": rate(frame.height, send),
        "baseline_receive_events_per_s": rate(
            frame.height, lambda: open_single_events(event_type, _messages(receiving, route.topic, start))
        ),
    }
