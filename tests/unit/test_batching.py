"""Micro-batches end in time, also on a topic that always has one more message."""

import datetime as dt
from collections.abc import Iterator
from itertools import count, islice

import pytest

from services.broker import Message
from services.errors import Fatal
from services.receiving.batching import MicroBatch, micro_batches
from services.store.parcels import ParcelFate

NOW = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)


class Endless:
    """A topic that always has one more message, none of which is a parcel; each takes some time to come."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.now = 100.0
        self.read_at = list[int]()

    def read(self, offset: int) -> list[Message]:
        self.read_at.append(offset)
        self.now += self.seconds
        return [Message(offset, b"", NOW)]

    def batches(self) -> Iterator[MicroBatch]:
        return micro_batches(self.read, refused, 7, 1_000, lambda: self.now)


def refused(message: Message) -> ParcelFate:
    return ParcelFate("topic", message.offset, NOW.date(), "malformed")


@pytest.mark.parametrize(("seconds", "messages"), [(0.5, 4), (3.0, 1), (0.0, 10_000)])
def test_a_batch_ends_after_two_seconds_or_10_000_messages_also_of_refused_ones(seconds: float, messages: int) -> None:
    topic = Endless(seconds)
    found = list(islice(topic.batches(), 3))
    assert [len(each.refused) for each in found] == [messages] * 3
    assert [each.moved_to for each in found] == [7 + messages * number for number in (1, 2, 3)]
    assert topic.read_at == list(range(7, 7 + 3 * messages))


def test_the_time_in_which_a_batch_is_landed_does_not_shorten_the_next() -> None:
    topic = Endless(0.5)
    batches = topic.batches()
    next(batches)
    topic.now += 60
    assert next(batches).messages == 4


def test_what_is_left_at_the_end_is_a_batch_and_nothing_is_none() -> None:
    ends = count()
    batches = micro_batches(
        lambda offset: [Message(offset, b"", NOW)] if next(ends) < 2 else [], refused, 0, 1_000, lambda: 0.0
    )
    assert [each.moved_to for each in batches] == [2]
    assert list(micro_batches(lambda _: [], refused, 0, 1_000, lambda: 0.0)) == []


def test_what_came_before_a_failed_read_is_a_batch_and_the_error_follows() -> None:
    def read(offset: int) -> list[Message]:
        if offset:
            raise Fatal("The broker's file is damaged.")
        return [Message(0, b"", NOW)]

    batches = micro_batches(read, refused, 0, 1_000, lambda: 0.0)
    assert next(batches).moved_to == 1
    with pytest.raises(Fatal, match="damaged"):
        next(batches)
