"""What was stopped is mended at the source, or let through by a person, and counts once, wherever it was stopped."""

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from services import tasks
from services.home import Home
from services.network import Network
from services.quarantine import lift, open_events
from services.receiving.collecting import open_node
from services.status import participant_status
from services.stopped import refused_at_source
from tests.command import run
from tests.network_state import events, intake, published
from tests.small_network import AFTER, KINDS, MUNICIPALITIES, arrears, export, texts

pytestmark = pytest.mark.xdist_group("network")

TOWN = MUNICIPALITIES[0]
AtStage = Callable[[str], Path]
OWNERS = {"energy": "es-stroom", "premium_unkeyed": "hi-zorg", "rent": "hc-huis"}


def cells_of(kind: str, count: int, month: str = "2025-11") -> pl.DataFrame:
    """An export of households of one municipality, as texts."""
    return texts(kind, arrears(TOWN, month, range(3001, 3001 + count)))


def with_cell(cells: pl.DataFrame, kind: str, row: int, role: str, value: str) -> pl.DataFrame:
    """Write one cell anew."""
    column = KINDS[kind].roles[role]
    at_row = pl.int_range(pl.len()) == row
    return cells.with_columns(pl.when(at_row).then(pl.lit(value)).otherwise(column).alias(column))


def deliver(
    root: Path, kind: str, cells: pl.DataFrame, *, months: tuple[str, ...] = (), mended: bool = False
) -> tasks.SendReport:
    """Send an export, always under the same file name, and let the municipality receive it."""
    path = export(Home(root).participant(OWNERS[kind]).sources, kind, cells, "_november")
    report = tasks.send(root, OWNERS[kind], [path], months, mended=mended)
    tasks.receive(root, TOWN)
    return report


@pytest.mark.parametrize("kind", ["energy", "premium_unkeyed"], ids=["with a key", "without a key"])
def test_a_mended_file_brings_the_same_event_ids_and_each_event_counts_once(kind: str, at_stage: AtStage) -> None:
    root, good = at_stage("empty"), cells_of(kind, 30)
    bad = with_cell(good, kind, 4, "amount", "onbekend")  # refused at the source
    bad = with_cell(bad, kind, 7, "amount", "-12")  # stopped at the receiver
    deliver(root, kind, bad)
    first = intake(root, TOWN).filter(event_type="payment_arrears")
    assert Counter(first["verdict"]) == {"accepted": 28, "quarantined": 1}
    assert [row.source_row for row in refused_at_source(root, OWNERS[kind])] == [6]  # the header is row 1
    [stopped] = open_events(open_node(Network.open(root), TOWN)).to_dicts()
    assert (stopped["rule"], stopped["verdict"]) == ("amount_in_range", "quarantined")
    deliver(root, kind, good, mended=True)
    both = intake(root, TOWN).filter(event_type="payment_arrears")
    again = both.join(first, on="parcel_id", how="anti")
    assert Counter(again["verdict"]) == {"accepted": 2, "duplicate": 28}
    mended = again.filter(verdict="accepted")["event_id"].to_list()
    assert stopped["event_id"] in mended
    assert both.filter(verdict="accepted")["event_id"].n_unique() == both.filter(verdict="accepted").height == 30
    stored = events(root, TOWN, "payment_arrears")
    assert stored["event_id"].n_unique() == stored.height == 30
    assert refused_at_source(root, OWNERS[kind]) == []
    assert open_events(open_node(Network.open(root), TOWN)).is_empty()
    assert participant_status(root, TOWN, None).balanced


def test_a_new_file_under_an_old_name_is_refused_when_its_rows_have_no_key(at_stage: AtStage) -> None:
    root = at_stage("empty")
    deliver(root, "premium_unkeyed", cells_of("premium_unkeyed", 12))
    again = deliver(root, "premium_unkeyed", cells_of("premium_unkeyed", 12, "2025-10"))
    assert (again.parcels, again.files) == (0, [])
    assert "have no key of their own" in again.broken[0]
    by_command = run("send", "hi-zorg", "--home", root)
    assert (by_command.code, "`spiegelnet quarantine replay" in by_command.err) == (5, True)
    assert events(root, TOWN, "payment_arrears").height == 12


class EndedHere(BaseException):
    """Nothing catches it, as nothing catches the end of a process."""


def test_a_file_that_was_sent_in_part_and_then_replaced_leaves_the_month_complete(at_stage: AtStage) -> None:
    root, good = at_stage("empty"), cells_of("energy", 30)
    path = export(Home(root).participant("es-stroom").sources, "energy", good[:20], "_november")

    def at(step: str) -> None:
        if step == "finish file":
            raise EndedHere

    with pytest.raises(EndedHere):
        tasks.send(root, "es-stroom", [path], at=at)
    deliver(root, "energy", good, months=("2025-11",))
    assert events(root, TOWN, "payment_arrears")["event_id"].n_unique() == 30
    [said] = events(root, TOWN, "delivery_statement").to_dicts()
    assert (said["complete"], said["event_count"], len(said["deliveries"])) == (True, 50, 2)  # 20 of them came twice


def test_a_file_that_was_sent_is_not_sent_again(at_stage: AtStage) -> None:
    root, good = at_stage("empty"), cells_of("rent", 12)
    assert deliver(root, "rent", good).parcels == 1
    again = deliver(root, "rent", good)
    assert (again.parcels, [item.sent_before for item in again.files]) == (0, [True])


