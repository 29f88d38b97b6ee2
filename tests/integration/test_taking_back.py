"""A sender withdraws or corrects what it sent: the next close counts without it, closed months stay as they were."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from services import tasks
from services.errors import NotAllowed, Rejected
from services.home import Home
from services.network import Network
from services.receiving.collecting import open_node
from services.sending.sender import open_sender
from services.sending.withdrawing import withdraw
from services.store.accounts import conservation
from tests.command import run
from tests.network_state import events, intake, release_state
from tests.small_network import AFTER, BACK, MUNICIPALITIES, arrears, export, texts
from tests.standing import require_same_as_the_store

pytestmark = pytest.mark.xdist_group("network")

TOWN, SENDER = MUNICIPALITIES[0], "es-stroom"


def signals_file(root: Path, name: str, houses: range, cents: int | None = None, kind: str = "energy") -> Path:
    """An export of November, of some houses; all with one amount where it is given."""
    rows = arrears(TOWN, "2025-11", houses)
    rows = rows if cents is None else rows.with_columns(pl.lit(cents).alias("cents"))
    owner = {"energy": SENDER, "premium_unkeyed": "hi-zorg"}[kind]
    return export(Home(root).participant(owner).sources, kind, texts(kind, rows), name)


def amounts(root: Path) -> list[int]:
    return sorted(events(root, TOWN, "payment_arrears")["amount_eur"].to_list())


def receive(root: Path) -> None:
    """The town receives, its accounts are even, and its standing is that of its store."""
    tasks.receive(root, TOWN)
    assert conservation(open_node(Network.open(root), TOWN))["balanced"].all()
    require_same_as_the_store(root, TOWN)


def test_rows_of_an_export_are_withdrawn_at_whom_they_went_to(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("empty")
    path = signals_file(root, "_november", range(1, 6))
    tasks.send(root, SENDER, [path])
    receive(root)
    assert amounts(root) == [251] * 5
    report, _ = tasks.take_back(root, SENDER, path, [3, 4])
    assert (report.rows, dict(report.events), report.refused.total()) == (2, {"payment_arrears": 2}, 0)
    receive(root)
    assert amounts(root) == [251] * 3
    again, _ = tasks.take_back(root, SENDER, path, [3, 4])
    assert again.parcels == 0, "on the same day nothing is sent twice"
    tasks.send(root, SENDER, [signals_file(root, "_once_more", range(1, 6))])
    receive(root)
    assert amounts(root) == [251] * 3
    tasks.receive(root, SENDER)
    told = events(root, SENDER, "receipt").filter(event_type="withdrawal").select("accepted", "duplicate").rows()
    assert told == [(2, 0)]


def test_a_withdrawal_of_what_never_came_waits_in_quarantine_and_the_receipt_says_why(
    at_stage: Callable[[str], Path],
) -> None:
    root = at_stage("empty")
    tasks.take_back(root, SENDER, signals_file(root, "_november", range(1, 3)))
    receive(root)
    (rule,) = intake(root, TOWN).filter(event_type="withdrawal")["rule"].unique()
    assert rule == "event_known"
    tasks.receive(root, SENDER)
    (told,) = events(root, SENDER, "receipt")["quarantined"].to_list()
    assert told == [{"rule": "event_known", "events": 2}]


def test_corrected_rows_come_in_the_place_of_what_was_accepted(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("empty")
    tasks.send(root, SENDER, [signals_file(root, "_november", range(1, 6))])
    receive(root)
    right = signals_file(root, "_corrected", range(1, 3), cents=9_900)
    report, _ = tasks.take_back(root, SENDER, right, corrected=True)
    assert report.sent is not None
    assert report.sent.events.total() == 2
    receive(root)
    assert amounts(root) == [99, 99, 251, 251, 251]
    tasks.take_back(root, SENDER, right, corrected=True)
    receive(root)
    assert amounts(root) == [99, 99, 251, 251, 251], "run again it does nothing again"


@pytest.mark.parametrize("step", ["enqueued", "enqueue", "append", "appended"])
def test_a_correction_that_was_ended_halfway_goes_on_where_it_was(step: str, at_stage: Callable[[str], Path]) -> None:
    root = at_stage("empty")
    tasks.send(root, SENDER, [signals_file(root, "_november", range(1, 4))])
    right = signals_file(root, "_corrected", range(1, 3), cents=9_900)

    def stop(name: str) -> None:
        if name == step:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        tasks.take_back(root, SENDER, right, corrected=True, at=stop)
    tasks.take_back(root, SENDER, right, corrected=True)
    receive(root)
    assert amounts(root) == [99, 99, 251]


def test_rows_that_were_sent_as_they_are_before_correct_nothing(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("empty")
    path = signals_file(root, "_november", range(1, 4))
    tasks.send(root, SENDER, [path])
    with pytest.raises(Rejected, match="was sent before"):
        tasks.take_back(root, SENDER, path, corrected=True)
    receive(root)
    assert len(amounts(root)) == 3


def test_rows_without_a_key_are_withdrawn_by_the_file_that_was_sent_and_by_no_other(
    at_stage: Callable[[str], Path],
) -> None:
    root = at_stage("empty")
    path = signals_file(root, "_november", range(1, 4), kind="premium_unkeyed")
    with pytest.raises(Rejected, match="this file was not sent"):
        tasks.take_back(root, "hi-zorg", path, [2])
    tasks.send(root, "hi-zorg", [path])
    tasks.take_back(root, "hi-zorg", path, [2])
    receive(root)
    assert len(amounts(root)) == 2
    with pytest.raises(Rejected, match="no key of their own"):
        tasks.take_back(root, "hi-zorg", path, corrected=True)


def test_nobody_withdraws_what_it_may_not_send(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("empty")
    folder = Home(root).participant(SENDER).sources
    notices = export(folder, "evictions", texts("evictions", arrears(TOWN, "2025-11", range(1, 4))))
    with pytest.raises(NotAllowed):
        tasks.take_back(root, SENDER, notices)


def test_a_closed_month_stays_as_released_when_what_it_counted_is_withdrawn(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("released")
    before = release_state(root, TOWN)
    (path,) = Home(root).participant(SENDER).sources.glob("energie_achterstanden*.csv")
    was = events(root, TOWN, "payment_arrears").filter(sent_by=SENDER).height
    report, _ = tasks.take_back(root, SENDER, path)
    receive(root)
    assert report.refused.total() == 0
    assert events(root, TOWN, "payment_arrears").filter(sent_by=SENDER).is_empty()
    assert was > 0
    done = tasks.month(root, TOWN, BACK, AFTER)
    assert done.closed_before == list(BACK)
    assert release_state(root, TOWN) == before


def test_the_commands_tell_what_they_took_back_and_refuse_what_names_no_event(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("empty")
    path = signals_file(root, "_november", range(1, 4))
    tasks.send(root, SENDER, [path])
    done = run("withdraw", SENDER, path, "--row", "2", "--json", "--home", root)
    assert (done.code, json.loads(done.out)["events"]) == (0, {"payment_arrears": 1}), done.err
    wrong = path.with_name("energie_achterstanden_wrong.csv")
    wrong.write_bytes(path.read_bytes().replace(b"4465AB", b"9999ZZ"))  # houses 1 and 3
    refused = run("withdraw", SENDER, wrong, "--home", root)
    assert refused.code == 5
    assert "2 of 3 rows name no event (address_unknown: 2)" in refused.err
    right = signals_file(root, "_corrected", range(3, 4), cents=9_900)
    assert run("correct", SENDER, right, "--home", root).code == 0
    receive(root)
    assert amounts(root) == [99]


def test_what_is_withdrawn_on_another_day_is_sent_again(at_stage: Callable[[str], Path]) -> None:
    """For a receiver that did not know the event then; one that did takes it for a double."""
    root = at_stage("empty")
    path = signals_file(root, "_november", range(1, 3))
    network = Network.open(root)
    tasks.take_back(root, SENDER, path)
    tasks.receive(root, TOWN)
    tasks.send(root, SENDER, [path])
    with open_sender(network, SENDER) as sender, network.broker(SENDER) as broker:
        withdraw(sender, path, network.today() - dt.timedelta(days=1))
        sender.push(broker)
    receive(root)
    assert amounts(root) == []
