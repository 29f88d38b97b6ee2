"""The indicator definitions once more, in plain Python without SQL, for clarity; engines are compared with it."""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from tests.spec import approach_oracle, debt_oracle
from tests.spec.oracle_rows import Row, ending, month, runs, told_once

MUNICIPALITY = "gm9001"
RELEASE_KEY = bytes(range(32))
ACCEPTED = {"advice_or_quick_fix", "financial_follow_up", "non_financial_follow_up"}

Place = tuple[str | None, bytes]  # district, unit
Answer = tuple[int, int, int]  # value, distinct households, key sum

SCHEMAS: dict[str, dict[str, Any]] = {
    "payment_arrears": {
        "address": pl.Binary,
        "district": pl.String,
        "partner_type": pl.String,
        "arisen_on": pl.Date,
        "signalled_on": pl.Date,
        "reported_by": pl.String,
    },
    "early_warning_case": {
        "event_id": pl.Binary,
        "address": pl.Binary,
        "district": pl.String,
        "reached": pl.Boolean,
        "result": pl.String,
        "closed_on": pl.Date,
    },
    "supply_stop_notice": {
        "address": pl.Binary,
        "district": pl.String,
        "commodity": pl.String,
        "stage": pl.String,
        "effective_on": pl.Date,
    },
    "eviction_notice": {
        "address": pl.Binary,
        "district": pl.String,
        "cause": pl.String,
        "stage": pl.String,
        "effective_on": pl.Date,
    },
    "assistance_spell": {
        "event_id": pl.Binary,
        "in_delivery": pl.Binary,
        "started_on": pl.Date,
        "ended_on": pl.Date,
        "cause_code": pl.Int32,
        "birth_decade": pl.Int32,
    },
    "support_provision": {
        "event_id": pl.Binary,
        "sent_by": pl.String,
        "address": pl.Binary,
        "district": pl.String,
        "provision": pl.Binary,
        "law": pl.String,
        "kind": pl.String,
        "started_on": pl.Date,
        "ended_on": pl.Date,
    },
    "debt_counselling_case": {
        "address": pl.Binary,
        "district": pl.String,
        "applied_on": pl.Date,
        "first_talk_on": pl.Date,
        "arrangement_result": pl.String,
        "arrangement_ended_on": pl.Date,
        "end_reason": pl.String,
        "ended_on": pl.Date,
    },
    "approach_reach": {
        "event_id": pl.Binary,
        "sent_by": pl.String,
        "address": pl.Binary,
        "municipality": pl.String,
        "district": pl.String,
        "child": pl.Binary,
        "birth_year": pl.Int32,
        "approach": pl.String,
        "started_on": pl.Date,
        "ended_on": pl.Date,
    },
    "population_reference": {
        "area": pl.String,
        "area_vintage": pl.Int32,
        "reference_date": pl.Date,
        "trait": pl.String,
        "value": pl.Float64,
    },
}

POPULATION: list[dict[str, Any]] = [
    {"area": area, "area_vintage": 2024, "reference_date": date(2024, 1, 1), "trait": trait, "value": value}
    for area, trait, value in [
        (MUNICIPALITY, "households", 10_000.0),
        (MUNICIPALITY, "inhabitants", 22_000.0),
        (MUNICIPALITY, "dwellings", 9_900.0),
        (MUNICIPALITY, "low_income_children", 400.0),
        ("wk900101", "dwellings", 4_200.0),
        ("wk900102", "dwellings", 700.0),
        ("wk900103", "dwellings", 5_000.0),
    ]
]
GROUP_OF = {"wk900101": "wk900101", "wk900102": "wk900102-wk900103", "wk900103": "wk900102-wk900103"}
"""Written down by hand from the rule: join in code order up to 4,000 dwellings."""


