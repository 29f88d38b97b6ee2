"""What its sender withdraws or corrects counts no longer, from then on; nothing is lost, and accounts stay even."""

import datetime as dt
from contextlib import suppress

import polars as pl
import pytest

from services import quarantine
from services.contracts import Rule
from services.errors import Retryable
from services.receiving.landing import OpenedParcel
from services.store.accounts import conservation, receipts
from services.store.events import current_events, keep_snapshots
from tests.integration.gate.world import World, signals, taking_back

pytestmark = pytest.mark.xdist_group("great-expectations")  # one worker pays for the import

NOW = dt.datetime(2025, 12, 21, tzinfo=dt.UTC)


def withdrawal(world: World, *ids: int, sender: str = "hc-a", kind: str = "payment_arrears") -> OpenedParcel:
    return world.parcel(taking_back("withdrawal", ids, kind), kind="withdrawal", sender=sender, delivery=90)


def correction(world: World, *ids: int, delivery: int = 91) -> OpenedParcel:
    return world.parcel(taking_back("correction", ids), kind="correction", delivery=delivery)


def counting(world: World, kept: dict[str, int] | None = None) -> dict[int, int]:
    """Amounts of the signals that count, by event id."""
    events = current_events(world.node().catalog, world.registry.get("payment_arrears"), kept)
    assert events["event_id"].is_unique().all()
    return {int.from_bytes(row["event_id"], "big"): row["amount_eur"] for row in events.to_dicts()}


def verdicts_on(world: World, number: int) -> list[tuple[int, str, str | None]]:
    own = world.intake().filter(event_type="payment_arrears", event_id=number.to_bytes(16, "big"))
    return own.select("attempt", "verdict", "rule").rows()


def require_even(world: World) -> None:
    assert conservation(world.node())["balanced"].all()


def test_a_withdrawn_event_counts_no_longer_and_stays_withdrawn_when_its_row_comes_again(world: World) -> None:
    world.land([world.parcel(signals([1, 2]))])
    world.land([withdrawal(world, 1)])
    assert counting(world) == {2: 400}
    assert verdicts_on(world, 1) == [(0, "accepted", None), (1, "duplicate", "withdrawn")]
    world.land([world.parcel(signals([1, 2]), delivery=2)])
    assert counting(world) == {2: 400}
    require_even(world)


def test_the_event_the_withdrawal_and_the_row_again_may_come_in_one_go(world: World) -> None:
    landing = world.land([world.parcel(signals([1, 2])), withdrawal(world, 1), world.parcel(signals([1]), delivery=2)])
    assert counting(world) == {2: 400}
    assert landing.verdicts.group_by("verdict").agg(pl.col("events").sum()).sort("verdict").rows() == [
        ("accepted", 3),
        ("duplicate", 1),
    ]
    require_even(world)


def test_a_close_before_the_withdrawal_counts_what_it_counted_and_the_next_does_not(world: World) -> None:
    world.land([world.parcel(signals([1, 2]))])
    node = world.node()
    november = keep_snapshots(node.catalog, world.registry, "close-2025-11")
    world.land([withdrawal(world, 1)])
    december = keep_snapshots(node.catalog, world.registry, "close-2025-12")
    assert counting(world, november) == {1: 400, 2: 400}
    assert counting(world, december) == {2: 400}


def test_only_its_sender_withdraws_an_event_and_only_as_what_it_is(world: World) -> None:
    world.land([world.parcel(signals([1])), world.parcel(signals([1]), sender="hc-b")])
    world.land([withdrawal(world, 1, sender="hi-a"), withdrawal(world, 1, kind="eviction_notice")])
    stopped = world.intake().filter(event_type="withdrawal").select("sender", "verdict", "rule").rows()
    assert sorted(stopped) == [("hc-a", "quarantined", "event_known"), ("hi-a", "quarantined", "event_known")]
    world.land([withdrawal(world, 1, sender="hc-b")])
    left = current_events(world.node().catalog, world.registry.get("payment_arrears"))
    assert left["sent_by"].to_list() == ["hc-a"]
    require_even(world)


