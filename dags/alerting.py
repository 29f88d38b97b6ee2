"""An alert for each task that failed for good and each run that ended too early: a line in `alerts.jsonl`, and the log.

Airflow asks for alerts at three places. A task that fails is told of by its own process. One that was killed with its
supervisor, and a run that took longer than it may, are told of by the reader of schedules. Of a task whose process
alone was killed, as the kernel does where memory is short, nobody tells: it is found when its run has failed.
"""

import datetime as dt
import logging
from collections.abc import Mapping
from typing import Any

from dags.about import period_of_run

AGAIN = "Look at its log, then clear the task, so that it runs again; it goes on where it was."


def alert(context: Any) -> None:
    """Tell of a task that failed; Airflow calls it with the task's context."""
    task, error = context["task_instance"], context.get("exception")
    who = participant(context["dag"], task.run_id, task.map_index)
    reason = getattr(error, "reason", None)
    if reason is not None:
        sentences = (reason.group, reason.what, reason.why, reason.todo)
    elif error is not None and type(error).__name__ == "AirflowTaskTimeout":
        sentences = ("ended", f"The task {_named(task.task_id, who)} was ended.", "It took longer than it may.", AGAIN)
    else:
        _write(context, _killed(task.task_id, who), task.task_id, who, task.try_number, once=True)
        return
    _write(context, sentences, task.task_id, who, task.try_number)


def alert_of_run(context: Any) -> None:
    """Tell of a run that failed, as far as no task has told why; Airflow calls it with the run's context."""
    if context["reason"] == "task_failure":
        _alert_of_killed(context)
        return
    last = context.get("task_instance")
    who = participant(context["dag"], context["run_id"], last.map_index) if last else None
    under_way = f"Its task {_named(last.task_id, who)} had not ended." if last else "None of its tasks was under way."
    cause = "It took longer than it may." if context["reason"] == "timed_out" else "Its tasks wait for each other."
    sentences = (
        "ended",
        f"{_run_named(context)} was ended before its tasks were done.",
        f"{cause} {under_way}",
        "Look at what that task waits for, then clear the tasks that were skipped; they go on where they were.",
    )
    _write(context, sentences, last.task_id if last else None, who, last.try_number if last else 1)


def tell(context: Any, group: str, what: str, why: str, todo: str) -> None:
    """Write an alert about the task of `context`; arguments as of `services.alerts.Alert`."""
    task = context["task_instance"]
    who = participant(context["dag"], task.run_id, task.map_index)
    _write(context, (group, what, why, todo), task.task_id, who, task.try_number)


def participant(schedule: Any, run_id: str, map_index: int | None) -> str | None:
    """Return for whom a task runs; None where for nobody in particular, or when Airflow cannot say.

    Every task that runs for somebody is one of as many as there are names in what the first task of its schedule
    returned, in that order. The arguments of a task that was killed are known nowhere else.
    """
    if map_index is None or map_index < 0:
        return None
    from airflow.sdk.execution_time.xcom import XCom

    try:
        [first] = schedule.roots
        names = XCom.get_one(key="return_value", dag_id=schedule.dag_id, task_id=first.task_id, run_id=run_id)
        return str(names[map_index]) if names else None
    except Exception:  # noqa: BLE001 - an alert without a name is better than none
        return None


def _alert_of_killed(context: Any) -> None:
    """Tell of those failed tasks of a run of which nobody has told."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    schedule, run_id = context["dag"], context["run_id"]
    try:
        states: Mapping[str, str] = RuntimeTaskInstance.get_task_states(schedule.dag_id, run_ids=[run_id])[run_id]
    except Exception:  # noqa: BLE001 - where Airflow cannot be asked, what tasks told themselves stands
        return
    for name in (name for name, state in states.items() if state == "failed"):
        task, map_index = _place(schedule, name)
        who = participant(schedule, run_id, map_index)
        _write(context, _killed(task, who), task, who, 1, once=True)


def _place(schedule: Any, name: str) -> tuple[str, int]:
    """Split what Airflow calls a task of a run, `collect` or `collect_3`, into its id and its place among others."""
    task, _, number = name.rpartition("_")
    return (task, int(number)) if schedule.has_task(task) and number.isdigit() else (name, -1)


def _killed(task: str, who: str | None) -> tuple[str, str, str, str]:
    return (
        "ended",
        f"The task {_named(task, who)} ended without a word.",
        "Its process was killed, as happens where memory is short.",
        AGAIN,
    )


def _named(task: str, who: str | None) -> str:
    name = task.rpartition(".")[2]
    return f"{name} for {who}" if who else name


def _run_named(context: Any) -> str:
    period = period_of_run(context)
    return f"The run of {context['dag'].dag_id} for {period}" if period else f"A run of {context['dag'].dag_id}"


def _write(
    context: Any,
    sentences: tuple[str, str, str, str],
    task: str | None,
    who: str | None,
    attempt: int,
    *,
    once: bool = False,
) -> None:
    """Write an alert; with `once` only when none tells of that task since its run began."""
    from services.alerts import Alert, add_alert, add_alert_once
    from services.config import default_home
    from services.home import Home

    home = Home(default_home())
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    dag, run, period = context["dag"].dag_id, context["run_id"], period_of_run(context)
    told = Alert(now, dag, task, who, run, period, attempt, *sentences)
    if once:
        add_alert_once(home, told, getattr(context.get("dag_run"), "start_date", None))
        return
    logging.getLogger("spiegelnet.schedule").error("%s %s %s", *sentences[1:])
    add_alert(home, told)
