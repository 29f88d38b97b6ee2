"""What every broker does, whatever it is made of: the same tests for the SQLite file and for Kafka.

Who inherits gives two fixtures: `log`, a broker that may do everything, and `topic`, the name of a new, empty topic.
"""

from datetime import UTC, datetime, timedelta

import pytest

from services.broker import MAX_MESSAGE_BYTES, Broker, UnknownTopic
from services.errors import Fatal, Rejected
from services.privacy.parcel import MAX_PARCEL_BYTES

CLOCKS_DIFFER = timedelta(milliseconds=5)


class BrokerBehaviour:
    """Offsets, limits, and topics with an identity."""

    def test_messages_come_back_in_order_with_offsets_from_zero(self, log: Broker, topic: str) -> None:
        before = datetime.now(UTC) - CLOCKS_DIFFER
        log.append(topic, b"k", b"first")
        log.append_many(topic, [(b"k", b"second"), (b"k", b"")])
        log.append_many(topic, [])
        messages = log.read(topic, 0)
        assert [(each.offset, each.value) for each in messages] == [(0, b"first"), (1, b"second"), (2, b"")]
        assert all(before <= each.appended_at <= datetime.now(UTC) + CLOCKS_DIFFER for each in messages)
        assert log.read(topic, 2) == messages[2:]
        assert log.read(topic, 3) == []
        assert log.end_offset(topic) == 3

    def test_reads_go_on_jump_and_see_what_came_since(self, log: Broker, topic: str) -> None:
        log.append_many(topic, [(b"", bytes([number])) for number in range(20)])
        first = log.read(topic, 0, max_messages=5)
        second = log.read(topic, 5, max_messages=5)
        log.append(topic, b"", b"\x14")
        rest = log.read(topic, 10)
        assert [each.value[0] for each in (*first, *second, *rest)] == list(range(21))
        assert log.read(topic, 3, max_messages=1)[0].value == b"\x03"
        assert log.read(topic, 4, max_messages=1)[0].value == b"\x04"

    def test_topics_have_offsets_of_their_own(self, log: Broker, topic: str) -> None:
        other = f"{topic}-2"
        log.create_topic(other)
        log.append(topic, b"", b"a")
        log.append(other, b"", b"b")
        assert [(each.offset, each.value) for each in log.read(other, 0)] == [(0, b"b")]
        assert [(each.offset, each.value) for each in log.read(topic, 0)] == [(0, b"a")]

    def test_what_is_appended_together_is_there_after_the_block(self, log: Broker, topic: str) -> None:
        other = f"{topic}-2"
        log.create_topic(other)
        with log.together([topic, other]):
            log.append_many(topic, [(b"", b"a"), (b"", b"b")])
            log.append_many(other, [(b"", b"c")])
            log.append_many(topic, [(b"", b"d")])
        assert [each.value for each in log.read(topic, 0)] == [b"a", b"b", b"d"]
        assert [each.value for each in log.read(other, 0)] == [b"c"]

    @pytest.mark.parametrize(("max_bytes", "count"), [(0, 1), (10, 1), (19, 1), (20, 2), (35, 3), (10_000, 4)])
    def test_a_read_stops_before_it_exceeds_its_bytes_but_never_comes_empty(
        self, log: Broker, topic: str, max_bytes: int, count: int
    ) -> None:
        log.append_many(topic, [(b"", bytes(10))] * 4)
        assert len(log.read(topic, 0, max_bytes=max_bytes)) == count
        assert len(log.read(topic, 1, max_messages=2)) == 2

    def test_the_largest_parcel_fits_and_more_is_rejected_whole(self, log: Broker, topic: str) -> None:
        assert MAX_PARCEL_BYTES <= MAX_MESSAGE_BYTES
        log.append(topic, b"", bytes(MAX_MESSAGE_BYTES))
        with pytest.raises(Rejected):
            log.append_many(topic, [(b"", b"small"), (b"", bytes(MAX_MESSAGE_BYTES + 1))])
        assert log.end_offset(topic) == 1
        assert len(log.read(topic, 0)[0].value) == MAX_MESSAGE_BYTES

    def test_a_topic_that_is_there_is_not_made_again(self, log: Broker, topic: str) -> None:
        known = log.topic_id(topic)
        log.append(topic, b"", b"a")
        assert log.create_topic(topic) == known
        assert log.end_offset(topic, expected_id=known) == 1

    def test_a_topic_of_another_id_is_not_read(self, log: Broker, topic: str) -> None:
        other = log.create_topic(f"{topic}-2")
        log.append(topic, b"", b"a")
        with pytest.raises(Fatal, match="not the one"):
            log.read(topic, 0, expected_id=other)
        with pytest.raises(Fatal, match="not the one"):
            log.end_offset(topic, expected_id=other)

    @pytest.mark.parametrize("offset", [-1, 2])
    def test_an_offset_that_a_topic_has_not_is_fatal(self, log: Broker, topic: str, offset: int) -> None:
        log.append(topic, b"", b"")
        with pytest.raises(Fatal, match="has no offset"):
            log.read(topic, offset)

    def test_what_can_be_read_next_is_told_and_a_topic_that_ends_before_is_read_from_its_beginning(
        self, log: Broker, topic: str
    ) -> None:
        log.append_many(topic, [(b"", b"a")] * 3)
        assert [log.next_readable(topic, offset) for offset in (0, 2, 3, 4)] == [0, 2, 3, 0]
        with pytest.raises(Fatal, match="not the one"):
            log.next_readable(topic, 0, expected_id=log.create_topic(f"{topic}-2"))

    def test_a_topic_that_is_not_there_is_named_and_not_made(self, log: Broker, topic: str) -> None:
        missing = f"{topic}-missing"
        for use in (
            lambda: log.append(missing, b"", b""),
            lambda: log.read(missing, 0),
            lambda: log.end_offset(missing),
            lambda: log.topic_id(missing),
        ):
            with pytest.raises(UnknownTopic, match="no topic") as found:
                use()
            assert found.value.topic == missing

    def test_nothing_is_appended_together_with_a_topic_that_is_not_there(self, log: Broker, topic: str) -> None:
        with pytest.raises(UnknownTopic), log.together([topic, f"{topic}-missing"]):
            log.append(topic, b"", b"a")
        assert log.end_offset(topic) == 0
