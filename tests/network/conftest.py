"""Real servers, started when a test first asks for them, and ended with the session: one of each, of one home.

A test that ends servers, or needs other settings, makes a home of its own with `tests.network.homes.new_home`.
"""

from collections.abc import Iterator

import pytest

from infra import stack
from services.config import load_settings
from services.home import Home
from tests.network import homes


@pytest.fixture(scope="session")
def server_home() -> Iterator[Home]:
    """Give the small network in a home for servers, which all tests of the session share."""
    with homes.new_home() as home:
        yield home


@pytest.fixture(scope="session")
def postgresql(server_home: Home) -> Home:
    """Give the shared home with PostgreSQL up; nobody's databases are made."""
    return homes.start(server_home, "postgresql")


@pytest.fixture(scope="session")
def kafka(server_home: Home) -> Home:
    """Give the shared home with Kafka up; nobody's topics and users are made."""
    return homes.start(server_home, "kafka")


@pytest.fixture(scope="session")
def trino(server_home: Home) -> Home:
    """Give the shared home with PostgreSQL and Trino up; nobody's catalogs are made."""
    return homes.start(server_home, "postgresql", "trino")


@pytest.fixture(scope="session")
def servers(server_home: Home) -> Home:
    """Give the shared home with all servers but Airflow up, and everybody known at them."""
    homes.start(server_home, *homes.SERVERS)
    stack.make_known(server_home, load_settings(server_home.root), homes.SERVERS)
    return server_home
