"""Children reached by approaches once more, in plain Python; a part of `indicator_oracle`."""

from collections.abc import Iterable

from tests.spec.oracle_rows import Row, ending

PARTS = (
    "child_package",
    "leergeld",
    "youth_fund_sport_culture",
    "kinderhulp",
    "jarige_job",
    "participation_scheme",
    "city_pass",
    "other",
)
Reached = tuple[str, str, bytes]  # approach, district, child


def reached(events: Iterable[Row], year: str) -> list[Reached]:
    """Every minor for whom an approach ran on a day of the year, by approach."""
    told = latest(events)
    known = names(told)
    return [
        (row["approach"], row["district"], known[row["sent_by"], row["address"], row["birth_year"], row["child"]])
        for row in told
        if row["started_on"].year <= int(year) <= (row["ended_on"].year if row["ended_on"] else 9999)
        and 0 <= int(year) - row["birth_year"] <= 18
    ]


def latest(events: Iterable[Row]) -> list[Row]:
    """The latest state of each approach to each child of each sender."""
    states: dict[tuple[object, ...], list[Row]] = {}
    for row in events:
        states.setdefault((row["sent_by"], row["child"], row["approach"], row["started_on"]), []).append(row)
    return [min(rows, key=ending) for rows in states.values()]


def names(told: Iterable[Row]) -> dict[tuple[str, bytes, int, bytes], bytes]:
    """By sender, address, year of birth and its number there the one number of a child that several senders know."""
    homes: dict[tuple[bytes, int], dict[tuple[bool, str], set[bytes]]] = {}
    for row in told:
        sender = (row["sent_by"] != row["municipality"], row["sent_by"])
        homes.setdefault((row["address"], row["birth_year"]), {}).setdefault(sender, set()).add(row["child"])
    found = {}
    for (address, born), senders in homes.items():
        lists = [(sender[1], sorted(children)) for sender, children in sorted(senders.items())]
        for _, children in lists:
            for place, child in enumerate(children):
                first = next(other[place] for _, other in lists if len(other) > place)
                for sender, other in lists:
                    if other is children:
                        found[sender, address, born, child] = first
    return found
