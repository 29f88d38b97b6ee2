"""One small network for all tests that need a whole one; each test works on a copy of the stage that it begins at."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.small_network import Stages, copied


@pytest.fixture(scope="session")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Stages:
    """Return the stages of the network, shared by all tests of this process."""
    return Stages(tmp_path_factory.mktemp("network"))


@pytest.fixture
def at_stage(stages: Stages, tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that copies the network as it stood at a stage, and returns the copy's folder."""

    def copy(stage: str) -> Path:
        return copied(getattr(stages, stage), tmp_path / f"{stage}-{os.urandom(3).hex()}")

    return copy
