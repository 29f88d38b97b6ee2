"""Children reached by approaches through the chain: from two senders' lists to a figure per approach at the hub."""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import polars as pl
import pytest

from services import tasks
from services.home import Home
from services.samples.network import DATA
from services.setup import Member, create_network
from tests.network_state import events, intake, published
from tests.small_network import AFTER, MUNICIPALITIES, POSTCODES, write

pytestmark = pytest.mark.xdist_group("network")

TOWN, OTHER = MUNICIPALITIES[:2]
FOUNDATION = "fd-leren"
INDICATOR = "children_in_poverty_reached_share"
HEADER = "Kindnummer;Naam kind;Geboortejaar;Postcode;Huisnummer;Huisletter;Toevoeging;Aanpak;Begindatum;Einddatum"
ONCE = "15-06-2025"
AtStage = Callable[[str], Path]


def row(house: int, approach: str, start: str = ONCE, end: str = ONCE, *, born: int = 2015, town: str = TOWN) -> str:
    code, _ = POSTCODES[town][0]
    return f"K-{house};A. Voorbeeld;{born};{code};{house};;;{approach};{start};{end}"


def deliver(root: Path, sender: str, rows: Iterable[str]) -> tasks.SendReport:
    folder = Home(root).participant(sender).sources
    path = write(folder / "bereik_kinderen_2025.csv", "\n".join([HEADER, *rows, ""]).encode())
    report = tasks.send(root, sender, [path], ("2025-12",))
    tasks.receive(root, TOWN)
    return report


def with_population(root: Path) -> None:
    """How many children live on a low income: 400 in the town."""
    tasks.send(root, "cbs", [DATA / "85678NED_voorbeeld.csv"], ())
    tasks.receive(root, TOWN)


def cells(root: Path) -> dict[str, dict[str, object]]:
    found = published(root, TOWN)["published.cells"].filter(period="2025", indicator=INDICATOR)
    return {row["dimension_value"]: row for row in found.iter_rows(named=True)}


def test_a_list_gives_a_cell_per_approach_and_one_of_distinct_children_and_the_hub_a_figure_of_each(
    at_stage: AtStage,
) -> None:
    root = at_stage("received")
    with_population(root)
    running = [row(house, "Kindpakket", "01-02-2025", "") for house in range(1, 61)]
    given = [row(house, "Stichting Leergeld") for house in range(31, 101)]
    few = [row(house, "Stadspas") for house in range(1, 8)] + [row(house, "Andere aanpak") for house in range(1, 41)]
    report = deliver(root, TOWN, [*running, *given, *few, row(101, "Zwemles")])
    assert report.events["approach_reach"] == 60 + 70 + 7 + 40
    stored = events(root, TOWN, "approach_reach")
    assert (stored["child"].n_unique(), stored["address"].n_unique()) == (100, 100)
    assert Counter(intake(root, TOWN).filter(event_type="approach_reach")["verdict"]) == {"accepted": 177}
    tasks.month(root, TOWN, ["2025-12"], AFTER)
    found = cells(root)
    assert {name: item["status"] for name, item in found.items() if item["status"] == "published"} == dict.fromkeys(
        ("child_package", "leergeld", "other", "total"), "published"
    )
    for name, children in (("child_package", 60), ("leergeld", 70), ("other", 40), ("total", 100)):
        assert found[name]["numerator"] in range(children - 6, children + 7), "perturbed by at most 4, rounded to 5"
        assert (found[name]["denominator"], found[name]["unit_kind"]) == (400, "person")
    assert found["total"]["dimension"] == "total"
    assert {item["dimension"] for name, item in found.items() if name != "total"} == {"approach"}
    tasks.benchmark(root)
    figures = published(root, "hub")["benchmark.figures"].filter(municipality=TOWN, indicator=INDICATOR)
    told = {item["dimension_value"]: item for item in figures.iter_rows(named=True)}
    assert told.keys() == found.keys()
    for name, item in told.items():
        assert (item["status"], item["numerator"]) == (found[name]["status"], found[name]["numerator"])
        share = None if item["numerator"] is None else pytest.approx(100 * item["numerator"] / 400)
        assert item["value"] == share
        assert item["compared"] == "not_compared", "three municipalities are no peer group"
    received = published(root, "hub")["network.cells"].filter(area=TOWN, indicator=INDICATOR)
    assert sorted(received["dimension_value"]) == sorted(found)


def test_a_foundation_tells_of_its_own_children_and_those_that_both_know_count_once(at_stage: AtStage) -> None:
    root = at_stage("received")
    with_population(root)
    create_network(root, [Member(FOUNDATION, "Leren", "foundation", None, (TOWN, OTHER))])
    deliver(root, TOWN, [row(house, "Kindpakket", "01-02-2025", "") for house in range(1, 61)])
    theirs = [row(house, "Stichting Leergeld") for house in range(41, 91)]
    elsewhere = [row(house, "Stichting Leergeld", town=OTHER) for house in range(91, 96)]
    report = deliver(root, FOUNDATION, [*theirs, *elsewhere])
    assert (report.events["approach_reach"], report.statements) == (55, 2)
    stored = events(root, TOWN, "approach_reach")
    assert Counter(stored["sent_by"]) == {FOUNDATION: 50, TOWN: 60}
    assert stored["child"].n_unique() == 110, "each sender has numbers of its own"
    statements = intake(root, TOWN).filter(event_type="delivery_statement", sender=FOUNDATION)
    assert statements["verdict"].to_list() == ["accepted"]
    tasks.month(root, TOWN, ["2025-12"], AFTER)
    found = cells(root)
    assert found["leergeld"]["numerator"] in range(44, 57)
    assert found["total"]["numerator"] in range(84, 97), "90 addresses, of which 20 have both"


def test_without_the_public_figure_all_is_missing_and_says_so(at_stage: AtStage) -> None:
    root = at_stage("received")
    deliver(root, TOWN, [row(house, "Kindpakket") for house in range(1, 61)])
    tasks.month(root, TOWN, ["2025-12"], AFTER)
    assert {item["status"] for item in cells(root).values()} == {"missing"}
    tasks.benchmark(root)
    received = published(root, "hub")["network.cells"].filter(area=TOWN, indicator=INDICATOR)
    assert set(received["reason"]) == {"no public population of this area"}


def test_a_child_that_turned_18_the_year_before_counts_in_no_year_after(at_stage: AtStage) -> None:
    root = at_stage("received")
    with_population(root)
    grown = [row(house, "Stadspas", "01-02-2023", "", born=2006) for house in range(1, 61)]
    young = [row(house, "Stadspas", "01-02-2025", "", born=2007) for house in range(61, 91)]
    deliver(root, TOWN, [*grown, *young])
    tasks.month(root, TOWN, ["2025-12"], AFTER)
    assert cells(root)["city_pass"]["numerator"] in range(24, 37)
    assert pl.Series(events(root, TOWN, "approach_reach")["birth_year"]).value_counts().height == 2