def test_a_withdrawal_that_came_before_its_event_waits_and_a_replay_brings_it_about(world: World) -> None:
    world.land([withdrawal(world, 1)])
    assert quarantine.open_events(world.node())["rule"].to_list() == ["event_known"]
    world.land([world.parcel(signals([1, 2]))])
    assert counting(world) == {1: 400, 2: 400}
    changed = quarantine.replay(world.node(), world.registry, NOW)
    assert changed.select("event_type", "verdict", "events").rows() == [("withdrawal", "accepted", 1)]
    assert counting(world) == {2: 400}
    assert quarantine.open_events(world.node()).is_empty()
    require_even(world)


def test_withdrawing_twice_changes_nothing_more(world: World) -> None:
    world.land([world.parcel(signals([1, 2]))])
    world.land([withdrawal(world, 1)])
    before = verdicts_on(world, 1)
    world.land([withdrawal(world, 1), withdrawal(world, 1, 2)])
    assert verdicts_on(world, 1) == before
    assert counting(world) == {}
    require_even(world)


def test_a_stopped_event_that_is_withdrawn_leaves_the_list_and_is_not_judged_again(world: World) -> None:
    world.land([world.parcel(signals([1, 2], amount_eur=[-5, 400]))])
    world.land([withdrawal(world, 1)])
    assert quarantine.open_events(world.node()).is_empty()
    rules = world.registry.get("payment_arrears").contract.row_rules
    world.with_rules("payment_arrears", rows=[rule for rule in rules if rule.id != "amount_in_range"])
    assert quarantine.replay(world.node(), world.registry, NOW).is_empty()
    assert counting(world) == {2: 400}
    require_even(world)


def test_an_event_and_its_withdrawal_that_are_let_through_together_do_not_count(world: World) -> None:
    """Both were stopped: the event by a rule that was wrong, the withdrawal since another sender's id was meant."""
    world.land([withdrawal(world, 1)])
    world.land([world.parcel(signals([1], amount_eur=[-5]))])
    rules = world.registry.get("payment_arrears").contract.row_rules
    world.with_rules("payment_arrears", rows=[rule for rule in rules if rule.id != "amount_in_range"])
    quarantine.replay(world.node(), world.registry, NOW)
    assert counting(world) == {}
    assert verdicts_on(world, 1)[-1] == (1, "duplicate", "withdrawn")
    require_even(world)


def test_an_event_of_a_held_delivery_that_is_withdrawn_is_not_let_through_with_the_others(world: World) -> None:
    share = Rule("bad_share", "hold", "max_share_quarantined", {"share": 0.2, "min_events": 3}, None, "?")
    world.with_rules("payment_arrears", batches=[share])
    world.land([world.parcel(signals([1, 2, 3, 4], amount_eur=[-1, -1, 400, 400]))])
    world.land([withdrawal(world, 3)])
    assert quarantine.lift(world.node(), world.registry, ("hc-a", (1).to_bytes(16, "big")), NOW) == 1
    assert counting(world) == {4: 400}
    require_even(world)


def test_a_corrected_event_comes_again_under_its_id_and_counts_with_its_new_values(world: World) -> None:
    world.land([world.parcel(signals([1, 2]))])
    world.land([correction(world, 1), world.parcel(signals([1], amount_eur=[75]), delivery=2)])
    assert counting(world) == {1: 75, 2: 400}
    world.land([correction(world, 1, delivery=92), world.parcel(signals([1], amount_eur=[80]), delivery=3)])
    assert counting(world) == {1: 75, 2: 400}, "the same correction again is a duplicate, and so is what follows it"
    again = taking_back("correction", [1]).with_columns(pl.lit(b"another file....").alias("event_id"))
    newest = world.parcel(again, kind="correction", delivery=93)
    world.land([newest, world.parcel(signals([1], amount_eur=[90]), delivery=4)])
    assert counting(world) == {1: 90, 2: 400}
    require_even(world)


def test_between_a_correction_and_what_follows_it_the_event_does_not_count(world: World) -> None:
    world.land([world.parcel(signals([1]))])
    world.land([correction(world, 1), world.parcel(signals([1], amount_eur=[-7]), delivery=2)])
    assert counting(world) == {}
    assert quarantine.open_events(world.node())["rule"].to_list() == ["amount_in_range"]
    world.land([world.parcel(signals([1], amount_eur=[70]), delivery=3)])
    assert counting(world) == {1: 70}
    assert quarantine.open_events(world.node()).is_empty()
    require_even(world)


