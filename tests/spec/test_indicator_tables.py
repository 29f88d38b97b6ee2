"""What each indicator counts, drawn as small tables; every table runs on the plain-Python oracle and on DuckDB."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import duckdb
import pytest

from services.indicators import count_cells, load_catalogue, prepare
from tests.spec import indicator_oracle as oracle

Counts = dict[tuple[str, str, str | None], tuple[int, int]]
Engine = Callable[[oracle.Events, list[str]], Counts]


def on_oracle(events: oracle.Events, periods: list[str]) -> Counts:
    def base(below: Any) -> int:
        return below if isinstance(below, int) else below[1]

    return {cell: (above[0], base(below)) for cell, (above, below) in oracle.count(events, periods).items()}


def place_of(row: Mapping[str, Any]) -> str | None:
    """District group or part of the dimension of a row of counts; None for the total."""
    part: str | None = row["district"] if row["dimension"] == "total" else row["dimension_value"]
    return part


def on_duckdb(events: oracle.Events, periods: list[str]) -> Counts:
    with duckdb.connect() as con:
        for name, frame in events.frames().items():
            con.register(name, frame)
        prepare(con, oracle.RELEASE_KEY)
        counts = count_cells(con, load_catalogue(), oracle.MUNICIPALITY, periods)
    return {
        (row["period"], row["indicator"], place_of(row)): (row["value"], row["population"] or row["below_units"] or 0)
        for row in counts.iter_rows(named=True)
    }


@pytest.fixture(params=[on_oracle, on_duckdb])
def engine(request: pytest.FixtureRequest) -> Engine:
    return request.param  # type: ignore[no-any-return]  # pytest's param is Any


def table(drawing: str) -> list[dict[str, Any]]:
    """Rows of a drawn table; `-` is null, dates and true/false are read, `address` and ids become bytes."""
    lines = [[cell.strip() for cell in line.split("|")] for line in drawing.strip().splitlines()]
    return [{name: value(name, text) for name, text in zip(lines[0], line, strict=True)} for line in lines[1:]]


def value(name: str, text: str) -> Any:
    if text == "-":
        return None
    if name in ("address", "event_id", "in_delivery", "provision", "child"):
        return text.encode()
    if name in ("cause_code", "birth_decade", "birth_year"):
        return int(text)
    if text in ("true", "false"):
        return text == "true"
    return date.fromisoformat(text) if name.endswith("_on") else text


def arrears(drawing: str) -> oracle.Events:
    """Signals from `address | partner_type | signalled_on [| arisen_on | reported_by | district]`."""
    usual = {"arisen_on": date(2024, 12, 1), "reported_by": "partner", "district": "wk900101"}
    return oracle.Events(payment_arrears=[usual | row for row in table(drawing)])


def cases(drawing: str) -> oracle.Events:
    return oracle.Events(early_warning_case=[{"district": "wk900101"} | row for row in table(drawing)])


def test_a_signal_counts_in_the_month_it_was_given_from_the_first_day_to_the_last(engine: Engine) -> None:
    events = arrears("""
        address | partner_type | signalled_on
        A       | rent         | 2025-02-28
        A       | rent         | 2025-03-01
        A       | energy       | 2025-03-31
        B       | water        | 2025-04-01
    """)
    found = engine(events, ["2025-02", "2025-03", "2025-04", "2025-05"])
    monthly = [found[f"2025-0{n}", "signals_per_1000_households", None] for n in (2, 3, 4, 5)]
    assert monthly == [(1, 10_000), (2, 10_000), (1, 10_000), (0, 10_000)]
    assert found["2025-03", "households_with_signal_share", None] == (1, 10_000)
    assert found["2025-03", "rent_arrears_per_1000_households", None] == (1, 10_000)
    assert found["2025-03", "energy_arrears_per_1000_households", None] == (1, 10_000)
    assert found["2025-04", "rent_arrears_per_1000_households", None] == (0, 10_000)


def test_the_municipalitys_own_list_counts_only_what_no_partner_sent(engine: Engine) -> None:
    events = arrears("""
        address | partner_type | arisen_on  | signalled_on | reported_by
        A       | rent         | 2025-01-05 | 2025-03-01   | partner
        A       | rent         | 2025-01-05 | 2025-03-01   | municipality
        A       | rent         | 2025-01-06 | 2025-03-01   | municipality
        B       | rent         | 2025-01-05 | 2025-03-01   | municipality
        C       | rent         | 2025-01-05 | 2025-03-01   | partner
        C       | rent         | 2025-01-05 | 2025-03-01   | partner
    """)
    # A twice (the twin is gone, the other arrears are not its twin), B once, C's two equal rows are two events
    assert engine(events, ["2025-03"])["2025-03", "signals_per_1000_households", None] == (5, 10_000)


def test_every_address_is_multiple_else_consecutive_else_single(engine: Engine) -> None:
    events = arrears("""
        address | partner_type | signalled_on
        several | rent         | 2025-07-01
        several | energy       | 2025-07-30
        several | rent         | 2025-06-01
        again   | rent         | 2025-07-02
        again   | energy       | 2025-01-01
        twice   | rent         | 2025-07-02
        twice   | rent         | 2025-07-20
        long    | rent         | 2025-07-03
        long    | rent         | 2024-12-31
        later   | rent         | 2025-07-03
        later   | water        | 2025-08-01
        gone    | rent         | 2025-06-15
    """)
    found = engine(events, ["2025-07"])
    assert found["2025-07", "multiple_signals_share", None] == (1, 5), "only `several`"
    assert found["2025-07", "consecutive_signals_share", None] == (1, 5), "only `again`: January is six months before"


def test_cases_count_in_the_month_they_close_and_each_household_once(engine: Engine) -> None:
    events = cases("""
        event_id | address | reached | result                  | closed_on
        1        | A       | true    | advice_or_quick_fix     | 2025-03-01
        2        | B       | true    | financial_follow_up     | 2025-03-31
        3        | C       | true    | non_financial_follow_up | 2025-03-05
        4        | D       | true    | paid_or_arranged_self   | 2025-03-05
        5        | E       | true    | no_help_needed          | 2025-03-05
        6        | F       | true    | already_in_debt_counselling | 2025-03-05
        7        | G       | false   | referral_without_contact | 2025-03-05
        8        | H       | false   | no_contact_possible     | 2025-03-05
        9        | A       | false   | no_contact_possible     | 2025-03-09
        10       | I       | true    | advice_or_quick_fix     | -
        11       | J       | true    | advice_or_quick_fix     | 2025-04-01
    """)
    found = engine(events, ["2025-03"])
    assert found["2025-03", "reached_share", None] == (6, 8), "A to F of A to H; A once, reached in one of two cases"
    assert found["2025-03", "help_accepted_share", None] == (3, 6)


def test_a_case_sent_again_after_it_closed_counts_in_its_latest_state(engine: Engine) -> None:
    events = cases("""
        event_id | address | reached | result              | closed_on
        1        | A       | false   | -                   | -
        1        | A       | true    | financial_follow_up | 2025-03-10
        2        | B       | false   | no_contact_possible | 2025-03-10
        2        | B       | true    | financial_follow_up | 2025-04-10
    """)
    found = engine(events, ["2025-03", "2025-04"])
    assert found["2025-03", "reached_share", None] == (1, 1)
    assert found["2025-04", "reached_share", None] == (1, 1)


def test_only_stops_and_evictions_carried_out_count_in_the_year_they_took_effect(engine: Engine) -> None:
    drawing = """
        address | stage       | effective_on
        A       | carried_out | 2025-01-01
        A       | carried_out | 2025-12-31
        B       | announced   | 2025-06-01
        C       | carried_out | 2024-12-31
        D       | carried_out | -
    """
    rows = [{"district": "wk900101"} | row for row in table(drawing)]
    stops = [{"commodity": "electricity"} | row for row in rows]
    evictions = [{"cause": "other"} | row for row in rows]
    found = engine(oracle.Events(supply_stop_notice=stops, eviction_notice=evictions), ["2025"])
    assert found["2025", "supply_stops_per_1000_households", None] == (2, 10_000)
    assert found["2025", "evictions_per_1000_households", None] == (2, 10_000)


def assistance(drawing: str) -> oracle.Events:
    return oracle.Events(assistance_spell=table(drawing))


def test_a_spell_of_assistance_begins_in_its_first_month_ends_in_its_last_and_runs_in_between(engine: Engine) -> None:
    events = assistance("""
        event_id | in_delivery | started_on | ended_on   | cause_code | birth_decade
        1        | export      | 2025-03-01 | -          | 14         | 1980
        2        | export      | 2025-03-31 | 2025-03-31 | 14         | 1980
        3        | export      | 2008-05-04 | 2025-04-01 | 14         | 1970
        4        | export      | 2025-04-01 | -          | -          | -
        5        | export      | 2008-05-04 | 2025-02-28 | 2          | 1970
    """)
    found = engine(events, ["2025-02", "2025-03", "2025-04", "2025-05"])
    began = [found[f"2025-0{n}", "assistance_starts_per_1000_inhabitants", None] for n in (2, 3, 4, 5)]
    assert began == [(0, 22_000), (2, 22_000), (1, 22_000), (0, 22_000)]
    ended = [found[f"2025-0{n}", "assistance_ends_share", None] for n in (2, 3, 4, 5)]
    assert ended == [(1, 2), (1, 3), (1, 3), (0, 2)], "of those that ran for a day or more in the month"


def test_spells_that_a_later_export_repeats_count_once_and_equal_ones_of_one_export_all_count(engine: Engine) -> None:
    """Three alike in the first export, of which the later ones tell two ends: one runs on, and none is new."""
    events = assistance("""
        event_id | in_delivery | started_on | ended_on   | cause_code | birth_decade
        a1       | first       | 2025-01-07 | -          | 14         | 1980
        a2       | first       | 2025-01-07 | -          | 14         | 1980
        a3       | first       | 2025-01-07 | -          | 14         | 1980
        b1       | second      | 2025-01-07 | 2025-03-20 | 14         | 1980
        b2       | second      | 2025-01-07 | -          | 14         | 1980
        b3       | second      | 2025-01-07 | -          | 14         | 1980
        c1       | third       | 2025-01-07 | 2025-03-20 | 14         | 1980
        c2       | third       | 2025-01-07 | -          | 14         | 1980
        c3       | third       | 2025-01-07 | 2025-03-10 | 14         | 1980
        c4       | third       | 2025-01-07 | -          | 2          | 1980
    """)
    found = engine(events, ["2025-01", "2025-03", "2025-04"])
    assert found["2025-01", "assistance_starts_per_1000_inhabitants", None] == (4, 22_000)
    assert found["2025-03", "assistance_ends_share", None] == (2, 4)
    assert found["2025-04", "assistance_ends_share", None] == (0, 2)


def support(drawing: str) -> oracle.Events:
    usual = {"district": "wk900101", "sent_by": oracle.MUNICIPALITY}
    return oracle.Events(support_provision=[usual | row for row in table(drawing)])


def test_a_provision_counts_in_every_month_in_which_it_ran_by_its_kind_and_law(engine: Engine) -> None:
    events = support("""
        event_id | address | provision | law       | kind             | started_on | ended_on
        1        | A       | 1         | wmo       | household_help   | 2020-01-01 | -
        2        | A       | 2         | wmo       | household_help   | 2025-03-31 | -
        3        | B       | 3         | wmo       | guidance         | 2025-03-01 | 2025-03-01
        4        | C       | 4         | youth_act | youth_outpatient | 2025-01-01 | 2025-02-28
        5        | C       | 5         | youth_act | personal_care    | 2025-01-01 | 2025-04-01
        6        | D       | 6         | wmo       | personal_care    | 2025-01-01 | -
    """)
    found = engine(events, ["2025-02", "2025-03", "2025-04"])
    counted = {
        name: [found[f"2025-0{n}", f"{name}_per_1000_inhabitants", None] for n in (2, 3, 4)]
        for name in ("household_help", "guidance", "youth_support")
    }
    assert counted == {
        "household_help": [(1, 22_000), (2, 22_000), (2, 22_000)],
        "guidance": [(0, 22_000), (1, 22_000), (0, 22_000)],
        "youth_support": [(2, 22_000), (1, 22_000), (1, 22_000)],
    }


def test_a_provision_told_as_running_and_as_ended_or_by_municipality_and_provider_counts_once(engine: Engine) -> None:
    """At A two alike, of which one ended in February; at B one that both tell of; at C the provider knows of two."""
    events = support("""
        event_id | sent_by | address | provision | law | kind     | started_on | ended_on
        1        | gm9001  | A       | 1         | wmo | guidance | 2025-01-01 | -
        2        | gm9001  | A       | 2         | wmo | guidance | 2025-01-01 | -
        3        | gm9001  | A       | 1         | wmo | guidance | 2025-01-01 | 2025-02-10
        4        | gm9001  | B       | 3         | wmo | guidance | 2025-01-01 | -
        5        | cp-zorg | B       | 9         | wmo | guidance | 2025-01-01 | 2025-03-10
        6        | gm9001  | C       | 4         | wmo | guidance | 2025-01-01 | -
        7        | cp-zorg | C       | 7         | wmo | guidance | 2025-01-01 | -
        8        | cp-zorg | C       | 8         | wmo | guidance | 2025-01-01 | -
    """)
    found = engine(events, ["2025-02", "2025-03", "2025-04"])
    months = [found[f"2025-0{n}", "guidance_per_1000_inhabitants", None] for n in (2, 3, 4)]
    assert months == [(5, 22_000), (4, 22_000), (3, 22_000)]


def debts(drawing: str) -> oracle.Events:
    """Cases from columns of debt_counselling_case; those that are not drawn are empty."""
    usual = dict.fromkeys(oracle.SCHEMAS["debt_counselling_case"]) | {"district": "wk900101"}
    return oracle.Events(debt_counselling_case=[usual | row for row in table(drawing)])


def test_debt_counselling_starts_on_the_day_of_application_once_per_home_and_day(engine: Engine) -> None:
    events = debts("""
        address | applied_on | first_talk_on
        A       | 2025-01-01 | -
        A       | 2025-01-01 | 2025-01-20
        A       | 2025-03-31 | -
        B       | 2024-12-31 | 2025-01-20
        C       | 2025-04-01 | -
    """)
    found = engine(events, ["2024-Q4", "2025-Q1", "2025-Q2"])
    started = "debt_counselling_started_per_1000_households"
    assert found["2025-Q1", started, None] == (2, 10_000), "A twice: told again is the same, applied again is not"
    assert found["2024-Q4", started, None] == found["2025-Q2", started, None] == (1, 10_000)


def test_a_first_talk_is_in_time_up_to_the_28th_day_and_counts_in_the_year_in_which_that_day_lies(
    engine: Engine,
) -> None:
    events = debts("""
        address | applied_on | first_talk_on
        A       | 2025-03-03 | 2025-03-31
        B       | 2025-03-03 | 2025-04-01
        C       | 2025-03-03 | -
        D       | 2024-12-04 | 2024-12-10
        E       | 2024-12-03 | 2024-12-10
        F       | 2025-12-04 | 2025-12-05
        G       | 2025-05-01 | -
        G       | 2025-05-01 | 2025-05-02
        H       | 2025-05-01 | 2025-08-01
        H       | 2025-09-01 | 2025-09-02
    """)
    found = engine(events, ["2024", "2025"])
    # A, D, G and H of A to D, G and H; H was late once and in time once
    assert found["2025", "first_talk_within_four_weeks_share", None] == (4, 6)
    assert found["2024", "first_talk_within_four_weeks_share", None] == (1, 1), "E: its term ended on 31 December"


def test_an_arrangement_counts_by_its_last_end_and_only_consent_is_amicable(engine: Engine) -> None:
    events = debts("""
        address | applied_on | arrangement_result | arrangement_ended_on
        A       | 2024-06-01 | amicable           | 2025-01-01
        B       | 2024-06-01 | refused            | 2025-02-01
        B       | 2024-06-01 | statutory          | 2025-12-31
        C       | 2024-06-01 | withdrawn          | 2025-05-01
        D       | 2024-06-01 | amicable           | 2024-12-31
        E       | 2024-06-01 | -                  | -
        F       | 2024-06-01 | refused            | 2025-03-01
        F       | 2024-09-01 | amicable           | 2025-09-01
    """)
    found = engine(events, ["2025"])
    assert found["2025", "amicable_settlement_share", None] == (2, 4), "A and F of A, B, C and F"


def test_half_a_year_runs_from_the_application_to_the_last_end_of_an_attempt_its_last_day_included(
    engine: Engine,
) -> None:
    events = debts("""
        address | applied_on | arrangement_result | arrangement_ended_on
        A       | 2025-01-01 | amicable           | 2025-07-02
        B       | 2025-01-01 | refused            | 2025-07-03
        C       | 2024-07-04 | withdrawn          | 2025-01-02
        D       | 2025-01-01 | amicable           | 2025-03-01
        D       | 2025-01-01 | refused            | 2025-11-01
        E       | 2025-01-01 | -                  | -
        F       | 2023-01-01 | amicable           | 2025-02-01
        F       | 2025-01-01 | amicable           | 2025-03-01
        G       | 2024-12-01 | amicable           | 2024-12-31
    """)
    found = engine(events, ["2024", "2025"])
    # A (day 182), C (182) and F of A, B (183), C, D (its last end counts) and F
    assert found["2025", "arrangement_within_half_a_year_share", None] == (3, 5)
    assert found["2024", "arrangement_within_half_a_year_share", None] == (1, 1)


def test_dropping_out_is_one_of_three_recorded_reasons(engine: Engine) -> None:
    events = debts("""
        address | applied_on | end_reason     | ended_on
        A       | 2024-06-01 | did_not_appear | 2025-01-01
        B       | 2024-06-01 | withdrawn      | 2025-02-01
        C       | 2024-06-01 | did_not_comply | 2025-12-31
        D       | 2024-06-01 | completed      | 2025-02-01
        E       | 2024-06-01 | solved_self    | 2025-02-01
        F       | 2024-06-01 | not_suitable   | 2025-02-01
        G       | 2024-06-01 | -              | 2025-02-01
        H       | 2024-06-01 | other          | -
        I       | 2024-06-01 | withdrawn      | 2026-01-01
    """)
    found = engine(events, ["2025"])
    assert found["2025", "debt_counselling_dropout_share", None] == (3, 6), "G has no reason, H no day, I another year"


def reaches(drawing: str) -> oracle.Events:
    usual = {
        "district": "wk900101", "municipality": oracle.MUNICIPALITY, "sent_by": oracle.MUNICIPALITY, "address": b"home",
        "birth_year": 2015,
    }  # fmt: skip
    return oracle.Events(approach_reach=[usual | row for row in table(drawing)])


def reached_in(found: Counts, year: str) -> dict[str | None, int]:
    """Children by approach, None for all together; parts that reached nobody are left out."""
    name = "children_in_poverty_reached_share"
    assert {base for (_, indicator, _), (_, base) in found.items() if indicator == name} == {400}
    parts = {
        part: value for (period, indicator, part), (value, _) in found.items() if (period, indicator) == (year, name)
    }
    return {part: value for part, value in parts.items() if value}


def test_a_child_counts_once_per_approach_and_once_in_all_in_every_year_in_which_it_ran(engine: Engine) -> None:
    events = reaches("""
        event_id | child | address | approach      | started_on | ended_on
        1        | a     | A       | child_package | 2024-05-01 | -
        2        | a     | A       | leergeld      | 2025-12-31 | 2025-12-31
        3        | a     | A       | leergeld      | 2025-03-01 | 2025-03-01
        4        | b     | B       | child_package | 2025-01-01 | 2026-01-01
        5        | c     | C       | jarige_job    | 2026-06-01 | 2026-06-01
        6        | d     | D       | other         | 2025-06-01 | -
        7        | e     | E       | city_pass     | 2027-01-01 | -
    """)
    found = engine(events, ["2024", "2025", "2026"])
    assert reached_in(found, "2024") == {None: 1, "child_package": 1}
    assert reached_in(found, "2025") == {None: 3, "child_package": 2, "leergeld": 1, "other": 1}
    assert reached_in(found, "2026") == {None: 4, "child_package": 2, "jarige_job": 1, "other": 1}


def test_who_was_of_age_all_year_is_no_child(engine: Engine) -> None:
    """Born in 2007: 18 on a day of 2025, and a minor before it; born in 2006: of age when 2025 began."""
    events = reaches("""
        event_id | child | address | birth_year | approach  | started_on | ended_on
        1        | a     | A       | 2007       | city_pass | 2023-01-01 | -
        2        | b     | B       | 2006       | city_pass | 2023-01-01 | -
        3        | c     | C       | 2025       | city_pass | 2025-12-31 | -
    """)
    found = engine(events, ["2024", "2025", "2026"])
    assert [reached_in(found, year).get(None, 0) for year in ("2024", "2025", "2026")] == [2, 2, 1]


def test_of_children_of_two_senders_at_one_address_as_many_count_as_the_one_with_the_most_knows(engine: Engine) -> None:
    """At A the same child; at B twins whom the foundation knows both, and a sister; at C children of two years."""
    events = reaches("""
        event_id | sent_by | address | child | birth_year | approach      | started_on | ended_on
        1        | gm9001  | A       | a     | 2015       | child_package | 2025-01-01 | -
        2        | fd-x    | A       | x     | 2015       | leergeld      | 2025-02-01 | 2025-02-01
        3        | gm9001  | B       | b     | 2016       | child_package | 2025-01-01 | -
        4        | fd-x    | B       | y     | 2016       | leergeld      | 2025-02-01 | 2025-02-01
        5        | fd-x    | B       | z     | 2016       | leergeld      | 2025-02-01 | 2025-02-01
        6        | fd-x    | B       | w     | 2019       | leergeld      | 2025-02-01 | 2025-02-01
        7        | gm9001  | C       | c     | 2012       | child_package | 2025-01-01 | -
        8        | fd-x    | C       | v     | 2013       | leergeld      | 2025-02-01 | 2025-02-01
    """)
    assert reached_in(engine(events, ["2025"]), "2025") == {None: 6, "child_package": 3, "leergeld": 5}


def test_a_child_that_moves_is_one_child_and_a_later_state_takes_the_place_of_an_earlier(engine: Engine) -> None:
    """Child `a` moves from A to B between two states and an approach; at A another child is known to the foundation."""
    events = reaches("""
        event_id | sent_by | address | child | approach             | started_on | ended_on
        1        | gm9001  | A       | a     | child_package        | 2024-01-01 | -
        2        | gm9001  | B       | a     | child_package        | 2024-01-01 | 2024-12-31
        3        | gm9001  | B       | a     | participation_scheme | 2025-01-01 | -
        4        | fd-x    | B       | x     | leergeld             | 2025-03-01 | 2025-03-01
        5        | gm9001  | A       | b     | city_pass            | 2025-01-01 | -
        6        | fd-x    | A       | y     | leergeld             | 2025-03-01 | 2025-03-01
    """)
    found = engine(events, ["2024", "2025"])
    assert reached_in(found, "2024") == {None: 1, "child_package": 1}
    assert reached_in(found, "2025") == {None: 2, "participation_scheme": 1, "city_pass": 1, "leergeld": 2}


def test_district_cells_follow_the_fixed_map_and_an_unknown_district_counts_in_the_total_only(engine: Engine) -> None:
    events = arrears("""
        address | partner_type | signalled_on | district
        A       | rent         | 2025-03-01   | wk900101
        B       | rent         | 2025-03-01   | wk900102
        C       | rent         | 2025-03-01   | wk900103
        C       | energy       | 2025-03-02   | wk900103
        D       | rent         | 2025-03-01   | wk900199
    """)
    found = engine(events, ["2025-03"])
    assert found["2025-03", "signals_per_1000_households", None] == (5, 10_000)
    assert found["2025-03", "signals_per_1000_households", "wk900101"] == (1, 4_200)
    assert found["2025-03", "signals_per_1000_households", "wk900102-wk900103"] == (3, 5_700)
    assert found["2025-03", "households_with_signal_share", "wk900102-wk900103"] == (2, 5_700)


def test_a_late_signal_is_in_no_released_month_but_in_the_next_months_look_back(engine: Engine) -> None:
    """February is counted on the tables as they were at its close, March on those at March's close."""
    at_close_of_february = arrears("""
        address | partner_type | signalled_on
        A       | rent         | 2025-02-10
    """)
    at_close_of_march = arrears("""
        address | partner_type | signalled_on
        A       | rent         | 2025-02-10
        late    | rent         | 2025-02-20
        late    | rent         | 2025-03-20
    """)
    february = engine(at_close_of_february, ["2025-02"])
    march = engine(at_close_of_march, ["2025-03"])
    assert february["2025-02", "signals_per_1000_households", None] == (1, 10_000)
    assert march["2025-03", "signals_per_1000_households", None] == (1, 10_000)
    assert march["2025-03", "consecutive_signals_share", None] == (1, 1)
