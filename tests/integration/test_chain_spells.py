"""Spells of social assistance through the chain: a file without keys or addresses, mended, repeated and counted."""

import csv
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from services import tasks
from services.home import Home
from tests.network_state import cell, events, intake
from tests.small_network import AFTER, MUNICIPALITIES, write

pytestmark = pytest.mark.xdist_group("network")

TOWN = MUNICIPALITIES[0]
ROOT = Path(__file__).parents[2]
OWN_EXPORT = ROOT / "tests" / "sources" / "bijstand_spells_2025-12.csv"
DUMMY = ROOT.parent / "shared" / "data" / "vng" / "dummy_bijstand_spells.csv"
HEADER = "startdatum,geslacht,einddatum,Omschrijving leefvorm,Oorzaak bijstandsafhankelijkheid,geboortejaar\n"
AtStage = Callable[[str], Path]


def deliver(root: Path, name: str, text: str, *months: str, mended: bool = False) -> tasks.SendReport:
    path = write(Home(root).participant(TOWN).sources / name, text.encode())
    report = tasks.send(root, TOWN, [path], months, mended=mended)
    tasks.receive(root, TOWN)
    return report


def test_good_rows_arrive_a_double_is_told_and_a_mended_row_keeps_its_id(at_stage: AtStage) -> None:
    root, text = at_stage("empty"), OWN_EXPORT.read_text("utf-8")
    report = deliver(root, OWN_EXPORT.name, text)
    assert (report.files[0].rows_read, report.files[0].events["assistance_spell"]) == (18, 9)
    first = intake(root, TOWN).filter(event_type="assistance_spell")
    assert Counter(first["verdict"]) == {"accepted": 9}
    assert Counter(first["rule"].drop_nulls()) == {"warn:not_a_repeated_row": 1, "warn:birth_decade_recorded": 1}
    mended = text.replace("2014-03-01,vrouw,2013-12-31", "2014-03-01,vrouw,2014-12-31")
    assert not deliver(root, OWN_EXPORT.name, mended, mended=True).broken
    both = intake(root, TOWN).filter(event_type="assistance_spell")
    again = both.join(first, on="parcel_id", how="anti")
    assert Counter(again["verdict"]) == {"accepted": 1, "duplicate": 9}
    stored = events(root, TOWN, "assistance_spell")
    assert stored["event_id"].n_unique() == stored.height == 10


def test_each_months_export_repeats_the_spells_of_the_one_before_and_they_count_once(at_stage: AtStage) -> None:
    """80 spells run on the first of November, of which 20 end in December, and 30 more begin in it."""
    root = at_stage("received")
    days = [f"{2015 + at % 10}-0{at % 9 + 1}-1{at % 7}" for at in range(80)]
    november = [f"{day},man,,Alleenstaande,14.0,{1950 + at % 50}.0" for at, day in enumerate(days)]
    december = [row.replace(",,", ",2025-12-09,") if at < 20 else row for at, row in enumerate(november)]
    new = [f"2025-12-1{at % 5},vrouw,,Anders,2.0,{1960 + at}.0" for at in range(30)]
    deliver(root, "bijstand_spells_2025-11.csv", HEADER + "\n".join(november) + "\n", "2025-11")
    deliver(root, "bijstand_spells_2025-12.csv", HEADER + "\n".join([*december, *new]) + "\n", "2025-12")
    assert events(root, TOWN, "assistance_spell").height == 80 + 110
    tasks.month(root, TOWN, ["2025-12"], AFTER)
    began, ended = (
        cell(root, TOWN, "2025-12", name)
        for name in ("assistance_starts_per_1000_inhabitants", "assistance_ends_share")
    )
    # each perturbed by at most 4 and rounded to 5
    assert (began["status"], began["unit_kind"]) == ("published", "record")
    assert began["numerator"] in {25, 30, 35}
    assert ended["numerator"] in {15, 20, 25}
    assert ended["denominator"] in {105, 110, 115}


@pytest.mark.shared
@pytest.mark.skipif(not DUMMY.exists(), reason="the published dummy data are not beside the repository")
def test_the_published_file_is_counted_in_the_months_in_which_its_spells_began_and_ended(at_stage: AtStage) -> None:
    root, months = at_stage("received"), ["2016-01", "2018-05"]
    path = Home(root).participant(TOWN).sources / DUMMY.name
    shutil.copyfile(DUMMY, path)
    assert tasks.send(root, TOWN, [path], months).events["assistance_spell"] == 6_878
    tasks.receive(root, TOWN)
    stored = events(root, TOWN, "assistance_spell")
    assert stored["event_id"].n_unique() == stored.height == 6_878
    assert (stored["started_on"].min(), stored["ended_on"].max()) == (date(2008, 1, 1), date(2019, 2, 28))
    tasks.month(root, TOWN, months, AFTER)
    with DUMMY.open(encoding="utf-8", newline="") as file:
        spells = [(row["startdatum"], row["einddatum"] or "9999") for row in csv.DictReader(file)]
    for period in months:
        ended = cell(root, TOWN, period, "assistance_ends_share")
        ends = sum(end.startswith(period) for _, end in spells)
        runs = sum(start[:7] <= period <= end[:7] for start, end in spells)
        assert ended["numerator"] == pytest.approx(ends, abs=6), period
        assert ended["denominator"] == pytest.approx(runs, abs=6), period
    starts = sum(start.startswith("2018-05") for start, _ in spells)
    began = [cell(root, TOWN, period, "assistance_starts_per_1000_inhabitants") for period in months]
    assert began[0]["status"] == "missing", "the first public population here is of 2017"
    assert began[1]["numerator"] == pytest.approx(starts, abs=6)
