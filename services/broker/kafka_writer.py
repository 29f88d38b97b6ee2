"""Appending to a Kafka broker: pipelined, acknowledged by all replicas, repeated by the client without doubles."""

import contextlib
from collections import deque
from collections.abc import Collection, Sequence
from typing import Any

from kafka import KafkaProducer, errors

from services.broker.kafka_connection import ANSWER_SECONDS, Connection, quick_client
from services.broker.log import MAX_MESSAGE_BYTES
from services.errors import SpiegelnetError

UNACKNOWLEDGED_BYTES = 64 << 20
"""What is on its way at most; a longer row of messages waits for its first ones."""
DELIVERY_SECONDS = 40.0
"""The longest that a message may be on its way: a broker that is started again is waited for."""
BATCH_BYTES = 2 << 20
REQUEST_BYTES = max(3 << 20, 2 * MAX_MESSAGE_BYTES)
LINGER_MS = 5
"""A file's last parcels go to hundreds of topics: a moment later they go in one request."""


class Writer:
    """Appends as one user; connects at its first use, and anew after a failure."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._producer: Any = None
        self._cluster: Any = None
        self._on_their_way: deque[tuple[str, Any, int]] = deque()
        self._bytes = 0

    def expect(self, topics: Collection[str]) -> None:
        """Let the client ask for these topics in one go, where `send` would ask for each of them; errors as `send`."""
        self._connected()
        self._cluster.set_topics(self._cluster.topics() | set(topics))

    def send(self, topic: str, messages: Sequence[tuple[bytes, bytes]]) -> None:
        """Hand (key, value) messages to the client; `settle` waits for the broker.

        Raises:
            Retryable, Fatal, NotAllowed, Rejected: see `Connection.failure`; nothing is on its way any more.
        """
        producer = self._connected()
        try:
            for key, value in messages:
                while self._bytes and self._bytes + len(value) > UNACKNOWLEDGED_BYTES:
                    self._settle_first()
                future = producer.send(topic, value, key, partition=0)
                self._on_their_way.append((topic, future, len(value)))
                self._bytes += len(value)
        except errors.KafkaError as error:
            raise self._failed(error, topic) from None
        except BaseException:
            self.drop()
            raise

    def settle(self) -> None:
        """Wait until the broker has acknowledged everything; errors as `send`."""
        try:
            while self._on_their_way:
                self._settle_first()
        except BaseException:
            self.drop()
            raise

    def drop(self) -> None:
        """Forget what is on its way, which may or may not arrive, and end the connection."""
        self._on_their_way.clear()
        self._bytes = 0
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(errors.KafkaError):  # it tells that not everything was sent, which is meant
                producer.close(timeout=0)

    def close(self) -> None:
        """End the connection."""
        self.drop()

    def _settle_first(self) -> None:
        topic, future, size = self._on_their_way[0]
        try:
            future.get(timeout=DELIVERY_SECONDS + ANSWER_SECONDS)
        except errors.KafkaError as error:
            raise self._failed(error, topic) from None
        self._on_their_way.popleft()
        self._bytes -= size

    def _failed(self, error: errors.KafkaError, topic: str) -> SpiegelnetError:
        self.drop()
        return self._connection.failure(error, topic)

    def _connected(self) -> Any:
        if self._producer is None:
            self._connection.require(login=False)
            try:
                self._producer = KafkaProducer(
                    **self._connection.settings() | {"kafka_client": self._inner},
                    acks="all",
                    enable_idempotence=True,
                    allow_auto_create_topics=False,
                    linger_ms=LINGER_MS,
                    batch_size=BATCH_BYTES,
                    max_request_size=REQUEST_BYTES,
                    delivery_timeout_ms=int(DELIVERY_SECONDS * 1000),
                    max_block_ms=int(ANSWER_SECONDS * 1000),
                    metrics_enabled=False,
                )
            except errors.KafkaError as error:
                raise self._connection.failure(error, "the cluster") from None
        return self._producer

    def _inner(self, **settings: Any) -> Any:
        client = quick_client(**settings)
        self._cluster = client.cluster
        return client
