"""A broker whose disk changed a byte: what stands before it is read, and then the place is named."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.process import start, stop
from infra.stack import servers
from services.config import load_settings
from services.errors import Fatal
from services.home import Home
from tests.network import homes
from tests.network.broker.conftest import cluster_of

LENGTH_AT, MAGIC_AT = 8, 16
"""Places in a batch."""
GOOD, BAD, AFTER = b"stands before it", b"stands on a bad block", b"stands after it"


@pytest.fixture(scope="module")
def own_home() -> Iterator[Home]:
    with homes.new_home() as home:
        homes.start(home, "kafka")
        yield home


def _in_value(log: bytes) -> int:
    return log.index(BAD)


def _in_magic(log: bytes) -> int:
    return _second_batch(log) + MAGIC_AT


def _second_batch(log: bytes) -> int:
    """Where the second batch begins: behind the length that the first one gives."""
    return 12 + int.from_bytes(log[LENGTH_AT:12], "big")


@pytest.mark.parametrize("place", [_in_value, _in_magic])
def test_what_stands_before_a_changed_byte_is_read_and_then_its_offset_is_named(
    own_home: Home, name: str, place: Callable[[bytes], int]
) -> None:
    topic = f"parcels.{name}"
    cluster = cluster_of(own_home)
    with cluster.broker() as broker:
        broker.create_topic(topic)
        broker.append(topic, b"", GOOD)
        broker.append_many(topic, [(b"", BAD), (b"", b"in the same batch")])
        broker.append(topic, b"", AFTER)
    (server,) = servers(own_home, load_settings(own_home.root), ["kafka"])["kafka"]
    stop(server)
    _flip(server.folder / "data" / f"{topic}-0" / f"{0:020}.log", place)
    start(server)
    with cluster.broker() as broker:
        assert [each.value for each in broker.read(topic, 0)] == [GOOD]
        for _ in range(2):
            with pytest.raises(Fatal, match=rf"{topic} .* at offset 1: the broker's file is damaged"):
                broker.read(topic, 1)
        assert [each.value for each in broker.read(topic, 0)] == [GOOD]
        assert [broker.next_readable(topic, offset) for offset in (0, 1, 3)] == [0, 3, 3]
        assert [each.value for each in broker.read(topic, 3)] == [AFTER]


def _flip(path: Path, place: Callable[[bytes], int]) -> None:
    changed = bytearray(path.read_bytes())
    changed[place(bytes(changed))] ^= 0x01
    path.write_bytes(changed)
