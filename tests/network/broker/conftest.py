"""A real Kafka with two participants of the tests' own, as they, the operator and a stranger see it."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient

from services.access import OperatorAccess
from services.broker.admin import KafkaAdmin
from services.broker.kafka import KafkaBroker
from services.broker.kafka_connection import ADMIN, Connection
from services.config import load_settings
from services.home import Home


@dataclass(frozen=True)
class Cluster:
    """Where a Kafka is, and the ways to it."""

    server: str
    password: str
    ca: Path

    def admin(self) -> KafkaAdmin:
        """As the product's operator commands see it."""
        return KafkaAdmin(self.server, self.password, self.ca)

    def connection(self, user: str = ADMIN, password: str | None = None) -> Connection:
        """What a client of the library needs, as one user."""
        return Connection(self.server, user, self.password if password is None else password, self.ca)

    def broker(self, user: str = ADMIN, password: str | None = None) -> KafkaBroker:
        """As participants see it; by default as the operator."""
        return KafkaBroker(self.server, user, self.password if password is None else password, self.ca)

    def library(self, user: str = ADMIN, password: str | None = None) -> Any:
        """The library's own client for administration, which asks whatever it is told to."""
        return KafkaAdminClient(**self.connection(user, password).settings())

    def make_anew(self, topic: str) -> None:
        """Delete a topic and make it again."""
        library = self.library()
        library.delete_topics([topic])
        deadline = time.monotonic() + 30
        while topic in library.list_topics() and time.monotonic() < deadline:
            time.sleep(0.05)
        library.close()
        with self.broker() as broker:
            broker.create_topic(topic)


def cluster_of(home: Home) -> Cluster:
    """The Kafka of a home."""
    server = load_settings(home.root).broker.server
    assert server
    return Cluster(server, OperatorAccess.load(home.operator).broker, home.ca)


@pytest.fixture(scope="session")
def cluster(kafka: Home) -> Cluster:
    return cluster_of(kafka)


@pytest.fixture
def log(cluster: Cluster) -> Iterator[KafkaBroker]:
    """Everything, as the operator."""
    with cluster.broker() as broker:
        yield broker


@pytest.fixture
def name() -> str:
    """The id of a participant that no other test has."""
    return f"gm-{secrets.token_hex(4)}"


@pytest.fixture
def topic(log: KafkaBroker, name: str) -> str:
    """A topic that no other test has, empty."""
    log.create_topic(f"parcels.{name}")
    return f"parcels.{name}"


As = Callable[[str], KafkaBroker]


@pytest.fixture
def known_as(cluster: Cluster) -> Iterator[As]:
    """Return a function that makes a participant known and gives the broker as it sees it."""
    with ExitStack() as stack:

        def known(participant: str) -> KafkaBroker:
            with cluster.admin() as admin:
                admin.add_participant(participant, "a password")
            return stack.enter_context(cluster.broker(participant, "a password"))

        yield known
