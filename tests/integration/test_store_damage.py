"""Stored files that were cut off or changed, and a full disk: named, and nothing of them is read or half stored.

Places and files are random with a seed; every damage is mended by putting the file back, after which all is as it was.
"""

import multiprocessing
import random
import resource
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from services import tasks
from services.errors import Fatal, SpiegelnetError
from services.home import Home
from services.network import Network
from services.receiving.collecting import open_node
from services.receiving.replay import ReplayWindow
from services.sending.sender import open_sender
from services.store.accounts import conservation
from services.store.events import current_events
from services.store.intake import open_intake
from services.store.ledger import brought_up
from services.store.local_files import path_of
from services.store.snapshots import data_files, scan
from services.store.sweeping import tables_of
from services.surface import open_published
from tests.network_state import receiver_state
from tests.small_network import AFTER, BACK, MUNICIPALITIES

pytestmark = pytest.mark.xdist_group("network")

TOWN = MUNICIPALITIES[0]
KINDS = ("data", "manifest", "list of manifests", "description")
TIMES = 20
STATE_FILES = ("parcels", "replay", "outbox", "journal", "pseudonyms")
LIMITS = (2_000, 6_000, 12_000, 20_000, 40_000, 80_000)
"""Bytes beyond which no file may grow: from hardly anything to all but the largest."""


def needed(root: Path) -> dict[str, list[Path]]:
    """The files on which the tables of a town rest as they are now, by kind."""
    catalog = open_node(Network.open(root), TOWN).catalog
    found: dict[str, list[Path]] = {kind: [] for kind in KINDS}
    for table in tables_of(catalog):
        snapshot = table.current_snapshot()
        assert snapshot
        found["data"] += [file.path for file in data_files(table)]
        manifests = [item.manifest_path for item in snapshot.manifests(table.io)]
        found["manifest"] += [path_of(location, catalog.properties) for location in manifests]
        found["list of manifests"].append(path_of(snapshot.manifest_list, catalog.properties))
        found["description"].append(path_of(table.metadata_location, catalog.properties))
    return {kind: sorted(paths) for kind, paths in found.items()}


def read_all(root: Path) -> dict[str, Any]:
    """Read everything that a town has stored."""
    network = Network.open(root)
    node = open_node(network, TOWN)
    found = {name: current_events(node.catalog, network.registry.get(name)) for name in network.registry.names()}
    found["intake"] = scan(open_intake(node.catalog)).collect()
    found["conservation"] = conservation(node)
    for name in ("node.closes", "node.releases"):
        table = next((item for item in tables_of(node.catalog) if ".".join(item.name()) == name), None)
        found |= {name: scan(table).collect()} if table else {}
    return found


@contextmanager
def damaged(path: Path, chance: random.Random, number: int) -> Iterator[None]:
    """Cut a file off, or change one bit of it; put back after."""
    before = path.read_bytes()
    changed = bytearray(before)
    if number % 2:
        del changed[chance.randrange(len(changed)) :]
    else:
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    path.write_bytes(changed)
    try:
        yield
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_of_a_warehouse_is_named_and_nothing_of_it_is_read(
    kind: str, at_stage: Callable[[str], Path]
) -> None:
    root, chance = at_stage("released"), random.Random(kind)
    expected, paths = read_all(root), needed(root)[kind]
    for number in range(TIMES):
        path = chance.choice(paths)
        with damaged(path, chance, number), pytest.raises(Fatal, match=path.name):
            read_all(root)
    found = read_all(root)
    assert found.keys() == expected.keys()
    assert all(found[name].equals(frame) for name, frame in expected.items())


def test_a_damaged_file_of_intake_is_named_by_whoever_reads_verdicts_alone(at_stage: Callable[[str], Path]) -> None:
    root, chance = at_stage("received"), random.Random(4)
    table = open_intake(open_node(Network.open(root), TOWN).catalog)
    ledger = brought_up(None, table)
    for number in range(TIMES):
        path = chance.choice(data_files(table)).path
        for work in (lambda: brought_up(None, table), lambda: tasks.receive(root, TOWN)):
            with damaged(path, chance, number), pytest.raises(Fatal, match=path.name):
                work()
    assert brought_up(None, table).latest.equals(ledger.latest)


@pytest.mark.parametrize("kind", KINDS)
def test_upkeep_names_a_damaged_file_and_removes_nothing(kind: str, at_stage: Callable[[str], Path]) -> None:
    root, chance = at_stage("released"), random.Random(kind)
    path = chance.choice(needed(root)[kind])
    before = sorted(file for file in Home(root).participant(TOWN).root.rglob("*") if file.suffix != ".sqlite-wal")
    with damaged(path, chance, 0), pytest.raises(Fatal, match=path.name):
        tasks.maintain(root, TOWN)
    after = {file for file in Home(root).participant(TOWN).root.rglob("*") if file.suffix != ".sqlite-wal"}
    assert after >= set(before)


