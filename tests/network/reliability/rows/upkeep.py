"""Snapshots expire and files are joined, killed in the middle or beside a running receiver; then all starts again."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from random import Random

import polars as pl

from services import tasks
from services.maintenance import UpkeepReport, maintain
from services.network import Network
from services.receiving.collecting import open_node
from services.store.intake import Position, open_intake
from services.store.snapshots import files, scan
from tests.network.reliability.children import DONE, KILLED, at_once, finish, run_until_done, start
from tests.network.reliability.files import missing_files
from tests.network.reliability.outcome import TRIES, Outcome, Row
from tests.network.reliability.site import EVENT_TYPE, Place, Site, chance

EVENTS = 6_000
FILES = 6
LEAST = 2
"""Small files that are worth to be joined."""


def run(site: Site, seed: int) -> Outcome:
    """Receive, do the upkeep of three days, start again, receive more, and look."""
    place, random = site.shared("upkeep", 1, 1, _prepare), chance(seed)
    disturbed = _killed if seed % 2 else _beside
    wrong, struck = list[str](), False
    for _ in range(TRIES):
        wrong += place.send(place.export(EVENTS, FILES)) + place.receive()
        before, joined, made = _state(place), _intake_files(place), _snapshots(place)
        struck, told = disturbed(place, random)
        wrong += told
        if struck or wrong:
            break
    removed = 0
    for day in (2, 4):  # what no table names any more is removed a day after that was seen
        ending, _ = run_until_done(keep_up, site.root, place.town, _in_days(day))
        if ending.how != DONE:
            wrong.append(f"upkeep ended as {ending.how}: {ending.text}")
        else:
            removed += ending.result.files
    wrong += _left_undone(place, joined, made, removed)
    if disturbed is _killed and _state(place) != before:
        wrong.append("upkeep changed the offset or the rows")
    fewer = joined - _intake_files(place)
    after = _state(place)
    wrong += place.receive()
    if _state(place) != after:
        wrong.append("something was landed again")
    wrong += place.send(place.export(EVENTS, FILES)) + place.receive()
    found = place.check()
    wrong += [*found.wrong, *missing_files(site.root, place.town)]
    return Outcome(found.lost, found.twice, int(struck), tuple(wrong), {"files fewer": fewer})


def keep_up(root: Path, town: str, now: dt.datetime, *, at: Callable[[str], None]) -> UpkeepReport:
    """Do the upkeep of a town as it is at another day, and join also few files."""
    return maintain(Network.open(root), town, now, at, least=LEAST)


def _killed(place: Place, random: Random) -> tuple[bool, list[str]]:
    """Kill upkeep once, at a random moment; return whether it was killed, and what went wrong."""
    work = start(keep_up, place.site.root, place.town, _in_days(2))
    ending = work.kill_after(random.uniform(0, place.typical["upkeep"]))
    return ending.how == KILLED, [f"upkeep {ending.fault}"] if ending.fault else []


def _beside(place: Place, random: Random) -> tuple[bool, list[str]]:
    """Receive while upkeep is done; return whether both worked at once, and what went wrong."""
    del random
    wrong = place.send(place.export(EVENTS, FILES))
    children = [
        start(keep_up, place.site.root, place.town, _in_days(2)),
        start(tasks.receive, place.site.root, place.town),
    ]
    endings = [child.ending() for child in children]
    wrong += [f"a process {item.fault}" for item in endings if item.fault]
    return at_once(endings), wrong + place.receive()


def _in_days(days: int) -> dt.datetime:
    return dt.datetime.now(dt.UTC) + dt.timedelta(days=days)


def _state(place: Place) -> tuple[Position | None, int, int]:
    """The offset, and how many rows and verdicts there are of events from sources."""
    node = open_node(Network.open(place.site.root), place.town)
    rows = scan(open_intake(node.catalog)).filter(pl.col("event_type") == EVENT_TYPE).collect()
    return node.position(), rows.height, rows["event_id"].n_unique()


def _intake_files(place: Place) -> int:
    return len(files(open_intake(open_node(Network.open(place.site.root), place.town).catalog)))


def _snapshots(place: Place) -> set[int]:
    intake = open_intake(open_node(Network.open(place.site.root), place.town).catalog)
    return {snapshot.snapshot_id for snapshot in intake.metadata.snapshots}


def _left_undone(place: Place, joined: int, made: set[int], removed: int) -> list[str]:
    """Upkeep that does nothing would keep every promise: of each of its three deeds some must be seen.

    Args:
        place: after upkeep.
        joined: files of intake before it.
        made: snapshots of intake before it.
        removed: files that upkeep took from the disk.
    """
    left = _intake_files(place)
    found = [f"{left} files of {joined} are left of intake"] if joined < LEAST or left >= LEAST else []
    if remembered := made & _snapshots(place):
        found.append(f"{len(remembered)} snapshots of {len(made)} were not let go of")
    return found if removed else [*found, "no file was removed from the disk"]


def _prepare(place: Place) -> None:
    """Measure upkeep."""
    place.send(place.export(EVENTS, FILES))
    place.receive()
    place.typical["upkeep"] = finish(keep_up, place.site.root, place.town, _in_days(2)).seconds


ROW = Row(
    "upkeep",
    "snapshots expired and files compacted, then restart",
    "offsets kept, nothing landed again",
    20,
    run,
    2 * EVENTS,
)
