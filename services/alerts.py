"""What the schedule could not do, a line of JSON each in `alerts.jsonl` of the network's home.

It is for whatever sends mails or calls people. A line says what happened, why and what to do, in the sentences of the
error; it holds no value.
"""

import datetime as dt
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from services.home import Home


@dataclass(frozen=True)
class Alert:
    """One thing that a person must know of.

    Attributes:
        time: when, UTC, ISO 8601.
        dag: which schedule: `intake`, `node_month`, …
        task: which of its tasks; None for the run as a whole.
        participant: for whom it ran; None where for nobody in particular.
        run: the run's id.
        period: what the run is about, where it is about one.
        attempt: how often it was tried.
        group: of the error: `fatal`, `rejected`, …; `fault` for one that nobody foresaw, `ended` for a process that
            ended without a word, `notice` for what went on but should be known.
        what: what happened.
        why: the cause.
        todo: what to do.
    """

    time: str
    dag: str
    task: str | None
    participant: str | None
    run: str
    period: str | None
    attempt: int
    group: str
    what: str
    why: str
    todo: str


def add_alert(home: Home, alert: Alert) -> None:
    """Append an alert; several processes may do so at once."""
    with _alone(home.alerts) as descriptor:
        os.write(descriptor, _line(alert))


def add_alert_once(home: Home, alert: Alert, since: dt.datetime | None) -> None:
    """Append an alert unless there is one of the same run, task and participant, which may say more.

    Args:
        home: the network's.
        alert: the alert.
        since: earlier ones do not count, such as those before a run was cleared; None: all do.
    """
    with _alone(home.alerts) as descriptor:
        if not any(_is_same(alert, other, since) for other in home.alerts.read_text("utf-8", "replace").splitlines()):
            os.write(descriptor, _line(alert))


def forget_alerts(home: Home, before: dt.datetime) -> int:
    """Remove alerts from before a moment, and lines that are not whole; return how many."""
    if not home.alerts.exists():
        return 0
    with _alone(home.alerts):
        lines = home.alerts.read_text("utf-8", "replace").splitlines()
        kept = [line for line in lines if (told := _told(line)) and told[0] >= before]
        if len(kept) < len(lines):
            draft = home.alerts.with_suffix(".new")
            draft.touch(0o600)
            draft.write_text("".join(f"{line}\n" for line in kept), "utf-8")
            draft.replace(home.alerts)
    return len(lines) - len(kept)


@contextmanager
def _alone(path: Path) -> Iterator[int]:
    """Open a file to append to it, while nobody else does or puts another in its place."""
    while True:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
                yield descriptor
                return
        finally:
            os.close(descriptor)


def _line(alert: Alert) -> bytes:
    return f"{json.dumps(asdict(alert), ensure_ascii=False)}\n".encode()


def _is_same(alert: Alert, line: str, since: dt.datetime | None) -> bool:
    told = _told(line)
    if told is None or (since and told[0] < since.replace(microsecond=0)):  # alerts are dated to the second
        return False
    return all(told[1].get(name) == getattr(alert, name) for name in ("dag", "run", "task", "participant"))


def _told(line: str) -> tuple[dt.datetime, Mapping[str, Any]] | None:
    """Return an alert and when it was written; None of a line that is not whole."""
    try:
        alert = json.loads(line)
        return dt.datetime.fromisoformat(alert["time"]), alert
    except (ValueError, TypeError, KeyError):
        return None
