"""Events that arrive get one verdict each, and only accepted ones count."""

import datetime as dt
from collections import Counter

import polars as pl
import pytest

from services.contracts import Rule
from services.errors import Fatal, Retryable
from services.privacy.sealing import open_bytes
from services.receiving.landing import SEALED_CONTEXT, land
from services.store.accounts import conservation
from services.store.events import current_events
from services.store.intake import SCHEMA, STORED, Position, open_intake, store
from services.store.node import NodeStore
from tests.integration.gate.world import World, evictions, signals

pytestmark = pytest.mark.xdist_group("great-expectations")  # one worker pays for the import

SHARE = Rule("bad_share", "hold", "max_share_quarantined", {"share": 0.2, "min_events": 10}, None, "Too many bad rows.")


def _ids(frame: pl.DataFrame) -> list[int]:
    return sorted(int.from_bytes(value, "big") for value in frame["event_id"])


def _verdicts(world: World) -> dict[int, tuple[str, str | None]]:
    """The latest verdict and rule by event number; of doubles the first counts here."""
    rows = world.intake().sort("attempt").unique(["parcel_id", "row"], keep="last").sort("topic_offset", "row")
    rows = rows.unique("event_id", keep="first", maintain_order=True)
    return {int.from_bytes(e, "big"): (v, r) for e, v, r in rows.select("event_id", "verdict", "rule").iter_rows()}


def _current(world: World, kind: str = "payment_arrears") -> list[int]:
    return _ids(current_events(world.node().catalog, world.registry.get(kind)))


def test_a_good_event_is_accepted_a_bad_one_quarantined_under_the_first_rule_it_breaks(world: World) -> None:
    frame = signals(
        [1, 2, 3],
        amount_eur=[400, -5, 30_000],
        signalled_on=[dt.date(2025, 12, 5), dt.date(2025, 1, 1), dt.date(2025, 12, 5)],
    )
    world.land([world.parcel(frame)])
    verdicts = _verdicts(world)
    assert verdicts[1] == ("accepted", None)
    order = [rule.id for rule in world.registry.get("payment_arrears").contract.row_rules]
    first = min(("signalled_not_before_arisen", "amount_in_range"), key=order.index)
    assert verdicts[2] == ("quarantined", first)
    assert verdicts[3] == ("accepted", "warn:amount_plausible")
    assert _current(world) == [1, 3]


def test_the_typed_table_holds_the_event_as_it_came_and_where_it_came_from(world: World) -> None:
    frame = signals([1], amount_eur=[1234])
    world.land([world.parcel(frame, delivery=7)])
    stored = current_events(world.node().catalog, world.registry.get("payment_arrears"))
    assert stored.select(frame.columns).rows() == frame.rows()
    assert stored.select("sent_by", "in_delivery", "in_row", "received_on", "epoch").row(0) == (
        "hc-a",
        (7).to_bytes(16, "big"),
        0,
        dt.date(2025, 12, 20),
        "2025",
    )


def test_what_is_quarantined_is_sealed_and_opens_with_the_store_key(world: World) -> None:
    parcel = world.parcel(signals([1, 2], amount_eur=[-5, 400], district=["wk0518ZZ", "wk051801"]))
    world.land([parcel])
    sealed, clear = world.intake()["payload"].to_list()
    assert b"wk0518ZZ" not in sealed
    assert open_bytes(bytes(32), sealed, SEALED_CONTEXT) == parcel.rows[0].as_py()
    assert clear == parcel.rows[1].as_py()


def test_an_event_that_was_accepted_is_a_duplicate_when_it_comes_again_whatever_it_says_now(world: World) -> None:
    world.land([world.parcel(signals([1, 2]))])
    world.land([world.parcel(signals([1, 2, 3], amount_eur=[-5, 999, 400]), delivery=2)])
    rows = world.intake().filter(pl.col("topic_offset") == 1)
    assert rows.select("verdict", "rule").rows() == [("duplicate", "seen_before")] * 2 + [("accepted", None)]
    assert rows["payload"].null_count() == 2
    assert _current(world) == [1, 2, 3]


