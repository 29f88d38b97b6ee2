"""One run of a task: told when it begins and how it ends, without ever being the reason that it fails."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from services.errors import Retryable, SpiegelnetError
from services.faults import told
from services.lineage import Flow, Lineage
from services.logs import Logger, logger, quiet_libraries
from services.network import Network
from services.runs.record import Ended, RunRecord
from services.sending.outbox import Outbox


@dataclass
class Run:
    """One run of a task, while it goes.

    Attributes:
        network: of which network.
        participant: for whom.
        log: writes lines about it.
        lineage: writes its events.
        counts: what came of it, in numbers, for the log.
        about: what every line of the log says of it.
        flow: makes what it read and wrote, for lineage; asked once, when it ends well.
        begun: whether it was told that there is something to do.
        postponed: why a part of it waits for a later run.
    """

    network: Network
    participant: str
    log: Logger
    lineage: Lineage
    about: Mapping[str, Any]
    counts: Mapping[str, object] = field(default_factory=dict)
    flow: Callable[[], Flow] | None = None
    begun: bool = False
    postponed: Sequence[Retryable] = ()

    def brings(self, counts: Mapping[str, object], flow: Callable[[], Flow] | None = None) -> None:
        """Say what the run brought, in numbers, and what it read and wrote."""
        self.counts, self.flow = counts, flow

    def waits(self, reasons: Sequence[Retryable]) -> None:
        """Say why a part of it waits for a later run: until one has done all, its kind of task is not well."""
        self.postponed = reasons

    def begin(self) -> None:
        """Tell that there is something to do, once."""
        if not self.begun:
            self.begun = True
            self.log.info("task started", **self.about)
            self.lineage.start()

    def watching(self, step: str, at: Callable[[str], None]) -> Callable[[str], None]:
        """Return `at`, before which the run is told to begin when it comes to a step."""

        def told(name: str) -> None:
            if name == step:
                self.begin()
            at(name)

        return told


@contextmanager
def running(
    network: Network, participant: str, task: str, period: str | None = None, *, lazily: bool = False
) -> Iterator[Run]:
    """Tell of a run of a task, which is the block.

    What cannot be told (a full disk, a lineage collector that is away) is left out; the task goes on.

    Args:
        network: the network.
        participant: who runs it.
        task: its name.
        period: what it is about.
        lazily: tell of it only when it does something, as it says by `begin` or `watching`, or fails.

    Raises:
        Fatal: the participant is not in the directory.
        NotAllowed: its keys are not on this machine.
    """
    network.directory.get(participant)
    network.require_keys(participant)
    log = logger(network.settings.log.form)
    quiet_libraries(network.settings.log.form)
    lineage = Lineage(network, participant, task, period, log)
    about = {"participant": participant, "task": task, "period": period, "run": lineage.run_id}
    run = Run(network, participant, log, lineage, about)
    record, began = RunRecord(network.home.participant(participant).runs), time.monotonic()
    if not lazily:
        run.begin()
    _quietly(log, lambda: record.begin(task, network.now()))
    try:
        yield run
    except BaseException as error:
        reason, ended = told(error), _ended(run, task, time.monotonic() - began)
        run.begin()
        log.warning("task failed", **about, seconds=round(ended.seconds, 2), **_of(reason))
        _quietly(log, lambda: record.fail(ended, reason))
        lineage.fail(reason)
        raise
    ended = _ended(run, task, time.monotonic() - began)
    waits = run.postponed[0] if run.postponed else None
    _quietly(log, lambda: record.fail(ended, waits) if waits else record.succeed(ended))
    if run.begun or any(run.counts.values()):
        run.begin()
        log.info("task ended", **about, seconds=round(ended.seconds, 2), **run.counts)
        lineage.complete(run.flow)


def _ended(run: Run, task: str, seconds: float) -> Ended:
    return Ended(task, run.network.now(), seconds, run.network.asked, _waiting(run))


def _waiting(run: Run) -> int | None:
    """Return how many parcels wait for the broker after the run; None when the outbox cannot tell."""
    path = run.network.home.participant(run.participant).outbox
    if not path.exists():
        return None
    try:
        with Outbox(path) as outbox:
            return outbox.waiting()
    except SpiegelnetError:
        return None


def _of(error: SpiegelnetError) -> dict[str, Any]:
    return {"group": error.group, "what": error.what, "why": error.why, "todo": error.todo}


def _quietly(log: Logger, write: Callable[[], None]) -> None:
    """Write something down, or say that it could not be."""
    try:
        write()
    except (SpiegelnetError, OSError) as error:
        log.warning("run not recorded", fault=type(error).__name__)


def span(months: Sequence[str]) -> str | None:
    """Return months in order as `2025-12` or `2025-01..2025-11`, None when there are none."""
    if not months:
        return None
    return months[0] if len(months) == 1 else f"{months[0]}..{months[-1]}"
