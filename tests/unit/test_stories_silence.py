"""Months since the last story, and the kind question after three of them."""

import datetime as dt
from pathlib import Path

import pytest

from services.directory import Directory
from services.network import Network
from services.setup import Member, create_network
from services.stories.silence import Silence, silences
from tests.story_frames import stories_of

TODAY = dt.date(2026, 1, 20)
TOWN = "gm0518"


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    members = [
        Member(TOWN, "Den Haag", "municipality", "pv28", (TOWN,)),
        Member("vp-one", "Vertelpunt Een", "story_point", None, (TOWN,)),
        Member("vp-two", "Vertelpunt Twee", "story_point", None, (TOWN,)),
        Member("hub", "Hub", "hub"),
    ]
    create_network(tmp_path, members)
    return Network.open(tmp_path).directory


def found(directory: Directory, *told: dict[str, object]) -> dict[str, Silence]:
    return {item.code: item for item in silences(stories_of(list(told)), directory, TOWN, TODAY)}


@pytest.mark.parametrize(
    ("last", "months", "asked"),
    [
        (dt.date(2026, 1, 2), 0, "not asked"),
        (dt.date(2025, 11, 30), 2, "not asked"),
        (dt.date(2025, 10, 31), 3, "asked"),
        (dt.date(2024, 1, 1), 24, "asked"),
        (dt.date(2026, 3, 1), 0, "not asked"),
    ],
)
def test_from_three_months_on_there_is_a_question(directory: Directory, last: dt.date, months: int, asked: str) -> None:
    item = found(directory, {"told_on": last, "theme": "energy"}, {"told_on": dt.date(2023, 1, 1), "theme": "energy"})
    for code in ("energy", "vp-one/resident"):
        assert (item[code].months, bool(item[code].question)) == (months, asked == "asked")


def test_the_question_is_kind_names_who_and_since_when_and_holds_no_count(directory: Directory) -> None:
    rows = [{"told_on": dt.date(2025, 9, 4), "role": "professional", "theme": "household_help"}] * 7
    item = found(directory, *rows)
    assert item["vp-one/professional"].question == (
        "Van professionals bij Vertelpunt Een hoorden wij sinds september 2025 niets. Gaat het goed, of is vertellen "
        "lastig?"
    )
    assert item["household_help"].question.startswith("Over huishoudelijke hulp hoorden wij sinds september 2025 niets")
    assert not any("7" in text for entry in item.values() for text in (entry.question, entry.name, str(entry.months)))


def test_who_never_told_is_asked_too_and_who_told_without_consent_is_not_silent(directory: Directory) -> None:
    item = found(directory, {"told_on": TODAY, "uses": []})
    assert item["vp-two"].question == (
        "Van Vertelpunt Twee hoorden wij nog niets. Gaat het goed, of is vertellen lastig?"
    )
    assert item["vp-one/resident"].question == ""
    assert "vp-one" not in item
