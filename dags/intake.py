"""Intake: each quarter of an hour everybody on this machine collects what waits, checks and stores it, and answers.

- **waiting** looks who has something to collect or to send on, so that a quiet quarter costs one task.
- **collect**, one per participant: parcels are verified, opened, decoded, judged by their contracts and stored;
  receipts go back to the senders. It goes on where the store is, however often it is killed.
- **gate_verdict**, one per participant: fails, with the sentence of the contract, while a delivery is held. What was
  good has been stored before that. Look with `spiegelnet quarantine list`, then lift the delivery or let it be mended,
  and clear the task.
- **announce**: where the hub is on this machine, tells `hub_benchmark` of each period for which it need not wait.

A broker that is away is tried again, and costs nothing but time.
"""

import datetime as dt
from typing import Any

from airflow.sdk import dag, get_current_context, task, task_group

from dags.about import START, home
from dags.alerting import alert_of_run
from dags.assets import DUE, RELEASES
from dags.endings import DEFAULTS, skip, step


@dag(
    schedule="*/15 * * * *",
    start_date=START,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=dt.timedelta(hours=6),
    default_args=DEFAULTS,
    on_failure_callback=alert_of_run,
    tags=["node", "hub"],
    doc_md=__doc__,
)
def intake() -> None:
    """Collect, judge and answer what waits."""

    @task
    @step
    def waiting() -> list[str]:
        from services import steps

        return steps.waiting(home())

    @task(map_index_template="{{ task.op_kwargs['participant'] }}")
    @step
    def collect(participant: str) -> dict[str, Any]:
        from services import tasks

        report = tasks.receive(home(), participant)
        return {
            "parcels": report.parcels,
            "refused": dict(report.refused),
            "verdicts": dict(report.verdicts),
            "rules": dict(report.rules),
            "gaps": report.gaps,
            "receipts": report.receipts,
        }

    @task(map_index_template="{{ task.op_kwargs['participant'] }}")
    @step
    def gate_verdict(participant: str) -> None:
        from services import steps

        steps.require_nothing_held(home(), participant)

    @task(outlets=[DUE], trigger_rule="all_done")
    @step
    def announce(participants: list[str] | None) -> list[str]:
        from services import steps
        from services.network import Network

        if participants is None:  # this runs also when nobody could be asked what waits
            raise skip("Who has something to collect is not known.")
        if "hub" not in participants:
            raise skip("Nothing has come for the hub.")
        today = Network.open(home()).today()
        due = [item.period for item in steps.standing(home()) if item.is_due(today)]
        for period in due:
            get_current_context()["outlet_events"][DUE].add(RELEASES, extra={"period": period})
        return due

    @task_group
    def participant_intake(participant: str) -> Any:
        collected = collect(participant=participant)
        collected >> gate_verdict(participant=participant)
        return collected

    found = waiting()
    participant_intake.expand(participant=found) >> announce(found)


intake()
