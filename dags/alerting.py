"""An alert for each task that failed for good: a line in `alerts.jsonl`, and the three sentences in the task's log."""

import datetime as dt
import logging
from typing import Any

WHO = ("participant", "municipality")
"""Arguments of tasks that say for whom they run."""


def alert(context: Any) -> None:
    """Tell of a task that failed; Airflow calls it with the task's context."""
    reason = getattr(context.get("exception"), "reason", None)
    if reason is None:  # killed, or stopped after too long a time
        task = context["task_instance"].task_id
        sentences = (
            "ended",
            f"The task {task} ended without a word.",
            "Its process was killed, or took longer than it may.",
            "Look at its log, then clear the task, so that it runs again; it goes on where it was.",
        )
    else:
        sentences = (reason.group, reason.what, reason.why, reason.todo)
    tell(context, *sentences)


def tell(context: Any, group: str, what: str, why: str, todo: str) -> None:
    """Write an alert about the task of `context`; arguments as of `services.alerts.Alert`."""
    from services.alerts import Alert, add_alert
    from services.config import default_home
    from services.home import Home

    task = context["task_instance"]
    logging.getLogger("spiegelnet.schedule").error("%s %s %s", what, why, todo)
    arguments = getattr(context.get("task"), "op_kwargs", None) or {}
    who = next((str(arguments[name]) for name in WHO if isinstance(arguments.get(name), str)), None)
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    add_alert(
        Home(default_home()),
        Alert(now, task.dag_id, task.task_id, who, task.run_id, task.try_number, group, what, why, todo),
    )
