"""Status as a person wants it: what flows, waits and failed, since when, whose turn it is; right after each change."""

import datetime as dt
import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from services import tasks
from services.errors import NotAllowed
from services.home import Home
from services.network import Network
from services.quarantine import lift, open_events, replay
from services.receiving.collecting import open_node
from services.runs import RunRecord
from services.sending.sender import open_sender
from services.status import network_status, own_participants, participant_status
from services.store.compaction import compact
from services.store.intake import open_intake
from tests.command import run
from tests.small_network import AFTER, BACK, KINDS, MUNICIPALITIES, PARTNERS, Stages, arrears, copied, export, texts
from tests.standing import require_same_as_the_store

pytestmark = pytest.mark.xdist_group("network")

TOWN, SECOND, THIRD = MUNICIPALITIES
AtStage = Callable[[str], Path]


def deliver(root: Path, sender: str, kind: str, cells: pl.DataFrame, name: str, *, mended: bool = False) -> None:
    """Send an export and let the municipality receive it."""
    path = export(Home(root).participant(sender).sources, kind, cells, name)
    tasks.send(root, sender, [path], mended=mended)
    tasks.receive(root, TOWN)


def spoilt(kind: str, rows: range, bad: int, amount: str = "-5") -> pl.DataFrame:
    """An export of one municipality of which the first rows have an amount that is not allowed."""
    cells = texts(kind, arrears(TOWN, "2025-11", rows))
    column = KINDS[kind].roles["amount"]
    return cells.with_columns(
        pl.when(pl.int_range(pl.len()) < bad).then(pl.lit(amount)).otherwise(column).alias(column)
    )


def matters(root: Path, kind: str) -> list[Any]:
    return [item for item in network_status(Network.open(root)).matters if item.kind == kind]


def test_the_standing_is_right_after_every_kind_of_change(at_stage: AtStage) -> None:
    root = at_stage("received")
    network = Network.open(root)
    for town in MUNICIPALITIES:
        require_same_as_the_store(root, town)
    deliver(root, "es-stroom", "energy", spoilt("energy", range(3001, 3041), 4), "_a")
    require_same_as_the_store(root, TOWN)
    assert matters(root, "quarantine")
    deliver(root, "es-stroom", "energy", spoilt("energy", range(3001, 3041), 0), "_a", mended=True)
    require_same_as_the_store(root, TOWN)
    assert not matters(root, "quarantine")
    deliver(root, "es-stroom", "energy", spoilt("energy", range(4001, 4101), 60), "_b")  # held: over a fifth is wrong
    require_same_as_the_store(root, TOWN)
    (held,) = matters(root, "held")
    assert (held.turn, held.count, "quarantined_share" in held.text) == ((TOWN, "es-stroom"), 40, True)
    node = open_node(network, TOWN)
    replay(node, network.registry, network.now())
    require_same_as_the_store(root, TOWN)
    stopped = open_events(node).filter(verdict="held").row(0, named=True)
    assert lift(node, network.registry, ("es-stroom", stopped["delivery_id"]), network.now()) == 40
    require_same_as_the_store(root, TOWN)
    assert not matters(root, "held")
    tasks.month(root, TOWN, BACK, AFTER)
    assert participant_status(root, TOWN, None).closed == BACK[-1]


def test_joining_files_and_removing_the_counts_changes_no_number(at_stage: AtStage) -> None:
    root = at_stage("received")
    for name in "abcdefghi":
        deliver(
            root, "es-stroom", "energy", spoilt("energy", range(3001 + 50 * ord(name), 3011 + 50 * ord(name)), 2), name
        )
        if name in "ch":
            require_same_as_the_store(root, TOWN)
    before = participant_status(root, TOWN, None).senders
    assert compact(open_intake(open_node(Network.open(root), TOWN).catalog), least=2) > 5
    require_same_as_the_store(root, TOWN)
    assert participant_status(root, TOWN, None).senders == before
    deliver(root, "es-stroom", "energy", spoilt("energy", range(9001, 9011), 1), "_after")
    require_same_as_the_store(root, TOWN)
    Home(root).participant(TOWN).standing.unlink()
    require_same_as_the_store(root, TOWN)


