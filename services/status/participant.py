"""How one participant stands: from its own files, and from its topic at the broker."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from services.directory import Participant
from services.errors import Retryable, SpiegelnetError
from services.network import Network
from services.receiving.replay import ReplayWindow
from services.runs import RunRecord
from services.sending.journal import Journal
from services.sending.outbox import Outbox
from services.sessions.records import days_due
from services.status.model import Month, ParticipantStatus
from services.status.standing import up_to_date
from services.store.standing import Standing

MOST_MONTHS = 24
"""Months that are not closed, of which is told."""


def participant_status(root: Path, participant: str, month: str | None) -> ParticipantStatus:
    """Say how one participant stands.

    Args:
        root: the network's home.
        participant: its id.
        month: of which missing statements are asked for; None for the last month of which any statement came.

    Raises:
        NotAllowed: its keys are not on this machine.
        Fatal: it is not in the directory; or a file is damaged.
    """
    network = Network.open(root)
    status, offset = from_files(network, participant, month)
    look_at_topic(network, status, offset)
    return status


def from_files(network: Network, participant: str, month: str | None) -> tuple[ParticipantStatus, int]:
    """Say what the participant's own files tell, and return it with the offset that is to be read next."""
    entry = network.directory.get(participant)
    status = ParticipantStatus(participant, entry.name, entry.kind)
    standing = Standing(network.home.participant(participant).standing)
    try:
        standing = up_to_date(network, participant)
    except Retryable as error:  # its catalog is away: what was known before is told
        status.error = error
    known = standing.known()
    status.senders = standing.senders()
    refused = standing.refused()
    status.refused = Counter({fate: parcels for fate, (parcels, _) in refused.items()})
    status.refused_on = {fate: last for fate, (_, last) in refused.items()}
    status.stopped, status.rules, status.newest = standing.stopped(), standing.rules(), standing.newest()
    status.releases = {kind: tuple(last) for kind, last in known.get("released", {}).items()}
    if entry.kind == "municipality":
        closed, stated = known.get("closed", []), known.get("stated", {})
        status.closed = max(closed, default=None)
        owing = [item.id for item in network.directory.senders_to(participant)]
        asked = month or max(stated, default=None)
        status.owing = _missing(owing, stated.get(asked, [])) if asked else tuple(owing)
        status.months = open_months(closed, stated, owing, network.settings.month.close_day, network.today())
    _own_files(network, entry, status)
    return status, int(known.get("offset", 0))


def look_at_topic(network: Network, status: ParticipantStatus, offset: int) -> None:
    """Say what waits on the participant's topic behind `offset`; a broker that is away is said, not raised."""
    topic = f"parcels.{status.participant}"
    try:
        with network.broker(status.participant) as broker:
            status.unread = broker.end_offset(topic) - offset
            if status.unread:  # a topic that ends before what was read of it is an error of the broker's
                oldest = broker.read(topic, offset, max_bytes=1, max_messages=1)
                status.unread_since = oldest[0].appended_at if oldest else None
    except SpiegelnetError as error:
        status.unread, status.error = None, error


def open_months(
    closed: Iterable[str], stated: dict[str, list[str]], owing: list[str], close_day: int, today: dt.date
) -> list[Month]:
    """Return the months that have ended and are not closed: from the first that is known of, at most `MOST_MONTHS`.

    Args:
        closed: months that are.
        stated: by month the senders that stated a complete delivery.
        owing: senders that owe a statement each month.
        close_day: day of the next month from which a month closes without all statements.
        today: in UTC.
    """
    done = set(closed)
    first = min([*done, *stated], default=None)
    if first is None:
        return []
    months: list[Month] = []
    period = first
    while True:
        following = _following(period)
        if _first_day(following) > today:
            return months[-MOST_MONTHS:]
        if period not in done:
            due = _first_day(following).replace(day=close_day)
            months.append(Month(period, _missing(owing, stated.get(period, [])), due))
        period = following


def _missing(owing: Iterable[str], stated: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(owing) - set(stated)))


def _following(month: str) -> str:
    year, number = (int(part) for part in month.split("-"))
    return f"{year}-{number + 1:02d}" if number < 12 else f"{year + 1}-01"  # noqa: PLR2004 - months of a year


def _first_day(month: str) -> dt.date:
    return dt.date.fromisoformat(f"{month}-01")


def _own_files(network: Network, entry: Participant, status: ParticipantStatus) -> None:
    """Say what waits to be sent, was refused at the source or agreed in sessions, has gaps, and how tasks ended."""
    home = network.home.participant(entry.id)
    if home.outbox.exists():
        with Outbox(home.outbox) as outbox:
            status.waiting, status.waiting_bytes = outbox.backlog()
    if home.journal.exists():
        journal = Journal(home.journal, bytes)
        try:
            status.refused_rows = Counter((row.file, row.reason) for row in journal.refused_rows())
        finally:
            journal.close()
    if home.replay.exists():
        with ReplayWindow(home.replay) as replay:
            gaps = replay.gap_alarms(network.now())
        status.gaps = len(gaps)
        for gap in gaps:
            status.gaps_of[gap.sender] = min(gap.noticed_at, status.gaps_of.get(gap.sender, gap.noticed_at))
    if home.runs.exists():
        record = RunRecord(home.runs)
        status.tasks, status.asked = record.tasks(), record.asked()
        if status.waiting:
            status.waiting_since = record.waiting_since()
    if home.sessions.exists():
        status.actions = days_due(home.sessions)
