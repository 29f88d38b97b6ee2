"""Receiving municipalities for the tests of gate and store."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from services.registry import load_registry
from tests.integration.gate.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """One municipality without anything received."""
    return World(tmp_path, load_registry())


@pytest.fixture
def make_world(tmp_path: Path) -> Callable[[], World]:
    """Make municipalities, each in a folder of its own."""
    return lambda: World(tmp_path / os.urandom(4).hex(), load_registry())
