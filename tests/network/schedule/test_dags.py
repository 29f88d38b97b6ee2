"""What Airflow and its users see of the schedules before any runs."""

import datetime as dt
import subprocess
import sys
from typing import Any

import pytest

from dags.alerting import alert, alert_of_run
from infra.schedule import SCHEDULES

SLOW = ("polars", "duckdb", "pyiceberg", "pyarrow", "pandas", "great_expectations", "kafka", "pydantic_settings")
READ = """
import os, sys
os.environ["AIRFLOW_HOME"] = sys.argv[1]
import airflow.sdk
before = set(sys.modules)
import dags.hub_benchmark, dags.intake, dags.node_month, dags.retention, dags.send
print(*sorted(set(sys.modules) - before))
"""


@pytest.fixture(params=SCHEDULES)
def schedule(request: pytest.FixtureRequest, schedules: dict[str, Any]) -> Any:
    return schedules[request.param]


def test_the_schedules_are_those_that_the_commands_name(schedules: dict[str, Any]) -> None:
    assert set(schedules) - {"probe"} == set(SCHEDULES)


def test_a_schedule_says_what_it_is_for_whom_and_how_long_it_may_take(schedule: Any) -> None:
    assert len(schedule.doc_md.splitlines()) > 3
    assert schedule.tags <= {"node", "hub", "partner"}
    assert schedule.tags
    assert schedule.catchup is False
    assert schedule.max_active_runs == 1
    assert schedule.dagrun_timeout > dt.timedelta(hours=1)
    assert schedule.on_failure_callback in (alert_of_run, [alert_of_run])
    for task in schedule.tasks:
        assert task.owner == "spiegelnet", task.task_id
        assert task.retries >= 3, task.task_id
        assert task.retry_exponential_backoff, task.task_id
        assert task.execution_timeout, task.task_id
        assert task.on_failure_callback in (alert, [alert]), task.task_id


def test_an_alert_finds_for_whom_a_task_runs_by_what_the_first_task_returned(schedule: Any) -> None:
    [first] = schedule.roots
    for task in schedule.tasks:
        if (group := task.get_closest_mapped_task_group()) is not None:
            assert first.task_id in {source.task_id for source, _ in group._expand_input.iter_references()}
        elif task.is_mapped:
            assert first.task_id in {source.task_id for source in task.iter_mapped_dependencies()}


def test_every_task_is_told_of_in_the_text_of_its_schedule(schedule: Any) -> None:
    if schedule.dag_id in {"send", "retention"}:  # one task per participant
        assert "One task per participant" in schedule.doc_md
        return
    names = {task.task_id.rpartition(".")[2] for task in schedule.tasks} - {"municipalities"}
    assert {name for name in names if f"**{name}**" not in schedule.doc_md} == set()


def test_reading_the_schedules_imports_nothing_slow(tmp_path: Any) -> None:
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", READ, str(tmp_path)], check=True, capture_output=True, text=True, timeout=120
    )
    read = set(done.stdout.split())
    assert "dags.intake" in read
    assert [name for name in SLOW if name in read] == []
    assert [name for name in read if name.startswith("services")] == []


def test_months_are_made_of_whole_intervals(schedules: dict[str, Any]) -> None:
    table = schedules["node_month"].timetable
    assert "0 0 1 * *" in str(table.expression if hasattr(table, "expression") else table)
