"""The recipes of CONTRIBUTING.md work: followed to the letter in a copy, their commands pass and their data flow."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT, blocks
from tests.docs.recipes import PAGE, copy_repository, follow

pytestmark = pytest.mark.xdist_group("docs_recipes")

TRIED = [
    line.removeprefix(".venv/bin/python ")
    for block in blocks(PAGE, "sh")
    for line in block.text.splitlines()
    if line.startswith(".venv/bin/python ")
]


def run(copy: Path, command: str) -> str:
    """Run Python in the copy, and with the copy's own packages."""
    done = subprocess.run(  # noqa: S603 - our own documentation
        [sys.executable, *(part.strip('"') for part in re.findall(r'"[^"]*"|\S+', command))],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy), "SPIEGELNET_MACHINE__WORKERS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = copy_repository(tmp_path_factory.mktemp("repository"))
    assert len(follow(root)) >= 8
    return root


def test_each_recipe_names_a_command_to_try_it() -> None:
    recipes = re.findall(r"^## Recipe: ", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    assert len(recipes) == 3
    assert len(TRIED) >= len(recipes)


@pytest.mark.parametrize("command", TRIED)
def test_the_command_that_a_recipe_names_passes_and_tests_something(copy: Path, command: str) -> None:
    assert re.search(r"[1-9]\d* passed", run(copy, command)), "nothing was tested"


def test_the_new_event_travels_and_the_new_indicator_counts(copy: Path, tmp_path: Path) -> None:
    """Five rows: two good, one that the gate stops, one amount and one address that the connector refuses."""
    found = json.loads(run(copy, f"tests/docs/run_recipes.py {tmp_path / 'home'}"))
    assert found == {
        "sent": {"heat_cost_notice": 3},
        "refused": {"not_an_amount": 1, "missing_address": 1},
        "verdicts": {"accepted": 2, "quarantined": 1},
        "rules": {"advance_in_range": 1},
        "counted": [2, 2, 10_000],
    }


def test_the_places_that_an_indicator_over_new_events_needs_are_those_that_the_recipe_names() -> None:
    for name, path in re.findall(r"`([A-Z_]+)`\s+(?:of|in)\s+`([\w/]+\.py)`", PAGE.read_text("utf-8")):
        assert re.search(rf"^{name}\b", (ROOT / path).read_text("utf-8"), flags=re.MULTILINE), f"{name} in {path}"


def test_new_files_of_the_recipes_are_formatted_as_the_product_is(copy: Path) -> None:
    new = "connectors/heat_supplier.py"
    assert "error" not in run(copy, f"-m ruff check {new}")
    run(copy, f"-m ruff format --check {new}")
