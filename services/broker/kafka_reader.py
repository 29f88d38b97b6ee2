"""Reading one topic of a Kafka broker from an offset that the caller keeps: no consumer group, no offset of its own."""

import time
from collections import deque
from typing import Any

from kafka import KafkaConsumer, TopicPartition, errors

from services.broker.kafka_batches import Batches
from services.broker.kafka_connection import ANSWER_SECONDS, Connection
from services.broker.kafka_topics import Topic
from services.broker.log import Message, go_on, no_offset
from services.errors import Fatal, Retryable, SpiegelnetError

FETCH_BYTES = 16 << 20
FETCH_MESSAGES = 4_096


class Reader:
    """Reads as one user; goes on without a new search where the last read ended.

    In memory are, beside what was returned, at most two answers of `FETCH_BYTES`.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._consumer: Any = None
        self._ahead: deque[Message] = deque()
        self._place: tuple[Topic, int] | None = None
        """Topic and offset of the next message, `_ahead` first."""

    def close(self) -> None:
        """End the connection and forget what was read ahead."""
        self._ahead.clear()
        self._place = None
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close(autocommit=False, timeout_ms=0)

    def end(self, topic: str) -> int:
        """Return the offset that the next message will get.

        Raises:
            Retryable, Fatal, NotAllowed: see `Connection.failure`.
        """
        at = TopicPartition(topic, 0)
        try:
            return int(self._connected().end_offsets([at], timeout_ms=ANSWER_SECONDS * 1000)[at])
        except errors.KafkaError as error:
            raise self._failed(error, topic) from None

    def bounds(self, topic: str) -> tuple[int, int]:
        """Return the offset of the oldest message that is kept, and the one that the next message will get.

        Raises:
            Retryable, Fatal, NotAllowed: see `Connection.failure`.
        """
        at = TopicPartition(topic, 0)
        try:
            first = int(self._connected().beginning_offsets([at], timeout_ms=ANSWER_SECONDS * 1000)[at])
        except errors.KafkaError as error:
            raise self._failed(error, topic) from None
        return first, self.end(topic)

    def is_damaged(self, topic: Topic, offset: int, end: int) -> bool:
        """Say whether the broker's file is damaged where this message stands.

        Raises:
            Fatal: messages from `offset` on were deleted.
            Retryable, Fatal, NotAllowed: see `Connection.failure`.
        """
        try:
            self._go_to(topic, offset)
            self._fetched(topic, end)
        except errors.CorruptRecordError:
            self.close()
            return True
        except errors.KafkaError as error:
            raise self._not_read(error, topic.name, offset) from None
        return False

    def read(self, topic: Topic, offset: int, end: int, max_bytes: int, max_messages: int) -> list[Message]:
        """Read messages from `offset` on, at most until `end`; where reading fails at a later one, those before it.

        Raises:
            Fatal: messages from `offset` on were deleted before they were read, or the broker's file is damaged there.
            Retryable, Fatal, NotAllowed: see `Connection.failure`.
        """
        taken: list[Message] = []
        try:
            self._go_to(topic, offset)
            self._take(taken, topic, end, max_bytes, max_messages)
        except errors.KafkaError as error:
            if not taken:
                raise self._not_read(error, topic.name, offset) from None
            self.close()  # the next read begins where this one failed, and tells of it
        return taken

    def _take(self, taken: list[Message], topic: Topic, end: int, max_bytes: int, max_messages: int) -> None:
        size = 0
        while len(taken) < max_messages:
            if not self._ahead and not self._fetched(topic, end):
                break
            size += len(self._ahead[0].value)
            if taken and size > max_bytes:
                break
            taken.append(self._ahead.popleft())
            self._place = (topic, taken[-1].offset + 1)

    def _go_to(self, topic: Topic, offset: int) -> None:
        if self._place == (topic, offset):
            return
        if self._place and self._place[0] != topic:
            self.close()  # what is on its way is of another topic, if only one of the same name
        consumer, at = self._connected(), TopicPartition(topic.name, 0)
        self._ahead.clear()
        if consumer.assignment() != {at}:
            consumer.assign([at])
        consumer.seek(at, offset)
        self._place = (topic, offset)

    def _fetched(self, topic: Topic, end: int) -> bool:
        """Fetch further messages; say whether there are any before `end`."""
        consumer, at = self._connected(), TopicPartition(topic.name, 0)
        deadline = time.monotonic() + ANSWER_SECONDS
        while consumer.position(at) < end:
            self._ahead.extend(consumer.poll(timeout_ms=1_000, max_records=FETCH_MESSAGES).get(at, ()))
            if self._ahead:
                return True
            if time.monotonic() > deadline:
                raise errors.KafkaTimeoutError
        return False

    def _not_read(self, error: errors.KafkaError, topic: str, offset: int) -> SpiegelnetError:
        if isinstance(error, errors.OffsetOutOfRangeError):
            return self._out_of_range(topic, offset)
        if isinstance(error, errors.CorruptRecordError):
            self.close()
            return _damaged(topic, offset)
        return self._failed(error, topic)

    def _out_of_range(self, topic: str, offset: int) -> SpiegelnetError:
        try:
            first, end = self.bounds(topic)
        except SpiegelnetError as error:
            return error
        finally:
            self.close()
        if offset > end:
            return no_offset(topic, offset, end)
        if offset >= first:
            return Retryable(f"Topic {topic} could not be read at offset {offset}.", todo="Run again.")
        return Fatal(
            f"{first - offset} messages of topic {topic} were deleted before they were read.",
            f"The broker keeps messages for some days only; it begins at {first}, the next to be read was {offset}.",
            f"Nothing is read on before a person has decided that: {go_on(topic)}.",
        )

    def _failed(self, error: errors.KafkaError, topic: str) -> SpiegelnetError:
        self.close()
        return self._connection.failure(error, topic)

    def _connected(self) -> Any:
        if self._consumer is None:
            self._connection.require(login=False)
            self._consumer = KafkaConsumer(
                **self._connection.settings(),
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="none",
                allow_auto_create_topics=False,
                max_partition_fetch_bytes=FETCH_BYTES,
                fetch_max_bytes=FETCH_BYTES,
                # A request for what comes next is always on its way; at the end it must not keep other answers waiting.
                fetch_max_wait_ms=20,
                max_poll_records=FETCH_MESSAGES,
                metrics_enabled=False,
            )
            self._consumer._fetcher.PartitionRecords = Batches  # noqa: SLF001 - no setting keeps it from decoding
        return self._consumer


def _damaged(topic: str, offset: int) -> Fatal:
    return Fatal(
        f"Topic {topic} cannot be read on at offset {offset}: the broker's file is damaged.",
        "The checksum of what stands there is wrong; it was right when the broker took it.",
        "Ask the operator to look after the broker's disk; where several brokers are, another one has it undamaged."
        f" Else nothing is read on before a person has decided that: {go_on(topic)}.",
    )
