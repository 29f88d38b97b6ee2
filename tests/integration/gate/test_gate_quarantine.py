"""Stopped events can be listed, understood, mended, judged again and let through, without doubles."""

import datetime as dt
from dataclasses import replace

import polars as pl
import pytest

from services import quarantine
from services.contracts import Rule
from services.errors import NotAllowed, Rejected, Retryable
from services.store.accounts import conservation
from services.store.events import current_events
from tests.integration.gate.world import World, signals

pytestmark = pytest.mark.xdist_group("great-expectations")  # one worker pays for the import

NOW = dt.datetime(2025, 12, 21, tzinfo=dt.UTC)
SHARE = Rule("bad_share", "hold", "max_share_quarantined", {"share": 0.2, "min_events": 10}, None, "Too many bad rows.")


def _current(world: World) -> list[int]:
    events = current_events(world.node().catalog, world.registry.get("payment_arrears"))
    return sorted(int.from_bytes(value, "big") for value in events["event_id"])


def _relaxed(world: World) -> None:
    """Let amounts go down to -10."""
    rules = world.registry.get("payment_arrears").contract.row_rules
    world.with_rules(
        "payment_arrears",
        rows=[
            replace(rule, kwargs={**rule.kwargs, "min_value": -10}) if rule.id == "amount_in_range" else rule
            for rule in rules
        ],
    )


def test_a_stopped_event_is_explained_without_its_values(world: World) -> None:
    world.land([world.parcel(signals([1, 2], amount_eur=[-77, 400]))])
    (row,) = quarantine.open_events(world.node()).rows(named=True)
    shown = quarantine.show(world.node(), world.registry, row["ref"][:34], NOW)
    assert (shown.sender, shown.rule, shown.fields) == ("hc-a", "amount_in_range", ("amount_eur",))
    assert "100,000" in shown.why
    assert "source" in shown.todo
    assert "-77" not in f"{shown}{row}"
    assert world.node().parcels.looks() == []


def test_values_are_revealed_for_a_purpose_that_is_written_down_and_never_with_pseudonyms(world: World) -> None:
    world.land([world.parcel(signals([1], amount_eur=[-77]))])
    node = world.node()
    (ref,) = quarantine.open_events(node)["ref"]
    with pytest.raises(NotAllowed):
        quarantine.show(node, world.registry, ref, NOW, reveal=True, purpose=" ")
    shown = quarantine.show(node, world.registry, ref, NOW, reveal=True, purpose="call the sender")
    assert shown.values["amount_eur"] == -77
    assert shown.values.keys() & {"event_id", "address"} == set()
    assert node.parcels.looks() == [(NOW.isoformat(), "call the sender", bytes(16), 0)]


def test_a_reference_that_fits_no_event_or_several_is_refused(world: World) -> None:
    world.land([world.parcel(signals([1, 2], amount_eur=[-1, -2]))])
    for ref in ("", "ff"):
        with pytest.raises(Rejected):
            quarantine.show(world.node(), world.registry, ref, NOW)


def test_a_mended_event_leaves_the_list_by_itself(world: World) -> None:
    world.land([world.parcel(signals([1], amount_eur=[-5]))])
    world.land([world.parcel(signals([1]), delivery=2)])
    assert quarantine.open_events(world.node()).height == 0


def test_a_replay_accepts_what_the_changed_contract_allows_once(world: World) -> None:
    world.land([world.parcel(signals([1, 2, 2, 3], amount_eur=[-5, -6, -7, -50]))])
    _relaxed(world)
    changed = quarantine.replay(world.node(), world.registry, NOW)
    assert changed.select("verdict", "events").rows() == [("accepted", 2), ("duplicate", 1)]
    assert _current(world) == [1, 2]
    assert quarantine.open_events(world.node())["event_id"].to_list() == [(3).to_bytes(16, "big")]
    before = world.intake().height
    assert quarantine.replay(world.node(), world.registry, NOW).height == 0
    assert world.intake().height == before
    assert conservation(world.node())["balanced"].all()


def test_a_replay_under_an_unchanged_contract_changes_nothing(world: World) -> None:
    world.land([world.parcel(signals([1, 2], amount_eur=[-5, 30_000]))])
    before = world.intake()
    assert quarantine.replay(world.node(), world.registry, NOW).height == 0
    assert world.intake().equals(before)


def test_events_held_because_a_rule_could_not_be_run_are_judged_once_it_can(world: World) -> None:
    good = world.registry.get("payment_arrears").contract.row_rules
    broken = Rule(
        "broken", "fail", "expect_column_values_to_be_between", {"column": "district", "min_value": 3}, "district", "?"
    )
    world.with_rules("payment_arrears", rows=[broken])
    world.land([world.parcel(signals([1, 2], amount_eur=[400, -5]))])
    (todo,) = {
        quarantine.show(world.node(), world.registry, ref, NOW).todo
        for ref in quarantine.open_events(world.node())["ref"]
    }
    assert "replay" in todo
    assert quarantine.lift(world.node(), world.registry, ("hc-a", (1).to_bytes(16, "big")), NOW) == 0
    world.with_rules("payment_arrears", rows=good)
    quarantine.replay(world.node(), world.registry, NOW)
    assert _current(world) == [1]
    assert quarantine.open_events(world.node())["rule"].to_list() == ["amount_in_range"]


def test_lifting_a_hold_brings_every_held_event_into_its_table_once(world: World) -> None:
    world.with_rules("payment_arrears", batches=[SHARE])
    world.land([world.parcel(signals(range(9)), last=False)])
    world.land([world.parcel(signals(range(10, 16), amount_eur=[*[-1] * 5, 400]), last=False)])
    assert _current(world) == []
    delivery = ("hc-a", (1).to_bytes(16, "big"))
    assert quarantine.lift(world.node(), world.registry, delivery, NOW) == 10
    assert _current(world) == [*range(9), 15]
    assert quarantine.lift(world.node(), world.registry, delivery, NOW) == 0
    world.land([world.parcel(signals([20]))])
    assert _current(world) == [*range(9), 15, 20], "a lifted delivery is not held again"
    assert conservation(world.node())["balanced"].all()


def test_a_replay_does_not_carry_an_event_out_of_a_held_delivery(world: World) -> None:
    world.with_rules("payment_arrears", batches=[SHARE])
    world.land([world.parcel(signals(range(10), amount_eur=[-5, -5, -5, *[100] * 7]))])
    _relaxed(world)
    changed = quarantine.replay(world.node(), world.registry, NOW)
    assert changed.rows() == [("payment_arrears", "held", "bad_share", 3)]
    assert _current(world) == []
    quarantine.lift(world.node(), world.registry, ("hc-a", (1).to_bytes(16, "big")), NOW)
    assert _current(world) == list(range(10))


def test_a_decision_about_a_store_that_was_changed_in_between_is_not_stored(world: World) -> None:
    world.land([world.parcel(signals([1], amount_eur=[-5]))])
    _relaxed(world)

    def overtake(step: str) -> None:
        if step == "commit":
            world.land([world.parcel(signals([1]), delivery=2)])

    with pytest.raises(Retryable):
        quarantine.replay(world.node(), world.registry, NOW, overtake)
    assert quarantine.replay(world.node(), world.registry, NOW).height == 0
    assert _current(world) == [1]
    assert world.intake().filter(pl.col("attempt") > 0).height == 0
