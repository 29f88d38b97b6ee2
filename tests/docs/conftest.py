"""One small network for all tests of the documentation."""

import pytest

from tests.docs.example_network import ExampleNetwork, build


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> ExampleNetwork:
    """The finished network; not to be written to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPIEGELNET_MACHINE__WORKERS", "1")
        return build(tmp_path_factory.mktemp("network"))


@pytest.fixture(autouse=True)
def one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in this process: it has the slow imports already."""
    monkeypatch.setenv("SPIEGELNET_MACHINE__WORKERS", "1")