def test_a_store_that_has_not_changed_is_not_opened(at_stage: AtStage) -> None:
    root = at_stage("received")
    first = network_status(Network.open(root))
    for town in MUNICIPALITIES:  # without its tables nothing could be read
        folder = Home(root).participant(town).root / "private"
        for path in folder.iterdir():
            if path.name != "catalog.sqlite" and not path.name.startswith("catalog.sqlite-"):
                shutil.rmtree(path)
    again = network_status(Network.open(root))
    assert [vars(item) for item in again.participants] == [vars(item) for item in first.participants]


def test_what_waits_for_the_broker_is_told_with_its_size_and_since_when(at_stage: AtStage) -> None:
    root = at_stage("made")
    network = Network.open(root)
    with open_sender(network, "es-stroom") as sender:
        tasks.deliver_file(
            sender, export(Home(root).participant("es-stroom").sources, "energy", spoilt("energy", range(1, 9), 0))
        )
    with pytest.raises(ZeroDivisionError):
        tasks.send(root, "es-stroom", [], at=_fails_at("append"))
    (matter,) = matters(root, "waiting")
    status = participant_status(root, "es-stroom", None)
    assert (status.waiting, status.waiting_bytes > 4000) == (1, True)
    assert (matter.turn, matter.since) == (("es-stroom",), status.waiting_since)
    assert status.waiting_since is not None
    assert "1 parcel (" in matter.text
    (failed,) = matters(root, "task")
    assert ("fault" in failed.text, "ZeroDivisionError" in failed.text, failed.urgent) == (True, True, True)
    tasks.send(root, "es-stroom", [])
    assert not matters(root, "waiting")
    assert not matters(root, "task")


def _fails_at(step: str) -> Callable[[str], None]:
    def at(name: str) -> None:
        if name == step:
            raise ZeroDivisionError("4531AB 12")

    return at


def test_what_is_not_collected_is_told_with_the_time_of_the_oldest(stages: Stages, tmp_path: Path) -> None:
    root = copied(stages.sent, tmp_path / "home")
    (matter,) = matters(root, "unread")
    with Network.open(root).broker("hub") as broker:
        counts = {town: broker.end_offset(f"parcels.{town}") for town in (*MUNICIPALITIES, "hub")}
        oldest = min(broker.read(f"parcels.{name}", 0, max_messages=1)[0].appended_at for name in counts)
    assert (matter.count, matter.since, matter.turn) == (sum(counts.values()), oldest, (*MUNICIPALITIES, "hub"))


def test_months_that_wait_say_for_whom_and_those_that_are_due_whose_they_are(at_stage: AtStage) -> None:
    root = at_stage("made")
    for sender in (*PARTNERS, *MUNICIPALITIES):
        if sender != "hc-huis":
            tasks.send(root, sender, [], BACK)
    tasks.send(root, "hc-huis", [], BACK[:1])
    tasks.receive(root, TOWN)
    tasks.month(root, TOWN, BACK[:1], AFTER)
    found = network_status(Network.open(root), [TOWN])
    (status,) = found.participants
    assert status.closed == BACK[0]
    assert status.owing == ("hc-huis",)  # of the newest month of which anything came
    assert [month.period for month in status.months][:1] == [BACK[1]]
    assert status.months[0].missing == ("hc-huis",)
    assert status.months[0].due == dt.date(2025, 12, 10)
    due = next(item for item in found.matters if item.kind == "close")
    assert (due.turn, due.since) == ((TOWN,), dt.date(2025, 12, 10))
    owed = {item.turn: item.text for item in found.matters if item.kind == "statement"}
    assert any("hc-huis" in turn for turn in owed)
    assert participant_status(root, TOWN, BACK[0]).owing == ()


