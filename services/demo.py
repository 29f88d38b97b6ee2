"""The demo: a month through the whole network on one machine, after eleven months of back-delivery.

It calls the same functions as the commands do; what it prints afterwards is asked of the published tables in SQL.

All is sent in the year of today, but for the back-delivery of one supplier: it is sent by the clock of the year before,
so that an epoch change is seen. All of them would take as long again as pseudonyms take now.
"""

import datetime as dt
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeVar

from services import tasks
from services.closing import ClosingReport, Progress, close_nodes
from services.directory import HUB
from services.errors import Fatal
from services.households import ROLLOVER, under_one_name
from services.hub import BenchmarkReport
from services.network import Network, utc_now
from services.parallel import InThisProcess, each
from services.receiving.collecting import CollectReport, open_node
from services.samples import SampleSummary, write_samples
from services.samples.reviews import reviews
from services.setup import create_network, sample_members
from services.store.events import current_tables
from services.tasks import SendReport

SEED = 2025
BACK = tuple(f"2025-{number:02d}" for number in range(1, 12))
LIVE = ("2025-12",)
CHANGES_EPOCH = "es-lichtkade"
"""Who sends its back-delivery in the year before, and is known by its new pseudonyms before anything is counted."""
SAMPLES_WRITTEN = "samples.written"
T = TypeVar("T")
OWN_STEP = ("municipality", HUB)
"""Kinds that receive in a step of their own; the others receive receipts only."""


@dataclass
class DemoReport:
    """What the demo did; each list holds a report per participant.

    Attributes:
        samples: what the generator wrote, None when the sources were there from an earlier run.
        sent: back-delivery, then the live month, then later ones.
        received: the same.
        closed: the same.
        quotes: stories that were told on, by municipality.
        benchmark: of the hub.
    """

    samples: SampleSummary | None = None
    sent: list[list[SendReport]] = field(default_factory=list)
    received: list[list[CollectReport]] = field(default_factory=list)
    closed: list[ClosingReport] = field(default_factory=list)
    quotes: dict[str, int] = field(default_factory=dict)
    benchmark: BenchmarkReport | None = None


@dataclass(frozen=True)
class Run:
    """What the steps of one demo share.

    Attributes:
        root: the network's home.
        network: opened.
        pool: the workers.
        warm: done when the workers are ready.
        progress: makes a progress bar of a title and a total.
        say: told what begins, in a sentence.
        report: what was done so far.
    """

    root: Path
    network: Network
    pool: Executor
    warm: Future[None]
    progress: Progress
    say: Callable[[str], None]
    report: DemoReport


def run_demo(
    root: Path,
    pool: Executor,
    warm: Future[None],
    progress: Progress,
    say: Callable[[str], None],
    then: Callable[[], T],
    later: Sequence[str] = (),
) -> tuple[DemoReport, T]:
    """Set up the sample network in `root` and move its months through it; what was done before is not done again.

    Args:
        root: the home; made when it is not there.
        pool: the workers.
        warm: done when the workers are ready.
        progress: makes a progress bar of a title and a total.
        say: told what begins, in a sentence.
        then: done when the hub has compared, while partners still collect their receipts.
        later: months after the live one, in order, each delivered and closed by itself.

    Returns:
        What was done, and what `then` returned.

    Raises:
        Fatal: a worker cannot do its work.
    """
    create_network(root, sample_members())
    run = Run(root, Network.open(root), pool, warm, progress, say, DemoReport())
    say("Partners and municipalities export their files (made up, calibrated on published figures).")
    run.report.samples = _first_sources(root)
    _move(run, BACK, "back", first=CHANGES_EPOCH)
    _move(run, LIVE, "live", between=_review)
    for number, month in enumerate(later, len(BACK) + len(LIVE) + 1):
        _later_sources(root, month, number)
        _move(run, (month,), month)
    say("The hub looks for peers and compares; partners collect their receipts.")
    benchmark = pool.submit(tasks.benchmark, root)
    partners = [item.id for item in run.network.directory.participants.values() if item.kind not in OWN_STEP]
    receipts = [pool.submit(tasks.receive, root, item) for item in partners]
    _, run.report.benchmark = benchmark.result()
    made = then()
    with progress("receipts", len(partners)) as step:
        for collected in as_completed(receipts):
            collected.result()
            step()
    return run.report, made


def _first_sources(root: Path) -> SampleSummary | None:
    """Write the exports of the first twelve months into the participants' own folders, once."""
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


def _later_sources(root: Path, month: str, months: int) -> None:
    """Write the exports of a further month; the same seed gives the months before it as they were."""
    draft = root / "exports"
    write_samples(draft, SEED, months=months, last=month)
    for folder in sorted(path for path in draft.iterdir() if (path / "live").exists()):
        target = root / "participants" / folder.name / "sources" / month
        shutil.rmtree(target, ignore_errors=True)
        shutil.move(folder / "live", target)
    shutil.rmtree(draft)


