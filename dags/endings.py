"""How tasks of ours end, in Airflow's words: how often they are tried, and what an error of ours means there.

A retryable error is tried again, any other ends the task, in both cases with the three sentences of the error and
nothing else: neither the text of an unforeseen error nor that of a library's comes into a log, since it may quote a
value.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

from dags.alerting import alert

P = ParamSpec("P")
R = TypeVar("R")

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

    from services.errors import Retryable
    from services.faults import Fault, told

    known = told(error)
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
