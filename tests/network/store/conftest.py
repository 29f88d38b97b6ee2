"""Catalogs on a real PostgreSQL: a municipality for each test, and a line to it that can be cut."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from services.access import Access, OperatorAccess
from services.config import load_settings
from services.home import Home
from services.registry import load_registry
from services.store.database import add_participants
from services.store.warehouse import Database
from tests.integration.gate.world import World
from tests.network.reliability.proxy import Proxy


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server.

    Attributes:
        address: `host:port`.
        operator: passwords of its operator and of Trino's roles.
    """

    address: str
    operator: OperatorAccess

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def new(self, prefix: str = "gm0518", *, published: bool = True) -> Access:
        """Add a participant that nobody had before."""
        access = Access.generate(f"{prefix}-{os.urandom(4).hex()}")
        add_participants(self.address, self.operator, [access], {access.participant} if published else ())
        return access

    def connect(self, user: str, password: str, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=user, password=password, dbname=database, autocommit=True
        )


@pytest.fixture(scope="session")
def server(postgresql: Home) -> Server:
    """The session's server."""
    address = load_settings(postgresql.root).catalog.server
    assert address
    return Server(address, OperatorAccess.load(postgresql.operator))


@pytest.fixture
def make_world(server: Server, tmp_path: Path) -> Callable[[str], World]:
    """Make municipalities whose catalogs are at an address, each with a folder and databases of its own."""

    def make(address: str) -> World:
        access = server.new()
        folder = tmp_path / access.participant
        return World(folder, load_registry(), database=Database(address, access.participant, access.catalog))

    return make


@pytest.fixture
def world(make_world: Callable[[str], World], server: Server) -> World:
    """One municipality without anything received."""
    return make_world(server.address)


@pytest.fixture
def line(server: Server) -> Iterator[Proxy]:
    """A line to the server that can be cut."""
    with Proxy(server.port) as proxy:
        yield proxy
