"""Every `bash` block of the pages about the network runs as it stands; `down` ends all, and `up` brings it back.

The folder and the municipality of the examples are put in place of the reader's. `make` only looks whether it has the
target: it would set up another network.
"""

import os
import shlex
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.states import states
from services.config import HOME_VARIABLE, load_settings
from services.errors import Retryable
from services.home import Home
from services.setup import Member
from tests.command import run, run_apart
from tests.docs.markdown import ROOT, Block, blocks
from tests.network import homes
from tests.small_network import MUNICIPALITIES, members

PAGES = [ROOT / "docs" / "operations.md", ROOT / "docs" / "commands.md", ROOT / "README.md"]
BLOCKS = [block for page in PAGES for block in blocks(page, "bash")]
EXAMPLES = {"/srv/spiegelnet": "{home}", "gm0281": MUNICIPALITIES[0], "gm0518": MUNICIPALITIES[0]}
ALL = {"postgresql", "kafka", "key-service-a", "key-service-b", "trino", "airflow"}
TRIES, SOON = 3, 20
"""How often a command is run again that asks for it, and the seconds before where all servers answer."""
LAST_LINES = 300
"""How much is told of the log of a server that was down: an error of Airflow takes most of it."""
PROGRAMS = {
    "spiegelnet": f'exec {shlex.quote(sys.executable)} -c "from services.cli import main; main()" "$@"',
    "make": f'grep -q "^$1:.*##" {shlex.quote(str(ROOT / "Makefile"))} && echo "make $1"',
}


@dataclass(frozen=True)
class Desk:
    """A folder with what the commands name, and the programs that they call."""

    folder: Path
    home: Home

    def run(self, text: str) -> str:
        """Run lines as a reader does, and do what they say where they fail for now; return what they print."""
        for example, ours in EXAMPLES.items():
            text = text.replace(example, ours.format(home=shlex.quote(str(self.home.root))))
        done = self._ran(text)
        for _ in range(TRIES):
            if done.returncode != Retryable.exit_code:
                break
            if not bring_up(self.home):
                time.sleep(SOON)  # as a busy server asks for
            done = self._ran(text)
        assert done.returncode == 0, f"{text}: {done.stderr}"
        return done.stdout

    def _ran(self, text: str) -> "subprocess.CompletedProcess[str]":
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return subprocess.run(  # noqa: S603 - our own documentation, as a reader would run it
            ["bash", "-euc", text],  # noqa: S607 - whichever bash the reader has
            cwd=self.folder,
            env={**os.environ, "PATH": path, HOME_VARIABLE: str(self.home.root)},
            capture_output=True,
            text=True,
            check=False,
        )


def entry(member: Member) -> str:
    """Return a participant as the file of a network has it."""
    pairs = {"id": member.id, "name": member.name, "kind": member.kind, "province": member.province}
    lines = [f'{name} = "{value}"' for name, value in pairs.items() if value]
    return "\n".join(["[[participant]]", *lines, f"serves = {list(member.serves)}", ""])


def answering(home: Home) -> set[str]:
    """Return the servers that answer."""
    return {item.name for item in states(home, load_settings(home.root)) if item.healthy}


def bring_up(home: Home) -> bool:
    """Start what does not answer, as commands tell their reader to; return whether there was any."""
    down = [item for item in states(home, load_settings(home.root)) if not item.healthy]
    for item in down:
        if item.log and item.log.with_suffix(".pid").exists():  # `down` removes that, a server that dies does not
            tell(f"{item.name} was not ended and was away. {item.problem}", item.log)
    if down:
        started = run_apart("up", "--home", home.root)
        assert started.code == 0, started.err
    return bool(down)


def tell(what: str, log: Path) -> None:
    """Tell in the summary of the tests, also of those that pass, what a server said last."""
    lines = log.read_text("utf-8", "replace").splitlines()[-LAST_LINES:]
    warnings.warn("\n".join([what, *lines]), stacklevel=2)


@pytest.fixture
def desk(home: Home, tmp_path: Path) -> Desk:
    """A desk in a network of which all servers run."""
    (tmp_path / "participants.toml").write_text("\n".join(map(entry, members())), "utf-8")
    (tmp_path / "bin").mkdir()
    for name, script in PROGRAMS.items():
        program = tmp_path / "bin" / name
        program.write_text(f"#!/bin/bash\n{script}\n", "utf-8")
        program.chmod(0o755)
    bring_up(home)
    return Desk(tmp_path, home)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_a_block_of_commands_runs_and_every_line_says_something(block: Block, desk: Desk) -> None:
    for line in block.text.replace("\\\n", " ").splitlines():
        assert desk.run(line).strip(), f"{block.name}: {line} says nothing"
    if "node remove" in block.text:
        assert run("node", "add", MUNICIPALITIES[0], "--home", desk.home.root).code == 0
    if "schedule on" in block.text:
        assert run("schedule", "off", "--home", desk.home.root).code == 0


def test_down_leaves_no_process_and_up_then_answers_at_all_servers(desk: Desk) -> None:
    assert desk.run("spiegelnet down --home /srv/spiegelnet")
    assert homes.processes(desk.home) == []
    began = time.monotonic()
    assert desk.run("spiegelnet up --home /srv/spiegelnet")
    print(f"\nup, warm, all servers: {time.monotonic() - began:.1f} s")  # noqa: T201 - told, not judged: it is the machine's
    assert answering(desk.home) == ALL