def test_on_a_machine_with_one_s_own_keys_only_one_s_own_are_told_beside_the_directory(at_stage: AtStage) -> None:
    root = at_stage("received")
    for other in (*PARTNERS, SECOND, THIRD, "hub", "cbs"):
        Home(root).participant(other).keys.unlink()
    assert own_participants(Network.open(root)) == [TOWN]
    told = json.loads(run("status", "--json", "--home", root).out)
    assert [item["participant"] for item in told["participants"]] == [TOWN]
    assert {item["id"] for item in told["others"]} == {*PARTNERS, SECOND, THIRD, "hub", "cbs"}
    person = run("status", "--home", root).out
    assert "Others in the directory" in person
    with pytest.raises(NotAllowed):
        participant_status(root, SECOND, None)
    assert run("status", SECOND, "--home", root).code == NotAllowed.exit_code


def test_alarms_of_the_schedule_are_told_and_a_broken_line_is_left_out(at_stage: AtStage) -> None:
    root = at_stage("empty")
    alert = {
        "time": "2026-01-03T04:05:06+00:00", "dag": "node_month", "task": "close", "participant": TOWN,
        "run": "manual__1", "period": "2025-12",
        "group": "fatal", "what": "It is so.", "why": "Because.", "todo": "Do.", "value": "not told",
    }  # fmt: skip
    lines = ["{", "[]", json.dumps(alert), '{"time": "2026-01-04", "participant": null}']
    (root / "alerts.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    told = json.loads(run("status", "--json", "--home", root).out)["alerts"]
    assert told[0] == {name: value for name, value in alert.items() if name != "value"}
    assert told[1] == {"time": "2026-01-04"}
    person = run("status", "--home", root).out
    assert "It is so." in person


def test_a_broker_that_is_away_hides_nothing_else(at_stage: AtStage) -> None:
    root = at_stage("received")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with (root / "spiegelnet.toml").open("a", encoding="utf-8") as file:
        file.write(f'[broker]\nkind = "kafka"\nserver = "localhost:{port}"\n')
    found = network_status(Network.open(root))
    by_id = {item.participant: item for item in found.participants}
    assert sum(int(str(sender["accepted"])) for sender in by_id[TOWN].senders) > 100
    assert {item.unread for item in found.participants} == {None}
    (server,) = found.servers
    assert (server.name, server.healthy) == ("kafka", False)
    assert {item.kind for item in found.matters} >= {"server", "unknown"}
    assert next(item for item in found.matters if item.kind == "server").turn == ("operator",)


def test_a_task_that_was_killed_is_told_after_hours(at_stage: AtStage) -> None:
    root = at_stage("empty")
    record = RunRecord(Home(root).participant(TOWN).runs)
    now = Network.open(root).now()
    record.begin("collect", now - dt.timedelta(hours=1))
    assert not matters(root, "task")
    record.begin("collect", now - dt.timedelta(hours=7))
    (matter,) = matters(root, "task")
    assert ("has begun and not ended" in matter.text, matter.turn) == (True, (TOWN,))


def test_the_record_of_runs_says_how_each_kind_of_task_ended(at_stage: AtStage) -> None:
    root = at_stage("received")
    today = Network.open(root).today()
    by_task = {item.task: item for item in participant_status(root, TOWN, None).tasks}
    assert (by_task["send"].successes, by_task["collect"].successes) == (1, 1)
    done = run("month", today.strftime("%Y-%m"), "-p", TOWN, "--home", root)
    assert done.code == 4
    month = {item.task: item for item in participant_status(root, TOWN, None).tasks}["month"]
    assert (month.group, month.failures, month.successes) == ("retryable", 1, 0)
    assert month.failing_since is not None
    tasks.month(root, TOWN, BACK, AFTER)
    month = {item.task: item for item in participant_status(root, TOWN, None).tasks}["month"]
    assert (month.group, month.failures, month.successes, month.failing_since) == (None, 1, 1, None)
    asked = participant_status(root, "es-stroom", None).asked
    assert asked.requests["ks-a", "answered"] > 0
    assert asked.elements["ks-a"] == asked.elements["ks-b"] > 0


def test_who_is_not_of_the_network_gets_no_record(at_stage: AtStage) -> None:
    root = at_stage("empty")
    assert run("send", "es-niemand", "--home", root).code == 3
    assert not (root / "participants" / "es-niemand").exists()
    assert not Home(root).lineage("es-niemand").exists()
