"""After an alarm a person lets a receiver read on: nothing that is stored goes, what comes again counts once."""

import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services import tasks
from services.errors import Fatal, Rejected
from services.home import Home
from services.network import Network
from services.receiving import going_on
from services.receiving.collecting import open_node
from services.receiving.replay import ReplayWindow
from services.setup import create_network
from services.status.participant import participant_status
from services.store.accounts import conservation
from tests.command import run
from tests.network_state import events, messages
from tests.small_network import BACK, MUNICIPALITIES, SENDERS, Stages, arrears, export, members, texts

pytestmark = pytest.mark.xdist_group("network")

TOWN, SENDER = MUNICIPALITIES[0], "es-stroom"
TYPES = ("payment_arrears", "supply_stop_notice", "eviction_notice", "delivery_statement")
AtStage = Callable[[str], Path]


def lose_broker(root: Path) -> None:
    """Let the broker begin again with nothing."""
    for path in Home(root).broker.parent.glob(f"{Home(root).broker.name}*"):
        path.unlink()
    create_network(root, members())


def counted(root: Path, town: str = TOWN) -> dict[str, list[bytes]]:
    """The ids of the events that count at a municipality, by type."""
    return {name: sorted(events(root, town, name)["event_id"].to_list()) for name in TYPES}


def send_all(root: Path, stages: Stages, senders: Sequence[str]) -> None:
    for sender in senders:
        tasks.send(root, sender, stages.paths(root, sender), BACK)


def half_read(at_stage: AtStage, stages: Stages) -> Path:
    """Make a network of which the town has stored what the first sender sent, and not read what the others did."""
    root = at_stage("made")
    send_all(root, stages, SENDERS[:1])
    tasks.receive(root, TOWN)
    send_all(root, stages, SENDERS[1:])
    return root


def send_again(root: Path, stages: Stages, sender: str) -> None:
    tasks.send(root, sender, stages.paths(root, sender), BACK, again_to=TOWN)


def require_balanced(root: Path) -> None:
    """The books are in order, and `status`, which counts on its own, says the same."""
    node = open_node(Network.open(root), TOWN)
    books = conservation(node)
    assert books["balanced"].all()
    assert books.height > 0
    status = participant_status(root, TOWN, None)
    assert status.balanced
    for name in ("parcels", "opened", "accepted", "duplicate"):
        assert sum(int(str(item[name])) for item in status.senders) == books[name].sum()


@pytest.fixture(scope="module")
def expected(stages: Stages) -> dict[str, list[bytes]]:
    """What counts where nothing ever fails."""
    found = counted(stages.received)
    assert all(found[name] for name in ("payment_arrears", "delivery_statement"))
    return found


def test_a_broker_that_is_lost_with_all_unread_parcels_costs_nothing_in_the_end(
    at_stage: AtStage, stages: Stages, expected: dict[str, list[bytes]]
) -> None:
    root = half_read(at_stage, stages)
    stored = counted(root)
    lose_broker(root)
    with pytest.raises(Fatal, match="not the one that was read before"):
        tasks.receive(root, TOWN)
    moved = tasks.go_on(root, TOWN, "the broker's disk broke on Friday")
    assert (moved.after.next_offset, moved.lost) == (0, None)
    tasks.receive(root, TOWN)
    assert counted(root) == stored != expected
    require_balanced(root)
    for sender in SENDERS:
        send_again(root, stages, sender)
    report = tasks.receive(root, TOWN)
    assert report.verdicts["duplicate"] > 0
    assert counted(root) == expected
    require_balanced(root)
    [decided] = open_node(Network.open(root), TOWN).parcels.goings_on()
    assert decided.reason == "the broker's disk broke on Friday"


def test_only_the_receiver_that_lost_something_gets_it_again(at_stage: AtStage, stages: Stages) -> None:
    root = at_stage("received")
    ends = {town: _end(root, town) for town in MUNICIPALITIES}
    send_again(root, stages, SENDER)
    assert {town for town in MUNICIPALITIES if _end(root, town) > ends[town]} == {TOWN}
    assert tasks.send(root, SENDER, stages.paths(root, SENDER), BACK).parcels == 0, "and only once"


def _end(root: Path, town: str) -> int:
    with Network.open(root).broker(town) as broker:
        return broker.end_offset(f"parcels.{town}")


def test_a_broker_put_back_from_a_copy_is_read_again_and_nothing_counts_twice(
    at_stage: AtStage, stages: Stages, expected: dict[str, list[bytes]]
) -> None:
    root = at_stage("made")
    send_all(root, stages, SENDERS[:1])
    before = Home(root).broker.read_bytes()
    send_all(root, stages, SENDERS[1:])
    tasks.receive(root, TOWN)
    for path in Home(root).broker.parent.glob(f"{Home(root).broker.name}*"):
        path.unlink()
    Home(root).broker.write_bytes(before)
    with pytest.raises(Fatal, match="has no offset"):
        tasks.receive(root, TOWN)
    moved = tasks.go_on(root, TOWN, "put back from Thursday's copy")
    assert (moved.after.next_offset, moved.lost) == (0, None)
    report = tasks.receive(root, TOWN)
    assert report.refused == {"duplicate": _end(root, TOWN)}
    assert counted(root) == expected
    require_balanced(root)


