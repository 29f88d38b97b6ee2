"""Metrics for Prometheus: how many, how far behind, since when; per participant, without values and without residents.

They are computed from the same status that `spiegelnet status` tells, when they are asked for. The numbers are not
protected as released cells are: they are for who runs the participant, like its logs.
"""

import datetime as dt
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from services.network import Network
from services.status import NetworkStatus, ParticipantStatus, network_status
from services.status.network import Look
from services.status.servers import states_by_address
from services.store.standing import VERDICTS

CACHE_SECONDS = 10.0
"""Scrapes that come closer together are told the same."""

Sample = tuple[str, tuple[str, ...], float]
"""Name of a metric, its labels' values, and its value."""


GAUGE, COUNTER = GaugeMetricFamily, CounterMetricFamily
_EACH, _OF = ("participant",), ("participant", "sender")
FAMILIES: Final = {
    "spiegelnet_up": (GAUGE, "1 when all could be looked at, else 0.", ()),
    "spiegelnet_events_received_total": (COUNTER, "Events of opened parcels.", _OF),
    "spiegelnet_events": (
        GAUGE,
        "Events by their latest verdict: accepted, quarantined, held, duplicate.",
        (*_OF, "verdict"),
    ),
    "spiegelnet_events_stopped": (
        GAUGE,
        "Events quarantined or held by their latest verdict, by the rule that stopped them.",
        (*_OF, "verdict", "rule"),
    ),
    "spiegelnet_events_unmended": (GAUGE, "Events that are stopped and were not mended since.", (*_OF, "verdict")),
    "spiegelnet_parcels_opened_total": (COUNTER, "Parcels that were opened.", _OF),
    "spiegelnet_parcels_refused_total": (COUNTER, "Parcels that were not opened, by reason.", (*_EACH, "reason")),
    "spiegelnet_conservation": (GAUGE, "1 when every event of every opened parcel has its verdict, else 0.", _EACH),
    "spiegelnet_lag_messages": (GAUGE, "Messages on the participant's topic that it has not collected.", _EACH),
    "spiegelnet_lag_seconds": (GAUGE, "How long the oldest of them has been there; 0 without any.", _EACH),
    "spiegelnet_outbox_parcels": (GAUGE, "Parcels that wait to be handed to the broker.", _EACH),
    "spiegelnet_outbox_bytes": (GAUGE, "How large they are together.", _EACH),
    "spiegelnet_stream_gaps": (
        GAUGE,
        "Streams in which parcels have been missing for more than a quarter of an hour.",
        _EACH,
    ),
    "spiegelnet_source_rows_refused": (
        GAUGE,
        "Rows of the participant's own exports that did not become events and are not mended.",
        (*_EACH, "reason"),
    ),
    "spiegelnet_statements_missing": (
        GAUGE,
        "Delivery statements that are owed to the participant for a month that is not closed.",
        (*_EACH, "period"),
    ),
    "spiegelnet_months_overdue": (GAUGE, "Months that are due and not closed.", _EACH),
    "spiegelnet_last_release_timestamp_seconds": (
        GAUGE,
        "Day of the last release, by kind of period.",
        (*_EACH, "period_kind"),
    ),
    "spiegelnet_task_last_success_timestamp_seconds": (GAUGE, "When a kind of task last ended well.", (*_EACH, "task")),
    "spiegelnet_task_failing": (
        GAUGE,
        "1 while a kind of task fails, by the group of its last error.",
        (*_EACH, "task", "group"),
    ),
    "spiegelnet_task_runs_total": (COUNTER, "Runs of a kind of task, by how they ended.", (*_EACH, "task", "outcome")),
    "spiegelnet_task_seconds_total": (COUNTER, "How long the runs of a kind of task took together.", (*_EACH, "task")),
    "spiegelnet_key_service_requests_total": (
        COUNTER,
        "Batches that were asked of a key service, by how that ended.",
        (*_EACH, "service", "outcome"),
    ),
    "spiegelnet_key_service_elements_total": (
        COUNTER,
        "Addresses of which a key service made its half of a pseudonym.",
        (*_EACH, "service"),
    ),
    "spiegelnet_server_up": (GAUGE, "1 when a server of the network answers, else 0.", ("server",)),
}
"""By name: gauge or counter, what it says, and its labels."""


