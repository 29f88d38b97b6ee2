"""Events through a real broker, one process each way, beside the obvious first attempt and beside Kafka's own tool."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import polars as pl

from infra.artifacts import java, kafka_tools_classpath
from infra.bench.workload import Pair, made_up_arrears, open_single_events, parcels, rate, single_events
from services.avro.decode import decode_block
from services.broker import Broker
from services.errors import Fatal
from services.home import Home
from services.network import Network
from services.privacy import parcel
from services.privacy.keys import opening_keys
from services.receiving.collecting import CollectReport, collect
from services.registry import EventType

EVENTS = 1_000_000
BASELINE_EVENTS = 50_000
TOOL_SECONDS = 120
_TOOL_RATE = re.compile(r"([\d.]+) MB/sec")


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


def through_kafka(route: Route, event_type: EventType) -> dict[str, float]:
    """Measure sending and receiving.

    Returns:
        Events per second by name: sending and receiving as parcels, receiving with the gate and the store, both ways of
        the baseline; MB per second of sealed bytes and of the broker's own tool moving as many; and ratios.
    """
    frame = made_up_arrears(EVENTS, route.pair.receiver)
    results: dict[str, float] = {}
    with route.network.broker(route.pair.sender) as sending, route.network.broker(route.pair.receiver) as receiving:
        start = receiving.end_offset(route.topic)
        results["send_events_per_s"] = rate(EVENTS, lambda: _send(sending, route, event_type, frame))
        size, number = _sealed_size(receiving, route, start)
        results["send_mb_per_s"] = results["send_events_per_s"] / EVENTS * size / 1e6
        results["receive_events_per_s"] = rate(EVENTS, lambda: _receive(receiving, route, event_type, start))
        results["collect_events_per_s"] = rate(EVENTS, lambda: _collect(receiving, route, frame))
        results |= _baseline(sending, receiving, route, event_type, frame.head(BASELINE_EVENTS))
    results["tool_mb_per_s"] = _producer_performance(route, number, size // number)
    results["send_ratio_to_baseline"] = results["send_events_per_s"] / results["baseline_send_events_per_s"]
    results["receive_ratio_to_baseline"] = results["receive_events_per_s"] / results["baseline_receive_events_per_s"]
    results["send_ratio_to_tool"] = results["send_mb_per_s"] / results["tool_mb_per_s"]
    return results


def _send(broker: Broker, route: Route, event_type: EventType, frame: pl.DataFrame) -> None:
    """Encode in columns, seal, append, and wait for the broker's word on all of it."""
    with broker.together():
        for sealed in parcels(event_type, frame, route.pair):
            broker.append_many(route.topic, [(os.urandom(16), sealed)])


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


def _producer_performance(route: Route, messages: int, size: int) -> float:
    """MB/s by which kafka-producer-perf-test moves as many messages of the same size with the same settings.

    Raises:
        Fatal: the tool failed.
    """
    home, sender = route.network.home, route.pair.sender
    access = route.network.access(sender)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "client.properties"
        config.touch(mode=0o600)
        config.write_text(
            f"bootstrap.servers={route.network.settings.broker.server}\n"
            "acks=all\nenable.idempotence=true\nmax.request.size=4194304\nbatch.size=4194304\nlinger.ms=5\n"
            "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\n"
            "ssl.truststore.type=PEM\n"
            f"ssl.truststore.location={home.ca.absolute()}\n"
            "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required "
            f'username="{sender}" password="{access.broker}";\n',
            "utf-8",
        )
        done = subprocess.run(  # noqa: S603 - the broker's own tool
            [
                str(java()), "-Xmx512m", "-cp", ":".join(map(str, kafka_tools_classpath())),
                "org.apache.kafka.tools.ProducerPerformance", "--topic", route.topic, "--num-records", str(messages),
                "--record-size", str(size), "--throughput", "-1", "--producer.config", str(config),
            ],
            check=False, capture_output=True, text=True, timeout=TOOL_SECONDS, cwd=folder,
        )  # fmt: skip
    rates = _TOOL_RATE.findall(done.stdout)
    if done.returncode or not rates:
        raise Fatal("Kafka's own tool for measuring failed.", f"It ended with {done.returncode}.", "Read its output.")
    return float(rates[-1]) * (1 << 20) / 1e6
