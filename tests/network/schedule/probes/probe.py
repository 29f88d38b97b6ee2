"""A schedule of the tests' own, whose tasks fail in every way in which a step can."""

import datetime as dt
import time

from airflow.sdk import Param, dag, get_current_context, task

from connectors.base import SourceError
from dags.about import START, home, month_of_run
from dags.endings import DEFAULTS, skip, step
from services.errors import Fatal, NotAllowed, Rejected, Retryable

ERRORS = {
    "fatal": Fatal("It cannot go on.", "A file is broken.", "Mend it."),
    "rejected": Rejected("Rows were refused.", "They break a rule.", "Send them again."),
    "not_allowed": NotAllowed("It may not.", "There is no key.", "Ask for one."),
    "source": SourceError("A file is not one.", "Its columns are others.", "Export it again."),
    "unforeseen": ValueError("the value SECRET-4711"),
}


@dag(
    schedule=None,
    start_date=START,
    default_args={**DEFAULTS, "retries": 1, "retry_delay": dt.timedelta(0)},
    params={"period": Param(None, type=["null", "string"])},
)
def probe() -> None:
    @task
    @step
    def away_once(marker: str) -> None:
        path = home() / marker
        if not path.exists():
            path.touch()
            raise Retryable("The broker is away.", "Nobody answers.", "Run again.")

    @task
    @step
    def raises(group: str) -> None:
        error = ERRORS[group]
        if group == "unforeseen":
            raise RuntimeError("another SECRET-4712") from error
        raise error

    @task
    @step
    def nothing_to_do() -> None:
        raise skip("Nothing is new.")

    @task(execution_timeout=dt.timedelta(seconds=1))
    @step
    def slow() -> None:
        time.sleep(60)

    @task
    @step
    def about() -> str:
        get_current_context()
        return month_of_run()

    away_once("was-away")
    for group in ERRORS:
        raises.override(task_id=group)(group)
    nothing_to_do()
    slow()
    about()


probe()