def test_two_equal_ids_in_one_delivery_count_once(world: World) -> None:
    world.land([world.parcel(signals([1, 1, 2]))])
    assert world.intake()["verdict"].to_list() == ["accepted", "duplicate", "accepted"]
    assert world.intake()["rule"].to_list() == [None, "repeated_in_delivery", None]
    assert _current(world) == [1, 2]


def test_no_sender_can_make_the_events_of_another_duplicates(world: World) -> None:
    world.land([world.parcel(signals([1]), sender="hc-b")])
    world.land([world.parcel(signals([1]), sender="hc-a", delivery=2)])
    assert world.intake()["verdict"].to_list() == ["accepted", "accepted"]


def test_a_mended_row_is_accepted_under_its_old_id(world: World) -> None:
    world.land([world.parcel(signals([1], amount_eur=[-5]))])
    world.land([world.parcel(signals([1], amount_eur=[5]), delivery=2)])
    assert world.intake()["verdict"].to_list() == ["quarantined", "accepted"]
    assert _current(world) == [1]


def test_of_a_faulty_row_and_its_mended_twin_in_one_batch_the_mended_one_counts(world: World) -> None:
    world.land([world.parcel(signals([1, 1, 1], amount_eur=[-5, 5, -5]))])
    assert world.intake()["verdict"].to_list() == ["quarantined", "accepted", "duplicate"]


def test_a_rule_that_cannot_be_run_holds_every_event_of_the_frame(world: World) -> None:
    broken = Rule(
        "broken", "fail", "expect_column_values_to_be_between", {"column": "district", "min_value": 3}, "district", "?"
    )
    world.with_rules("payment_arrears", rows=[broken])
    world.land([world.parcel(signals([1, 2])), world.parcel(evictions([3]), delivery=2, kind="eviction_notice")])
    assert _verdicts(world) == {1: ("held", "error:broken"), 2: ("held", "error:broken"), 3: ("accepted", None)}
    assert _current(world) == []


def test_a_rule_that_is_no_expectation_about_rows_stops_the_landing_and_is_named(world: World) -> None:
    for expectation, kwargs in (
        ("expect_table_row_count_to_equal", {"value": 3}),
        ("expect_nothing", {}),
        ("expect_column_values_to_be_null", {"column": "crisis", "mostly": 0.5}),
    ):
        world.with_rules("payment_arrears", rows=[Rule("odd", "fail", expectation, kwargs, None, "?")])
        with pytest.raises(Fatal, match="odd"):
            world.land([world.parcel(signals([1]))], upto=1)


def test_a_delivery_with_too_many_bad_rows_is_held_and_its_bad_rows_stay_quarantined(world: World) -> None:
    world.with_rules("payment_arrears", batches=[SHARE])
    bad = [-1 if number < 3 else 100 for number in range(10)]
    world.land([world.parcel(signals(range(10), amount_eur=bad)), world.parcel(signals([50]), delivery=2)])
    verdicts = _verdicts(world)
    assert Counter(verdict for verdict, _ in verdicts.values()) == {"held": 7, "quarantined": 3, "accepted": 1}
    assert verdicts[5] == ("held", "bad_share")
    assert verdicts[50] == ("accepted", None)
    assert _current(world) == [50]


def test_exactly_the_allowed_share_does_not_hold(world: World) -> None:
    world.with_rules("payment_arrears", batches=[SHARE])
    world.land([world.parcel(signals(range(10), amount_eur=[-1, -1, *[100] * 8]))])
    assert _current(world) == list(range(2, 10))


def test_a_delivery_that_turns_bad_later_takes_back_what_was_accepted_and_holds_what_follows(world: World) -> None:
    world.with_rules("payment_arrears", batches=[SHARE])
    world.land([world.parcel(signals(range(9)), last=False)])
    assert _current(world) == list(range(9))
    landing = world.land([world.parcel(signals(range(10, 15), amount_eur=[-1] * 5), last=False)])
    assert landing.held_later == 9
    assert _current(world) == []
    world.land([world.parcel(signals(range(20, 60)))])
    assert Counter(verdict for verdict, _ in _verdicts(world).values()) == {"held": 49, "quarantined": 5}
    assert conservation(world.node())["balanced"].all()


