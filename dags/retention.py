"""Retention: each night the stores on this machine are checked, and forget what their contracts say is to be forgotten.

One task per participant: every file is looked at, events are removed when their contract's time is over, small files
are put together, and snapshots that no release rests on are let go. A damaged file fails the task and raises an alarm
with its name. It can be killed and run again at any moment. Beside that **history** removes alerts and logs of tasks
that are older than 90 days, and sets large logs of servers aside.
"""

import datetime as dt
from typing import Any

from airflow.sdk import dag, task

from dags.about import START, home
from dags.alerting import alert_of_run
from dags.endings import DEFAULTS, step


@dag(
    schedule="30 2 * * *",
    start_date=START,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=dt.timedelta(hours=12),
    default_args=DEFAULTS,
    on_failure_callback=alert_of_run,
    tags=["node", "hub", "partner"],
    doc_md=__doc__,
)
def retention() -> None:
    """Keep the stores small and forgetful."""

    @task
    @step
    def participants() -> list[str]:
        from services import steps

        return steps.own_participants(home())

    @task(map_index_template="{{ task.op_kwargs['participant'] }}")
    @step
    def maintain(participant: str) -> dict[str, Any]:
        from services import tasks

        return dict(tasks.maintain(home(), participant).counts)

    @task
    @step
    def history() -> dict[str, int]:
        from infra.history import forget
        from services.home import Home

        return forget(Home(home()), dt.datetime.now(dt.UTC))

    found = participants()
    maintain.expand(participant=found)
    found >> history()


retention()
