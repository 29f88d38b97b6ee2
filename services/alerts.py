"""What the schedule could not do, a line of JSON each in `alerts.jsonl` of the network's home.

It is for whatever sends mails or calls people. A line says what happened, why and what to do, in the sentences of the
error; it holds no value.
"""

import json
import os
from dataclasses import asdict, dataclass

from services.home import Home


@dataclass(frozen=True)
class Alert:
    """One thing that a person must know of.

    Attributes:
        time: when, UTC, ISO 8601.
        dag: which schedule: `intake`, `node_month`, …
        task: which of its tasks.
        participant: for whom it ran; None where for nobody in particular.
        run: the run's id.
        attempt: how often it was tried.
        group: of the error: `fatal`, `rejected`, …; `fault` for one that nobody foresaw, `ended` for a process that
            ended without a word, `notice` for what went on but should be known.
        what: what happened.
        why: the cause.
        todo: what to do.
    """

    time: str
    dag: str
    task: str
    participant: str | None
    run: str
    attempt: int
    group: str
    what: str
    why: str
    todo: str


def add_alert(home: Home, alert: Alert) -> None:
    """Append an alert; several processes may do so at once."""
    line = json.dumps(asdict(alert), ensure_ascii=False) + "\n"
    descriptor = os.open(home.alerts, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, line.encode())  # one call: lines of two processes do not mix
    finally:
        os.close(descriptor)