def test_what_was_withdrawn_cannot_be_corrected_and_what_was_corrected_can_be_withdrawn(world: World) -> None:
    world.land([world.parcel(signals([1, 2]))])
    world.land([withdrawal(world, 1), correction(world, 2)])
    world.land([world.parcel(signals([2], amount_eur=[20]), delivery=2), correction(world, 1, delivery=92)])
    found = world.intake().filter(event_type="correction").select("verdict", "rule").rows()
    assert found == [("accepted", None), ("quarantined", "not_withdrawn")]
    other = taking_back("correction", [2]).with_columns(pl.lit(b"another file....").alias("event_id"))
    world.land([world.parcel(other, kind="correction", delivery=93), withdrawal(world, 2)])
    world.land([world.parcel(signals([2], amount_eur=[25]), delivery=3)])
    assert counting(world) == {}
    require_even(world)


def test_receipts_tell_what_became_of_the_withdrawal_and_of_the_delivery_that_it_is_about(world: World) -> None:
    world.land([world.parcel(signals([1, 2]))])
    before = receipts(world.node())
    world.land([withdrawal(world, 1, 77)])
    after = {row["event_type"]: row for row in receipts(world.node()).to_dicts()}
    told = after["withdrawal"]
    assert (told["accepted"], told["quarantined"]) == (1, [{"rule": "event_known", "events": 1}])
    assert (after["payment_arrears"]["accepted"], after["payment_arrears"]["duplicate"]) == (1, 1)
    assert after["payment_arrears"]["key"] not in before["key"].to_list()


@pytest.mark.parametrize("step", ["gate", "record parcels", "write", "commit", "committed", "append typed"])
def test_landing_that_ends_anywhere_and_runs_again_takes_back_once(world: World, step: str) -> None:
    world.land([world.parcel(signals([1, 2]))])
    parcels = [withdrawal(world, 1), world.parcel(signals([3]), delivery=2), correction(world, 2)]
    parcels.append(world.parcel(signals([2], amount_eur=[20]), delivery=3))
    for ends_at in range(4):
        seen = 0

        def stop(name: str, last: int = ends_at) -> None:
            nonlocal seen
            seen += name == step
            if seen > last and name == step:
                raise InterruptedError

        with suppress(InterruptedError):
            world.land(parcels, at=stop)
    world.land(parcels)
    assert counting(world) == {2: 20, 3: 400}
    assert verdicts_on(world, 1) == [(0, "accepted", None), (1, "duplicate", "withdrawn")]
    require_even(world)


def test_a_correction_of_what_never_came_does_not_take_back_the_row_that_followed_it_at_a_replay(
    world: World,
) -> None:
    world.land([correction(world, 1), world.parcel(signals([1]), delivery=2)])
    assert counting(world) == {1: 400}
    assert quarantine.replay(world.node(), world.registry, NOW).is_empty()
    assert counting(world) == {1: 400}
    require_even(world)


def test_a_large_delivery_of_corrections_is_never_held_so_the_rows_that_follow_are_not_lost(world: World) -> None:
    """Sixty of which most are about events of others: of other types such a delivery would wait for a person."""
    world.land([world.parcel(signals([*range(1, 21)]))])
    world.land([correction(world, *range(1, 81)), world.parcel(signals([*range(1, 21)]), delivery=3)])
    stopped = world.intake().filter(event_type="correction", verdict="held")
    assert stopped.is_empty()
    assert [*counting(world)] == [*range(1, 21)]
    require_even(world)


def test_a_replay_that_another_process_was_ahead_of_takes_nothing_back(world: World) -> None:
    world.land([withdrawal(world, 1)])
    world.land([world.parcel(signals([1]))])

    def overtake(name: str) -> None:
        if name == "commit":
            world.land([world.parcel(signals([9]), delivery=5)])

    with pytest.raises(Retryable):
        quarantine.replay(world.node(), world.registry, NOW, overtake)
    assert set(counting(world)) == {1, 9}
    quarantine.replay(world.node(), world.registry, NOW)
    assert set(counting(world)) == {9}
    require_even(world)
