"""What the schedule runs, one step at a time: each can be killed and run again, and leaves what one run leaves."""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import polars as pl

from services import month as months_of_node
from services import tasks
from services.arrivals import Arrival, arrivals
from services.broker import Broker
from services.coverage import periods_closed_by
from services.errors import Rejected, Retryable, SpiegelnetError
from services.hub import BenchmarkReport, run_benchmark
from services.indicators import period_of
from services.lineage import flows
from services.month import MonthReport
from services.network import Network
from services.quarantine import explained, open_events
from services.receiving.collecting import open_node
from services.runs import running
from services.sending.outbox import Outbox
from services.sending.sender import open_sender
from services.sending.sources import source_files
from services.stopped import node_of
from services.store.intake import HELD

At = Callable[[str], None]
SETTLED = dt.timedelta(minutes=5)
"""An export that was written to less long ago may not be whole yet."""
STATEMENT_DAYS = 5
"""On so many days at the beginning of a month the month before is stated."""
_NAMED = 10


def own_participants(root: Path, kind: str | None = None) -> list[str]:
    """Return who acts from this machine: participants whose keys are here, of one kind or all, in order."""
    network = Network.open(root)
    everybody = sorted(network.directory.participants.values(), key=lambda item: item.id)
    of_kind = [item.id for item in everybody if kind in (None, item.kind)]
    return [item for item in of_kind if network.home.participant(item).keys.exists()]


def waiting(root: Path) -> list[str]:
    """Return who of `own_participants` has something to collect or to hand to the broker.

    Raises:
        Retryable: the broker is away.
    """
    network = Network.open(root)
    return [item for item in own_participants(root) if _waits(network, item)]


def _waits(network: Network, participant: str) -> bool:
    try:
        with network.broker(participant) as broker, Outbox(network.home.participant(participant).outbox) as outbox:
            return outbox.waiting() > 0 or _has_news(network, participant, broker)
    except Retryable:
        raise
    except SpiegelnetError:
        return True  # its own task says what is wrong, and the others go on


def _has_news(network: Network, participant: str, broker: Broker) -> bool:
    topic, place = f"parcels.{participant}", open_node(network, participant).position()
    if place is None:
        return broker.end_offset(topic) > 0
    return place.topic_id != broker.topic_id(topic) or place.next_offset != broker.end_offset(topic)


def require_nothing_held(root: Path, participant: str) -> None:
    """Return when no delivery is held at a participant.

    Raises:
        Rejected: some are; each with the sentence of the rule that its contract has.
    """
    node, registry = node_of(root, participant), Network.open(root).registry
    keys = ["sender", "delivery_id", "event_type", "version", "rule"]
    held = open_events(node).filter(pl.col("verdict") == HELD).group_by(keys, maintain_order=True).len("events")
    if held.is_empty():
        return
    reasons = []
    for sender, _, name, version, rule, events in held.head(_NAMED).iter_rows():
        _, why, _ = explained(registry.get(name, version), HELD, rule)
        reasons.append(f"{name} of {sender}, {events} events, {rule}: {why}")
    raise Rejected(
        f"{participant} holds {held.height} {'delivery' if held.height == 1 else 'deliveries'}; all else was stored.",
        " ".join(reasons),
        f"Look at them with their sender (`spiegelnet quarantine list {participant}`); "
        "then lift them, or let them be mended and sent again.",
    )


def senders(root: Path) -> list[str]:
    """Return who of `own_participants` sends: who serves somebody, and so states each month, or has exports."""
    network = Network.open(root)
    return [item for item in own_participants(root) if _sends(network, item)]


def _sends(network: Network, participant: str) -> bool:
    sources = network.home.participant(participant).sources
    return bool(network.directory.get(participant).serves or source_files(sources))