REPEATS = Rule("repeats", "hold", "max_share_duplicate", {"share": 0.5, "min_events": 10}, None, "Too many doubles.")
SIZE = Rule("size", "hold", "max_events", {"events": 15}, None, "Too large.")


def test_a_delivery_that_comes_again_by_a_new_outbox_is_not_held_for_it_however_often(world: World) -> None:
    world.with_rules("payment_arrears", batches=[REPEATS, SIZE, SHARE])
    frame = signals([*range(11), 0], amount_eur=[*[400] * 10, -1, 400])
    parts = [frame.head(6), frame.tail(6)]
    for stream in range(3):
        for part in parts:
            world.land([world.parcel(part, stream=stream)])
    assert _current(world) == list(range(10))
    rules = Counter(world.intake()["rule"].drop_nulls().to_list())
    assert (rules["repeated_in_delivery"], rules["seen_before"]) == (1, 22)
    both = [world.parcel(signals(range(20, 32)), delivery=2, stream=stream) for stream in (3, 4)]
    world.land(both)  # in one micro-batch
    assert _current(world) == [*range(10), *range(20, 32)]


def test_a_delivery_that_repeats_itself_in_one_stream_is_held(world: World) -> None:
    world.with_rules("payment_arrears", batches=[REPEATS])
    world.land([world.parcel(signals(range(5)), last=False)])
    world.land([world.parcel(signals([*range(5), 0]))])
    assert _current(world) == []
    assert {rule for _, rule in _verdicts(world).values()} == {"repeats"}


def test_messages_that_were_stored_before_are_not_stored_again(world: World) -> None:
    parcels = [world.parcel(signals([1, 2])), world.parcel(signals([3]), delivery=2)]
    world.land(parcels[:1])
    world.land(parcels)
    world.land(parcels)
    assert _ids(world.intake()) == [1, 2, 3]
    assert world.node().position() == Position("topic-1", 2)


def test_messages_without_any_event_move_the_position_on(world: World) -> None:
    world.land([], upto=5)
    assert world.node().position() == Position("topic-1", 5)
    assert world.intake().height == 0


def test_a_writer_that_was_overtaken_stores_nothing(world: World) -> None:
    first, second = world.parcel(signals([1])), world.parcel(signals([2]))
    slow = world.node()

    def overtake(step: str) -> None:
        if step == "commit":
            world.land([first], upto=1)

    with pytest.raises(Retryable):
        world.land([first, second], node=slow, upto=2, at=overtake)
    assert _ids(world.intake()) == [1]
    world.land([first, second], node=slow, upto=2)
    assert _ids(world.intake()) == [1, 2]


def test_the_position_never_moves_back(world: World) -> None:
    parcel = world.parcel(signals([1]))
    world.land([parcel], upto=9)
    with pytest.raises(Retryable):
        world.land([parcel], upto=8)
    assert world.node().position() == Position("topic-1", 9)


def test_a_topic_that_was_made_anew_is_not_read_on(world: World) -> None:
    world.land([world.parcel(signals([1]))])
    with pytest.raises(Fatal, match="topic"):
        land(world.node(), world.registry, [], Position("topic-2", 5), dt.datetime.now(dt.UTC))


def test_typed_tables_catch_up_after_old_snapshots_were_forgotten(world: World) -> None:
    def stop(step: str) -> None:
        if step == "append typed":
            raise InterruptedError

    node = world.node()
    with pytest.raises(InterruptedError):
        world.land([world.parcel(signals([1, 2]))], node=node, at=stop)
    for offset in range(2, 36):
        _append_nothing(world, offset, node)
    assert len(open_intake(node.catalog).metadata.snapshots) < 30
    world.land([], upto=36)
    assert _current(world) == [1, 2]


def _append_nothing(world: World, offset: int, node: NodeStore) -> None:
    empty = pl.DataFrame(SCHEMA.empty_table()).select(STORED)
    store(open_intake(node.catalog), empty, Position(world.topic, offset), dt.datetime.now(dt.UTC))