def _move(
    run: Run,
    months: Sequence[str],
    folder: str,
    first: str | None = None,
    between: Callable[[Run], None] = lambda _: None,
) -> None:
    """Send, receive and close one delivery of months.

    Args:
        run: the demo.
        months: of the delivery.
        folder: of the sources that holds it.
        first: who sends it in the year before.
        between: done when it was received, before months close.
    """
    network, span = run.network, months[0] if len(months) == 1 else f"{months[0]} to {months[-1]}"
    run.say(f"{span}: sources are read, pseudonymised with two key services, sealed and sent.")
    everybody = _in_order(network)
    before = [(run.root, first, _files(network, first, folder), months)] if first else []
    work = [(run.root, item, _files(network, item, folder), months) for item in everybody if item != first]
    with run.progress("send", len(everybody)) as step:
        earlier = [run.pool.submit(_send_in_two_epochs, *task) for task in before]
        run.report.sent.append(_send(run, work, step))
        for sent in earlier:
            run.report.sent[-1].append(sent.result())
            step()
    broken = [text for item in run.report.sent[-1] for text in item.broken]
    if broken:
        raise Fatal(f"{len(broken)} sample files could not be read.", broken[0])
    for item in run.report.sent[-1]:
        if item.postponed:
            raise item.postponed[0]
    run.say(f"{span}: municipalities open, check and store what came; receipts go back.")
    nodes = [(run.root, item) for item in (HUB, *network.directory.municipalities)]
    with run.progress("receive", len(nodes)) as step:
        run.report.received.append(each(run.pool, tasks.receive, nodes, step))
    between(run)
    run.say(f"{span}: months close; cells are counted and pass disclosure control.")
    run.report.closed.append(close_nodes(run.root, months, None, run.progress, run.pool))


def _in_order(network: Network) -> list[str]:
    """Who serves many municipalities has most to do and comes first, so that no worker is left with it at the end."""
    everybody = network.directory.participants.values()
    return [item.id for item in sorted(everybody, key=lambda item: (-len(item.serves), item.id))]


def _review(run: Run) -> None:
    """Let made-up readers tell some stories on, so that quotes of them stand beside figures."""
    run.say("Two made-up readers tell some of the made-up stories on, as their tellers agreed.")
    work = [(run.root, place) for place, chosen in reviews(SEED).items() if chosen]
    with run.progress("review", len(work)) as step:
        told = each(run.pool, review_stories, work, step)
    run.report.quotes = dict(zip((place for _, place in work), told, strict=True))


@cache
def _marked_parts() -> Callable[[str], Sequence[str]]:
    """Load the lists by which names are marked, once in a worker: that takes as long as a review."""
    from services.stories.marking import load_marker  # noqa: PLC0415 - only where there are stories

    return load_marker(deduce=False).parts


def review_stories(root: Path, municipality: str) -> int:
    """Review the made-up stories of one municipality; return how many are told on.

    Raises:
        Fatal: a quote was not let through.
    """
    from services.samples.reviews import review  # noqa: PLC0415 - only where there are stories
    from services.stories.desk.acting import act  # noqa: PLC0415 - likewise

    marked_parts = _marked_parts()
    report, waits = act(root, municipality, lambda here: review(here, SEED, marked_parts))
    if waits:
        raise waits[0]
    for name, reasons in report.refused.items():
        raise Fatal(f"Quote {name} of the made-up stories is not let through.", " ".join(reasons))
    return len(report.released)


def _send(run: Run, work: Sequence[tuple[object, ...]], step: Callable[[], None]) -> list[SendReport]:
    """Send for everybody; while the workers are not ready, this process does what it can itself."""
    own: list[SendReport] = []
    for task in work:
        if run.warm.done():
            break
        own += each(InThisProcess(), tasks.send, [task], step)
    return own + each(run.pool, tasks.send, work[len(own) :], step)


def _send_in_two_epochs(root: Path, participant: str, files: Sequence[Path], months: Sequence[str]) -> SendReport:
    """Send by the clock of the year before, and then make the pseudonyms of this year known."""
    sent = tasks.send(root, participant, files, months, clock=_year_before)
    sent.rolled, waits = tasks.rollover(root, participant)
    sent.parcels += sent.rolled.parcels
    sent.postponed += waits
    return sent


def _year_before() -> dt.datetime:
    return dt.datetime(utc_now().year - 1, 12, 31, 12, tzinfo=dt.UTC)


def households(network: Network, municipality: str) -> tuple[int, int]:
    """Count a municipality's households with a signal: as it does, and as it would without pairs of pseudonyms."""
    types = [network.registry.get(name) for name in ("payment_arrears", ROLLOVER)]
    tables = current_tables(open_node(network, municipality).catalog, types)
    joined, apart = under_one_name(tables)["payment_arrears"], tables["payment_arrears"]
    return joined["address"].n_unique(), apart["address"].n_unique()


def _files(network: Network, participant: str, folder: str) -> list[Path]:
    sources = network.home.participant(participant).sources / folder
    return sorted(path for path in sources.glob("*") if path.is_file())
