"""Two versions of one event type at one receiver: both are judged by their own contract and stand in one table."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import polars as pl
import pytest

from services.quarantine import replay
from services.receiving.landing import OpenedParcel
from services.store.events import current_events, keep_snapshots
from tests.integration.gate.world import NOW, World, examples

pytestmark = pytest.mark.xdist_group("great-expectations")  # one worker pays for the import

KIND = "supply_stop_notice"
ON_RECEIPT = NOW.replace(year=2026, month=1, day=5)


def parcels(world: World, version: int, part: str = ".pass.") -> list[OpenedParcel]:
    """The examples of one version that an energy supplier sends, a parcel each."""
    found = [item for item in examples(KIND, part, version).values() if item.sender_kind == "energy_supplier"]
    made = [world.parcel(item.frame, kind=KIND, version=version, sender="es-a") for item in found]
    return [replace(parcel, received_at=ON_RECEIPT) for parcel in made]


def stored(world: World, version: int | None = None) -> pl.DataFrame:
    return current_events(world.node().catalog, world.registry.get(KIND, version))


def ids(sent: Sequence[OpenedParcel]) -> set[bytes]:
    return {event for parcel in sent for event in parcel.frame["event_id"]}


@pytest.mark.parametrize("order", [(1, 2), (2, 1)], ids=["the old one first", "the new one first"])
def test_events_of_both_stand_in_one_table_and_what_a_version_lacks_is_null(
    order: tuple[int, int], make_world: Callable[[], World]
) -> None:
    world = make_world()
    sent = {version: parcels(world, version) for version in order}
    for version in order:
        world.land(sent[version])
    assert set(world.intake()["verdict"]) == {"accepted"}
    found = stored(world)
    assert set(found["event_id"]) == ids(sent[1]) | ids(sent[2])
    old = found.filter(pl.col("event_id").is_in(ids(sent[1])))
    assert old["household_reached"].null_count() == old.height == len(sent[1])
    new = found.join(old, on="event_id", how="anti").sort("household_reached")
    assert new["household_reached"].to_list() == [None, False, True]


def test_both_in_one_micro_batch_are_judged_each_by_its_own_contract(make_world: Callable[[], World]) -> None:
    world = make_world()
    wrong = [*parcels(world, 1, ".arrears_in_range.fail."), *parcels(world, 2, ".arrears_in_range.fail.")]
    world.land([*parcels(world, 1), *wrong, *parcels(world, 2)])
    stopped = world.intake().filter(verdict="quarantined").select("version", "rule").sort("version")
    assert stopped.rows() == [(1, "arrears_in_range"), (2, "arrears_in_range")]
    newest = world.registry.get(KIND, 2)
    rules = tuple(rule for rule in newest.contract.row_rules if rule.id != "arrears_in_range")
    changed = replace(newest, contract=replace(newest.contract, row_rules=rules))
    again = replay(world.node(), replace(world.registry, types={**world.registry.types, (KIND, 2): changed}), NOW)
    assert again.select("verdict", "events").rows() == [("accepted", 1)]
    assert stored(world).filter(pl.col("arrears_eur") < 1)["household_reached"].to_list() == [True]


def test_a_table_of_the_old_version_has_the_new_column_before_any_event_brings_it(
    make_world: Callable[[], World],
) -> None:
    world = make_world()
    assert stored(world).columns[:10] == world.registry.get(KIND, 2).arrow_schema.names
    land_before_the_new_version(world)
    assert stored(world)["household_reached"].null_count() == stored(world).height > 0


def test_what_a_close_kept_before_the_new_version_came_is_read_as_it_was(make_world: Callable[[], World]) -> None:
    world = make_world()
    land_before_the_new_version(world)
    kept = keep_snapshots(world.node().catalog, world.registry, "close-2025-12")
    before = stored(world).sort("event_id")
    world.land(parcels(world, 2))
    at_close = current_events(world.node().catalog, world.registry.get(KIND), kept).sort("event_id")
    assert at_close.select(before.columns).equals(before)
    assert stored(world).height > before.height


def land_before_the_new_version(world: World) -> None:
    """Land events of the old version at a receiver whose software does not know the new one yet."""
    registry, sent = world.registry, parcels(world, 1)
    world.registry = replace(registry, types={key: kind for key, kind in registry.types.items() if key != (KIND, 2)})
    world.land(sent)
    assert "household_reached" not in stored(world).columns
    world.registry = registry
