"""The network of docs/examples: small enough to build in seconds, two months closed, a third one exported."""

import datetime as dt
import shutil
from dataclasses import dataclass
from pathlib import Path

from services import tasks
from services.samples import write_samples
from services.setup import create_network, members_from
from tests.docs.markdown import ROOT

EXAMPLES = ROOT / "docs" / "examples"
PARTICIPANTS = EXAMPLES / "participants.toml"
CLOSED = ("2025-11", "2025-12")
NEXT = "2026-01"


@dataclass(frozen=True)
class ExampleNetwork:
    """A home, and a folder to work in that has the files which the documentation's commands name."""

    home: Path
    desk: Path

    def copy(self, to: Path) -> "ExampleNetwork":
        return ExampleNetwork(shutil.copytree(self.home, to / "home"), shutil.copytree(self.desk, to / "desk"))


def build(root: Path) -> ExampleNetwork:
    """Set up, send, receive and close two months; put the exports of the next month on the desk."""
    home, exports, desk = root / "home", root / "exports", root / "desk"
    members = [member for member in members_from(PARTICIPANTS) if member.id != "hub"]
    create_network(home, members_from(PARTICIPANTS))
    write_samples(exports, seed=7, months=len(CLOSED) + 1, last=NEXT)
    shutil.copy(exports / "address_reference.csv", home)
    desk.mkdir()
    for file in (PARTICIPANTS, EXAMPLES / "verhaal.json", exports / "address_reference.csv"):
        shutil.copy(file, desk)
    for member in members:
        sources = home / "participants" / member.id / "sources"
        if member.kind == "story_point":
            sources.mkdir()
            shutil.copy(EXAMPLES / "vertelpunt.yaml", sources)
            continue
        shutil.copytree(exports / member.id, sources, ignore=shutil.ignore_patterns("live"))
        tasks.send(home, member.id, sorted(sources.glob("back/*")), CLOSED)
        if (exports / member.id / "live").exists():
            shutil.copytree(exports / member.id / "live", desk / "exports" / member.id)
    for member in members:
        tasks.receive(home, member.id)
    for member in members:
        if member.kind == "municipality":
            tasks.month(home, member.id, CLOSED, dt.date(2026, 2, 1))
    tasks.benchmark(home)
    return ExampleNetwork(home, desk)
