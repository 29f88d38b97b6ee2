"""The sentences of `status`: numbers, sizes, names, times, and many matters of a kind told as one."""

import datetime as dt

import pytest

from services.status.folding import folded
from services.status.matters import matters
from services.status.model import Matter, Month, NetworkStatus, ParticipantStatus
from services.status.months import months
from services.status.on_the_way import parcels, waiting
from services.status.participant import open_months
from services.status.sentences import day, listed, most, number, size, when

NOW = dt.datetime(2026, 1, 12, 15, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c", "d"], "a, b, c and d"),
        (["a", "b", "c", "d", "e"], "a, b, c and 2 others"),
    ],
)
def test_names_are_listed_as_people_do(names: list[str], text: str) -> None:
    assert listed(names) == text


def test_numbers_sizes_and_times_are_told_as_people_do() -> None:
    assert (number(1, "parcel"), number(0, "parcel"), number(1200, "event")) == (
        "1 parcel",
        "0 parcels",
        "1,200 events",
    )
    assert (size(512), size(1 << 20), size(3 << 29)) == ("0 KiB", "1.0 MiB", "1.5 GiB")
    assert most([("a", 2), ("b", 20), ("c", 2)]) == "b 20, a 2 and c 2"
    moment = dt.datetime(2026, 1, 12, 14, 2).astimezone()  # 14:02 where the machine is
    assert when(moment, moment) == "14:02"
    assert when(moment, moment + dt.timedelta(days=1)) == "12 January 14:02"
    assert day(dt.date(2025, 12, 3), NOW.date()) == "3 December 2025"


def test_a_month_that_is_not_closed_has_a_due_day_and_whoever_is_missing() -> None:
    stated = {"2025-11": ["a"], "2025-12": ["a", "b"]}
    found = open_months(["2025-10"], stated, ["a", "b"], 10, NOW.date())
    assert found == [
        Month("2025-11", ("b",), dt.date(2025, 12, 10)),
        Month("2025-12", (), dt.date(2026, 1, 10)),
    ]
    assert open_months([], {}, ["a"], 10, NOW.date()) == []
    assert open_months(["2025-12"], {}, ["a"], 10, dt.date(2026, 2, 1)) == [
        Month("2026-01", ("a",), dt.date(2026, 2, 10))
    ]


def test_months_say_whose_turn_it_is() -> None:
    due = [Month("2025-11", ("es-a",), dt.date(2025, 12, 10))]
    towns = [ParticipantStatus(name, name, "municipality", months=due) for name in ("gm0001", "gm0002")]
    towns.append(ParticipantStatus("gm0003", "c", "municipality", months=[Month("2025-12", (), dt.date(2026, 1, 20))]))
    found = list(months(towns, NOW.date()))
    assert [(item.kind, item.turn) for item in found] == [
        ("close", ("gm0001", "gm0002")),
        ("close", ("gm0003",)),
        ("statement", ("es-a",)),
    ]
    assert found[0].text == "gm0001 and gm0002 have not closed 2025-11, which was due."
    assert found[1].text == "gm0003 can close 2025-12: all statements are in."
    assert found[2].text == "es-a has not stated its delivery of 2025-11 to gm0001 and gm0002."
    assert found[2].since == dt.date(2025, 12, 1)


def test_parcels_wait_for_who_has_them_or_for_who_runs_the_broker() -> None:
    people = [ParticipantStatus("es-a", "A", waiting=3, waiting_bytes=3 << 20, waiting_since=NOW)]
    (matter,) = waiting(people, away=False)
    assert (matter.text, matter.turn, matter.since) == (
        "3 parcels (3.0 MiB) of es-a wait for the broker.",
        ("es-a",),
        NOW,
    )
    (matter,) = waiting(people, away=True)
    assert matter.turn == ("operator",)
    assert list(waiting([ParticipantStatus("es-a", "A")], away=True)) == []


def test_parcels_that_were_not_opened_are_told_for_a_week_and_repeated_ones_never() -> None:
    status = ParticipantStatus("gm0001", "A")
    status.refused.update(fork=2, duplicate=5, tampered=1)
    status.refused_on = {"fork": "2026-01-10", "duplicate": "2026-01-12", "tampered": "2025-12-01"}
    (matter,) = parcels([status], NOW.date())
    assert (matter.text, matter.count) == ("gm0001 did not open 2 parcels: fork 2.", 2)


@pytest.mark.parametrize(
    ("due", "text"),
    [
        ((12,), "1 action of sessions is open at gm0001."),
        ((11,), "1 action of sessions is open at gm0001, 1 of them late."),
        ((1, 11, 12, 30), "4 actions of sessions are open at gm0001, 2 of them late."),
    ],
)
def test_open_actions_of_sessions_are_told_and_late_from_the_day_after_they_were_due(
    due: tuple[int, ...], text: str
) -> None:
    status = ParticipantStatus("gm0001", "A", actions=tuple(dt.date(2026, 1, day) for day in due))
    (matter,) = matters(NetworkStatus(NOW, [status, ParticipantStatus("gm0002", "B")]))
    assert (matter.text, matter.turn, matter.count, matter.urgent) == (text, ("gm0001",), len(due), False)
    assert matter.todo == "`spiegelnet session actions gm0001` lists them."


def test_many_matters_of_a_kind_are_told_as_one() -> None:
    one_by_one = [
        Matter("quarantine", f"of {name}", (name,), dt.date(2026, 1, 3), count=at) for at, name in enumerate("abc", 1)
    ]
    assert folded(one_by_one) == one_by_one
    (matter,) = folded([*one_by_one, Matter("quarantine", "of d", ("d",), dt.date(2026, 1, 2), count=40)])
    assert matter.text == "46 events stopped at their receivers are not mended yet: d 40, c 3, b 2 and a 1."
    assert (matter.turn, matter.since, matter.count) == (("d", "c", "b", "a"), dt.date(2026, 1, 2), 46)
    servers = [Matter("server", str(at), ("operator",), NOW) for at in range(6)]
    assert folded(servers) == servers
