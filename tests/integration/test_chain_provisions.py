"""Provisions through the chain: two states of one assignment join at the municipality, whoever sends them."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from services import tasks
from services.home import Home
from services.setup import Member, create_network
from tests.network_state import cell, events, intake
from tests.small_network import AFTER, MUNICIPALITIES, POSTCODES, write

pytestmark = pytest.mark.xdist_group("network")

TOWN, OTHER = MUNICIPALITIES[:2]
PROVIDER = "cp-zorg"
HEADER = (
    "Toewijzingnummer;Naam;Postcode;Huisnummer;Huisletter;Toevoeging;Productcategorie;"
    "Soort aanbieder;Begindatum;Einddatum;Reden beëindiging"
)
AtStage = Callable[[str], Path]


def row(number: int, category: str = "01", end: str = "", town: str = TOWN) -> str:
    code, _ = POSTCODES[town][0]
    result = "Volgens plan" if end else ""
    return f"T-{number};A. Voorbeeld;{code};{number};;;{category};Gecontracteerde aanbieder;15-03-2024;{end};{result}"


def deliver(root: Path, sender: str, name: str, rows: list[str], *months: str) -> tasks.SendReport:
    folder = Home(root).participant(sender).sources
    path = write(folder / f"voorzieningen_{name}.csv", "\n".join([HEADER, *rows, ""]).encode())
    report = tasks.send(root, sender, [path], months)
    tasks.receive(root, TOWN)
    return report


def test_a_later_export_repeats_what_runs_and_tells_what_ended_under_the_same_provision(at_stage: AtStage) -> None:
    root = at_stage("received")
    deliver(root, TOWN, "2025-11", [row(number) for number in range(1, 41)], "2025-11")
    ended = [row(number, end="09-12-2025") for number in range(1, 16)]
    deliver(root, TOWN, "2025-12", [*ended, *(row(number) for number in range(16, 61))], "2025-12")
    verdicts = intake(root, TOWN).filter(event_type="support_provision")["verdict"]
    assert Counter(verdicts) == {"accepted": 40 + 15 + 20, "duplicate": 25}
    stored = events(root, TOWN, "support_provision")
    assert stored["provision"].n_unique() == 60
    assert stored["address"].n_unique() == 60
    tasks.month(root, TOWN, ["2025-12"], AFTER)
    helped = cell(root, TOWN, "2025-12", "household_help_per_1000_inhabitants")
    assert (helped["status"], helped["unit_kind"]) == ("published", "household")
    assert helped["numerator"] in {55, 60, 65}, "perturbed by at most 4 and rounded to 5"
    assert cell(root, TOWN, "2025-12", "guidance_per_1000_inhabitants")["status"] == "suppressed"


def test_a_provider_sends_to_the_municipality_of_the_address_and_both_tellings_count_once(at_stage: AtStage) -> None:
    root = at_stage("received")
    create_network(root, [Member(PROVIDER, "Zorg", "care_provider", None, (TOWN, OTHER))])
    given = [row(number, "45") for number in range(1, 41)] + [row(number, "45", town=OTHER) for number in range(1, 6)]
    assert deliver(root, PROVIDER, "2025-12", given).events["support_provision"] == 45
    deliver(root, TOWN, "2025-12", [row(number, "45") for number in range(31, 51)], "2025-12")
    stored = events(root, TOWN, "support_provision")
    assert Counter(stored["sent_by"]) == {PROVIDER: 40, TOWN: 20}
    assert stored["address"].n_unique() == 50
    assert set(stored["municipality"]) == {TOWN}
    tasks.month(root, TOWN, ["2025-12"], AFTER)
    assert cell(root, TOWN, "2025-12", "youth_support_per_1000_inhabitants")["numerator"] in {45, 50, 55}
