"""What the schedules share: how a step of ours fails in Airflow's words, and what its run is about.

A retryable error is tried again, any other ends the task, in both cases with the three sentences of the error and
nothing else: neither the text of an unforeseen error nor that of a library's comes into a log, since it may quote a
value.
"""

import datetime as dt
import traceback
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

from dags.alerting import alert

P = ParamSpec("P")
R = TypeVar("R")

START: Final = dt.datetime(2015, 1, 1, tzinfo=dt.UTC)
"""Months from here on can be made up for."""
MONTH_FORM: Final = r"^[12]\d{3}-(0[1-9]|1[0-2])$"

DEFAULTS: Final[Mapping[str, Any]] = {
    "owner": "spiegelnet",
    # Two that write at the same moment are over in seconds, a server that is away may be so for most of an hour: the
    # pauses of 5 to 10 seconds, then each twice as long, cover both.
    "retries": 9,
    "retry_delay": dt.timedelta(seconds=5),
    "retry_exponential_backoff": 2,
    "max_retry_delay": dt.timedelta(minutes=30),
    "execution_timeout": dt.timedelta(hours=1),
    "on_failure_callback": alert,
}


def home() -> Path:
    """Return the network's home; Airflow was started with it in its environment."""
    from services.config import default_home

    return default_home()


def step(function: Callable[P, R]) -> Callable[P, R]:
    """Let the errors of a step mean in Airflow what they mean here."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        from airflow.sdk.exceptions import AirflowException

        from services.logs import quiet_libraries

        quiet_libraries()
        try:
            return function(*args, **kwargs)
        except AirflowException:  # a skip, or a task that waits
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, its text may quote a value and is not told
            failure = _failure(error)
        raise failure  # outside the handler, so that no log finds the error that it stands for

    return run


def _failure(error: Exception) -> Exception:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException

    from services.cli import user_error
    from services.errors import Retryable, SpiegelnetError
    from services.runs.running import Fault

    known: SpiegelnetError | None = user_error(error)
    if known is None:
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else "an unknown place"
        known = Fault(f"A fault of the software: {type(error).__name__}.", f"It arose in {place}.", "Please report it.")
    failure: Exception = (AirflowException if isinstance(known, Retryable | Fault) else AirflowFailException)(
        str(known)
    )
    failure.reason = known  # type: ignore[attr-defined]  # for the alert
    return failure


def skip(reason: str) -> Exception:
    """Return what to raise where there is nothing to do."""
    from airflow.sdk.exceptions import AirflowSkipException

    skipped: Exception = AirflowSkipException(reason)
    return skipped


def month_of_run() -> str:
    """Return the month that the run is about: the one named at its start, or else its data interval.

    Raises:
        Fatal: it was started by hand, and names none.
    """
    from airflow.sdk import get_current_context

    from services.errors import Fatal

    context = get_current_context()
    if named := context["params"].get("period"):
        return str(named)
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    if start is None or start == end:
        raise Fatal(
            "The run is about no month.",
            "It was started by hand, without a period.",
            'Start it with the parameter period, for example {"period": "2025-12"}.',
        )
    return f"{start:%Y-%m}"


def is_asked_for() -> bool:
    """Say whether somebody asked for the run, by hand or by a backfill; if not, it began because it was time."""
    from airflow.sdk import get_current_context

    return bool(get_current_context()["dag_run"].run_type != "scheduled")


def day_of_run() -> dt.date:
    """Return the day on which the run was to take place."""
    from airflow.sdk import get_current_context

    day: dt.datetime = get_current_context()["dag_run"].run_after
    return day.date()
