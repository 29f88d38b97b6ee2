"""Hub benchmark: released cells of all nodes become figures beside peers, in the hub's published tables.

It runs when nodes released a period (the asset `releases`, the period in the event's `extra`), and each morning for
what nobody announces. A period is in the benchmark when every municipality has released it, or else with what has come
once the closing day is over and nothing more came for a day: then `hub.benchmark.periods` states the coverage and names
who is missing, and so does an alert. A period for which the benchmark still waits is left out; if it is the only one
that the run is about, the run skips.

- **asked**: the periods that the run is about.
- **collect**: the hub stores what waits on its topic.
- **standing**: which of them need not wait.
- **benchmark**: makes the tables anew from all that has come; the same input gives the same tables.
- **sums_verdict**: fails when the masked shares of a province do not add up.

Where the hub is not on this machine every run skips.
"""

import datetime as dt
from typing import Any

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, Param, dag, get_current_context, task

from dags.about import MONTH_FORM, START, day_of_run, home
from dags.alerting import alert_of_run, tell
from dags.assets import BENCHMARK, RELEASES
from dags.endings import DEFAULTS, skip, step


@dag(
    schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable("0 6 * * *", timezone="UTC"), assets=[RELEASES]),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=dt.timedelta(hours=12),
    default_args=DEFAULTS,
    on_failure_callback=alert_of_run,
    params={"period": Param(None, type=["null", "string"], pattern=MONTH_FORM, description="A month, as 2025-12.")},
    tags=["hub"],
    doc_md=__doc__,
)
def hub_benchmark() -> None:
    """Collect, and make the benchmark of what need not wait."""

    @task
    @step
    def asked() -> list[str]:
        from services import steps

        if "hub" not in steps.own_participants(home(), "hub"):
            raise skip("The hub is not on this machine.")
        context = get_current_context()
        events = [event for part in context["triggering_asset_events"].values() for event in part]
        told = {str(event.extra["period"]) for event in events if "period" in event.extra}
        if named := context["params"].get("period"):
            told.add(str(named))
        before = day_of_run().replace(day=1) - dt.timedelta(days=1)
        return steps.periods_about(told or {f"{before:%Y-%m}"})

    @task
    @step
    def collect() -> int:
        from services import tasks

        return tasks.receive(home(), "hub").parcels

    @task
    @step
    def standing(periods: list[str]) -> dict[str, list[str]]:
        from services import steps
        from services.network import Network

        today = Network.open(home()).today()
        found = steps.standing(home(), periods)
        if not any(item.is_due(today) for item in found):
            waits = [f"{item.period} for {', '.join(item.missing)}" for item in found if not item.may_go(today)]
            raise skip(f"Nothing is due. Waiting: {'; '.join(waits) or 'for nobody'}.")
        missing = {item.period: list(item.missing) for item in found if item.is_due(today) and item.missing}
        for period, names in missing.items():
            tell(
                get_current_context(),
                "notice",
                f"The benchmark of {period} does not have all municipalities.",
                f"Not released, though the closing day is over: {', '.join(names)}.",
                "Ask them; when they release, the benchmark is made anew.",
            )
        return missing

    @task(outlets=[BENCHMARK])
    @step
    def benchmark(periods: list[str], missing: dict[str, list[str]]) -> dict[str, Any]:
        from services import steps

        made = steps.benchmark(home(), periods)
        get_current_context()["outlet_events"][BENCHMARK].extra = {"missing": missing}
        return {"cells": made.cells, "figures": made.figures.total(), "refused": [*map(list, made.regions_refused)]}

    @task
    @step
    def sums_verdict(made: dict[str, Any]) -> None:
        from services import steps

        steps.require_sums([(period, region, indicator) for period, region, indicator in made["refused"]])

    periods = asked()
    missing = standing(periods)
    periods >> collect() >> missing
    sums_verdict(benchmark(periods, missing))


hub_benchmark()
