"""The whole network in one home, Airflow included, for all tests of this folder."""

from collections.abc import Iterator

import pytest

from infra import stack
from services.config import load_settings
from services.home import Home
from tests.network import homes


@pytest.fixture(scope="session")
def home() -> Iterator[Home]:
    """All servers, and everybody known at them."""
    with homes.new_home() as made:
        config = made.root / "spiegelnet.toml"
        config.write_text(config.read_text("utf-8").replace("[sql]\n", "[sql]\nmemory_mib = 768\n"), "utf-8")
        homes.start(made, *stack.NAMES)
        stack.make_known(made, load_settings(made.root))
        yield made
