"""A network's home on which faults happen: participants join it in small groups, each group a place of its own.

A place is fresh: its towns have received nothing, its senders have sent nothing. So a run that went wrong disturbs no
later one, and nothing needs to be cleared away on the servers.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from services import tasks
from services.home import Home, ParticipantHome
from services.network import Network
from services.receiving.collecting import open_node
from services.setup import Member
from services.store.accounts import conservation
from services.store.events import current_events
from services.store.snapshots import scan
from tests.network.reliability.children import Ending, run_until_done
from tests.network.reliability.engines import Engines
from tests.network.reliability.events import Ledger, numbers_of, write_export

EVENT_TYPE = "payment_arrears"
GATE_ROWS = 1_000
"""Small, so that one run of receiving has several commits between which it can be killed."""
FRESH_AFTER = 20
"""Runs on one place; more would show nothing new and only make its tables long."""


@dataclass
class Check:
    """What a look at a place found."""

    lost: int = 0
    twice: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass
class Place:
    """Some towns, the partners that send to them, and what was put in.

    Attributes:
        site: where.
        towns: municipality ids.
        senders: energy suppliers' ids.
        ledger: numbers put in.
        runs: that were done here.
        typical: seconds that a piece of work takes undisturbed, by its name.
    """

    site: "Site"
    towns: tuple[str, ...]
    senders: tuple[str, ...]
    ledger: Ledger = field(default_factory=Ledger)
    runs: int = 0
    files: int = 0
    typical: dict[str, float] = field(default_factory=dict)

    @property
    def town(self) -> str:
        """The first town."""
        return self.towns[0]

    @property
    def sender(self) -> str:
        """The first sender."""
        return self.senders[0]

    def folder(self, participant: str) -> ParticipantHome:
        """Where a participant's files are."""
        return Home(self.site.root).participant(participant)

    def export(self, events: int, files: int = 1, sender: str | None = None, first_house: int = 1) -> list[Path]:
        """Write exports of new events over all towns, at `HOUSES` addresses each, and enter them in the ledger."""
        made = []
        for _ in range(files):
            dealt = self.ledger.take(self.towns, events // files)
            path = self.folder(sender or self.sender).sources / f"energie_achterstanden_{self.files:05d}.csv"
            made.append(write_export(path, {postcode(town): given for town, given in dealt.items()}, first_house))
            self.files += 1
        return made

    def send(self, files: Sequence[Path], sender: str | None = None) -> list[str]:
        """Send files undisturbed; return what went wrong."""
        ending, _ = run_until_done(tasks.send, self.site.root, sender or self.sender, files)
        return _said("sending", ending)

    def receive(self, *towns: str) -> list[str]:
        """Receive undisturbed at all towns, or some; return what went wrong."""
        endings = [run_until_done(tasks.receive, self.site.root, town)[0] for town in towns or self.towns]
        return [text for ending in endings for text in _said("receiving", ending)]

    def check(self) -> Check:
        """Compare ledger, typed tables and intake of all towns."""
        found = Check()
        network = Network.open(self.site.root)
        for town in self.towns:
            _check_town(network, town, self.ledger, found)
        return found


def _said(what: str, ending: Ending) -> list[str]:
    """What is wrong with work that was to come to its end."""
    if ending.fault:
        return [f"{what} {ending.fault}"]
    return [f"{what} was put off to the last: {ending.postponed}"] if ending.postponed else []


def _check_town(network: Network, town: str, ledger: Ledger, found: Check) -> None:
    node = open_node(network, town)
    tally = ledger.tally(town, numbers_of(current_events(node.catalog, network.registry.get(EVENT_TYPE))))
    found.lost += tally.lost
    found.twice += tally.twice
    if tally.strange:
        found.wrong.append(f"{town} has {tally.strange} events that nobody put in")
    intake = scan(node.intake()[0]).filter(pl.col("event_type") == EVENT_TYPE).collect()
    accepted = intake.filter(pl.col("verdict") == "accepted")
    found.twice += accepted.height - accepted["event_id"].n_unique()
    if accepted.height != len(ledger.put.get(town, ())):
        found.wrong.append(f"{town} accepted {accepted.height} events of {len(ledger.put.get(town, ()))}")
    if accepted.height != intake.height:
        others = dict(intake["verdict"].value_counts().iter_rows())
        found.wrong.append(f"{town} has other verdicts: {others}")
    if not conservation(node)["balanced"].all():
        found.wrong.append(f"{town} is not balanced")


@dataclass
class Site:
    """A home, its engines, and the place where runs are at now."""

    root: Path
    engines: Engines
    places: int = 0
    _now: dict[str, Place] = field(default_factory=dict)

    def fresh(self, towns: int = 1, senders: int = 1) -> Place:
        """Let new participants join."""
        self.places += 1
        names = tuple(f"gm{1000 + self.places * 10 + number}" for number in range(towns))
        partners = tuple(f"es-{self.places:03d}-{number}" for number in range(senders))
        members = [Member(item, item, "municipality", None, (item,)) for item in names]
        members += [Member(item, item, "energy_supplier", None, names) for item in partners]
        self._refer(names)
        self.engines.join(self.root, [*members, Member("hub", "Hub", "hub")])
        return Place(self, names, partners)

    def shared(
        self, row: str, towns: int = 1, senders: int = 1, prepare: Callable[[Place], None] = lambda _: None
    ) -> Place:
        """Return the place that runs of a row share, a fresh one now and then.

        Args:
            row: its name.
            towns: how many.
            senders: how many.
            prepare: what is done once on a fresh one.
        """
        place = self._now.get(row)
        if place is None or place.runs >= FRESH_AFTER:
            place = self._now[row] = self.fresh(towns, senders)
            prepare(place)
        place.runs += 1
        return place

    def _refer(self, towns: Sequence[str]) -> None:
        """Say in the address reference where the towns' postcodes lie."""
        path = Home(self.root).address_reference
        rows = "".join(f"{postcode(town)},1,9999,{town},wk{town[2:]}01\n" for town in towns)
        header = "postcode,house_number_from,house_number_to,municipality,district\n"
        path.write_text((path.read_text("utf-8") if path.exists() else header) + rows, "utf-8")


def postcode(town: str) -> str:
    """Return the one postcode of a town."""
    return f"{town[2:]}AB"


def chance(seed: int) -> random.Random:
    """Return the randomness of one run."""
    return random.Random(seed)
