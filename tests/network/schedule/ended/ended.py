"""Schedules of the tests' own whose tasks and runs are ended from outside."""

import datetime as dt
import os
import signal
import time

from airflow.sdk import Param, dag, task, task_group

from dags.about import START
from dags.alerting import alert_of_run
from dags.endings import DEFAULTS, step

ONCE = {**DEFAULTS, "retries": 0}
PERIOD = {"period": Param(None, type=["null", "string"])}


@dag(schedule=None, start_date=START, default_args=ONCE, params=PERIOD, on_failure_callback=alert_of_run)
def killed() -> None:
    """A task of its own process, the second with the process that watches over it."""

    @task
    @step
    def names() -> list[str]:
        return ["gm0664", "gm0687", "gm0715"]

    @task
    @step
    def die(municipality: str) -> None:
        if municipality == "gm0687":
            os.kill(os.getppid(), signal.SIGKILL)
        if municipality != "gm0715":
            os.kill(os.getpid(), signal.SIGKILL)

    @task_group
    def each(municipality: str) -> None:
        die(municipality=municipality)

    each.expand(municipality=names())


@dag(
    schedule=None,
    start_date=START,
    default_args=ONCE,
    params=PERIOD,
    on_failure_callback=alert_of_run,
    dagrun_timeout=dt.timedelta(seconds=10),
)
def lasting() -> None:
    """A task that does not end."""

    @task
    @step
    def names() -> list[str]:
        return ["gm0664", "gm0687"]

    @task
    @step
    def last(municipality: str) -> None:
        time.sleep(600 if municipality == "gm0687" else 0)

    last.expand(municipality=names())


killed()
lasting()
