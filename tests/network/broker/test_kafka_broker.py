"""Kafka as the log of parcels: what every broker does, and what an offset may not be trusted for."""

import shutil
from collections.abc import Iterator

import pytest
from kafka import TopicPartition
from kafka.admin import ConfigResource

from infra.process import start, stop
from infra.stack import servers
from services.broker.kafka import KafkaBroker
from services.config import load_settings
from services.errors import Fatal, Rejected
from services.home import Home
from tests.broker_behaviour import BrokerBehaviour
from tests.network import homes
from tests.network.broker.conftest import Cluster, cluster_of


class TestKafkaBroker(BrokerBehaviour):
    """The same behaviours as of the SQLite file."""


def test_an_append_of_more_than_may_be_on_its_way_arrives_in_order(log: KafkaBroker, topic: str) -> None:
    large = [(b"", number.to_bytes(2, "big") + bytes(1 << 20)) for number in range(80)]
    with log.together([topic]):
        for message in large:
            log.append_many(topic, [message])
    offset, numbers = 0, list[int]()
    while found := log.read(topic, offset, max_bytes=24 << 20):
        assert sum(len(each.value) for each in found) <= 24 << 20
        offset = found[-1].offset + 1
        numbers += [int.from_bytes(each.value[:2], "big") for each in found]
    assert numbers == list(range(80))


def test_a_topic_made_anew_is_told_by_its_id_even_where_its_offsets_fit(
    cluster: Cluster, log: KafkaBroker, topic: str
) -> None:
    log.append_many(topic, [(b"", b"old")] * 3)
    known = log.topic_id(topic)
    assert len(log.read(topic, 0, max_messages=2, expected_id=known)) == 2
    with cluster.broker() as other:
        cluster.make_anew(topic)
        other.append_many(topic, [(b"", b"new")] * 5)
        for reader in (log, other):  # one that read before, and one that has just come
            with pytest.raises(Fatal, match="made anew"):
                reader.read(topic, 2, expected_id=known)
            with pytest.raises(Fatal, match="made anew"):
                reader.end_offset(topic, expected_id=known)
        assert {each.value for each in log.read(topic, 0)} == {b"new"}


def test_messages_deleted_before_they_were_read_stop_the_reader_and_are_counted(
    cluster: Cluster, log: KafkaBroker, topic: str
) -> None:
    log.append_many(topic, [(b"", b"a")] * 10)
    assert len(log.read(topic, 0, max_messages=2)) == 2
    library = cluster.library()
    library.delete_records({TopicPartition(topic, 0): 7})
    library.close()
    with cluster.broker() as fresh:
        with pytest.raises(Fatal, match=r"5 messages of topic .* were deleted before they were read"):
            fresh.read(topic, 2)
        assert [fresh.next_readable(topic, offset) for offset in (0, 2, 7, 8, 10, 11)] == [7, 7, 7, 8, 10, 7]
        assert [each.offset for each in fresh.read(topic, 7)] == [7, 8, 9]
        assert fresh.read(topic, 10) == []


def test_messages_deleted_after_they_were_read_are_no_alarm(cluster: Cluster, log: KafkaBroker, topic: str) -> None:
    log.append_many(topic, [(b"", b"a")] * 3)
    library = cluster.library()
    library.delete_records({TopicPartition(topic, 0): 3})
    library.close()
    assert log.read(topic, 3) == []
    log.append(topic, b"", b"b")
    assert [each.offset for each in log.read(topic, 3)] == [3]


def test_a_message_that_the_broker_finds_too_large_is_rejected(cluster: Cluster, log: KafkaBroker, topic: str) -> None:
    library = cluster.library()
    library.alter_configs([ConfigResource("topic", topic, {"max.message.bytes": "1000"})])
    library.close()
    with pytest.raises(Rejected, match="too large for the broker"):
        log.append(topic, b"", bytes(2000))
    log.append(topic, b"", bytes(10))
    assert log.end_offset(topic) == 1


@pytest.fixture
def own_home() -> Iterator[Home]:
    with homes.new_home() as home:
        homes.start(home, "kafka")
        yield home


def test_a_cluster_made_anew_is_told_by_its_id(own_home: Home, name: str) -> None:
    topic = f"parcels.{name}"
    cluster = cluster_of(own_home)
    with cluster.broker() as broker:
        known = broker.create_topic(topic)
        broker.append_many(topic, [(b"", b"old")] * 2)
    (server,) = servers(own_home, load_settings(own_home.root), ["kafka"])["kafka"]
    stop(server)
    shutil.rmtree(server.folder / "data")
    start(server)
    with cluster.broker() as broker:
        assert broker.create_topic(topic) != known
        broker.append_many(topic, [(b"", b"new")] * 3)
        with pytest.raises(Fatal, match="made anew"):
            broker.read(topic, 2, expected_id=known)
