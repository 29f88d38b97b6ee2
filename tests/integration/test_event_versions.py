"""A network moves from one version of an event to the next: receivers first, then senders, until none sends the old."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from services import tasks
from services.home import Home
from services.network import Network
from services.privacy.keys import opening_keys
from services.receiving.opening import Opener
from services.receiving.replay import ReplayWindow
from services.registry import Registry, load_registry
from services.sending.delivery import deliver_file
from services.sending.sender import open_sender
from services.store.parcels import ParcelFate
from services.stories.text import StoryKey
from tests.network_state import events, intake
from tests.small_network import MUNICIPALITIES, arrears, export, texts

pytestmark = pytest.mark.xdist_group("network")

KIND, SENDER, TOWN = "supply_stop_notice", "es-stroom", MUNICIPALITIES[0]


def with_status(status: dict[int, str]) -> Registry:
    """The registry of an installation whose contracts of this event say so."""
    registry = load_registry()
    changed = {
        (KIND, version): replace(
            registry.get(KIND, version), contract=replace(registry.get(KIND, version).contract, status=told)
        )
        for version, told in status.items()
    }
    return Registry({**registry.types, **changed}, registry.hashes)


def notices(root: Path, name: str, houses: range, reached: str | None) -> Path:
    cells = texts("stops", arrears(TOWN, "2025-10", houses))
    if reached is not None:
        cells = cells.with_columns(pl.lit(reached).alias("Contact gehad"))
    return export(Home(root).participant(SENDER).sources, "stops", cells, name)


def send_before_the_move(root: Path, path: Path) -> None:
    """Send as an installation does in which the new version is proposed only."""
    network = Network.open(root)
    with open_sender(network, SENDER) as sender, network.broker(SENDER) as broker:
        deliver_file(replace(sender, registry=with_status({1: "active", 2: "proposed"})), path)
        sender.push(broker)


def test_a_sender_that_has_not_moved_and_one_that_has_are_both_understood(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("empty")
    send_before_the_move(root, notices(root, "_old", range(1, 4), "J"))
    tasks.send(root, SENDER, [notices(root, "_new", range(11, 14), "N"), notices(root, "_bare", range(21, 23), None)])
    assert dict(tasks.receive(root, TOWN).verdicts) == {"accepted": 8}
    versions = intake(root, TOWN).group_by("version").len().sort("version").rows()
    assert versions == [(1, 3), (2, 5)]
    reached = events(root, TOWN, KIND)["household_reached"]
    assert sorted(reached.to_list(), key=repr) == [False] * 3 + [None] * 5


def test_a_file_that_was_sent_by_the_old_version_counts_once_when_it_comes_by_the_new(
    at_stage: Callable[[str], Path],
) -> None:
    root = at_stage("empty")
    path = notices(root, "_october", range(1, 4), "J")
    send_before_the_move(root, path)
    tasks.send(root, SENDER, [path], again_to=TOWN)
    report = tasks.receive(root, TOWN)
    assert dict(report.verdicts) == {"accepted": 3, "duplicate": 3}
    assert events(root, TOWN, KIND).height == 3


@pytest.mark.parametrize("status", ["proposed", "deprecated", "retired"])
def test_a_version_is_received_until_it_is_retired(
    status: str, at_stage: Callable[[str], Path], tmp_path: Path
) -> None:
    root = at_stage("empty")
    send_before_the_move(root, notices(root, "_old", range(1, 4), None))
    network = Network.open(root)
    keys = network.keys(TOWN)
    with network.broker(TOWN) as broker, ReplayWindow(tmp_path / "replay.sqlite") as replay:
        registry = with_status({1: status, 2: "active"})
        keys_of_it = (opening_keys(keys), keys.node, lambda: StoryKey.create(tmp_path / "story.key"))
        opener = Opener(TOWN, *keys_of_it, network.directory, registry, replay, "one reading")
        (message,) = broker.read(f"parcels.{TOWN}", 0)
        found = opener.open(message, dt.datetime.now(dt.UTC))
    fate = found.fate if isinstance(found, ParcelFate) else "opened"
    assert fate == ("contract_not_allowed" if status == "retired" else "opened")


def test_what_is_no_answer_to_whether_the_household_was_reached_is_refused_with_its_row(
    at_stage: Callable[[str], Path],
) -> None:
    root = at_stage("empty")
    report = tasks.send(root, SENDER, [notices(root, "_unclear", range(1, 3), "misschien")])
    assert dict(report.refused) == {"unknown_code": 2}
