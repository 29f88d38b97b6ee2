"""Every participant may write to every topic: whatever form a batch has, its receiver counts it and goes on."""

import tracemalloc

import pytest

from services.broker.kafka import KafkaBroker
from services.broker.kafka_connection import Connection
from tests.network.broker.conftest import As, Cluster
from tests.network.raw_batches import GZIP, NONE, SNAPPY, ZSTD, RawWriter, Record, batch

NOT_TEXT = b"\xff\xfe"
LARGE = 200 << 20
HOSTILE = {
    "gzip": (GZIP, [Record(bytes(1000))]),
    "snappy": (SNAPPY, [Record(bytes(1000))]),
    "zstd": (ZSTD, [Record(bytes(1000))]),
    "a header's name that is no text": (NONE, [Record(b"x", header=NOT_TEXT)]),
}


def append(connection: Connection, topic: str, records: bytes) -> None:
    """Append one batch as it is."""
    with RawWriter(connection) as writer:
        writer.append(topic, records)


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_our_writer_never_writes_is_an_empty_message_and_holds_nothing_up(
    cluster: Cluster, log: KafkaBroker, topic: str, known_as: As, name: str, kind: str
) -> None:
    known_as(f"{name}-rogue")
    codec, records = HOSTILE[kind]
    log.append(topic, b"", b"before")
    append(cluster.connection(f"{name}-rogue", "a password"), topic, batch(records, codec))
    log.append(topic, b"", b"after")
    found = log.read(topic, 0)
    assert [(each.offset, each.value) for each in found] == [(0, b"before"), (1, b""), (2, b"after")]
    assert log.read(topic, 1) == found[1:]


def test_a_bomb_is_not_unpacked(cluster: Cluster, topic: str) -> None:
    bomb = batch([Record(bytes(LARGE))], GZIP)
    assert len(bomb) < 1 << 20
    append(cluster.connection(), topic, bomb)
    with cluster.broker() as reader:
        reader.read(topic, 0, max_messages=1)  # whatever is made once
        tracemalloc.start()
        try:
            found = reader.read(topic, 0)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert [each.value for each in found] == [b""]
    assert most < 16 << 20


def test_a_compressed_batch_of_many_is_one_message_at_its_last_offset(
    cluster: Cluster, log: KafkaBroker, topic: str
) -> None:
    append(cluster.connection(), topic, batch([Record(b"")] * 100_000, GZIP))
    log.append(topic, b"", b"after")
    found = [(each.offset, each.value) for each in log.read(topic, 0)]
    assert found == [(99_999, b""), (100_000, b"after")]
    assert [(each.offset, each.value) for each in log.read(topic, 50_000)] == found


@pytest.mark.parametrize("offset", [-5, 1 << 30])
def test_an_offset_that_a_record_gives_itself_is_not_believed(
    cluster: Cluster, log: KafkaBroker, topic: str, offset: int
) -> None:
    log.append(topic, b"", b"before")
    append(cluster.connection(), topic, batch([Record(b"a", offset), Record(b"b", offset)]))
    log.append(topic, b"", b"after")
    found = log.read(topic, 0)
    assert [each.offset for each in found] == list(range(log.end_offset(topic)))
    assert found[-1].value == b"after"
