"""Node month: closes the month that has ended at every municipality on this machine, and releases its cells.

A run begins when its month has ended; the month is its data interval. One chain of tasks per municipality:

- **statements** waits until everybody has stated a complete delivery, or until the closing day; it takes no place
  among the running tasks while it waits. A month of which nobody stated anything fails here, unless it was asked for by
  hand or by a backfill: switched on, the schedule begins with the last month that ended, and a close is for good.
- **close** writes down what the month rests on: the snapshots of the store, and who had stated. From here on later
  events change nothing.
- **release** counts the indicators on those snapshots, protects every cell by disclosure control and publishes it.
  Counting and protecting are one task, so that no count that is not protected is ever stored between two.
- **report** sends the released cells, and the masked shares of what a province releases, to the hub.

When all have ended, well or not, **announce** tells `hub_benchmark`, once.

Any task can be killed, cleared and run again: the release stays the same, byte for byte. Quarters and years close with
their last month. Months of before are made up for with
`spiegelnet schedule backfill 2025-01..2025-12`, one after the other. By hand a run takes the parameter `period`.
"""

import datetime as dt
from typing import Any

from airflow.sdk import CronDataIntervalTimetable, Param, dag, get_current_context, task, task_group

from dags.about import MONTH_FORM, START, home, is_asked_for, month_of_run
from dags.alerting import alert_of_run
from dags.assets import RELEASES
from dags.endings import DEFAULTS, skip, step

NAMED = "{{ task.op_kwargs['municipality'] }}"


@dag(
    schedule=CronDataIntervalTimetable("@monthly", timezone="UTC"),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=dt.timedelta(days=40),
    default_args=DEFAULTS,
    on_failure_callback=alert_of_run,
    params={"period": Param(None, type=["null", "string"], pattern=MONTH_FORM, description="A month, as 2025-12.")},
    tags=["node"],
    doc_md=__doc__,
)
def node_month() -> None:
    """Close, release and report a month."""

    @task
    @step
    def municipalities() -> list[str]:
        from services import steps

        found = steps.own_participants(home(), "municipality")
        if not found:
            raise skip("No municipality's node is on this machine.")
        return found

    @task.sensor(
        mode="reschedule",
        poke_interval=3600.0,  # seconds
        timeout=35 * 86400.0,
        map_index_template=NAMED,
    )
    @step
    def statements(municipality: str) -> bool:
        import logging

        from services import steps
        from services.errors import Retryable

        try:
            steps.await_close(home(), municipality, [month_of_run()], asked_for=is_asked_for())
        except Retryable as reason:
            logging.getLogger("spiegelnet.schedule").info("%s", reason)
            return False
        return True

    @task(map_index_template=NAMED)
    @step
    def close(municipality: str) -> dict[str, Any]:
        from services import steps

        done = steps.close(home(), municipality, [month_of_run()])
        return {"missing": {month: list(names) for month, names in done.missing.items()}, "before": done.closed_before}

    @task(map_index_template=NAMED)
    @step
    def release(municipality: str) -> dict[str, Any]:
        from services import steps

        done = steps.release(home(), municipality, [month_of_run()])
        return {"periods": done.periods, **done.counts}

    @task(map_index_template=NAMED)
    @step
    def report(municipality: str) -> dict[str, Any]:
        from services import steps

        done = steps.report(home(), municipality, [month_of_run()])
        return {"periods": done.periods, "parcels": done.parcels}

    @task(outlets=[RELEASES])
    @step
    def announce() -> None:
        get_current_context()["outlet_events"][RELEASES].extra = {"period": month_of_run()}

    @task_group
    def municipality_month(municipality: str) -> None:
        awaited = statements(municipality=municipality)
        closed = close(municipality=municipality)
        awaited >> closed >> release(municipality=municipality) >> report(municipality=municipality)

    # as a teardown it follows however the others ended, and does not hide that one failed
    municipality_month.expand(municipality=municipalities()) >> announce().as_teardown()


node_month()
