"""Pairs of pseudonyms at the gate: what a sender said first stands, and nobody's pair touches those of another."""

from contextlib import suppress

import polars as pl
import pytest

from services import quarantine
from services.receiving.judging import OpenedParcel
from services.store.accounts import conservation
from services.store.events import current_events
from tests.integration.gate.world import NOW, World, rollovers, taking_back

pytestmark = pytest.mark.xdist_group("great-expectations")  # one worker pays for the import

KIND = "pseudonym_rollover"


def pairs(
    world: World,
    *told: tuple[int, int],
    sender: str = "hc-a",
    delivery: int = 1,
    epochs: tuple[str, str] = ("2025", "2026"),
) -> OpenedParcel:
    return world.parcel(rollovers(told, epochs=epochs), kind=KIND, sender=sender, delivery=delivery)


def judged(world: World) -> list[tuple[str, str | None]]:
    return world.intake().filter(pl.col("event_type") == KIND, pl.col("attempt") == 0).select("verdict", "rule").rows()


def stored(world: World) -> set[tuple[str, int, int]]:
    rows = current_events(world.node().catalog, world.registry.get(KIND))
    return {
        (sender, old[0], new[0]) for sender, old, new in rows.select("sent_by", "old_address", "new_address").rows()
    }


ACCEPTED = ("accepted", None)


def test_one_old_has_one_new_and_one_new_one_old_and_what_came_first_stands(world: World) -> None:
    world.land([pairs(world, (1, 101), (2, 102))])
    world.land([pairs(world, (1, 103), (4, 102), (5, 105), delivery=2)])
    assert judged(world) == [
        ACCEPTED,
        ACCEPTED,
        ("quarantined", "old_has_one_new"),
        ("quarantined", "new_has_one_old"),
        ACCEPTED,
    ]
    assert stored(world) == {("hc-a", 1, 101), ("hc-a", 2, 102), ("hc-a", 5, 105)}
    assert conservation(world.node())["balanced"].all()


def test_pairs_of_one_batch_are_compared_with_each_other_in_the_order_of_the_topic(world: World) -> None:
    world.land([pairs(world, (1, 101)), pairs(world, (1, 102), delivery=2), pairs(world, (3, 101), delivery=3)])
    assert [rule for _, rule in judged(world)] == [None, "old_has_one_new", "new_has_one_old"]


def test_a_pair_that_changes_nothing_does_not_stand_in_the_way_of_the_next_in_one_batch_or_in_two(world: World) -> None:
    world.land([pairs(world, (1, 1), (1, 101))])
    world.land([pairs(world, (2, 2), delivery=2)])
    world.land([pairs(world, (2, 102), delivery=3)])
    assert judged(world) == [("quarantined", "pseudonyms_differ"), ACCEPTED] * 2


def test_the_same_pair_again_is_a_duplicate(world: World) -> None:
    world.land([pairs(world, (1, 101))])
    world.land([pairs(world, (1, 101), delivery=2), pairs(world, (1, 101), delivery=3)])
    assert [verdict for verdict, _ in judged(world)] == ["accepted", "duplicate", "duplicate"]


def test_another_step_from_epoch_to_epoch_is_another_matter(world: World) -> None:
    world.land([pairs(world, (1, 101))])
    world.land([pairs(world, (101, 201), epochs=("2026", "2027")), pairs(world, (1, 201), epochs=("2025", "2027"))])
    assert judged(world) == [ACCEPTED] * 3


def test_what_one_sender_says_takes_nothing_away_from_another(world: World) -> None:
    world.land([pairs(world, (1, 102), (3, 101), sender="es-a")])
    world.land([pairs(world, (1, 101), (2, 102))])
    assert judged(world) == [ACCEPTED] * 4
    assert stored(world) == {("es-a", 1, 102), ("es-a", 3, 101), ("hc-a", 1, 101), ("hc-a", 2, 102)}


def test_a_pair_that_was_withdrawn_makes_room_for_the_right_one(world: World) -> None:
    wrong = pairs(world, (1, 109))
    world.land([wrong])
    (event_id,) = wrong.frame["event_id"]
    world.land([pairs(world, (1, 101), delivery=2)])
    gone = taking_back("withdrawal", [int.from_bytes(event_id, "big")], KIND)
    world.land([world.parcel(gone, kind="withdrawal")])
    assert stored(world) == set()
    quarantine.replay(world.node(), world.registry, NOW)
    assert stored(world) == {("hc-a", 1, 101)}
    assert conservation(world.node())["balanced"].all()


@pytest.mark.parametrize("step", ["gate", "record parcels", "write", "commit", "committed", "append typed"])
def test_a_conflict_is_seen_wherever_landing_ended_before(world: World, step: str) -> None:
    """Also when it ended between the commit and the typed table in which the pairs stand."""
    first = pairs(world, (1, 101))

    def stop(name: str) -> None:
        if name == step:
            raise InterruptedError

    with suppress(InterruptedError):
        world.land([first], at=stop)
    world.land([first, pairs(world, (1, 102), delivery=2)])
    assert [rule for _, rule in judged(world)] == [None, "old_has_one_new"]
    assert stored(world) == {("hc-a", 1, 101)}
