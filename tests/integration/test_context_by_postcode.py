"""Open data by range of postcodes reach the municipality that the range lies in, and name no household."""

from collections.abc import Callable
from pathlib import Path

import pytest

from services import tasks
from services.home import Home
from services.network import Network
from services.receiving.collecting import open_node
from services.store.accounts import conservation
from tests.network_state import events, messages
from tests.small_network import MUNICIPALITIES, write

pytestmark = pytest.mark.xdist_group("network")

HEADER = "zipcode_from,zipcode_to,num_connections,annual_consume,perc_of_active_connections,delivery_perc"
LINES = (
    "4461AB,4461AB,24,1210,95.83,100.0",  # gm0664, one district
    "4461AB,4465AB,60,1350,100.0,100.0",  # gm0664, two districts
    "4331AB,4333AB,31,1490,100.0,100.0",  # gm0687
    "4331AB,4461AB,88,1402,100.0,100.0",  # from one municipality into another
    "4461AC,4461AZ,12,1111,100.0,100.0",  # not in the address reference
    "4531AB,4531AB,9,990,100.0,100.0",  # gm0715, fewer than ten connections
    "4535AB,4535AB,11,1020,100.0,100.0",  # gm0715
)


def context_file(root: Path, participant: str) -> Path:
    path = Home(root).participant(participant).sources / "coteq_gas_2025.csv"
    return write(path, "\n".join([HEADER, *LINES]).encode())


def test_ranges_go_to_their_municipality_and_those_of_fewer_than_ten_are_stopped(
    at_stage: Callable[[str], Path],
) -> None:
    root = at_stage("empty")
    report = tasks.send(root, "cbs", [context_file(root, "cbs")])
    assert dict(report.events) == {"household_context": 5}
    assert dict(report.refused) == {"range_ambiguous": 1, "range_unknown": 1}
    received = {town: tasks.receive(root, town) for town in MUNICIPALITIES}
    assert {town: dict(found.verdicts) for town, found in received.items()} == {
        "gm0664": {"accepted": 2},
        "gm0687": {"accepted": 1},
        "gm0715": {"accepted": 1, "quarantined": 1},
    }
    assert dict(received["gm0715"].rules) == {"at_least_ten_units": 1}
    here = events(root, "gm0664", "household_context").sort("postcode_to")
    assert here.select("postcode_from", "postcode_to", "district", "value", "units").rows() == [
        ("4461AB", "4461AB", "wk066401", 1210.0, 24),
        ("4461AB", "4465AB", None, 1350.0, 60),
    ]
    assert "address" not in here.columns
    network = Network.open(root)
    assert all(conservation(open_node(network, town))["balanced"].all() for town in MUNICIPALITIES)


def test_a_municipality_that_reads_the_public_file_itself_keeps_its_own_ranges(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("empty")
    report = tasks.send(root, "gm0687", [context_file(root, "gm0687")])
    assert dict(report.events) == {"household_context": 1}
    assert dict(report.refused) == {"range_ambiguous": 1, "range_unknown": 1, "range_elsewhere": 4}
    assert not messages(root, "gm0664")
    tasks.receive(root, "gm0687")
    assert events(root, "gm0687", "household_context")["postcode_to"].to_list() == ["4333AB"]


def test_a_file_that_comes_again_counts_once(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("empty")
    path = context_file(root, "cbs")
    tasks.send(root, "cbs", [path])
    path.write_text("\n".join([HEADER, *LINES]) + "\n", "utf-8")  # other bytes, the same rows
    assert tasks.send(root, "cbs", [path]).events.total() == 5
    assert dict(tasks.receive(root, "gm0664").verdicts) == {"accepted": 2, "duplicate": 2}
    assert events(root, "gm0664", "household_context").height == 2
