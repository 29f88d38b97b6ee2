"""What came in is accounted for: per sender and day, per delivery, and per month."""

import datetime as dt

import polars as pl
import pytest

from services.contracts import Rule
from services.store.accounts import conservation, receipts, refused_parcels
from services.store.events import current_events, keep_snapshots
from services.store.parcels import ParcelFate
from services.store.snapshots import sequence_number
from tests.integration.gate.world import World, examples, signals

pytestmark = pytest.mark.xdist_group("great-expectations")  # one worker pays for the import


def test_events_of_opened_parcels_are_as_many_as_verdicts(world: World) -> None:
    world.land(
        [
            world.parcel(signals([1, 2, 2], amount_eur=[-1, 1, 1])),
            world.parcel(signals([1]), sender="hc-b"),
            world.parcel(signals([2, 3]), delivery=2),
        ]
    )
    found = conservation(world.node()).drop("received_on", "expired")
    assert found.rows() == [("hc-a", 2, 5, 2, 1, 0, 2, True), ("hc-b", 1, 1, 1, 0, 0, 0, True)]


def test_a_parcel_that_was_written_down_but_not_yet_stored_does_not_count(world: World) -> None:
    def stop(step: str) -> None:
        if step == "commit":
            raise InterruptedError

    with pytest.raises(InterruptedError):
        world.land([world.parcel(signals([1]))], at=stop)
    assert conservation(world.node()).height == 0


def test_an_event_without_a_verdict_shows_as_not_balanced(world: World) -> None:
    world.land([world.parcel(signals([1]))], upto=2)
    fate = ParcelFate(world.topic, 1, world.intake()["received_on"][0], "opened", "hc-a", bytes(16), bytes(16), "x", 3)
    world.node().parcels.record([fate])
    assert conservation(world.node())["balanced"].to_list() == [False]


def test_refused_parcels_count_as_parcels_against_no_sender(world: World) -> None:
    parcel = world.parcel(signals([1]))
    world.node().parcels.record([ParcelFate(world.topic, 1, parcel.received_at.date(), "bad_signature")])
    world.land([parcel], upto=2)
    assert refused_parcels(world.node()).select("fate", "parcels").rows() == [("bad_signature", 1)]
    assert conservation(world.node())["opened"].to_list() == [1]


def test_a_receipt_tells_what_became_of_a_delivery_once_its_last_parcel_is_in(world: World) -> None:
    world.land([world.parcel(signals([1, 2, 3], amount_eur=[-1, 1, 200_000]), last=False)])
    assert receipts(world.node()).height == 0
    world.land([world.parcel(signals([2, 4, 5], district=["wk051801", "wk051801", "x"]))])
    (row,) = receipts(world.node()).rows(named=True)
    assert (row["sender"], row["delivery_id"], row["event_type"]) == (
        "hc-a",
        (1).to_bytes(16, "big"),
        "payment_arrears",
    )
    assert (row["accepted"], row["held"], row["duplicate"]) == (2, 0, 1)
    assert row["quarantined"] == [{"rule": "amount_in_range", "events": 2}, {"rule": "district_code", "events": 1}]


def test_the_key_of_a_receipt_changes_only_with_what_it_says(world: World) -> None:
    world.land([world.parcel(signals([1, 2], amount_eur=[-1, 1]))])
    (first,) = receipts(world.node())["key"]
    world.land([world.parcel(signals([7]), delivery=2)])
    again = receipts(world.node())
    assert first in again["key"].to_list()
    assert again["key"].n_unique() == 2


def test_no_receipt_answers_a_receipt(world: World) -> None:
    (example,) = examples("receipt", ".some_quarantined.pass.").values()
    world.land([world.parcel(example.frame, kind="receipt", sender="gm0518")])
    assert world.intake().height > 0
    assert receipts(world.node()).height == 0


def test_the_ledger_knows_which_month_an_event_is_about_and_whether_it_came_after_a_close(world: World) -> None:
    november, december = dt.date(2025, 11, 20), dt.date(2025, 12, 5)
    world.land([world.parcel(signals([1, 2], signalled_on=[november, december]))])
    node = world.node()
    closed = keep_snapshots(node.catalog, world.registry, "2025-11")
    world.land([world.parcel(signals([3], signalled_on=november), delivery=2)])
    intake, ledger = node.intake()
    end = sequence_number(intake, closed["node.intake"])
    late = ledger.latest.select("period", pl.col("decided_in") > end).rows()
    assert late == [("2025-11", False), ("2025-12", False), ("2025-11", True)]
    assert world.node().intake()[1].latest.equals(ledger.latest), "read at once or bit by bit"


def test_a_close_keeps_what_counted_then_whatever_is_decided_later(world: World) -> None:
    share = Rule("bad_share", "hold", "max_share_quarantined", {"share": 0.2, "min_events": 10}, None, "?")
    world.with_rules("payment_arrears", batches=[share])
    event_type = world.registry.get("payment_arrears")
    catalog = world.node().catalog
    world.land([world.parcel(signals(range(9)), last=False)])
    kept = keep_snapshots(catalog, world.registry, "2025-11")
    world.land([world.parcel(signals(range(10, 15), amount_eur=[-1] * 5)), world.parcel(signals([99]), delivery=2)])
    assert keep_snapshots(catalog, world.registry, "2025-11") == kept
    assert current_events(catalog, event_type, kept).height == 9
    assert current_events(catalog, event_type)["event_id"].to_list() == [(99).to_bytes(16, "big")]
    assert current_events(catalog, world.registry.get("eviction_notice"), kept).height == 0
