"""Send: each night the participants on this machine send what is new in their sources folders.

One task per participant. A file that was sent is not sent again, and one that was written to in the last minutes is
left for the next night. In the first five days of a month the month before is stated to each municipality that the
participant serves, also when nothing was sent, once all its files were sent to their end; a statement that says nothing
new is not sent again.

Files that cannot be read fail the task, with what is wrong with them; the others have been sent. Partners that send by
hand or by their own schedule (`spiegelnet send`) keep this one paused.
"""

import datetime as dt
from typing import Any

from airflow.sdk import dag, task

from dags.about import START, day_of_run, home
from dags.alerting import alert_of_run
from dags.endings import DEFAULTS, skip, step


@dag(
    schedule="0 4 * * *",
    start_date=START,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=dt.timedelta(hours=18),
    default_args=DEFAULTS,
    on_failure_callback=alert_of_run,
    tags=["partner"],
    doc_md=__doc__,
)
def send() -> None:
    """Send new exports, and state the month before."""

    @task
    @step
    def participants() -> list[str]:
        from services import steps

        found = steps.senders(home())
        if not found:
            raise skip("Nobody on this machine has anything to send.")
        return found

    @task(map_index_template="{{ task.op_kwargs['participant'] }}")
    @step
    def send_new(participant: str) -> dict[str, Any]:
        from services import steps

        sent = steps.send_new(home(), participant, day_of_run())
        if not sent.parcels:
            raise skip("Nothing is new.")
        return {
            "events": dict(sent.events),
            "refused": dict(sent.refused),
            "statements": sent.statements,
            "parcels": sent.parcels,
        }

    send_new.expand(participant=participants())


send()
