"""The log of parcels at Apache Kafka, as one participant sees it.

Receivers keep their offsets themselves, beside the id of cluster and topic. Kafka itself gives no error to a reader
whose topic was made anew below its offset, nor to one without the right to read: both are asked for, at every read.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from services.broker.kafka_connection import Connection
from services.broker.kafka_reader import Reader
from services.broker.kafka_topics import Topic, Topics
from services.broker.kafka_writer import Writer
from services.broker.log import READ_BYTES, READ_MESSAGES, Message, made_anew, no_offset, require_small


class KafkaBroker:
    """All topics of one cluster; nothing is connected before it is used, and a failed connection is made anew."""

    def __init__(self, server: str, user: str, password: str, ca: Path) -> None:
        """Note who asks where.

        Args:
            server: `host:port`.
            user: participant id, or the operator's name.
            password: of that user.
            ca: the certificate by which the broker is known (PEM).
        """
        self._connection = Connection(server, user, password, ca)
        self._topics = Topics(self._connection)
        self._writer = Writer(self._connection)
        self._reader = Reader(self._connection)
        self._known: set[str] = set()
        self._depth = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all connections."""
        self._writer.close()
        self._reader.close()
        self._topics.close()

    def create_topic(self, name: str) -> str:
        """Create the topic if it is not there, and return its id.

        Raises:
            NotAllowed: this user is not the operator.
            Retryable, Fatal: the broker is away or another one.
        """
        self._topics.create([name])
        return self.topic_id(name)

    def topic_id(self, name: str) -> str:
        """Return the id of cluster and topic together.

        Raises:
            UnknownTopic: there is no such topic.
            NotAllowed: this user is not known, or has no right.
            Retryable, Fatal: the broker is away or another one.
        """
        return self._topics.describe(name).id

    @contextmanager
    def together(self, topics: Collection[str] = ()) -> Iterator[None]:
        """Wait once, at the end of the block, until all that is appended in it is acknowledged by all replicas.

        Args:
            topics: of what will be appended; what is named here is asked for at once, other topics one by one.

        Raises:
            UnknownTopic: there is no such topic; nothing was appended.
            Retryable, Fatal, NotAllowed: as `append_many`; any part may have been appended.
        """
        self._require_known(topics)
        self._depth += 1
        try:
            yield
            if self._depth == 1:
                self._writer.settle()
        except BaseException:
            self._writer.drop()
            raise
        finally:
            self._depth -= 1

    def append(self, topic: str, key: bytes, value: bytes) -> None:
        """Append one message; see `append_many`."""
        self.append_many(topic, [(key, value)])

    def append_many(self, topic: str, messages: Sequence[tuple[bytes, bytes]]) -> None:
        """Append messages in order; acknowledged on return, or at the end of the block of `together`.

        Args:
            topic: its name.
            messages: (key, value); a value has at most `MAX_MESSAGE_BYTES`.

        Raises:
            Rejected: a value is too large.
            UnknownTopic: there is no such topic.
            NotAllowed: this user is not known, or may not write there.
            Retryable, Fatal: the broker is away or another one.
        """
        require_small(topic, messages)
        self._require_known([topic])
        self._writer.send(topic, messages)
        if not self._depth:
            self._writer.settle()

    def read(
        self,
        topic: str,
        offset: int,
        *,
        max_bytes: int = READ_BYTES,
        max_messages: int = READ_MESSAGES,
        expected_id: str | None = None,
    ) -> list[Message]:
        """Read messages in order from `offset` on.

        Args:
            topic: its name.
            offset: of the first message wanted.
            max_bytes: stop before their values exceed this; the first one comes however large it is.
            max_messages: stop after so many.
            expected_id: the topic's id as known from an earlier read.

        Returns:
            The messages; none if `offset` is the topic's end.

        Raises:
            Fatal: there is no such topic, it or its cluster was made anew, it ends before `offset`, or messages were
                deleted before they were read.
            NotAllowed: this user is not known, or may not read there.
            Retryable, Fatal: the broker is away or another one.
        """
        found = self._readable(topic, expected_id)
        end = self._reader.end(topic)
        if not 0 <= offset <= end:
            raise no_offset(topic, offset, end)
        messages = self._reader.read(found, offset, end, max_bytes, max_messages)
        # The topic may have been made anew while it was read; a topic that still has its id had it all the time.
        self._readable(topic, found.id)
        return messages

    def end_offset(self, topic: str, *, expected_id: str | None = None) -> int:
        """Return the offset that the next message will get.

        Raises: see `read`.
        """
        self._readable(topic, expected_id)
        return self._reader.end(topic)

    def next_readable(self, topic: str, offset: int, *, expected_id: str | None = None) -> int:
        """Return the first offset from `offset` on that can be read, past what was deleted or is damaged.

        Returns:
            The end of the topic where nothing can be read; its beginning where it ends before `offset`.

        Raises: see `read`.
        """
        found = self._readable(topic, expected_id)
        first, end = self._reader.bounds(topic)
        start = first if offset > end else max(offset, first)
        while start < end and self._reader.is_damaged(found, start, end):
            start += 1  # every offset of a damaged batch gives the batch
        return start

    def _require_known(self, topics: Collection[str]) -> None:
        new = sorted(set(topics) - self._known)
        if new:
            self._topics.describe_many(new)
            self._known |= set(new)
            self._writer.expect(self._known)

    def _readable(self, name: str, expected_id: str | None) -> Topic:
        topic = self._topics.describe(name)
        if not topic.readable:
            raise self._connection.no_right(name, "read")
        if expected_id not in {None, topic.id}:
            raise made_anew(name)
        return topic