def test_quarantine_is_listed_shown_and_replayed_by_command_without_values(at_stage: AtStage) -> None:
    root, good = at_stage("empty"), cells_of("energy", 20)
    bad = with_cell(good, "energy", 7, "amount", "-7654")
    deliver(root, "energy", bad)
    listed = json.loads(run("quarantine", "list", TOWN, "--json", "--home", root).out)
    assert [(item["sender"], item["rule"]) for item in listed["events"]] == [("es-stroom", "amount_in_range")]
    ref = listed["events"][0]["ref"]
    shown = run("quarantine", "show", TOWN, ref[:12], "--home", root)
    assert shown.code == 0
    assert "amount_in_range" in shown.out
    assert "between 1 and 100,000 euros" in shown.out
    assert "mend the row at its source" in shown.out
    assert "7,654" not in shown.out
    refused = run("quarantine", "show", TOWN, ref, "--reveal", "--home", root)
    assert (refused.code, "purpose" in refused.err) == (6, True)
    revealed = run("quarantine", "show", TOWN, ref, "--reveal", "--purpose", "call the supplier", "--home", root)
    assert "-7,654" in revealed.out
    node = open_node(Network.open(root), TOWN)
    assert [look[1] for look in node.parcels.looks()] == ["call the supplier"]
    before = intake(root, TOWN).height
    nothing = json.loads(run("quarantine", "replay", TOWN, "--json", "--home", root).out)
    assert nothing == {"events_sent": 0, "changed": []}
    assert intake(root, TOWN).height == before
    path = export(Home(root).participant("es-stroom").sources, "energy", good, "_november")
    mended = run("quarantine", "replay", "es-stroom", "--source", path, "--json", "--home", root)
    assert json.loads(mended.out)["events_sent"] == 20
    tasks.receive(root, TOWN)
    assert json.loads(run("quarantine", "list", TOWN, "--json", "--home", root).out)["events"] == []


def test_a_held_delivery_is_left_out_of_the_month_until_it_is_lifted(at_stage: AtStage) -> None:
    """90 rents of which 20 are wrong: over a fifth, so the 70 good ones wait for a person."""
    root = at_stage("closed")  # 30 rents of November are in, and counted
    cells = cells_of("rent", 90, "2025-12")
    for row in range(20):
        cells = with_cell(cells, "rent", row * 4, "amount", "-1")
    deliver(root, "rent", cells, months=("2025-12",))
    node = open_node(Network.open(root), TOWN)
    held = open_events(node).filter(verdict="held")
    assert (held.height, set(held["rule"])) == (70, {"quarantined_share"})
    before = events(root, TOWN, "payment_arrears").filter(sent_by="hc-huis").height
    tasks.month(root, TOWN, ["2025-12"], AFTER)
    assert rents(root, "2025-12")["status"] == "suppressed"
    quality = published(root, TOWN)["published.quality"].filter(period="2025-12", sender="hc-huis").row(0, named=True)
    assert quality["accepted"] is None
    assert quality["held"] in {65, 70, 75}
    assert quality["quarantined"] in {15, 20, 25}
    assert quality["quarantined_by_rule"] == [{"rule": "amount_in_range", "events": quality["quarantined"]}]
    assert participant_status(root, TOWN, None).balanced
    let_through = (str(held["sender"][0]), bytes(held["delivery_id"][0]))
    assert lift(node, Network.open(root).registry, let_through, dt.datetime.now(dt.UTC)) == 70
    assert lift(node, Network.open(root).registry, let_through, dt.datetime.now(dt.UTC)) == 0
    assert events(root, TOWN, "payment_arrears").filter(sent_by="hc-huis").height == before + 70
    assert open_events(node)["verdict"].to_list() == ["quarantined"] * 20
    assert participant_status(root, TOWN, None).balanced
    tasks.month(root, TOWN, ["2025-12"], AFTER)  # closed before, and stays so
    assert rents(root, "2025-12")["status"] == "suppressed"


def test_a_delivery_that_was_lifted_before_the_close_counts(at_stage: AtStage) -> None:
    root = at_stage("closed")
    cells = cells_of("rent", 90, "2025-12")
    for row in range(20):
        cells = with_cell(cells, "rent", row * 4, "amount", "-1")
    deliver(root, "rent", cells, months=("2025-12",))
    listed = json.loads(run("quarantine", "list", TOWN, "--json", "--home", root).out)["events"]
    ref = next(item["ref"] for item in listed if item["verdict"] == "held")
    lifted = run("quarantine", "lift", TOWN, ref, "--home", root)
    assert lifted.out == "70 events of hc-huis were let through.\n"
    tasks.month(root, TOWN, ["2025-12"], AFTER)
    assert rents(root, "2025-12")["numerator"] in {65, 70, 75}
    again = run("quarantine", "lift", TOWN, ref, "--home", root)
    assert again.code == 5
    stopped = next(item["ref"] for item in listed if item["verdict"] == "quarantined")
    refused = run("quarantine", "lift", TOWN, stopped, "--home", root)
    assert refused.code == 5
    assert "held" in refused.err


def rents(root: Path, month: str) -> dict[str, object]:
    """The cell of rent arrears of the whole municipality."""
    cells = published(root, TOWN)["published.cells"]
    found = cells.filter(pl.col("district").is_null(), period=month, indicator="rent_arrears_per_1000_households")
    return found.row(0, named=True)
