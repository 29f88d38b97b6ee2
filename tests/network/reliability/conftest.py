"""One site on real servers for all rows; each row makes places of its own on it."""

from collections.abc import Iterator

import pytest

from tests.network.homes import open_folder
from tests.network.reliability.children import end_all
from tests.network.reliability.real import Real
from tests.network.reliability.site import Site


@pytest.fixture(autouse=True)
def no_child_is_left() -> Iterator[None]:
    """End processes that a test left when it broke."""
    yield
    end_all()


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """Give a site on Kafka, PostgreSQL and both key services, the first two behind proxies."""
    engines = Real()
    with open_folder() as folder, engines.started(folder / "network"):
        yield Site(folder / "network", engines)
