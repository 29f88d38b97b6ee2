"""Small files of a store are joined, and its old snapshots let go of, without a reader noticing anything."""

import datetime as dt
from collections.abc import Callable

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyiceberg.table.refs import MAIN_BRANCH

from services.errors import Retryable
from services.quarantine import replay
from services.store.accounts import conservation
from services.store.compaction import compact
from services.store.events import current_events, current_tables, keep_snapshots, project, table_name
from services.store.intake import TABLE, open_intake, types_of
from services.store.node import NodeStore
from services.store.snapshots import data_files, scan, sequence_number
from services.store.tables import forget, keep_snapshot, load_table
from tests.integration.gate.world import NOW, World, evictions, signals

pytestmark = pytest.mark.xdist_group("great-expectations")  # one worker pays for the import


def join(world: World) -> int:
    """Join all small files of `intake` and of the typed tables, as upkeep does."""
    catalog = world.node().catalog
    project(catalog, world.registry, catch_up=True)
    joined = 0
    for name in (TABLE, *map(table_name, world.registry.names())):
        table = load_table(catalog, name)
        if table and name == TABLE:
            kept = [ref.snapshot_id for known, ref in table.metadata.refs.items() if known != MAIN_BRANCH]
            joined += compact(table, [sequence_number(table, item) for item in kept], types_of, least=2)
        elif table:
            joined += compact(table, least=2)
    return joined


def let_go(world: World) -> None:
    """Let go of every snapshot that is not kept."""
    catalog = world.node().catalog
    for name in (TABLE, *map(table_name, world.registry.names())):
        if table := load_table(catalog, name):
            held = {ref.snapshot_id for ref in table.metadata.refs.values()}
            if free := [item.snapshot_id for item in table.metadata.snapshots if item.snapshot_id not in held]:
                forget(table, free)


def in_order(world: World, name: str = TABLE) -> pl.DataFrame:
    table = load_table(world.node().catalog, name)
    assert table
    return scan(table).collect()


def ids(frame: pl.DataFrame) -> list[int]:
    return sorted(int.from_bytes(event_id, "big") for event_id in frame["event_id"])


def typed(world: World, kept: dict[str, int] | None = None) -> list[int]:
    return ids(current_events(world.node().catalog, world.registry.get("payment_arrears"), kept))


def test_joined_files_hold_the_same_rows_in_the_same_order(world: World) -> None:
    parcels = [world.parcel(signals([number, number + 100], amount_eur=[-1, 400])) for number in range(5)]
    for parcel in parcels:
        world.land([parcel])
    before = [in_order(world), in_order(world, "events.payment_arrears")]
    place = world.node().position()
    assert len(data_files(open_intake(world.node().catalog))) == 5
    assert join(world) == 10
    for frame, name in zip(before, (TABLE, "events.payment_arrears"), strict=True):
        assert in_order(world, name).equals(frame)
        table = load_table(world.node().catalog, name)
        assert table
        assert len(data_files(table)) == 1
    assert world.node().position() == place


@pytest.mark.parametrize("forgotten", [False, True])
def test_what_was_stored_before_is_not_stored_again_after_joining(world: World, *, forgotten: bool) -> None:
    parcels = [
        world.parcel(signals([number]) if number % 2 else evictions([number]), kind=kind)
        for number, kind in enumerate(["eviction_notice", "payment_arrears"] * 2)
    ]
    for parcel in parcels:
        world.land([parcel])
    join(world)
    if forgotten:
        let_go(world)
    before = {name: in_order(world, name) for name in (TABLE, "events.payment_arrears", "events.eviction_notice")}
    project(world.node().catalog, world.registry)
    with pytest.raises(Retryable):
        world.land(parcels[:2])
    for name, frame in before.items():
        assert in_order(world, name).equals(frame)
    world.land([world.parcel(signals([9]))])
    assert typed(world) == [1, 3, 9]


def test_a_type_whose_table_lags_behind_gets_its_rows_once_also_from_a_joined_file(world: World) -> None:
    def ended(step: str) -> None:
        if step == "append typed":
            raise InterruptedError

    world.land([world.parcel(signals([1]))])
    for number in (2, 3):
        with pytest.raises(InterruptedError):
            world.land([world.parcel(signals([number]))], at=ended)
    table = open_intake(world.node().catalog)
    assert compact(table, describe=types_of, least=2) == 3
    let_go(world)
    project(world.node().catalog, world.registry)
    assert typed(world) == [1, 2, 3]


def test_a_node_that_was_open_while_files_were_joined_knows_every_event_once(world: World) -> None:
    node = world.node()
    world.land([world.parcel(signals([1]), last=False)], node=node)
    world.land([world.parcel(signals([2]), last=False)], node=node)
    node.intake()
    world.land([world.parcel(signals([3]), last=False)])
    join(world)
    _, ledger = node.intake()
    assert ids(ledger.latest) == [1, 2, 3]
    assert ledger.latest.equals(world.node().intake()[1].latest)


def test_joining_fails_when_another_process_stored_in_between_and_changes_nothing(world: World) -> None:
    for number in range(3):
        world.land([world.parcel(signals([number]))])
    stale = open_intake(world.node().catalog)
    world.land([world.parcel(signals([7]))])
    with pytest.raises(Retryable):
        compact(stale, describe=types_of, least=2)
    assert ids(world.intake()) == [0, 1, 2, 7]
    assert join(world) == 8