def test_without_its_memory_of_streams_a_store_that_reads_again_still_takes_each_parcel_once(
    at_stage: AtStage, expected: dict[str, list[bytes]]
) -> None:
    root = at_stage("received")
    before = conservation(open_node(Network.open(root), TOWN))
    _truncate(root, 3)
    tasks.go_on(root, TOWN, "put back from a copy")
    Home(root).participant(TOWN).replay.unlink()
    tasks.receive(root, TOWN)
    assert conservation(open_node(Network.open(root), TOWN)).equals(before)
    assert counted(root) == expected
    require_balanced(root)


def _truncate(root: Path, kept: int) -> None:
    """Let the broker forget the last messages of the town's topic, as a disk does that was put back."""
    with sqlite3.connect(Home(root).broker) as db:
        [number] = db.execute("SELECT number FROM topics WHERE name = ?", (f"parcels.{TOWN}",)).fetchone()
        db.execute("DELETE FROM messages WHERE topic = ? AND offset >= ?", (number, kept))
        db.execute("UPDATE topics SET end = ? WHERE number = ?", (kept, number))
    db.close()


def test_parcels_that_were_seen_and_not_stored_count_when_they_come_again(
    at_stage: AtStage, stages: Stages, expected: dict[str, list[bytes]]
) -> None:
    """A sender hands the same bytes over again when it did not hear that the broker took them."""
    root = half_read(at_stage, stages)
    place = open_node(Network.open(root), TOWN).position()
    assert place

    def end(step: str) -> None:
        if step == "write":
            raise InterruptedError

    with pytest.raises(InterruptedError):
        tasks.receive(root, TOWN, at=end)
    unread = messages(root, TOWN)[place.next_offset :]
    lose_broker(root)
    tasks.go_on(root, TOWN, "lost")
    with Network.open(root).broker(TOWN) as broker:
        broker.append_many(f"parcels.{TOWN}", [(b"", value) for value in unread])
    assert not tasks.receive(root, TOWN).refused
    assert counted(root) == expected
    require_balanced(root)


def test_missing_parcels_alarm_with_their_senders_until_they_are_settled(at_stage: AtStage) -> None:
    root = at_stage("received")
    lost, later = (new_export(root, number) for number in (1, 2))
    tasks.send(root, SENDER, [lost])
    lose_broker(root)
    tasks.go_on(root, TOWN, "lost")
    tasks.send(root, SENDER, [later])
    tasks.receive(root, TOWN)
    tasks.send(root, SENDER, [lost, later], again_to=TOWN)
    assert tasks.receive(root, TOWN).verdicts == {"accepted": 10, "duplicate": 10}
    home, soon = Home(root).participant(TOWN), datetime.now(UTC) + timedelta(hours=1)
    with ReplayWindow(home.replay) as replay:
        assert [gap.sender for gap in replay.gap_alarms(soon)] == [SENDER]
    done = run("quarantine", "settle", TOWN, SENDER, "--home", root, "--reason", "it sent again")
    assert "1 gap " in done.out
    with ReplayWindow(home.replay) as replay:
        assert replay.gap_alarms(soon) == []


def new_export(root: Path, number: int) -> Path:
    """Ten households that nobody else signals."""
    rows = arrears(TOWN, BACK[0], range(1000 * number, 1000 * number + 10))
    return export(Home(root).participant(SENDER).sources, "energy", texts("energy", rows), f"_{number}")


def test_nothing_is_decided_where_nothing_is_wrong_or_no_reason_is_given(at_stage: AtStage) -> None:
    root = at_stage("received")
    with pytest.raises(Rejected, match="Nothing keeps"):
        tasks.go_on(root, TOWN, "just so")
    lose_broker(root)
    with pytest.raises(Rejected, match="why"):
        tasks.go_on(root, TOWN, " ")


def test_it_can_be_killed_at_any_moment_and_run_again(
    at_stage: AtStage, monkeypatch: pytest.MonkeyPatch, stages: Stages, expected: dict[str, list[bytes]]
) -> None:
    root = at_stage("received")
    lose_broker(root)

    def killed(*_: object) -> None:
        raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(going_on, "begin_reading", killed)
        with pytest.raises(InterruptedError):
            tasks.go_on(root, TOWN, "first")
    with pytest.raises(Fatal, match="not the one"):
        tasks.receive(root, TOWN)
    tasks.go_on(root, TOWN, "second")
    for sender in SENDERS:
        send_again(root, stages, sender)
    tasks.receive(root, TOWN)
    assert counted(root) == expected
    require_balanced(root)
    assert [item.reason for item in open_node(Network.open(root), TOWN).parcels.goings_on()] == ["second"]


def test_the_command_says_where_it_reads_on_and_collects(at_stage: AtStage, stages: Stages) -> None:
    root = at_stage("received")
    lose_broker(root)
    stopped = run("receive", TOWN, "--home", root)
    assert stopped.code == 3
    assert f"spiegelnet receive {TOWN} --go-on" in stopped.err
    everybody = run("receive", "--home", root, "--go-on", "lost")
    assert "one participant at a time" in everybody.err
    send_again(root, stages, SENDER)
    done = run("receive", TOWN, "--home", root, "--go-on", "lost", "--json")
    assert f"{TOWN} reads on at offset 0 of its topic" in done.err
    assert f"--again-to {TOWN}" in done.err
