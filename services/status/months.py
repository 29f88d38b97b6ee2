"""Months that are not closed: due, ready, or waiting for delivery statements; and who has to make them."""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from services.status.model import Matter, Month, ParticipantStatus
from services.status.sentences import listed, months_text

Periods = tuple[str, ...]


def months(people: Sequence[ParticipantStatus], today: dt.date) -> Iterator[Matter]:
    """Months that have ended and are not closed."""
    for periods, names in _by_periods(people, lambda month: month.due <= today).items():
        due = min(month.due for item in people for month in item.months if month.period == periods[0])
        was = "was" if len(periods) == 1 else "were"
        text = f"{listed(names)} {_has(names)} not closed {months_text(periods)}, which {was} due."
        yield Matter("close", text, tuple(names), due, f"`spiegelnet month {_range(periods)}` closes.")
    for periods, names in _by_periods(people, lambda month: month.due > today and not month.missing).items():
        text = f"{listed(names)} can close {months_text(periods)}: all statements are in."
        yield Matter("close", text, tuple(names), None, f"`spiegelnet month {_range(periods)}` closes.")
    yield from _statements(people)


def _statements(people: Sequence[ParticipantStatus]) -> Iterator[Matter]:
    """Senders that owe statements, those together that owe the same months."""
    owed: dict[Periods, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for item in people:
        for sender in sorted({name for month in item.months for name in month.missing}):
            owed[_periods(month for month in item.months if sender in month.missing)][sender].append(item.participant)
    for periods, senders in owed.items():
        names = sorted(senders)
        towns = sorted({town for listed_towns in senders.values() for town in listed_towns})
        what = f"{'its delivery' if len(names) == 1 else 'their deliveries'} of {months_text(periods)}"
        text = f"{listed(names)} {_has(names)} not stated {what} to {listed(towns)}."
        todo = f"`spiegelnet send {names[0]} --state {_range(periods)}` states, also when there is nothing to send."
        yield Matter("statement", text, tuple(names), _end(periods[0]), todo)


def _by_periods(people: Sequence[ParticipantStatus], wanted: Callable[[Month], bool]) -> dict[Periods, list[str]]:
    """Return participants by the months of theirs that are wanted."""
    found: dict[Periods, list[str]] = defaultdict(list)
    for item in people:
        periods = _periods(month for month in item.months if wanted(month))
        if periods:
            found[periods].append(item.participant)
    return found


def _periods(chosen: Iterable[Month]) -> Periods:
    return tuple(month.period for month in chosen)


def _end(period: str) -> dt.date:
    """Return the first day after a month."""
    return (dt.date.fromisoformat(f"{period}-28") + dt.timedelta(days=4)).replace(day=1)


def _range(periods: Sequence[str]) -> str:
    return periods[0] if len(periods) == 1 else f"{periods[0]}..{periods[-1]}"


def _has(names: Sequence[str]) -> str:
    return "has" if len(names) == 1 else "have"
