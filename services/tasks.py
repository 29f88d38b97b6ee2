"""What a worker process does for one participant: open the network, do one thing, return a report.

The commands, the demo and later the schedules call these; each can be killed and run again.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from connectors.base import SourceError
from services.directory import HUB
from services.errors import Rejected, Retryable
from services.hub import BenchmarkReport, run_benchmark
from services.lineage import flows
from services.maintenance import UpkeepReport
from services.maintenance import maintain as upkeep
from services.month import MonthReport, close_months
from services.network import Clock, Network, utc_now
from services.receiving.collecting import CollectReport, collect
from services.receiving.going_on import WentOn
from services.receiving.going_on import go_on as read_on
from services.receiving.receipts import send_receipts
from services.runs import running, span
from services.sending.consent import Changed, change_consent
from services.sending.delivery import FileReport, deliver_file, send_again
from services.sending.rollover import RolledOver, roll_over, suppose_sent
from services.sending.sender import Sender, open_sender
from services.sending.statement import CLIENTS_FILE, PARTNER_TYPES, read_clients, state_months
from services.sending.withdrawing import TakenBack
from services.sending.withdrawing import correct as correct_rows
from services.sending.withdrawing import withdraw as withdraw_rows
from services.stories.arriving import follow_stories


@dataclass
class SendReport:
    """What one participant sent.

    Attributes:
        participant: who.
        files: one report per file.
        broken: files that could not be read at all, with the reason.
        postponed: why files were not sent to their end yet, such as a key service that is away, and why parcels wait
            in the outbox: the broker is away, or does not know their receiver yet; run again.
        statements: parcels with delivery statements.
        rolled: what an epoch change brought before, None when not all that is due could be done.
        parcels: handed to the broker, those that waited from before included.
    """

    participant: str
    files: list[FileReport] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    postponed: list[Retryable] = field(default_factory=list)
    statements: int = 0
    rolled: RolledOver | None = None
    parcels: int = 0

    @property
    def events(self) -> Counter[str]:
        """Events sent now, by type."""
        return sum((item.events for item in self.files if not item.sent_before), Counter())

    @property
    def refused(self) -> Counter[str]:
        """Rows refused at the source now, by reason."""
        return sum((item.refused for item in self.files if not item.sent_before), Counter())

    @property
    def counts(self) -> dict[str, int]:
        """What was sent, in numbers."""
        return {
            "files": sum(not item.sent_before for item in self.files),
            "events": self.events.total(),
            "refused": self.refused.total(),
            "statements": self.statements,
            "rolled_over": self.rolled.addresses.total() if self.rolled else 0,
            "parcels": self.parcels,
            "broken": len(self.broken),
            "postponed": len(self.postponed),
        }


def send(
    root: Path,
    participant: str,
    files: Sequence[Path],
    months: Sequence[str] = (),
    *,
    mended: bool = False,
    again_to: str | None = None,
    clock: Clock = utc_now,
    at: Callable[[str], None] = lambda _: None,
    asking: Callable[[int, int], None] = lambda _, __: None,
) -> SendReport:
    """Deliver files, state the months, and hand all that waits to the broker; at an epoch change roll over before.

    A file that cannot be read at all, or not be sent to its end now, is reported; the others go on, but nothing is
    stated of the months.

    Args:
        root: the network's home.
        participant: the sender.
        files: exports of its sources.
        months: months to make delivery statements of, when this sender owes them.
        mended: whether the files are mended versions of files that were sent under the same names.
        again_to: a receiver that lost what was sent to it: all is sealed for it anew.
        clock: by which it is sent.
        at: called with the name of each step before it, for tests that end the process there.
        asking: called with (new addresses asked so far, to ask) while key services are asked.

    Raises:
        Fatal: the participant, or the receiver, is not in the directory.
    """
    network = Network.open(root, clock)
    report = SendReport(participant)
    with (
        running(network, participant, "send", span(months)) as run,
        open_sender(network, participant, at=at, asking=asking) as sender,
        network.broker(participant) as broker,
    ):

        def room() -> None:
            report.parcels += sender.make_room(broker)

        if again_to:
            send_again(sender, network.directory.get(again_to).id, files)
        try:
            report.rolled = roll_over(sender, room=room)
        except Retryable as reason:
            report.postponed.append(reason)
        if report.rolled:  # nothing goes by the new pseudonyms before receivers know whose they are
            _deliver(sender, files, report, mended=mended, room=room)
        # A statement after a file that was not sent to its end would say of half a delivery that it is whole.
        if months and sender.participant.serves and not report.broken and not report.postponed:
            clients = _clients(network, participant) if sender.participant.kind in PARTNER_TYPES else {}
            report.statements = state_months(sender, months, clients, network.today())
        parcels, waits = sender.hand_over(broker)
        report.parcels += parcels
        report.postponed += waits
        run.brings(report.counts, lambda: flows.of_send(network, participant, report.files, report.statements > 0))
        run.waits(report.postponed)
    return report


def _deliver(
    sender: Sender, files: Sequence[Path], report: SendReport, *, mended: bool, room: Callable[[], None]
) -> None:
    """Send files; what keeps one from being sent to its end is reported, and the others go on."""
    for path in files:
        try:
            report.files.append(deliver_file(sender, path, mended=mended, room=room))
        except (SourceError, Rejected) as error:
            report.broken.append(str(error))
        except Retryable as reason:
            report.postponed.append(reason)


def _clients(network: Network, participant: str) -> dict[str, int]:
    return read_clients(network.home.participant(participant).sources / CLIENTS_FILE)


def take_back(
    root: Path,
    participant: str,
    file: Path,
    rows: Sequence[int] = (),
    *,
    corrected: bool = False,
    at: Callable[[str], None] = lambda _: None,
) -> tuple[TakenBack, list[Retryable]]:
    """Withdraw or correct the events of a file's rows, and hand all that waits to the broker.

    Args and errors as in `services.sending.withdrawing`; `corrected` says that all rows of the file come in the place
    of what was sent of them, `at` is as for `send`.

    Returns:
        What was taken back, and why parcels wait in the outbox, if they do.
    """
    network = Network.open(root)
    with (
        running(network, participant, "correct" if corrected else "withdraw") as run,
        open_sender(network, participant, at=at) as sender,
        network.broker(participant) as broker,
    ):
        if corrected:
            report = correct_rows(sender, file, network.today())
        else:
            report = withdraw_rows(sender, file, network.today(), rows)
        _, waits = sender.hand_over(broker)
        run.brings({"events": report.events.total(), "refused": report.refused.total(), "parcels": report.parcels})
        run.waits(waits)
    return report, waits


def consent(
    root: Path, participant: str, number: str, uses: Collection[str], *, clock: Clock = utc_now
) -> tuple[Changed, list[Retryable]]:
    """Pass on what a teller allows from now on, and hand all that waits to the broker.

    Args and errors as in `services.sending.consent`.

    Returns:
        The change, and why parcels wait in the outbox, if they do.
    """
    network = Network.open(root, clock)
    with (
        running(network, participant, "consent") as run,
        open_sender(network, participant) as sender,
        network.broker(participant) as broker,
    ):
        changed = change_consent(sender, number, uses, network.now())
        parcels, waits = sender.hand_over(broker)
        run.brings({"parcels": parcels})
        run.waits(waits)
    return changed, waits


def rollover(
    root: Path,
    participant: str,
    *,
    since: str | None = None,
    progress: Callable[[int, int], None] = lambda _done, _due: None,
    clock: Clock = utc_now,
    at: Callable[[str], None] = lambda _: None,
) -> tuple[RolledOver, list[Retryable]]:
    """Tell receivers by which pseudonyms of this epoch the addresses of earlier ones go, and hand over all that waits.

    Args:
        root: the network's home.
        participant: the sender.
        since: an earlier epoch in which all its addresses are supposed to have been sent; None for what is noted.
        progress: called with (addresses done, addresses due).
        clock: by which it is done.
        at: as for `send`.

    Returns:
        What it brought, and why parcels wait in the outbox, if they do.

    Raises:
        NotAllowed, Retryable, Fatal: see `services.sending.rollover`.
    """
    network = Network.open(root, clock)
    with (
        running(network, participant, "rollover") as run,
        open_sender(network, participant, at=at) as sender,
        network.broker(participant) as broker,
    ):

        def room() -> None:
            sender.make_room(broker)

        if since is not None:
            suppose_sent(sender, since)
        report = roll_over(sender, progress, room)
        _, waits = sender.hand_over(broker)
        run.brings({"rolled_over": report.addresses.total(), "parcels": report.parcels})
        run.waits(waits)
    return report, waits


def receive(root: Path, participant: str, *, at: Callable[[str], None] = lambda _: None) -> CollectReport:
    """Collect all that waits for a participant, follow what is about stories, and answer; `at` as for `send`."""
    network = Network.open(root)
    with running(network, participant, "collect", lazily=True) as run, network.broker(participant) as broker:
        report = collect(network, participant, broker, at=run.watching("gate", at))
        with open_sender(network, participant, at=at) as sender:
            report.receipts = send_receipts(network, sender)
            follow_stories(network, participant, sender, anyway=report.held_later > 0)
            _, report.postponed = sender.hand_over(broker)
        run.brings(report.counts, lambda: flows.of_collect(network, report))
        run.waits(report.postponed)
    return report


def go_on(root: Path, participant: str, reason: str) -> WentOn:
    """Let a participant read on after an alarm; see `services.receiving.going_on`."""
    network = Network.open(root)
    with running(network, participant, "go on") as run, network.broker(participant) as broker:
        moved = read_on(network, participant, broker, reason, network.now())
        run.brings({"from": moved.before and moved.before.next_offset, "to": moved.after.next_offset})
    return moved


def month(
    root: Path,
    municipality: str,
    months: Sequence[str],
    today: dt.date,
    *,
    at: Callable[[str], None] = lambda _: None,
) -> MonthReport:
    """Close months at one node and send what is released to the hub; `at` as for `send`."""
    network = Network.open(root)
    with (
        running(network, municipality, "month", span(months)) as run,
        open_sender(network, municipality, at=at) as sender,
        network.broker(municipality) as broker,
    ):
        report = close_months(network, sender, months, today=today)
        _, report.postponed = sender.hand_over(broker)
        run.brings(report.counts, lambda: flows.of_month(network, report))
        run.waits(report.postponed)
    return report


def maintain(
    root: Path, participant: str, *, now: dt.datetime | None = None, at: Callable[[str], None] = lambda _: None
) -> UpkeepReport:
    """Do the daily upkeep of a participant's store: checks, retention, small files, disk space; `at` as for `send`.

    Args:
        root: the network's home.
        participant: whose store.
        now: UTC, by default the present moment; what is too old is so then.
        at: called with the name of each step before it, for tests that end the process there.
    """
    network = Network.open(root)
    with running(network, participant, "maintain") as run:
        report = upkeep(network, participant, now or network.now(), at)
        run.brings(report.counts)
    return report


def benchmark(root: Path, *, at: Callable[[str], None] = lambda _: None) -> tuple[CollectReport, BenchmarkReport]:
    """Let the hub collect and make its tables; `at` as for `send`."""
    network = Network.open(root)
    received = receive(root, HUB, at=at)
    with running(network, HUB, "benchmark") as run:
        report = run_benchmark(network, at=at)
        run.brings(
            {"cells": report.cells, "figures": report.figures.total()}, lambda: flows.of_benchmark(network, report)
        )
    return received, report
