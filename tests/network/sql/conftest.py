"""One network behind Trino for all tests of SQL."""

import pytest

from services.home import Home
from tests.network.sql.site import Site, fill, open_site
from tests.small_network import Stages


@pytest.fixture(scope="session")
def site(trino: Home, stages: Stages) -> Site:
    """Give the filled network; not to be written to."""
    found = open_site(trino)
    fill(found, stages.closed)
    return found