@dataclass(eq=False)
class Metrics:
    """Collects the metrics of the participants whose keys are on this machine.

    Attributes:
        root: the network's home.
        look: says how the servers are.
        clock: tells seconds that never go back.
    """

    root: Path
    look: Look = states_by_address
    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _kept: tuple[float, list[Metric]] | None = None

    def collect(self) -> Iterable[Metric]:
        """Return the metrics as they are now, or were some seconds ago."""
        with self._lock:
            if self._kept is None or self.clock() - self._kept[0] > CACHE_SECONDS:
                self._kept = self.clock(), families(self._looked())
            return self._kept[1]

    def text(self) -> str:
        """Return them in Prometheus' text format."""
        return generate_latest(self.registry()).decode()

    def registry(self) -> CollectorRegistry:
        """Return a registry that holds them and nothing else."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return registry

    def _looked(self) -> list[Sample]:
        try:
            status = network_status(Network.open(self.root), look=self.look)
        except Exception:  # noqa: BLE001 - whatever it is, its text may quote a value and is not shown
            return [("spiegelnet_up", (), 0.0)]
        complete = not any(item.error for item in status.participants)
        return [("spiegelnet_up", (), float(complete)), *samples(status)]


def families(samples: Iterable[Sample]) -> list[Metric]:
    """Put samples into their families; a family without samples is told by its name and help all the same."""
    made: dict[str, GaugeMetricFamily | CounterMetricFamily] = {}
    for name, (kind, meaning, labels) in FAMILIES.items():
        made[name] = kind(name, meaning, labels=labels)
    for name, values, value in samples:
        made[name].add_metric(values, value)
    return list(made.values())


def samples(status: NetworkStatus) -> Iterator[Sample]:
    """Yield all samples of a status."""
    for server in status.servers:
        yield "spiegelnet_server_up", (server.name,), float(server.healthy)
    for item in status.participants:
        yield from _received(item)
        yield from _on_the_way(item, status.at)
        yield from _months(item, status.at.date())
        yield from _tasks(item)


def _received(item: ParticipantStatus) -> Iterator[Sample]:
    me = item.participant
    yield "spiegelnet_conservation", (me,), float(item.balanced)
    for line in item.senders:
        sender = str(line["sender"])
        yield "spiegelnet_events_received_total", (me, sender), _number(line["opened"])
        yield "spiegelnet_parcels_opened_total", (me, sender), _number(line["parcels"])
        for verdict in VERDICTS:
            yield "spiegelnet_events", (me, sender, verdict), _number(line[verdict])
    for sender, verdict, rule, events in item.rules:
        yield "spiegelnet_events_stopped", (me, sender, verdict, rule), events
    unmended = Counter[tuple[str, str]]()
    for group in item.stopped:
        unmended[group.sender, group.verdict] += group.events
    for (sender, verdict), events in sorted(unmended.items()):
        yield "spiegelnet_events_unmended", (me, sender, verdict), events
    for reason, parcels in sorted(item.refused.items()):
        yield "spiegelnet_parcels_refused_total", (me, reason), parcels


def _on_the_way(item: ParticipantStatus, now: dt.datetime) -> Iterator[Sample]:
    me = item.participant
    if item.unread is not None:
        yield "spiegelnet_lag_messages", (me,), item.unread
        waits = (now - item.unread_since).total_seconds() if item.unread_since else 0.0
        yield "spiegelnet_lag_seconds", (me,), max(waits, 0.0)
    yield "spiegelnet_outbox_parcels", (me,), item.waiting
    yield "spiegelnet_outbox_bytes", (me,), item.waiting_bytes
    yield "spiegelnet_stream_gaps", (me,), item.gaps
    reasons = Counter[str]()
    for (_, reason), rows in item.refused_rows.items():
        reasons[reason] += rows
    for reason, rows in sorted(reasons.items()):
        yield "spiegelnet_source_rows_refused", (me, reason), rows


def _months(item: ParticipantStatus, today: dt.date) -> Iterator[Sample]:
    me = item.participant
    if item.kind == "municipality":
        yield "spiegelnet_months_overdue", (me,), sum(month.due <= today for month in item.months)
        for month in item.months:
            yield "spiegelnet_statements_missing", (me, month.period), len(month.missing)
    for kind, (_, day) in sorted(item.releases.items()):
        moment = dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC)
        yield "spiegelnet_last_release_timestamp_seconds", (me, kind), moment.timestamp()


def _tasks(item: ParticipantStatus) -> Iterator[Sample]:
    me = item.participant
    for task in item.tasks:
        if task.succeeded:
            yield "spiegelnet_task_last_success_timestamp_seconds", (me, task.task), task.succeeded.timestamp()
        if task.failing_since:
            yield "spiegelnet_task_failing", (me, task.task, task.group or ""), 1.0
        yield "spiegelnet_task_runs_total", (me, task.task, "succeeded"), task.successes
        yield "spiegelnet_task_runs_total", (me, task.task, "failed"), task.failures
        yield "spiegelnet_task_seconds_total", (me, task.task), task.seconds
    for (service, outcome), requests in sorted(item.asked.requests.items()):
        yield "spiegelnet_key_service_requests_total", (me, service, outcome), requests
    for service, elements in sorted(item.asked.elements.items()):
        yield "spiegelnet_key_service_elements_total", (me, service), elements


def _number(value: object) -> float:
    return float(str(value))
