"""The demo: a month through the whole network on one machine, after eleven months of back-delivery.

It calls the same functions as the commands do; what it prints afterwards is asked of the published tables in SQL.
"""

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path

from services import tasks
from services.closing import ClosingReport, Progress, close_nodes
from services.errors import Fatal
from services.hub import BenchmarkReport
from services.network import Network
from services.parallel import InThisProcess, each
from services.receiving.collecting import CollectReport
from services.samples import SampleSummary, write_samples
from services.setup import create_network, sample_members
from services.tasks import SendReport

SEED = 2025
BACK = tuple(f"2025-{number:02d}" for number in range(1, 12))
LIVE = ("2025-12",)
SAMPLES_WRITTEN = "samples.written"
OWN_STEP = ("municipality", "hub")
"""Kinds that receive in a step of their own; the others receive receipts only."""


@dataclass
class DemoReport:
    """What the demo did; each list holds a report per participant.

    Attributes:
        samples: what the generator wrote, None when the sources were there from an earlier run.
        sent: back-delivery, then the live month.
        received: the same.
        closed: the same.
        benchmark: of the hub.
    """

    samples: SampleSummary | None = None
    sent: list[list[SendReport]] = field(default_factory=list)
    received: list[list[CollectReport]] = field(default_factory=list)
    closed: list[ClosingReport] = field(default_factory=list)
    benchmark: BenchmarkReport | None = None


def run_demo(
    root: Path, pool: Executor, warm: Future[None], progress: Progress, say: Callable[[str], None]
) -> DemoReport:
    """Set up the sample network in `root` and move twelve months through it; what was done before is not done again.

    Args:
        root: the home; made when it is not there.
        pool: the workers.
        warm: done when the workers are ready.
        progress: makes a progress bar of a title and a total.
        say: told what begins, in a sentence.

    Raises:
        Fatal: a worker cannot do its work.
    """
    report = DemoReport()
    create_network(root, sample_members())
    network = Network.open(root)
    say("Partners and municipalities export their files (made up, calibrated on published figures).")
    report.samples = _sources(root)
    for months, folder in ((BACK, "back"), (LIVE, "live")):
        _move(root, network, pool, warm, months, folder, report, progress, say)
    partners = [(root, item.id) for item in network.directory.participants.values() if item.kind not in OWN_STEP]
    with progress("receipts", len(partners)) as step:
        each(pool, tasks.receive, partners, step)
    say("The hub looks for peers and compares.")
    _, report.benchmark = pool.submit(tasks.benchmark, root).result()
    return report


def _sources(root: Path) -> SampleSummary | None:
    """Write the exports into the participants' own folders, once."""
    done = root / SAMPLES_WRITTEN
    if done.exists():
        return None
    draft = root / "exports"
    summary = write_samples(draft, SEED, months=len(BACK) + len(LIVE), last=LIVE[-1])
    shutil.move(draft / "address_reference.csv", root / "address_reference.csv")
    for folder in sorted(draft.iterdir()):
        target = root / "participants" / folder.name / "sources"
        shutil.rmtree(target, ignore_errors=True)
        shutil.move(folder, target)
    draft.rmdir()
    done.touch()
    return summary


def _move(
    root: Path,
    network: Network,
    pool: Executor,
    warm: Future[None],
    months: Sequence[str],
    folder: str,
    report: DemoReport,
    progress: Progress,
    say: Callable[[str], None],
) -> None:
    """Send, receive and close one delivery of months."""
    span = months[0] if len(months) == 1 else f"{months[0]} to {months[-1]}"
    everybody = sorted(network.directory.participants)
    say(f"{span}: sources are read, pseudonymised with two key services, sealed and sent.")
    work = [(root, item, _files(network, item, folder), months) for item in everybody]
    with progress("send", len(work)) as step:
        report.sent.append(_send(pool, warm, work, step))
    broken = [text for item in report.sent[-1] for text in item.broken]
    if broken:
        raise Fatal(f"{len(broken)} sample files could not be read.", broken[0])
    say(f"{span}: municipalities open, check and store what came; receipts go back.")
    nodes = [(root, item) for item in network.directory.municipalities]
    with progress("receive", len(nodes)) as step:
        report.received.append(each(pool, tasks.receive, nodes, step))
    say(f"{span}: months close; cells are counted and pass disclosure control.")
    report.closed.append(close_nodes(root, months, None, progress, pool))


def _send(
    pool: Executor, warm: Future[None], work: Sequence[tuple[object, ...]], step: Callable[[], None]
) -> list[SendReport]:
    """Send for everybody; while the workers are not ready, this process does what it can itself."""
    own = []
    for task in work:
        if warm.done():
            break
        own.append(each(InThisProcess(), tasks.send, [task], step)[0])
    return own + each(pool, tasks.send, work[len(own) :], step)


def _files(network: Network, participant: str, folder: str) -> list[Path]:
    sources = network.home.participant(participant).sources / folder
    return sorted(path for path in sources.glob("*") if path.is_file())
