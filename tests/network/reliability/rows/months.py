"""A month and a backfill are closed at once at one node, each task killed and run again.

The node's folder and catalogs are put back before each run, so that every run closes the same months of the same data.
"""

import datetime as dt
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from services import tasks
from services.avro.decode import decode_block
from services.home import Home
from services.network import Network
from services.privacy.keys import opening_keys
from services.privacy.parcel import open_parcel, parcel_hash
from tests import small_network
from tests.network.reliability.children import DONE, KILLED, Ending, start
from tests.network.reliability.outcome import Outcome, Row
from tests.network.reliability.site import Site, chance
from tests.network_state import Rows, release_state

TOWN = small_network.MUNICIPALITIES[0]
BACKFILL, LIVE = small_network.BACK, small_network.LIVE
MONTHS = (*BACKFILL, *LIVE)
AFTER = dt.date(2026, 1, 12)
ENOUGH = 10
REPORTED = ("indicator_observation", "regional_share")
"""What a closed month sends to the hub."""


def run(site: Site, seed: int) -> Outcome:
    """Close the month and those before it at once, kill both, let both go on, and compare with undisturbed ones."""
    stage, random = _stage(site), chance(seed)
    stage.restore()
    began = stage.hub_end()
    jobs = [LIVE, BACKFILL]
    wrong = _killed(stage, jobs, random)
    killed = 0 if wrong else len(jobs)
    wrong += _until_done(stage.root, jobs)
    state, sent = release_state(stage.root, TOWN), stage.reported(began)
    if state != stage.state:
        wrong.append(f"the releases are others than undisturbed ones: {_different(state, stage.state)}")
    lost, twice = _against(sent, stage.sent)
    wrong += _until_done(stage.root, jobs)
    if release_state(stage.root, TOWN) != state or stage.reported(began) != sent:
        wrong.append("closing once more changed a release")
    return Outcome(lost, twice, killed, tuple(wrong))


def _killed(stage: "_Stage", jobs: Sequence[tuple[str, ...]], random: Random) -> list[str]:
    """Run jobs at once until each was killed once; return what went wrong."""
    alive, within = list(jobs), stage.typical / len(jobs)
    while alive:
        children = [start(tasks.month, stage.root, TOWN, months, AFTER) for months in alive]
        moments = sorted((random.uniform(0, within), number) for number in range(len(alive)))
        endings = {
            number: children[number].kill_after(max(0.0, children[number].began + moment - time.monotonic()))
            for moment, number in moments
        }
        failed = [f"closing {item.fault}" for item in endings.values() if item.fault]
        if failed:
            return failed
        alive = [months for number, months in enumerate(alive) if endings[number].how != KILLED]
        within *= 0.7  # what ended by itself was too quick
    return []


class _Stage:
    """The small network with all received and nothing closed, and what closing it undisturbed gives.

    Attributes:
        root: the home.
        typical: seconds that closing takes.
        state: releases after undisturbed closing.
        sent: what the hub was sent then, with how often.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self.root = site.root.parent / f"{site.root.name}-months"
        _create(site, self.root)
        self.kept = self.root.parent / f"{self.root.name}-kept"
        shutil.copytree(self._folder, self.kept)
        self.catalogs = site.engines.keep_catalogs(self.root, TOWN)
        began = self.hub_end()
        endings = [start(tasks.month, self.root, TOWN, months, AFTER).ending() for months in (BACKFILL, LIVE)]
        self.typical = sum(item.seconds for item in endings)
        if {item.how for item in endings} != {DONE}:
            raise AssertionError(f"The months do not close undisturbed: {endings}")
        self.state, self.sent = release_state(self.root, TOWN), self.reported(began)

    @property
    def _folder(self) -> Path:
        return Home(self.root).participant(TOWN).root

    def restore(self) -> None:
        """Put the node back to where nothing was closed."""
        shutil.rmtree(self._folder)
        shutil.copytree(self.kept, self._folder)
        self.site.engines.restore_catalogs(self.root, TOWN, self.catalogs)

    def hub_end(self) -> int:
        """Return where the hub's topic ends."""
        with Network.open(self.root).broker("hub") as broker:
            return broker.end_offset("parcels.hub")

    def reported(self, since: int) -> Counter[tuple[Any, ...]]:
        """Return what the town sent to the hub since an offset, as the hub opens it; a repeated parcel counts once."""
        network = Network.open(self.root)
        keys = opening_keys(network.keys("hub"))
        with network.broker("hub") as broker:
            found = {parcel_hash(item.value): item.value for item in broker.read("parcels.hub", since)}
        rows: Counter[tuple[Any, ...]] = Counter()
        for value in found.values():
            inner, avro = open_parcel(value, "hub", keys)
            if inner.event_type in REPORTED:
                frame, _ = decode_block(network.registry.by_sha(inner.schema_sha256), avro, inner.event_count)
                rows.update((inner.event_type, *map(repr, row)) for row in frame.iter_rows())
        return rows


def _create(site: Site, root: Path) -> None:
    """Make the network, send and receive everything."""
    small_network.create(root)
    site.engines.configure(root)
    site.engines.join(root, small_network.members())
    files = small_network.write_sources(Home(root), MONTHS)
    for participant in sorted(files):
        ending = start(tasks.send, root, participant, files[participant], MONTHS).ending()
        if ending.how != DONE:
            raise AssertionError(f"{participant} cannot send: {ending}")
    for town in small_network.MUNICIPALITIES:
        ending = start(tasks.receive, root, town).ending()
        if ending.how != DONE:
            raise AssertionError(f"{town} cannot receive: {ending}")


_STAGES: dict[Path, _Stage] = {}


def _stage(site: Site) -> _Stage:
    if site.root not in _STAGES:
        _STAGES[site.root] = _Stage(site)
    return _STAGES[site.root]


def _until_done(root: Path, jobs: list[tuple[str, ...]]) -> list[str]:
    """Run jobs at once, again as long as one was overtaken; return what went wrong."""
    left, rounds = list(jobs), 0
    while left and rounds < ENOUGH:
        rounds += 1
        children = [(months, start(tasks.month, root, TOWN, months, AFTER)) for months in left]
        endings: list[tuple[tuple[str, ...], Ending]] = [(months, child.ending()) for months, child in children]
        failed = [f"closing {item.fault}" for _, item in endings if item.fault]
        if failed:
            return failed
        left = [months for months, item in endings if item.postponed]
    return [f"two closings overtook each other in {rounds} rounds"] if left else []


def _different(found: dict[str, Rows], expected: dict[str, Rows]) -> str:
    return ", ".join(sorted(name for name in found | expected if found.get(name) != expected.get(name)))


def _against(found: Counter[tuple[Any, ...]], expected: Counter[tuple[Any, ...]]) -> tuple[int, int]:
    return (expected - found).total(), (found - expected).total()


ROW = Row(
    "months",
    "month and backfill at once, each task killed and run again",
    "one release per period, identical",
    50,
    run,
)