@dataclass
class Events:
    """A municipality's events, rows as dicts."""

    payment_arrears: Sequence[Row] = field(default_factory=list)
    early_warning_case: Sequence[Row] = field(default_factory=list)
    supply_stop_notice: Sequence[Row] = field(default_factory=list)
    eviction_notice: Sequence[Row] = field(default_factory=list)
    assistance_spell: Sequence[Row] = field(default_factory=list)
    support_provision: Sequence[Row] = field(default_factory=list)
    debt_counselling_case: Sequence[Row] = field(default_factory=list)
    approach_reach: Sequence[Row] = field(default_factory=list)
    population_reference: Sequence[Row] = field(default_factory=lambda: POPULATION)

    def frames(self) -> dict[str, pl.DataFrame]:
        """The typed tables an engine is given."""
        return {name: pl.DataFrame(getattr(self, name), schema=schema) for name, schema in SCHEMAS.items()}


def key_of(household: bytes) -> int:
    """The household's key, made with `hmac.new` where the product uses another call."""
    return int.from_bytes(hmac.new(RELEASE_KEY, household, hashlib.sha256).digest()[:8], "big") % 2**32


def months_before(period: str, many: int) -> set[str]:
    year, number = int(period[:4]), int(period[5:])
    index = 12 * year + number - 1
    return {f"{(index - back) // 12:04d}-{(index - back) % 12 + 1:02d}" for back in range(1, many + 1)}


def signals(events: Events) -> list[Row]:
    """Own-list rows go where the partner sent the same."""

    def same(row: Row) -> tuple[Any, ...]:
        return row["address"], row["partner_type"], row["arisen_on"], row["signalled_on"]

    sent = {same(row) for row in events.payment_arrears if row["reported_by"] == "partner"}
    return [row for row in events.payment_arrears if row["reported_by"] == "partner" or same(row) not in sent]


def closed_cases(events: Events) -> list[Row]:
    """The latest state of each case, where that is closed."""
    states: dict[bytes, list[Row]] = {}
    for row in events.early_warning_case:
        states.setdefault(row["event_id"], []).append(row)
    closed = [[row for row in rows if row["closed_on"]] for rows in states.values()]
    return [
        max(rows, key=lambda row: (row["closed_on"], row["reached"], row["result"] or "")) for rows in closed if rows
    ]


def spells(events: Events) -> list[Row]:
    return told_once(events.assistance_spell, "in_delivery", ("started_on", "cause_code", "birth_decade"))


def provisions(events: Events) -> list[Row]:
    """The latest state of each provision, once where municipality and provider both tell of it."""
    states: dict[tuple[str, bytes], list[Row]] = {}
    for row in events.support_provision:
        states.setdefault((row["sent_by"], row["provision"]), []).append(row)
    latest = [min(rows, key=ending) for rows in states.values()]
    return told_once(latest, "sent_by", ("address", "law", "kind", "started_on"))


def records(rows: Iterable[Row]) -> list[Place]:
    """Events without an address: each is a unit of its own, and in no district."""
    return [(None, row["event_id"]) for row in rows]


def places(rows: Iterable[Row]) -> list[Place]:
    return [(row["district"], row["address"]) for row in rows]


def numerators(events: Events, period: str) -> dict[str, list[Place]]:
    """(district, unit) of each counted event, by indicator."""
    given = signals(events)
    now = [row for row in given if month(row["signalled_on"]) == period]
    earlier = {row["address"] for row in given if month(row["signalled_on"]) in months_before(period, 6)}
    partners: dict[bytes, set[str]] = {}
    for row in now:
        partners.setdefault(row["address"], set()).add(row["partner_type"])
    closed = [row for row in closed_cases(events) if month(row["closed_on"]) == period]
    reached = [row for row in closed if row["reached"]]
    multiple = [row for row in now if len(partners[row["address"]]) >= 2]
    single = [row for row in now if len(partners[row["address"]]) == 1]
    known = spells(events)
    running = [row for row in provisions(events) if runs(row, period)]
    return {
        "signals_per_1000_households": places(now),
        "households_with_signal_share": places(now),
        "multiple_signals_share": places(multiple),
        "consecutive_signals_share": places(row for row in single if row["address"] in earlier),
        "reached_share": places(reached),
        "help_accepted_share": places(row for row in reached if row["result"] in ACCEPTED),
        "rent_arrears_per_1000_households": places(row for row in now if row["partner_type"] == "rent"),
        "energy_arrears_per_1000_households": places(row for row in now if row["partner_type"] == "energy"),
        "closed cases": places(closed),
        "assistance_starts_per_1000_inhabitants": records(row for row in known if month(row["started_on"]) == period),
        "assistance_ends_share": records(row for row in known if month(row["ended_on"]) == period),
        "household_help_per_1000_inhabitants": places(row for row in running if row["kind"] == "household_help"),
        "guidance_per_1000_inhabitants": places(row for row in running if row["kind"] == "guidance"),
        "youth_support_per_1000_inhabitants": places(row for row in running if row["law"] == "youth_act"),
        "running spells": records(row for row in known if runs(row, period)),
    }