def send_new(root: Path, participant: str, day: dt.date) -> tasks.SendReport:
    """Send what is new in a participant's sources folder; in the first days of a month also state the month before.

    An export that may still be being written is left for the next time, and then nothing is stated either.

    Args:
        root: the network's home.
        participant: the sender.
        day: on which it is sent.

    Raises:
        Rejected: a file could not be read; the others were sent.
        Retryable: a file could not be sent to its end now.
    """
    network = Network.open(root)
    files = source_files(network.home.participant(participant).sources)
    since = (network.now() - SETTLED).timestamp()
    settled = [path for path in files if path.stat().st_mtime < since]
    states = day.day <= STATEMENT_DAYS and len(settled) == len(files)
    before = (day.replace(day=1) - dt.timedelta(days=1)).strftime("%Y-%m")
    sent = tasks.send(root, participant, settled, [before] if states else ())
    if sent.broken:
        raise Rejected(
            f"{len(sent.broken)} of {len(settled)} files of {participant} could not be read; the others were sent.",
            " ".join(sent.broken[:_NAMED]),
            "Mend the files, or take them out of the sources folder.",
        )
    if sent.postponed:
        raise sent.postponed[0]
    return sent


def await_close(root: Path, municipality: str, months: Sequence[str], *, asked_for: bool) -> None:
    """Return when months may be closed at a node; see `services.month.await_close`."""
    network = Network.open(root)
    months_of_node.await_close(network, municipality, months, network.today(), asked_for=asked_for)


def close(root: Path, municipality: str, months: Sequence[str], *, at: At = lambda _: None) -> MonthReport:
    """Write down what months rest on at one node; `at` as for `tasks.send`."""
    network = Network.open(root)
    with (
        running(network, municipality, "close", months[0]) as run,
        open_sender(network, municipality, at=at) as sender,
    ):
        done = months_of_node.close(network, sender, months, today=network.today())
        run.brings({"closed_before": len(done.closed_before)})
    return done


def release(root: Path, municipality: str, months: Sequence[str], *, at: At = lambda _: None) -> MonthReport:
    """Count, protect and publish closed months at one node; `at` as for `tasks.send`."""
    network = Network.open(root)
    with (
        running(network, municipality, "release", months[0]) as run,
        open_sender(network, municipality, at=at) as sender,
    ):
        done = months_of_node.release(network, sender, months)
        run.brings(done.counts, lambda: flows.of_release(network, done))
    return done


def report(root: Path, municipality: str, months: Sequence[str], *, at: At = lambda _: None) -> MonthReport:
    """Send what is released of closed months to the hub; `at` as for `tasks.send`."""
    network = Network.open(root)
    with (
        running(network, municipality, "report", months[0]) as run,
        open_sender(network, municipality, at=at) as sender,
        network.broker(municipality) as broker,
    ):
        done = months_of_node.report(network, sender, months)
        sender.push(broker)
        run.brings({"parcels": done.parcels}, lambda: flows.of_report(network, done))
    return done


def periods_about(named: Iterable[str]) -> list[str]:
    """Return the named periods in order, and for each month the quarter and year that close with it."""
    return sorted({item for period in named for item in (period, *_closed_with(period))})


def _closed_with(period: str) -> list[str]:
    return periods_closed_by([period]) if period_of(period).kind == "month" else []


def standing(root: Path, asked: Sequence[str] = ()) -> list[Arrival]:
    """Say how the periods stand at the hub; see `services.arrivals`."""
    return arrivals(Network.open(root), asked)


def benchmark(root: Path, asked: Sequence[str], *, at: At = lambda _: None) -> BenchmarkReport:
    """Make the hub's tables of what it has collected, without the periods for which it waits.

    Args:
        root: the network's home.
        asked: periods to tell of also when nobody released them.
        at: as for `tasks.send`.
    """
    network = Network.open(root)
    with running(network, "hub", "benchmark") as run:
        made = run_benchmark(network, today=network.today(), asked=asked, at=at)
        run.brings({"cells": made.cells, "figures": made.figures.total()}, lambda: flows.of_benchmark(network, made))
    return made


def require_sums(refused: Sequence[tuple[str, str, str]]) -> None:
    """Return when the shares of every province added up.

    Args:
        refused: (period, region, indicator) of sums that the benchmark refused.

    Raises:
        Rejected: some did not.
    """
    if not refused:
        return
    period, region, indicator = refused[0]
    raise Rejected(
        f"{indicator} of {region} in {period} was not released.",
        "The municipalities' shares do not add up to a possible count; all else was released.",
        "Ask its municipalities whether one restored its node or keys from a copy; a mask serves one sum only.",
    )
