"""What the oracle asks of rows, whatever they are about: months, and what several tell of the same."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import zip_longest
from typing import Any

Row = Mapping[str, Any]


def month(day: date | None) -> str | None:
    return None if day is None else f"{day.year:04d}-{day.month:02d}"


def runs(row: Row, period: str) -> bool:
    """Whether something ran on one or more days of a month: texts of months sort as the months do."""
    return str(month(row["started_on"])) <= period <= (month(row["ended_on"]) or "9999-12")


def ending(row: Row) -> tuple[date, bytes]:
    return row["ended_on"] or date.max, row["event_id"]


def told_once(rows: Iterable[Row], teller: str, alike: Sequence[str]) -> list[Row]:
    """What several tell, once: rows that are alike are laid side by side, and the earliest last day told counts."""
    groups: dict[tuple[Any, ...], dict[Any, list[Row]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in alike), {}).setdefault(row[teller], []).append(row)
    side_by_side = [zip_longest(*(sorted(own, key=ending) for own in tellers.values())) for tellers in groups.values()]
    return [min((row for row in told if row), key=ending) for group in side_by_side for told in group]