def test_a_damaged_file_stops_a_close_before_anything_is_released(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("received")
    events = [path for path in needed(root)["data"] if "payment_arrears" in str(path)]
    with damaged(events[0], random.Random(1), 1), pytest.raises(Fatal, match=events[0].name):
        tasks.month(root, TOWN, BACK, AFTER)
    assert not (Home(root).participant(TOWN).root / "published").exists()
    assert tasks.month(root, TOWN, BACK, AFTER).periods == list(BACK)


def test_a_damaged_published_file_is_named_to_who_asks(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("closed")
    folder = Home(root).participant("hub").root / "published"
    path = max(folder.rglob("*.parquet"), key=lambda item: item.stat().st_size)
    with damaged(path, random.Random(2), 0), pytest.raises(Fatal, match=path.name):
        open_published(root)
    open_published(root).close()


def test_a_catalog_file_that_is_damaged_hides_no_table(at_stage: Callable[[str], Path]) -> None:
    """A table that seems not to be there would be made anew, and everything read again."""
    root, chance = at_stage("received"), random.Random(3)
    path = Home(root).participant(TOWN).root / "private" / "catalog.sqlite"
    expected = read_all(root)
    told = list[str]()
    for number in range(2 * TIMES):
        content = path.read_bytes()
        with damaged(path, chance, number):
            try:
                found = read_all(root)
            except SpiegelnetError as error:
                told.append(str(error))
            else:
                assert all(found[name].equals(frame) for name, frame in expected.items())
            for name in ("-wal", "-shm"):
                path.with_name(path.name + name).unlink(missing_ok=True)
        assert path.read_bytes() == content
    assert len(told) > TIMES  # all that were cut off, and changes that mean anything
    assert all("catalog.sqlite" in text or ".metadata.json" in text for text in told)


@pytest.mark.parametrize("name", STATE_FILES)
def test_a_changed_bit_of_a_state_file_is_told_or_means_nothing_but_never_a_fault(
    name: str, at_stage: Callable[[str], Path]
) -> None:
    root, chance = at_stage("received"), random.Random(name)
    path = Home(root).participant(TOWN).root / f"{name}.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    told = list[str]()
    for _ in range(2 * TIMES):
        with damaged(path, chance, 0):
            try:
                open_everything(root)
            except SpiegelnetError as error:
                told.append(str(error))
            for ending in ("-wal", "-shm"):
                path.with_name(path.name + ending).unlink(missing_ok=True)
    assert all(path.name in text for text in told)
    assert conservation(open_node(Network.open(root), TOWN))["balanced"].all()


def open_everything(root: Path) -> None:
    """Open all files of a town for sending and receiving, and read them."""
    network = Network.open(root)
    with open_sender(network, TOWN) as sender:
        sender.outbox.pending()
        sender.journal.files()
        sender.journal.dated()
    with ReplayWindow(network.home.participant(TOWN).replay) as replay:
        replay.gaps()
    conservation(open_node(network, TOWN))


@pytest.mark.parametrize("name", STATE_FILES)
def test_a_damaged_state_file_is_named_by_whoever_needs_it(name: str, at_stage: Callable[[str], Path]) -> None:
    root = at_stage("sent")
    path = Home(root).participant(TOWN).root / f"{name}.sqlite"
    tasks.receive(root, TOWN)
    before = receiver_state(root, TOWN)
    content = path.read_bytes()
    for harmed in (content[: len(content) // 2], bytes(100) + content[100:]):
        path.write_bytes(harmed)
        for work in (tasks.receive, tasks.maintain):
            with pytest.raises(Fatal, match=path.name):
                work(root, TOWN)
    path.write_bytes(content)
    tasks.receive(root, TOWN)
    assert receiver_state(root, TOWN) == before


def test_a_sender_without_outbox_and_journal_sends_all_again_and_it_counts_once_however_often(
    at_stage: Callable[[str], Path],
) -> None:
    root = at_stage("received")
    sender = Home(root).participant("hc-huis")
    exports = sorted(path for path in sender.sources.iterdir() if path.name != "clients.csv")
    rent = pl.col("partner_type") == "rent"
    before = read_all(root)["payment_arrears"].filter(rent).sort("event_id")
    assert before.height > 50  # as many as a rule about the share of doubles needs
    for _ in range(3):
        for path in (sender.outbox, sender.journal):
            path.unlink()
        assert tasks.send(root, "hc-huis", exports, BACK).events["payment_arrears"] > before.height
        verdicts = tasks.receive(root, TOWN).verdicts
        assert verdicts["held"] == verdicts["quarantined"] == 0
        found = read_all(root)
        assert found["payment_arrears"].filter(rent).sort("event_id").equals(before)
        assert found["conservation"]["balanced"].all()


def _receive_with_small_files(root: Path, limit: int) -> str:
    """Receive in a process in which no file may grow beyond a size: the kernel refuses it as it does a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        tasks.receive(root, TOWN)
    except SpiegelnetError as error:
        return f"{type(error).__name__}: {error}"
    return ""


def test_a_full_disk_is_told_and_what_was_stored_half_is_not_seen(at_stage: Callable[[str], Path]) -> None:
    whole, root = at_stage("sent"), at_stage("sent")
    tasks.receive(whole, TOWN)
    expected = receiver_state(whole, TOWN)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["services.tasks"])
    alarms = []
    for limit in LIMITS:
        with context.Pool(1) as pool:
            alarms.append(pool.apply(_receive_with_small_files, (root, limit)))
        shown = receiver_state(root, TOWN) if (root / "participants" / TOWN / "private" / "node").exists() else {}
        for kind, rows in shown.items():
            assert rows in ([], expected[kind]), kind  # a micro-batch is stored whole, or not at all
        assert conservation(open_node(Network.open(root), TOWN))["balanced"].all()
    assert all(alarm.startswith("Retryable: There is no room for ") for alarm in alarms[:3])
    tasks.receive(root, TOWN)
    assert receiver_state(root, TOWN) == expected


def test_a_copy_of_a_store_is_checked_like_the_first_one(at_stage: Callable[[str], Path], tmp_path: Path) -> None:
    root = at_stage("received")
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    path = needed(copy)["data"][0]
    frame = pl.read_parquet(path)
    frame.head(frame.height - 1).write_parquet(path)  # a whole Parquet file, of fewer rows
    with pytest.raises(Fatal, match=path.name):
        read_all(copy)
    read_all(root)
