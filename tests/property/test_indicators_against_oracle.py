"""Random small event sets give the same counts on DuckDB and on the plain-Python oracle."""

from datetime import date
from typing import Any

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from services.indicators import count_cells, load_catalogue, prepare
from tests.spec import debt_oracle
from tests.spec import indicator_oracle as oracle
from tests.spec.test_indicator_tables import place_of

PERIODS = ["2024-11", "2024-12", "2025-01", "2025-06", "2025-07", "2024-Q4", "2025-Q1", "2024", "2025"]

addresses = st.sampled_from([bytes([n]) * 32 for n in range(6)])
districts = st.sampled_from(["wk900101", "wk900102", "wk900103", "wk900199"])
edges = st.sampled_from(
    [date(2024, 5, 1), date(2024, 6, 30), date(2024, 12, 31), date(2025, 1, 1), date(2025, 6, 30), date(2025, 7, 1)]
)
days = st.one_of(edges, st.dates(date(2024, 4, 1), date(2025, 8, 31)))
partners = st.sampled_from(["rent", "energy", "water", "health_insurance", "mortgage"])
results = st.sampled_from(
    [None, *oracle.ACCEPTED, "paid_or_arranged_self", "referral_without_contact", "no_contact_possible"]
)


def rows(**columns: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    fields = {"address": addresses, "district": districts, **columns}
    return st.lists(st.fixed_dictionaries(fields), max_size=12)


def ended(row: dict[str, Any]) -> dict[str, Any]:
    """What ends does not end before it begins."""
    return row | {"ended_on": row["ended_on"] and max(row["started_on"], row["ended_on"])}


events = st.builds(
    oracle.Events,
    payment_arrears=rows(
        partner_type=partners,
        arisen_on=st.sampled_from([date(2024, 1, 1), date(2024, 1, 2)]),
        signalled_on=days,
        reported_by=st.sampled_from(["partner", "municipality"]),
    ),
    early_warning_case=rows(
        event_id=st.sampled_from([bytes([n]) * 16 for n in range(8)]),
        reached=st.booleans(),
        result=results,
        closed_on=st.none() | days,
    ).map(lambda found: [dict(row, address=row["event_id"][:1] * 32, district="wk900101") for row in found]),
    supply_stop_notice=rows(
        commodity=st.just("gas"), stage=st.sampled_from(["announced", "carried_out"]), effective_on=st.none() | days
    ),
    eviction_notice=rows(
        cause=st.just("other"),
        stage=st.sampled_from(["announced", "carried_out", "withdrawn"]),
        effective_on=st.none() | days,
    ),
    assistance_spell=st.lists(
        st.fixed_dictionaries(
            {
                "event_id": st.sampled_from([bytes([n]) * 16 for n in range(12)]),
                "in_delivery": st.sampled_from([b"november", b"december"]),
                "started_on": days,
                "ended_on": st.none() | days,
                "cause_code": st.sampled_from([None, 2, 14]),
                "birth_decade": st.sampled_from([None, 1980]),
            }
        ).map(ended),
        max_size=12,
    ),
    support_provision=st.lists(
        st.fixed_dictionaries(
            {
                "event_id": st.sampled_from([bytes([n]) * 16 for n in range(40)]),
                "sent_by": st.sampled_from(["gm9001", "cp-zorg"]),
                "address": addresses,
                "district": districts,
                "provision": st.sampled_from([bytes([n]) * 16 for n in range(6)]),
                "law": st.sampled_from(["wmo", "youth_act"]),
                "kind": st.sampled_from(["household_help", "guidance", "personal_care"]),
                "started_on": edges,
                "ended_on": st.none() | days,
            }
        ).map(ended),
        max_size=12,
        unique_by=lambda row: row["event_id"],
    ),
    approach_reach=st.lists(
        st.fixed_dictionaries(
            {
                "event_id": st.sampled_from([bytes([n]) * 16 for n in range(40)]),
                "sent_by": st.sampled_from(["gm9001", "fd-leren", "zz-laatst"]),
                "address": st.sampled_from([bytes([n]) * 32 for n in range(2)]),
                "municipality": st.just("gm9001"),
                "district": st.just("wk900101"),
                "child": st.sampled_from([bytes([n]) * 16 for n in range(6)]),
                "birth_year": st.sampled_from([2006, 2007, 2015]),
                "approach": st.sampled_from(["child_package", "leergeld", "other"]),
                "started_on": edges,
                "ended_on": st.none() | days,
            }
        ).map(ended),
        max_size=12,
        unique_by=lambda row: row["event_id"],
    ),
    debt_counselling_case=rows(
        applied_on=st.sampled_from([date(2024, 12, 3), date(2024, 12, 4), date(2024, 12, 31), date(2025, 1, 1)]),
        first_talk_on=st.none() | st.dates(date(2024, 12, 3), date(2025, 2, 1)),
        arrangement_result=st.sampled_from([None, "amicable", "statutory", "refused", "withdrawn"]),
        arrangement_ended_on=st.none() | edges,
        end_reason=st.sampled_from([None, *sorted(debt_oracle.DROPPED_OUT), "completed", "other"]),
        ended_on=st.none() | edges,
    ).map(lambda found: [dict(row, district="wk900101") for row in found]),
)


@settings(max_examples=60, deadline=None)
@given(given_events=events)
def test_duckdb_counts_what_the_plain_definitions_count(given_events: oracle.Events) -> None:
    """Values, distinct units and key sums, of numerators and counted denominators: totals, district groups, parts."""
    with duckdb.connect() as con:
        for name, frame in given_events.frames().items():
            con.register(name, frame)
        prepare(con, oracle.RELEASE_KEY)
        counts = count_cells(con, load_catalogue(), oracle.MUNICIPALITY, PERIODS)
    found = {}
    for row in counts.iter_rows(named=True):
        below = (row["below_value"], row["below_units"], row["below_key"])
        numerator = (row["value"], row["units"], row["key"])
        base = row["population"] if below == (None, None, None) else below
        found[row["period"], row["indicator"], place_of(row)] = (numerator, base)
    assert found == oracle.count(given_events, PERIODS)
    assert all(units <= below for units, below in counts.select("units", "below_units").drop_nulls().iter_rows()), (
        "a numerator holds only units of its denominator"
    )
