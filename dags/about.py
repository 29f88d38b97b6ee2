"""What a run of a schedule is about: its network, its month, its day, and whether somebody asked for it."""

import datetime as dt
from pathlib import Path
from typing import Any, Final

START: Final = dt.datetime(2015, 1, 1, tzinfo=dt.UTC)
"""Months from here on can be made up for."""
MONTH_FORM: Final = r"^[12]\d{3}-(0[1-9]|1[0-2])$"


def home() -> Path:
    """Return the network's home; Airflow was started with it in its environment."""
    from services.config import default_home

    return default_home()


def month_of_run() -> str:
    """Return the month that the run is about: the one named at its start, or else its data interval.

    Raises:
        Fatal: it was started by hand, and names none.
    """
    from airflow.sdk import get_current_context

    from services.errors import Fatal

    period = period_of_run(get_current_context())
    if period is None:
        raise Fatal(
            "The run is about no month.",
            "It was started by hand, without a period.",
            'Start it with the parameter period, for example {"period": "2025-12"}.',
        )
    return period


def period_of_run(context: Any) -> str | None:
    """Return the period named at the start of a run, or else the month of its data interval; None without either.

    Args:
        context: of a task, or of what is called when a run has failed; the latter may lack either.
    """
    if named := (context.get("params") or {}).get("period"):
        return str(named)
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    return None if start is None or start == end else f"{start:%Y-%m}"


def is_asked_for() -> bool:
    """Say whether somebody asked for the run, by hand or by a backfill; if not, it began because it was time."""
    from airflow.sdk import get_current_context

    return bool(get_current_context()["dag_run"].run_type != "scheduled")


def day_of_run() -> dt.date:
    """Return the day on which the run was to take place."""
    from airflow.sdk import get_current_context

    day: dt.datetime = get_current_context()["dag_run"].run_after
    return day.date()