def quarterly(events: Events, period: str) -> dict[str, list[Place]]:
    started = debt_oracle.started(events.debt_counselling_case, period)
    return {"debt_counselling_started_per_1000_households": places(started)}


def yearly(events: Events, period: str) -> dict[str, list[Place]]:
    def carried_out(rows: Iterable[Row]) -> list[Place]:
        done = (row for row in rows if row["stage"] == "carried_out" and row["effective_on"])
        return places(row for row in done if str(row["effective_on"].year) == period)

    return {
        "supply_stops_per_1000_households": carried_out(events.supply_stop_notice),
        "evictions_per_1000_households": carried_out(events.eviction_notice),
        REACHED: [place for part in by_approach(events, period).values() for place in part],
        **{name: places(rows) for name, rows in debt_oracle.of_year(events.debt_counselling_case, period).items()},
    }


def by_approach(events: Events, period: str) -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = {part: [] for part in approach_oracle.PARTS}
    for approach, district, child in approach_oracle.reached(events.approach_reach, period):
        found[approach].append((district, child))
    return found


REACHED = "children_in_poverty_reached_share"
BASES = {
    "multiple_signals_share": "signals_per_1000_households",
    "consecutive_signals_share": "signals_per_1000_households",
    "reached_share": "closed cases",
    "help_accepted_share": "reached_share",
    "assistance_ends_share": "running spells",
    "first_talk_within_four_weeks_share": "talks due",
    "amicable_settlement_share": "arrangements ended",
    "arrangement_within_half_a_year_share": "arrangements ended",
    "debt_counselling_dropout_share": "ended with a reason",
}
ONLY_BELOW = {"closed cases", "running spells", "talks due", "arrangements ended", "ended with a reason"}
BY_DISTRICT = {"signals_per_1000_households", "households_with_signal_share"}


def answer(indicator: str, found: Iterable[Place]) -> Answer:
    households = [household for _, household in found]
    units = set(households)
    value = len(households) if "_per_1000_" in indicator else len(units)
    return value, len(units), sum(key_of(unit) for unit in units)


def population(indicator: str) -> int:
    if indicator == REACHED:
        return 400
    return 22_000 if indicator.endswith("_per_1000_inhabitants") else 10_000


def count(events: Events, periods: Sequence[str]) -> dict[tuple[str, str, str | None], tuple[Answer, Answer | int]]:
    """(period, indicator, district group or part or None) → (numerator, counted denominator or public population)."""
    cells: dict[tuple[str, str, str | None], tuple[Answer, Answer | int]] = {}
    for period in periods:
        kind = quarterly if "Q" in period else numerators if "-" in period else yearly
        found = kind(events, period)
        for indicator in found.keys() - ONLY_BELOW:
            below = answer("share", found[BASES[indicator]]) if indicator in BASES else population(indicator)
            cells[period, indicator, None] = answer(indicator, found[indicator]), below
        for indicator in BY_DISTRICT & found.keys():
            for group, dwellings in (("wk900101", 4_200), ("wk900102-wk900103", 5_700)):
                inside = [place for place in found[indicator] if GROUP_OF.get(place[0]) == group]
                cells[period, indicator, group] = answer(indicator, inside), dwellings
        if REACHED in found:
            for part, reached in by_approach(events, period).items():
                cells[period, REACHED, part] = answer(REACHED, reached), population(REACHED)
    return cells
