"""Upkeep over the years on a whole network: what is too old goes, and what was released, told and counted stands."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from services import tasks
from services.home import Home
from services.maintenance import maintain
from services.month import close, release
from services.network import Network
from services.receiving.collecting import open_node
from services.receiving.receipts import send_receipts
from services.sending.sender import open_sender
from services.store.accounts import conservation
from services.store.events import is_kept
from tests.command import run
from tests.network_state import events, published, receiver_state, release_state, rows_of
from tests.small_network import AFTER, BACK, MUNICIPALITIES, PARTNERS

pytestmark = pytest.mark.xdist_group("network")

TOWN = MUNICIPALITIES[0]
LAST = (*BACK, "2025-12")
NOW = dt.datetime.now(dt.UTC)
OLD = NOW + dt.timedelta(days=401)
"""A day on which what came today is kept no longer by the contracts of signals, of 400 days."""
STEPS = (
    "check files",
    "let go of closes",
    "mark expiring",
    "trim intake",
    "trim typed",
    "count expired",
    "clear sender",
    "join files",
    "remove files",
)


class EndedHere(BaseException):
    """Nothing catches it, as nothing catches the end of a process."""


def keep_up(root: Path, *days: int, participant: str = TOWN) -> None:
    for number in days:
        maintain(Network.open(root), participant, NOW + dt.timedelta(days=number), least=2)


def left(root: Path) -> dict[str, object]:
    """What a municipality has, but for payloads that were sealed anew."""
    node = open_node(Network.open(root), TOWN)
    return {
        "received": receiver_state(root, TOWN),
        "released": release_state(root, TOWN),
        "conservation": conservation(node).rows(),
    }


def test_daily_upkeep_changes_nothing_that_anybody_sees(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("closed")
    before = left(root)
    keep_up(root, 0, 1, 2, 30)
    assert left(root) == before
    tasks.receive(root, TOWN)
    report = tasks.month(root, TOWN, BACK, AFTER)
    assert (report.periods, report.parcels, report.stands) == ([*BACK], 0, [])
    assert release_state(root, TOWN) == before["released"]


def test_events_go_after_their_time_and_everything_released_stands(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("closed")
    released, before = release_state(root, TOWN), conservation(open_node(Network.open(root), TOWN))
    report = maintain(Network.open(root), TOWN, OLD)
    assert report.removed.events["payment_arrears"] > 100
    assert report.removed.refused == 0  # they were seen as refused for the first time now
    assert events(root, TOWN, "payment_arrears").height == 0
    assert events(root, TOWN, "population_reference").height > 0
    assert release_state(root, TOWN) == released
    after = conservation(open_node(Network.open(root), TOWN))
    assert after.drop("expired").equals(before.drop("expired"))
    assert after["balanced"].all()


def test_no_receipt_follows_from_removing(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("closed")
    network = Network.open(root)
    maintain(network, TOWN, OLD)
    with open_sender(network, TOWN) as sender:
        assert send_receipts(network, sender) == 0


def test_a_close_that_lost_its_events_is_not_released_another_time(at_stage: Callable[[str], Path]) -> None:
    """The close is young (its events came long before it), so it is kept; but it cannot be counted as it was."""
    root = at_stage("received")
    tasks.month(root, TOWN, BACK, (NOW + dt.timedelta(days=300)).date())
    before = release_state(root, TOWN)
    report = maintain(Network.open(root), TOWN, OLD)
    assert (report.removed.snapshots > 0, report.removed.closes) == (True, [])
    again = tasks.month(root, TOWN, BACK, AFTER)
    assert (again.stands, again.periods, again.parcels) == ([*BACK], [], 0)
    assert release_state(root, TOWN) == before


def test_a_close_that_is_too_old_says_that_what_was_released_stands(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("received")
    tasks.month(root, TOWN, BACK, NOW.date())
    before = release_state(root, TOWN)
    node = open_node(Network.open(root), TOWN)
    report = maintain(Network.open(root), TOWN, OLD)
    assert report.removed.closes == ["close-2025-10,2025-11"]
    assert not is_kept(node.catalog, {"node.intake": 1})
    done = run("month", "2025-10..2025-11", "-p", TOWN, "--home", root)
    assert done.code == 0
    assert f"{TOWN}: what was released of 2025-10, 2025-11 stands." in done.out
    assert release_state(root, TOWN) == before


def test_a_month_that_lost_events_before_its_first_release_is_never_released(at_stage: Callable[[str], Path]) -> None:
    """December looks back on months of which the events are removed, and they are a part of its year."""
    root = at_stage("released")
    maintain(Network.open(root), TOWN, OLD)
    before = release_state(root, TOWN)
    report = tasks.month(root, TOWN, LAST, AFTER)
    assert (report.stands, report.lost) == ([*BACK], ["2025-12", "2025-Q4", "2025"])
    assert (report.statuses.total(), report.parcels) == (0, 0)
    after = release_state(root, TOWN)
    assert after["published.cells"] == before["published.cells"]
    assert after["node.releases"] == before["node.releases"]
    shown = run("month", "2025-12", "-p", TOWN, "--home", root)
    assert shown.code == 0
    assert f"{TOWN}: 2025-12, 2025-Q4, 2025 can be released no more." in shown.out


def test_a_closed_month_that_was_not_released_in_time_is_never_released(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("received")
    network = Network.open(root)
    with open_sender(network, TOWN) as sender:
        close(network, sender, BACK, today=NOW.date())
        maintain(network, TOWN, OLD)
        assert release(network, sender, BACK).lost == [*BACK]
    assert "published.cells" not in release_state(root, TOWN)


@pytest.mark.parametrize("step", ["log releases", "publish cells"])
def test_of_a_month_whose_release_ended_halfway_no_other_release_is_made_when_its_events_are_removed(
    step: str, at_stage: Callable[[str], Path]
) -> None:
    root = at_stage("received")

    def ended(name: str) -> None:
        if name == step:
            raise EndedHere

    with pytest.raises(EndedHere):
        tasks.month(root, TOWN, BACK, (NOW + dt.timedelta(days=300)).date(), at=ended)
    assert published(root, TOWN) == {}
    maintain(Network.open(root), TOWN, OLD)
    report = tasks.month(root, TOWN, BACK, AFTER)
    told = report.stands if step == "publish cells" else report.lost
    assert told == [*BACK]
    assert report.parcels == 0
    assert release_state(root, TOWN).get("published.cells", []) == []


def test_a_month_that_looks_back_on_whole_months_only_is_released(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("released")
    maintain(Network.open(root), TOWN, OLD)
    before = release_state(root, TOWN)
    report = tasks.month(root, TOWN, ["2026-05", "2026-06"], dt.date(2026, 7, 12))
    assert (report.lost, report.periods) == (["2026-05"], ["2026-06", "2026-Q2"])
    after = release_state(root, TOWN)
    for name in ("published.cells", "published.quality"):
        assert len(after[name]) > len(before[name])
        assert all(row in after[name] for row in before[name])


@pytest.mark.parametrize("step", STEPS)
def test_upkeep_that_ended_at_any_step_and_ran_again_leaves_the_same(
    step: str, at_stage: Callable[[str], Path]
) -> None:
    whole, root = at_stage("closed"), at_stage("closed")
    maintain(Network.open(whole), TOWN, OLD)

    def ended(name: str) -> None:
        if name == step:
            raise EndedHere

    with pytest.raises(EndedHere):
        maintain(Network.open(root), TOWN, OLD, ended)
    maintain(Network.open(root), TOWN, OLD)
    assert left(root) == left(whole)


def test_a_province_s_figures_stand_when_the_shares_are_removed(at_stage: Callable[[str], Path]) -> None:
    """Shares are kept for 90 days; the sum that they gave is not made anew of what is left."""
    root = at_stage("received")
    for town in MUNICIPALITIES:
        tasks.month(root, town, LAST, AFTER)
    tasks.benchmark(root)
    before = {name: rows_of(frame) for name, frame in published(root, "hub").items()}
    regional = [row for row in before["network.cells"] if "province" in row]
    assert any("published" in row for row in regional)
    keep_up(root, 91, participant="hub")
    assert events(root, "hub", "regional_share").height == 0
    tasks.benchmark(root)
    assert {name: rows_of(frame) for name, frame in published(root, "hub").items()} == before


def test_senders_keep_no_text_of_refused_rows_and_no_pseudonyms_of_past_years(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("sent")
    partner = next(iter(PARTNERS))
    network = Network.open(root)
    with open_sender(network, partner) as sender, sender.journal.transaction():
        told = {"field": "amount", "reason": "not_a_number", "remedy": "mend it", "raw": "x", "source_row": 3}
        sender.journal.add_refused("a.csv", "payment_arrears", b"1", pl.DataFrame(told))
    assert maintain(network, partner, NOW).removed.refused == 0
    report = maintain(network, partner, OLD)
    assert report.removed.refused == 1
    assert report.removed.pseudonyms > 0
    with open_sender(network, partner) as sender:
        assert sender.journal.refused_rows(mended=True) == []
        assert sender.journal.files().height > 0
    again = tasks.send(root, partner, sorted(Home(root).participant(partner).sources.glob("*achterstanden*.csv")))
    assert all(item.sent_before for item in again.files)


def test_the_command_says_what_it_did(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("received")
    shown = run("maintain", TOWN, "--home", root)
    assert shown.code == 0
    assert TOWN in shown.out
    (told,) = json.loads(run("maintain", TOWN, "--home", root, "--json").out)
    assert (told["participant"], told["events"], told["removed"]["events"]) == (TOWN, 0, {})
    assert told["checked"] > 10
    assert run("maintain", "gm9999", "--home", root).code == 3