def test_joining_fails_when_a_snapshot_was_kept_in_between_so_that_what_came_after_it_stays_apart(world: World) -> None:
    world.land([world.parcel(signals([0]))])
    older = open_intake(world.node().catalog)
    for number in (1, 2):
        world.land([world.parcel(signals([number]))])
    stale = open_intake(world.node().catalog)
    kept = keep_snapshot(older, "close-2025-12")  # it had looked before, and tags what was the newest then
    assert kept
    with pytest.raises(Retryable):
        compact(stale, describe=types_of, least=2)
    join(world)
    _, ledger = world.node().intake()
    closed_at = sequence_number(open_intake(world.node().catalog), kept)
    assert ids(ledger.latest.filter(pl.col("decided_in") > closed_at)) == [1, 2]


def test_landing_fails_when_files_were_joined_in_between_and_takes_its_events_when_run_again(world: World) -> None:
    for number in range(3):
        world.land([world.parcel(signals([number]))])
    parcel = world.parcel(signals([7]))
    with pytest.raises(Retryable):
        world.land([parcel], at=lambda step: join(world) if step == "commit" else None)
    world.land([parcel])
    assert ids(world.intake()) == typed(world) == [0, 1, 2, 7]


def test_two_processes_that_make_a_typed_table_at_once_store_its_events_once(world: World) -> None:
    def ended(step: str) -> None:
        if step == "append typed":
            raise InterruptedError

    with pytest.raises(InterruptedError):
        world.land([world.parcel(signals([1, 2]))], at=ended)
    catalog = world.node().catalog
    other = []

    def meanwhile(step: str) -> None:
        if step == "append typed" and not other:
            other.append(step)
            project(world.node().catalog, world.registry)

    with pytest.raises(Retryable):
        project(catalog, world.registry, meanwhile)
    assert typed(world) == [1, 2]


def test_what_came_after_a_close_is_told_from_what_came_before_also_after_joining(world: World) -> None:
    for number in range(3):
        world.land([world.parcel(signals([number]))])
    kept = keep_snapshots(world.node().catalog, world.registry, "close-2025-12")
    for number in range(3, 6):
        world.land([world.parcel(signals([number]))])
    assert join(world) == 12
    let_go(world)
    table, ledger = world.node().intake()
    closed_at = sequence_number(table, kept[TABLE])
    assert ids(ledger.latest.filter(pl.col("decided_in") > closed_at)) == [3, 4, 5]
    assert typed(world, kept) == [0, 1, 2]
    assert typed(world) == [0, 1, 2, 3, 4, 5]


def test_a_close_rests_on_one_moment_though_its_tables_were_kept_one_after_the_other(world: World) -> None:
    world.land([world.parcel(signals([1, 2], amount_eur=[-1, 400]))])
    keep_snapshot(open_intake(world.node().catalog), "close-2025-12")  # and here the process ended
    world.with_rules("payment_arrears", rows=[])
    replay(world.node(), world.registry, NOW + dt.timedelta(days=1))
    world.land([world.parcel(signals([3]))])
    kept = keep_snapshots(world.node().catalog, world.registry, "close-2025-12")
    assert typed(world, kept) == [2]
    assert typed(world) == [1, 2, 3]


def test_a_close_has_what_was_accepted_but_not_yet_in_its_typed_table(world: World) -> None:
    def ended(step: str) -> None:
        if step == "append typed":
            raise InterruptedError

    with pytest.raises(InterruptedError):
        world.land([world.parcel(signals([1]))], at=ended)
    kept = keep_snapshots(world.node().catalog, world.registry, "close-2025-12")
    world.land([world.parcel(signals([2]))])
    assert typed(world, kept) == [1]
    tables = current_tables(world.node().catalog, [world.registry.get("eviction_notice")], kept)
    assert tables["eviction_notice"].height == 0


operations = st.lists(
    st.one_of(
        st.tuples(st.just("land"), st.lists(st.integers(0, 9), min_size=1, max_size=4), st.booleans()),
        st.tuples(st.sampled_from(["join", "let go", "close", "another node"]), st.just([]), st.just(value=False)),
    ),
    min_size=3,
    max_size=14,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(planned=operations)
def test_a_store_that_is_kept_up_holds_what_one_that_is_not_holds(
    make_world: Callable[[], World], planned: list[tuple[str, list[int], bool]]
) -> None:
    plain, kept_up = make_world(), make_world()
    node = kept_up.node()
    closes: list[tuple[dict[str, int], dict[str, int]]] = []
    for place, (what, numbers, spoilt) in enumerate(planned):
        if what == "land":
            frame = signals(numbers, amount_eur=[-1 if spoilt and number % 3 == 0 else 400 for number in numbers])
            parcel = plain.parcel(frame, delivery=place)
            plain.land([parcel])
            kept_up.land([parcel], node=node)
        elif what == "join":
            join(kept_up)
        elif what == "let go":
            let_go(kept_up)
        elif what == "close":
            kept = [
                keep_snapshots(world.node().catalog, world.registry, f"close-{place}") for world in (plain, kept_up)
            ]
            closes.append((kept[0], kept[1]))
        else:
            node = kept_up.node()
    assert _rows(kept_up) == _rows(plain)
    assert typed(kept_up) == typed(plain)
    assert conservation(kept_up.node()).equals(conservation(plain.node()))
    for one, other in closes:
        assert typed(kept_up, other) == typed(plain, one)
        assert _late(kept_up.node(), other) == _late(plain.node(), one)


def _rows(world: World) -> list[tuple[object, ...]]:
    """All rows in order; of a sealed payload only that there is one."""
    if load_table(world.node().catalog, TABLE) is None:
        return []
    return in_order(world).with_columns(pl.col("payload").is_null()).rows()


def _late(node: NodeStore, kept: dict[str, int]) -> list[int]:
    table, ledger = node.intake()
    closed_at = sequence_number(table, kept[TABLE]) if TABLE in kept else 0
    return ids(ledger.latest.filter(pl.col("decided_in") > closed_at))
