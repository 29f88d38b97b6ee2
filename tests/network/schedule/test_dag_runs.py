"""Each schedule run whole on the small network: what it leaves is what the commands leave, and how it fails."""

import datetime as dt
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from infra.certificates import ensure_certificates
from services import tasks
from services.access import Access
from services.alerts import Alert, add_alert
from services.home import Home
from tests.network.homes import free_ports
from tests.network.schedule.conftest import Ran
from tests.network_state import published, release_state, rows_of
from tests.small_network import BACK, EVERYBODY, KINDS, MUNICIPALITIES, arrears, export, texts

TOWN = MUNICIPALITIES[0]
AtStage = Callable[[str], Path]
Run = Callable[..., Ran]
UTC = dt.UTC


def alerts(root: Path) -> list[dict[str, Any]]:
    path = Home(root).alerts
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def as_bytes(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.rechunk().write_ipc(out)
    return out.getvalue()


def test_the_schedules_bring_what_the_commands_bring(at_stage: AtStage, run_schedule: Run) -> None:
    root, expected = at_stage("sent"), at_stage("closed")
    taken = run_schedule(root, "intake")
    assert taken.state == "success"
    assert {who for (task, who) in taken.tasks if task == "collect"} == {*MUNICIPALITIES, "hub"}
    for first in (dt.datetime(2025, 11, 1, tzinfo=UTC), dt.datetime(2025, 12, 1, tzinfo=UTC)):
        closed = run_schedule(root, "node_month", logical_date=first)  # the interval that ended then
        assert set(closed.tasks.values()) == {"success"}
        assert {who for (task, who) in closed.tasks if task == "report"} == set(MUNICIPALITIES)
    made = run_schedule(root, "hub_benchmark", logical_date=None, run_conf={"period": "2025-11"})
    assert set(made.tasks.values()) == {"success"}
    for name in (*MUNICIPALITIES, "hub"):
        found, wanted = published(root, name), published(expected, name)
        assert found.keys() == wanted.keys()
        for table, frame in found.items():
            assert rows_of(frame) == rows_of(wanted[table]), (name, table)
    assert set(published(root, TOWN)["published.cells"].filter(period_kind="month")["period"]) == set(BACK)
    assert alerts(root) == []
    again = run_schedule(root, "hub_benchmark", logical_date=None, run_conf={"period": "2025-11"})
    assert [again.tasks[name, None] for name in ("standing", "benchmark", "sums_verdict")] == ["skipped"] * 3


def test_a_month_that_runs_again_gives_the_same_release_byte_for_byte(at_stage: AtStage, run_schedule: Run) -> None:
    root = at_stage("received")
    date = dt.datetime(2025, 12, 1, tzinfo=UTC)
    run_schedule(root, "node_month", logical_date=date)
    before, state = as_bytes(published(root, TOWN)["published.cells"]), release_state(root, TOWN)
    later = export(
        Home(root).participant("hc-huis").sources, "rent", texts("rent", arrears(TOWN, "2025-11", range(4001, 4061)))
    )
    tasks.send(root, "hc-huis", [later])
    assert run_schedule(root, "intake").state == "success"
    again = run_schedule(root, "node_month", logical_date=date)
    assert set(again.tasks.values()) == {"success"}
    assert as_bytes(published(root, TOWN)["published.cells"]) == before
    assert release_state(root, TOWN)["node.releases"] == state["node.releases"]
    assert release_state(root, TOWN)["node.closes"] == state["node.closes"]


def test_a_failed_gate_is_a_failed_task_with_the_sentence_of_the_contract(at_stage: AtStage, run_schedule: Run) -> None:
    root = at_stage("empty")
    cells = texts("energy", arrears(TOWN, "2025-11", range(3001, 3061)))
    amount, bad = KINDS["energy"].roles["amount"], pl.int_range(pl.len()) % 4 == 0
    dirty = cells.with_columns(pl.when(bad).then(pl.lit("-12")).otherwise(amount).alias(amount))
    good = texts("energy", arrears(MUNICIPALITIES[1], "2025-11", range(1, 61)))
    sources = Home(root).participant("es-stroom").sources
    tasks.send(
        root, "es-stroom", [export(sources, "energy", part, name) for name, part in (("_a", dirty), ("_b", good))]
    )
    ran = run_schedule(root, "intake")
    assert ran.state == "failed"
    assert ran.tasks["gate_verdict", TOWN] == "failed"
    others = {task: state for task, state in ran.tasks.items() if task != ("gate_verdict", TOWN)}
    assert set(others.values()) <= {"success", "skipped"}
    [told] = alerts(root)
    assert (told["dag"], told["task"], told["participant"]) == ("intake", "participant_intake.gate_verdict", TOWN)
    assert told["group"] == "rejected"
    assert told["attempt"] == 1
    assert "A delivery of which more than 20% of the events are quarantined is held" in told["why"]
    assert "-12" not in json.dumps(told)


def test_a_quiet_quarter_of_an_hour_is_one_task(at_stage: AtStage, run_schedule: Run) -> None:
    ran = run_schedule(at_stage("empty"), "intake")
    assert ran.state == "success"
    assert ran.tasks.pop(("waiting", None)) == "success"
    assert set(ran.tasks.values()) == {"skipped"}


def test_a_broker_that_is_away_is_one_alert_that_says_so(at_stage: AtStage, run_schedule: Run) -> None:
    root = at_stage("empty")
    with_broker_away(root)
    ran = run_schedule(root, "intake", retries=0)
    assert ran.tasks.pop(("waiting", None)) == "failed"
    assert ran.tasks.pop(("announce", None)) == "skipped"
    assert set(ran.tasks.values()) == {"upstream_failed"}
    [told] = alerts(root)
    assert (told["task"], told["group"]) == ("waiting", "retryable")
    assert "cannot be reached" in told["what"]


def with_broker_away(root: Path) -> None:
    """Let a network's parcels wait at a Kafka that nobody has started."""
    home = Home(root)
    with (root / "spiegelnet.toml").open("a", encoding="utf-8") as config:
        config.write(f'\n[broker]\nkind = "kafka"\nserver = "localhost:{free_ports()[0]}"\n')
    ensure_certificates(home)
    for participant in EVERYBODY:
        Access.generate(participant).save(home.participant(participant).access)


def test_a_partner_sends_what_is_new_and_states_the_month_before(at_stage: AtStage, run_schedule: Run) -> None:
    root = at_stage("made")
    for path in (root / "participants").glob("*/sources/*"):
        os.utime(path, (0, 0))
    first = run_schedule(root, "send", logical_date=None, run_after=dt.datetime(2025, 12, 3, 4, tzinfo=UTC))
    assert first.state == "success"
    assert {who for (task, who), state in first.tasks.items() if task == "send_new" and state == "success"} >= {"cbs"}
    taken = run_schedule(root, "intake")
    assert taken.state == "success"
    again = run_schedule(root, "send", logical_date=None, run_after=dt.datetime(2025, 12, 4, 4, tzinfo=UTC))
    assert {state for (task, _), state in again.tasks.items() if task == "send_new"} <= {"skipped", "success"}
    assert again.tasks["send_new", "hc-huis"] == "skipped"
    closed = run_schedule(root, "node_month", logical_date=dt.datetime(2025, 12, 1, tzinfo=UTC))
    assert closed.state == "success"
    assert published(root, TOWN)["published.quality"].filter(period="2025-11")["stated"].all()


def test_every_store_is_maintained(at_stage: AtStage, run_schedule: Run) -> None:
    root = at_stage("closed")
    before = {name: published(root, name) for name in (TOWN, "hub")}
    for run, days in (("old", 91), ("new", 89)):
        at = (dt.datetime.now(dt.UTC) - dt.timedelta(days=days)).isoformat()
        add_alert(Home(root), Alert(at, "intake", "collect", None, run, None, 1, "fatal", "So.", "Thus.", "Do."))
    ran = run_schedule(root, "retention")
    assert set(ran.tasks.values()) == {"success"}
    assert len(ran.tasks) == 2 + len(list((root / "participants").iterdir()))
    assert ran.results["history"].keys() == {"alerts", "logs_set_aside", "task_logs"}
    assert [item["run"] for item in alerts(root)] == ["new"], "an alert of 91 days ago is not kept"
    for name, tables in before.items():
        assert {table: rows_of(frame) for table, frame in published(root, name).items()} == {
            table: rows_of(frame) for table, frame in tables.items()
        }


@pytest.fixture
def probed(at_stage: AtStage, run_schedule: Run, capfd: pytest.CaptureFixture[str]) -> tuple[Ran, Path, str]:
    """Run the probe, whose tasks fail in every way: the run, its network, and all that was logged."""
    root = at_stage("empty")
    ran = run_schedule(root, "probe", logical_date=None)
    return ran, root, "".join(capfd.readouterr())


def test_only_what_may_succeed_later_is_tried_again(probed: tuple[Ran, Path, str]) -> None:
    ran = probed[0]
    assert ran.tasks["away_once", None] == "success"
    assert ran.attempts["away_once"] == 2
    for name in ("fatal", "rejected", "not_allowed", "source", "about"):
        assert (ran.tasks[name, None], ran.attempts[name]) == ("failed", 1), name
    assert (ran.tasks["unforeseen", None], ran.attempts["unforeseen"]) == ("failed", 2)
    assert ran.tasks["nothing_to_do", None] == "skipped"


def test_who_fails_for_good_raises_the_alarm_with_a_reason(probed: tuple[Ran, Path, str]) -> None:
    told = {item["task"]: item for item in alerts(probed[1])}
    assert set(told) == {"fatal", "rejected", "not_allowed", "source", "unforeseen", "about", "slow"}
    assert {name: item["group"] for name, item in told.items()} == {
        "fatal": "fatal",
        "rejected": "rejected",
        "not_allowed": "not allowed",
        "source": "rejected",
        "unforeseen": "fault",
        "about": "fatal",
        "slow": "ended",
    }
    fatal = told["fatal"]
    assert [fatal[name] for name in ("what", "why", "todo")] == ["It cannot go on.", "A file is broken.", "Mend it."]
    assert told["about"]["todo"] == 'Start it with the parameter period, for example {"period": "2025-12"}.'
    assert "probe.py, line" in told["unforeseen"]["why"]
    assert (told["slow"]["what"], told["slow"]["why"]) == ("The task slow was ended.", "It took longer than it may.")


def test_the_text_of_an_unforeseen_error_is_nowhere(probed: tuple[Ran, Path, str]) -> None:
    _, root, logged = probed
    assert "It cannot go on. A file is broken. Mend it." in logged
    assert "SECRET" not in logged
    assert "SECRET" not in Home(root).alerts.read_text("utf-8")
