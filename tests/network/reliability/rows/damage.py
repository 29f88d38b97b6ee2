"""The disk fails: it is full, a stored file is cut off, or one of its bits is another one.

A full disk is a file system in memory with too little room (see `small_disk`), under the sender or the receiver. The
files that are cut off or changed are those of the receiver's warehouses: data, lists of data, descriptions of tables.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

from services import tasks
from services.network import Network
from services.receiving.collecting import open_node
from services.store.accounts import conservation
from services.store.events import current_events
from services.store.intake import open_intake
from services.store.local_files import path_of
from services.store.snapshots import data_files, scan
from services.store.sweeping import tables_of
from tests.network.reliability import small_disk
from tests.network.reliability.children import DONE, FATAL, Ending, finish
from tests.network.reliability.events import numbers_of
from tests.network.reliability.outcome import Outcome, Row
from tests.network.reliability.site import EVENT_TYPE, Place, Site, chance

EVENTS = 4_000
FILES = 4
PER_KIND = 20
ROOM = "There is no room for "
"""What the alarm about a full disk says before it names a file."""
MOST_ROOM = 3 << 20


def run(site: Site, seed: int) -> Outcome:
    """Make one kind of damage, look whether it is told and nothing half is seen, mend it, go on, and look."""
    place = site.shared("damage", 1, 1, _prepare)
    return KINDS[seed % len(KINDS)](place, chance(seed))


def look(root: Path, town: str, *, at: Callable[[str], None]) -> list[int]:
    """Read everything that a town has received; return the numbers of its events."""
    del at
    network = Network.open(root)
    node = open_node(network, town)
    scan(open_intake(node.catalog)).collect()
    return numbers_of(current_events(node.catalog, network.registry.get(EVENT_TYPE)))


def _full_at_sender(place: Place, random: Random) -> Outcome:
    ended, wrong = Ending(DONE), list[str]()
    while ended.how == DONE and not ended.postponed:
        files = place.export(EVENTS, FILES)
        free = random.randrange(MOST_ROOM)
        ended = finish(small_disk.send, place.site.root, place.sender, files, free)
        wrong += _half_seen(place)
    wrong += _told_full(ended, place, place.sender) + place.send(files) + place.receive()
    return _mended(place, wrong)


def _full_at_receiver(place: Place, random: Random) -> Outcome:
    ended, wrong = Ending(DONE), list[str]()
    while ended.how == DONE and not ended.postponed:
        wrong += place.send(place.export(EVENTS, FILES))
        ended = finish(small_disk.receive, place.site.root, place.town, random.randrange(MOST_ROOM))
        wrong += _half_seen(place)
    wrong += _told_full(ended, place, place.town) + place.receive()
    return _mended(place, wrong)


def _full(place: Place, random: Random) -> Outcome:
    return (_full_at_sender if random.random() < 1 / 2 else _full_at_receiver)(place, random)


def _cut_off(path: Path, random: Random) -> None:
    with path.open("r+b") as file:
        file.truncate(random.randrange(path.stat().st_size))


def _bit_flipped(path: Path, random: Random) -> None:
    with path.open("r+b") as file:
        where = random.randrange(path.stat().st_size)
        file.seek(where)
        byte = file.read(1)[0] ^ 1 << random.randrange(8)
        file.seek(where)
        file.write(bytes([byte]))


def _damaged(harm: Callable[[Path, Random], None]) -> Callable[[Place, Random], Outcome]:
    def damaged(place: Place, random: Random) -> Outcome:
        """Damage files until one of them matters; of those that are not read nothing needs to be told."""
        alarms, wrong = list[Ending](), list[str]()
        while not alarms and not wrong:
            wrong += place.send(place.export(EVENTS, FILES))
            expected = _seen(place)
            path = random.choice(_stored(place))
            kept = path.with_name(f"{path.name}.kept")
            shutil.copyfile(path, kept)
            harm(path, random)
            first = finish(look, place.site.root, place.town)
            if first.how == DONE and sorted(first.result) != expected:
                wrong.append(f"a damaged {path.suffix} file gave other rows without an alarm")
            second = finish(tasks.receive, place.site.root, place.town)
            alarms = [item for item in (first, second) if item.how != DONE or item.postponed]
            wrong += [text for item in alarms for text in _told_damaged(item, path)]
            shutil.move(kept, path)
            wrong += place.receive()
        return _mended(place, wrong)

    return damaged


def _stored(place: Place) -> list[Path]:
    """Files of the private warehouse on which its tables rest as they are now."""
    catalog = open_node(Network.open(place.site.root), place.town).catalog
    found = set[Path]()
    for table in tables_of(catalog):
        snapshot = table.current_snapshot()
        locations = [table.metadata_location]
        if snapshot:
            manifests = snapshot.manifests(table.io)
            locations += [snapshot.manifest_list, *(item.manifest_path for item in manifests)]
            found.update(file.path for file in data_files(table))
        found.update(path_of(location, catalog.properties) for location in locations)
    return sorted(found)


def _seen(place: Place) -> list[int]:
    ending = finish(look, place.site.root, place.town)
    return sorted(ending.result) if ending.how == DONE else []


def _told_full(ending: Ending, place: Place, participant: str) -> list[str]:
    """Whose disk is full is told which file there is no room for, and may run the same again."""
    if ending.fault:
        return [f"{participant} {ending.fault}"]
    if f"{ROOM}{place.folder(participant).root}/" not in ending.postponed:
        return [f"{participant}: the alarm does not say for which file there is no room: {ending.postponed}"]
    return []


def _told_damaged(ending: Ending, path: Path) -> list[str]:
    """Whose file is damaged is told which file or table it is; running the same again would not mend it."""
    if ending.how != FATAL:
        return [f"a damaged {path.suffix} file ended as {ending.how}: {ending.text or ending.postponed}"]
    namespace, table, *_ = path.parts[path.parts.index("private") + 1 :]
    if path.name in ending.text or f" {namespace}.{table} " in ending.text:
        return []
    return [f"the alarm does not name the damaged {path.suffix} file {path.name}: {ending.text}"]


def _half_seen(place: Place) -> list[str]:
    """Nothing may be seen that was not put in, nothing twice, and the books must balance."""
    network = Network.open(place.site.root)
    node = open_node(network, place.town)
    seen = numbers_of(current_events(node.catalog, network.registry.get(EVENT_TYPE)))
    tally = place.ledger.tally(place.town, seen)
    wrong = [f"{tally.twice} events are seen twice while the disk is full"] if tally.twice else []
    if tally.strange:
        wrong.append(f"{tally.strange} events are seen that nobody put in while the disk is full")
    if not conservation(node)["balanced"].all():
        wrong.append("the books do not balance while the disk is full")
    return wrong


def _mended(place: Place, wrong: list[str]) -> Outcome:
    found = place.check()
    return Outcome(found.lost, found.twice, 1, (*wrong, *found.wrong))


def _prepare(place: Place) -> None:
    for _ in range(2):
        place.send(place.export(EVENTS, FILES))
        place.receive()


KINDS = (_full, _damaged(_cut_off), _damaged(_bit_flipped))
ROW = Row(
    "damage",
    "disk full, truncated file, bit flips in stored files",
    "clear alarm, no partial row visible",
    PER_KIND * len(KINDS),
    run,
    EVENTS,
)
