"""Closing months at every node, then the hub's benchmark: what `spiegelnet month` does on one machine."""

import datetime as dt
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from services import tasks
from services.errors import Fatal, Retryable
from services.hub import BenchmarkReport
from services.month import MonthReport
from services.network import Network
from services.parallel import each, workers
from services.receiving.collecting import CollectReport

Progress = Callable[[str, int], AbstractContextManager[Callable[[], None]]]


@dataclass
class ClosingReport:
    """What closing months brought everywhere.

    Attributes:
        months: as asked.
        nodes: one report per municipality that closed.
        waiting: why others could not close yet, or parcels wait for the broker.
        received: what the hub collected.
        benchmark: what the hub made.
    """

    months: list[str]
    nodes: list[MonthReport] = field(default_factory=list)
    waiting: list[Retryable] = field(default_factory=list)
    received: CollectReport | None = None
    benchmark: BenchmarkReport | None = None


def close_or_wait(root: Path, municipality: str, months: Sequence[str], today: dt.date) -> MonthReport | Retryable:
    """Close months at one node; return the reason where it has to wait, so that the others go on."""
    try:
        return tasks.month(root, municipality, months, today)
    except Retryable as reason:
        return reason


def close_everywhere(
    root: Path, months: Sequence[str], municipalities: Sequence[str] | None, progress: Progress
) -> ClosingReport:
    """Close months at the municipalities' nodes, and make the hub's benchmark of what they released.

    Args: see `close_nodes`.
    """
    with workers(Network.open(root).settings.machine.workers) as pool:
        report = close_nodes(root, months, municipalities, progress, pool)
        try:
            report.received, report.benchmark = pool.submit(tasks.benchmark, root).result()
        except Retryable as reason:  # what was closed is told all the same
            report.waiting.append(reason)
        return report


def close_nodes(
    root: Path, months: Sequence[str], municipalities: Sequence[str] | None, progress: Progress, pool: Executor
) -> ClosingReport:
    """Close months at the municipalities' nodes, each in a worker.

    Args:
        root: the network's home.
        months: in order.
        municipalities: which; None for all.
        progress: makes a progress bar of a title and a total.
        pool: the workers.

    Raises:
        Fatal: a name is not a municipality of this network.
    """
    network = Network.open(root)
    chosen = list(municipalities or network.directory.municipalities)
    strangers = sorted(set(chosen) - set(network.directory.municipalities))
    if strangers:
        raise Fatal(f"{strangers[0]} is not a municipality of this network.", todo="`spiegelnet status` lists them.")
    report = ClosingReport(list(months))
    with progress("close", len(chosen)) as step:
        for result in each(pool, close_or_wait, [(root, item, months, network.today()) for item in chosen], step):
            if isinstance(result, Retryable):
                report.waiting.append(result)
            else:
                report.nodes.append(result)
                report.waiting += result.postponed
    return report
