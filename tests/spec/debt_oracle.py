"""The indicators on debt counselling once more, in plain Python; a part of `indicator_oracle`."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

Row = Mapping[str, Any]
DROPPED_OUT = {"did_not_appear", "withdrawn", "did_not_comply"}
TERM = timedelta(weeks=4)
HALF_A_YEAR = timedelta(weeks=26)


def started(events: Iterable[Row], period: str) -> list[Row]:
    """Applications of a quarter."""
    return [row for row in applications(events) if quarter(row["applied_on"]) == period]


def of_year(events: Iterable[Row], period: str) -> dict[str, list[Row]]:
    """Applications by what became of them in a year: those counted, and those among which they are counted."""
    told = applications(events)
    due = [row for row in told if year(row["applied_on"] + TERM) == period]
    tried = [row for row in told if year(row["arrangement_ended_on"]) == period]
    over = [row for row in told if year(row["ended_on"]) == period and row["end_reason"]]
    talked = [row for row in due if row["first_talk_on"]]
    return {
        "first_talk_within_four_weeks_share": [
            row for row in talked if row["first_talk_on"] - row["applied_on"] <= TERM
        ],
        "amicable_settlement_share": [row for row in tried if row["arrangement_result"] == "amicable"],
        "arrangement_within_half_a_year_share": [
            row for row in tried if row["arrangement_ended_on"] - row["applied_on"] <= HALF_A_YEAR
        ],
        "debt_counselling_dropout_share": [row for row in over if row["end_reason"] in DROPPED_OUT],
        "talks due": due,
        "arrangements ended": tried,
        "ended with a reason": over,
    }


def applications(events: Iterable[Row]) -> list[Row]:
    """One per home and day of application: its first talk, the last end of an arrangement, the last end of all."""
    told: dict[tuple[bytes, date], list[Row]] = {}
    for row in events:
        told.setdefault((row["address"], row["applied_on"]), []).append(row)
    return [
        {
            "address": address,
            "district": rows[0]["district"],
            "applied_on": applied_on,
            "first_talk_on": min((row["first_talk_on"] for row in rows if row["first_talk_on"]), default=None),
            **latest(rows, "arrangement_ended_on", "arrangement_result"),
            **latest(rows, "ended_on", "end_reason"),
        }
        for (address, applied_on), rows in told.items()
    ]


def latest(rows: Sequence[Row], day: str, word: str) -> dict[str, Any]:
    """The last day, and what is said of it; of several words the first by alphabet."""
    last = max((row[day] for row in rows if row[day]), default=None)
    return {day: last, word: min((row[word] for row in rows if row[day] == last and row[word]), default=None)}


def year(day: date | None) -> str | None:
    return None if day is None else f"{day.year:04d}"


def quarter(day: date) -> str:
    return f"{day.year:04d}-Q{(day.month + 2) // 3}"
