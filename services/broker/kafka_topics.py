"""Topics at a Kafka broker: how they are made, their ids, and what this user may do with them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from kafka import KafkaAdminClient, errors

from services.broker.kafka_connection import Connection, quick_client
from services.errors import Retryable

RETENTION_DAYS = 14
_DAY_MS = 86_400_000
MOST_REPLICAS = 3
_BATCH = 1_000
"""Topics or users in one request; the controller refuses requests that change 10,000 things."""

SETTINGS = {
    "retention.ms": str(RETENTION_DAYS * _DAY_MS),
    # What is deleted is whole files, so a file holds one day: a parcel is gone after 15 days at the latest.
    "segment.ms": str(_DAY_MS),
    "message.timestamp.type": "LogAppendTime",
    "cleanup.policy": "delete",
}


@dataclass(frozen=True)
class Topic:
    """A topic as this user sees it.

    Attributes:
        name: its name.
        id: of cluster and topic, so that neither a topic nor a cluster that was made anew has the same.
        readable: whether this user may read it.
        replicas: on how many brokers it is.
    """

    name: str
    id: str
    readable: bool
    replicas: int


def topic_settings(replicas: int) -> dict[str, str]:
    """Return the settings of a topic that is on so many brokers.

    A broker alone writes each message to its disk before it acknowledges it, so that what was acknowledged survives a
    power failure; of several, which do not fail all at once, all but one must have it.
    """
    alone = {"flush.messages": "1"} if replicas == 1 else {}
    return SETTINGS | {"min.insync.replicas": str(max(1, replicas - 1))} | alone


class Topics:
    """Asks and changes topics as one user; connects at its first use."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._client: Any = None
        self._cluster: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def connect(self) -> Any:
        """Return the library's client for administration, connected.

        Raises:
            Retryable, Fatal, NotAllowed: see `Connection.require`.
        """
        if self._client is None:
            self._connection.require()
            try:
                self._client = KafkaAdminClient(**self._connection.settings() | {"kafka_client": self._inner})
            except errors.KafkaError as error:
                raise self._connection.failure(error, "the cluster") from None
        return self._client

    def _inner(self, **settings: Any) -> Any:
        client = quick_client(**settings)
        self._cluster = client.cluster
        return client

    def describe(self, name: str) -> Topic:
        """Return what there is to know of a topic.

        Raises:
            UnknownTopic: there is no such topic.
            NotAllowed: this user may not even know whether there is.
            Retryable: the broker does not answer.
        """
        return self.describe_many([name])[0]

    def describe_many(self, names: Sequence[str] | None) -> list[Topic]:
        """Return what there is to know of some topics, or of all that this user may see; errors as `describe`."""
        asked_before = self._client is not None
        try:
            return self._described(names)
        except Retryable:
            if not asked_before:
                raise
            return self._described(names)  # the broker was started again since: a new connection may do

    def _described(self, names: Sequence[str] | None) -> list[Topic]:
        label = names[0] if names else "all topics"
        try:
            found = self.connect().describe_topics(names)
            for item in found:
                if item["error_code"]:
                    label = item["name"] or label
                    raise errors.for_code(item["error_code"])
        except errors.KafkaError as error:
            self.close()
            raise self._connection.failure(error, label) from None
        return [self._topic(item) for item in found]

    def _topic(self, item: dict[str, Any]) -> Topic:
        replicas = min((len(part["replica_nodes"]) for part in item["partitions"]), default=0)
        readable = "READ" in (item["authorized_operations"] or ())
        return Topic(item["name"], f"{self._cluster.cluster_id}/{item['topic_id']}", readable, replicas)

    def create(self, names: Iterable[str]) -> None:
        """Create those topics that are not there, each with one partition, and wait until they can be used.

        Raises:
            NotAllowed: this user is not the operator.
            Retryable: the broker does not answer, or has not enough live brokers.
        """
        client = self.connect()
        try:
            replicas = min(MOST_REPLICAS, len(client.describe_cluster()["brokers"]))
        except errors.KafkaError as error:
            self.close()
            raise self._connection.failure(error, "the cluster") from None
        settings = topic_settings(replicas)
        wanted = {
            name: {"num_partitions": 1, "replication_factor": replicas, "configs": settings} for name in sorted(names)
        }
        for batch in _batches(list(wanted)):
            self._create(client, {name: wanted[name] for name in batch})

    def _create(self, client: Any, wanted: dict[str, dict[str, Any]]) -> None:
        label = next(iter(wanted))
        try:
            for answer in client.create_topics(wanted, raise_errors=False)["topics"]:
                label = answer["name"]
                if answer["error_code"] not in {0, errors.TopicAlreadyExistsError.errno}:
                    raise errors.for_code(answer["error_code"])
            client.wait_for_topics(list(wanted))
        except (errors.TopicAuthorizationFailedError, errors.ClusterAuthorizationFailedError):
            raise self._connection.no_right(label, "create topics") from None
        except errors.InvalidReplicationFactorError:
            raise Retryable(
                f"Topic {label} cannot be made.", "Too few brokers are there.", "Run again when all brokers are back."
            ) from None
        except errors.KafkaError as error:
            self.close()
            raise self._connection.failure(error, label) from None


def _batches(names: Sequence[str]) -> Iterable[Sequence[str]]:
    return (names[start : start + _BATCH] for start in range(0, len(names), _BATCH))
