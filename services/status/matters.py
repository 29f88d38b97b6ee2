"""What waits, what failed and what has to be seen to, in sentences: since when, and whose turn it is."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence

from services.runs import TaskRecord
from services.status.model import Matter, NetworkStatus, ParticipantStatus
from services.status.months import months
from services.status.on_the_way import OPERATOR, gaps, parcels, unread, waiting
from services.status.rows import held, quarantined, refused_rows
from services.status.sentences import listed, number

HOURS_LATE = 6
"""A run that began so long ago and did not end was killed, or hangs."""
_ORDER = (
    *("conservation", "server", "unknown", "task", "gap", "parcel", "held", "waiting", "unread", "close", "statement"),
    *("quarantine", "source", "action"),
)


def matters(status: NetworkStatus) -> list[Matter]:
    """Return all matters, those first that stop most."""
    people = status.participants
    found = [
        *_servers(status),
        *_conservation(people),
        *_unknown(people),
        *_tasks(people, status.at),
        *waiting(people, _is_away(status, "kafka")),
        *unread(people),
        *gaps(people),
        *parcels(people, status.at.date()),
        *months(people, status.at.date()),
        *held(people),
        *quarantined(people),
        *refused_rows(people),
        *_actions(people, status.at.date()),
    ]
    return sorted(found, key=lambda item: _ORDER.index(item.kind))


def _is_away(status: NetworkStatus, server: str) -> bool:
    return any(item.name == server and not item.healthy for item in status.servers)


def _servers(status: NetworkStatus) -> Iterator[Matter]:
    for item in status.servers:
        if not item.healthy:
            yield Matter(
                "server",
                f"{item.name} at {item.address} does not answer.",
                (OPERATOR,),
                item.since,
                "`spiegelnet up` starts it." if item.here else "Ask those who run it.",
                urgent=True,
            )


def _conservation(people: Sequence[ParticipantStatus]) -> Iterator[Matter]:
    for item in people:
        if not item.balanced:
            yield Matter(
                "conservation",
                f"At {item.participant} events of opened parcels and verdicts are not as many.",
                (item.participant,),
                todo="Stop receiving there and restore the store from a copy; this is worth reporting.",
                urgent=True,
            )


def _unknown(people: Sequence[ParticipantStatus]) -> Iterator[Matter]:
    by_text = defaultdict(list)
    for item in people:
        if item.error:
            by_text[item.error.what, item.error.todo].append(item.participant)
    for (what, todo), names in by_text.items():
        yield Matter("unknown", f"Not all is known of {listed(names)}: {what}", tuple(names), todo=todo)


def _tasks(people: Sequence[ParticipantStatus], now: dt.datetime) -> Iterator[Matter]:
    failing = defaultdict(list)
    for item in people:
        for task in item.tasks:
            if task.failing_since:
                key = task.task, task.group or "", *_same_for_all(item.participant, task.what, task.why, task.todo)
                failing[key].append((item.participant, task.failing_since))
            elif _hangs(task, now):
                yield Matter(
                    "task",
                    f"{task.task} of {item.participant} has begun and not ended.",
                    (item.participant,),
                    task.started,
                    "It was killed, or hangs: run it again.",
                )
    for (task_name, group, what, _, todo), runs in failing.items():
        names = [name for name, _ in runs]
        verb = "waits" if group == "retryable" else "fails"
        since = min(since for _, since in runs)
        yield Matter(
            "task",
            f"{task_name} of {listed(names)} {verb} ({group}): {what.replace('{}', 'it')}",
            tuple(names),
            since,
            todo.replace("{}", names[0]),
            urgent=group != "retryable",
        )


def _actions(people: Sequence[ParticipantStatus], today: dt.date) -> Iterator[Matter]:
    """Actions of sessions that are open; an agenda has them only when somebody plans a session about a later period."""
    for item in people:
        if item.actions:
            is_open = (
                f"{number(len(item.actions), 'action')} of sessions {'is' if len(item.actions) == 1 else 'are'} open"
            )
            late = sum(due < today for due in item.actions)
            yield Matter(
                "action",
                f"{is_open} at {item.participant}{f', {late:,} of them late' if late else ''}.",
                (item.participant,),
                todo=f"`spiegelnet session actions {item.participant}` lists them.",
                count=len(item.actions),
            )


def _hangs(task: TaskRecord, now: dt.datetime) -> bool:
    """Whether a run began hours ago and none has ended since."""
    if task.started is None or (task.ended and task.ended >= task.started):
        return False
    return now - task.started > dt.timedelta(hours=HOURS_LATE)


def _same_for_all(participant: str, *sentences: str | None) -> Iterator[str]:
    """Yield sentences with the participant's own name left open, so that the same trouble of many is told once."""
    for sentence in sentences:
        yield (sentence or "").replace(participant, "{}")
