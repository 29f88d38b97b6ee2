"""Every `sh` block of the documentation runs, in order of its page, on a copy of a small network."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.app import app
from tests.docs.example_network import ExampleNetwork
from tests.docs.markdown import PAGES, ROOT, blocks

pytestmark = pytest.mark.xdist_group("docs_network")

MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
SHIM = """#!/bin/bash
printf '%s\\n' "$@" > "$ASKED/$(ls "$ASKED" | wc -l | xargs printf %03d)"
"""
PAGES_WITH_COMMANDS = [page for page in PAGES if any("spiegelnet " in block.text for block in blocks(page, "sh"))]


@dataclass(frozen=True)
class Shell:
    """Runs lines in bash, in which `spiegelnet` only notes what it was asked; that is then done in this process."""

    network: ExampleNetwork
    folder: Path

    def asked(self, line: str) -> list[list[str]]:
        asked = self.folder / "asked"
        asked.mkdir()
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        done = subprocess.run(  # noqa: S603 - our own documentation, as a reader would run it
            ["bash", "-euc", line],  # noqa: S607 - whichever bash the reader has
            cwd=self.network.desk,
            env={"PATH": path, "ASKED": str(asked), "HOME": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}: {done.stderr}"
        words = [file.read_text().removesuffix("\n").split("\n") for file in sorted(asked.iterdir())]
        shutil.rmtree(asked)
        return words


@pytest.fixture
def shell(network: ExampleNetwork, tmp_path: Path) -> Shell:
    shim = tmp_path / "bin" / "spiegelnet"
    shim.parent.mkdir()
    shim.write_text(SHIM)
    shim.chmod(0o755)
    return Shell(network.copy(tmp_path), tmp_path)


@pytest.mark.parametrize("page", PAGES_WITH_COMMANDS, ids=lambda page: page.name)
def test_the_commands_of_a_page_run_one_after_the_other(
    page: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shell.network.desk)
    monkeypatch.setenv("SPIEGELNET_HOME", str(shell.network.home))
    stopped = CliRunner().invoke(app, ["quarantine", "list", "gm0281", "--json"])
    ref = json.loads(stopped.stdout)["events"][0]["ref"]
    for block in blocks(page, "sh"):
        if not block.text.startswith("spiegelnet "):
            continue
        for line in block.text.replace("\\\n", " ").splitlines():
            for words in shell.asked(line):
                result = CliRunner().invoke(app, [ref if word == "REF" else word for word in words])
                assert result.exception is None, f"{block.name}: {line}: {result.exception!r}"
                assert result.stdout.strip(), f"{block.name}: {line} says nothing"


def test_a_block_of_commands_begins_with_one_so_that_none_is_left_out() -> None:
    for page in PAGES:
        for block in blocks(page, "sh"):
            begins = re.match(r"spiegelnet |make |\.venv/bin/python -m pytest ", block.text)
            assert begins, f"{block.name}: such a block begins with spiegelnet, make or .venv/bin/python -m pytest"


def test_every_make_target_that_is_named_is_one() -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, flags=re.MULTILINE))
    assert {"test", "test-browser", "test-network"} <= targets
    for page in PAGES:
        shown = [block.text for language in ("sh", "bash") for block in blocks(page, language)]
        named = {word for text in shown for word in re.findall(r"^make ([\w-]+)", text, re.MULTILINE)}
        named |= set(re.findall(r"`make ([\w-]+)", page.read_text("utf-8")))
        assert named <= targets, page.name


def test_every_test_that_a_command_runs_is_there() -> None:
    for page in PAGES:
        for block in blocks(page, "sh"):
            for path in re.findall(r"\btests/[\w/.]+", block.text):
                assert (ROOT / path).exists(), f"{block.name}: {path}"


def test_the_shell_of_these_tests_is_there() -> None:
    assert shutil.which("bash"), "the blocks are run in bash"
