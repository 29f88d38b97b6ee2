"""Events that were kept for as long as their contract says are removed everywhere; all accounts stay as they are."""

import datetime as dt
from collections import Counter
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from services.receiving.judging import OpenedParcel
from services.registry import load_registry
from services.retention import Removed, kept_from, remove_events, retention_days
from services.store.accounts import conservation, receipts
from services.store.counting import count_again
from services.store.events import current_events, is_kept, keep_snapshots, table_name
from services.store.intake import TABLE, trimmed_periods
from services.store.snapshots import data_files, scan, sequence_number
from services.store.standing import Standing
from services.store.tables import load_table
from services.store.trimming import drop_kept
from services.store.warehouse import open_warehouse
from tests.integration.gate.world import NOW, World, evictions, signals

pytestmark = pytest.mark.xdist_group("great-expectations")  # one worker pays for the import

DAYS = 400
"""As the contract of payment arrears says."""
FIRST, LATER = NOW, NOW + dt.timedelta(days=10)
AFTER = (NOW + dt.timedelta(days=DAYS + 1)).date()
"""The first day on which what came on `FIRST` is kept no longer."""
STEPS = ("mark expiring", "trim intake", "trim typed", "count expired")


class EndedHere(BaseException):
    """Nothing catches it, as nothing catches the end of a process."""


def on(parcel: OpenedParcel, moment: dt.datetime) -> OpenedParcel:
    return replace(parcel, received_at=moment)


def remove(world: World, today: dt.date = AFTER, end: str = "") -> Removed:
    def at(step: str) -> None:
        if step == end:
            raise EndedHere

    removed = Removed()
    remove_events(world.registry, world.node(), today, removed, at)
    return removed


def filled(world: World) -> World:
    """Two deliveries of the first day, one over both days, one of the later day."""
    world.land(
        [
            on(world.parcel(signals([1, 2, 3], amount_eur=[-1, 400, 400]), delivery=1), FIRST),
            on(world.parcel(signals([4]), delivery=2, last=False), FIRST),
        ]
    )
    world.land([on(world.parcel(signals([5, 2]), delivery=2), LATER)])
    world.land([on(world.parcel(signals([6, 7]), delivery=3, sender="hc-b"), LATER)])
    world.land([on(world.parcel(evictions([8]), delivery=4, kind="eviction_notice"), FIRST)])
    return world


def numbers(frame: pl.DataFrame) -> list[int]:
    return sorted(int.from_bytes(event_id, "big") for event_id in frame["event_id"])


def typed(world: World, kept: dict[str, int] | None = None) -> list[int]:
    return numbers(current_events(world.node().catalog, world.registry.get("payment_arrears"), kept))


def stored(world: World) -> set[Path]:
    """Every Parquet file that any snapshot of any table has."""
    catalog = world.node().catalog
    tables = [load_table(catalog, name) for name in (TABLE, *map(table_name, world.registry.names()))]
    return {
        file.path
        for table in tables
        if table
        for snapshot in table.metadata.snapshots
        for file in data_files(table, snapshot.snapshot_id)
    }


def test_events_are_kept_as_many_days_as_the_contract_says_and_no_day_longer(world: World) -> None:
    assert retention_days(load_registry())["payment_arrears"] == DAYS
    filled(world)
    assert remove(world, AFTER - dt.timedelta(days=1)).events == Counter()
    assert typed(world) == [2, 3, 4, 5, 6, 7]
    assert remove(world).events == Counter(payment_arrears=4, eviction_notice=1)
    assert typed(world) == [5, 6, 7]
    assert numbers(world.intake()) == [2, 5, 6, 7]
    assert current_events(world.node().catalog, world.registry.get("eviction_notice")).height == 0


def test_no_file_of_any_snapshot_holds_a_row_that_was_removed(world: World) -> None:
    kept = keep_snapshots(filled(world).node().catalog, world.registry, "close-2025-12")
    remove(world)
    first = FIRST.date()
    for path in stored(world):
        assert first not in pl.read_parquet(path)["received_on"].to_list()
    assert is_kept(world.node().catalog, kept)
    assert typed(world, kept) == [5, 6, 7]


def test_accounts_stay_as_they_are_and_say_how_many_are_removed(world: World) -> None:
    before = conservation(filled(world).node())
    assert before["expired"].sum() == 0
    remove(world)
    after = conservation(world.node())
    assert after.drop("expired").equals(before.drop("expired"))
    assert after["balanced"].all()
    gone = after.filter(pl.col("received_on") == FIRST.date())
    assert gone.select("sender", "opened", "expired").rows() == [("hc-a", 5, 5)]
    assert after["expired"].sum() == 5


def test_what_status_counts_stays_as_it_is(world: World, tmp_path: Path) -> None:
    standing = Standing(tmp_path / "standing.sqlite")
    count_again(filled(world).node(), standing)
    before = standing.senders()
    remove(world)
    count_again(world.node(), standing)
    assert standing.senders() == before
    world.land([on(world.parcel(signals([20]), delivery=9), LATER)])
    count_again(world.node(), standing)
    assert [row["opened"] for row in standing.senders()] == [8, 2]
    assert all(row["balanced"] for row in standing.senders())


def test_no_receipt_is_made_anew_of_a_delivery_of_which_a_part_is_removed(world: World) -> None:
    before = set(receipts(filled(world).node())["key"])
    remove(world)
    assert set(receipts(world.node())["key"]) < before
    assert receipts(world.node())["delivery_id"].to_list() == [(3).to_bytes(16, "big")]


def test_removing_again_removes_nothing_and_makes_no_new_snapshot(world: World) -> None:
    filled(world)
    remove(world)
    table, _ = world.node().intake()
    before = sequence_number(table), conservation(world.node())
    assert remove(world).events == Counter()
    table, _ = world.node().intake()
    assert sequence_number(table) == before[0]
    assert conservation(world.node()).equals(before[1])


@pytest.mark.parametrize("step", STEPS)
def test_removing_that_ended_at_any_step_and_ran_again_leaves_the_same(step: str, world: World) -> None:
    kept = keep_snapshots(filled(world).node().catalog, world.registry, "close-2025-12")
    before = conservation(world.node())
    with pytest.raises(EndedHere):
        remove(world, end=step)
    assert conservation(world.node()).drop("expired").equals(before.drop("expired"))
    remove(world)
    assert typed(world) == typed(world, kept) == [5, 6, 7]
    after = conservation(world.node())
    assert after.drop("expired").equals(before.drop("expired"))
    assert after["expired"].sum() == 5
    assert world.node().parcels.expiring().height == 0
    first = FIRST.date()
    assert all(first not in pl.read_parquet(path)["received_on"].to_list() for path in stored(world))


def test_a_node_that_is_open_knows_the_removed_events_no_more(world: World) -> None:
    node = filled(world).node()
    assert numbers(node.intake()[1].latest) == [1, 2, 2, 3, 4, 5, 6, 7, 8]
    remove(world)
    assert numbers(node.intake()[1].latest) == [2, 5, 6, 7]
    world.land([on(world.parcel(signals([30]), delivery=7), LATER)], node=node)
    assert numbers(node.intake()[1].latest) == [2, 5, 6, 7, 30]


def test_late_events_are_told_from_those_of_a_close_that_lost_some(world: World) -> None:
    kept = keep_snapshots(filled(world).node().catalog, world.registry, "close-2025-12")
    world.land([on(world.parcel(signals([30, 31]), delivery=7), LATER)])
    remove(world)
    table, ledger = world.node().intake()
    closed_at = sequence_number(table, kept[TABLE])
    assert numbers(ledger.latest.filter(pl.col("decided_in") > closed_at)) == [30, 31]
    assert numbers(scan(table, kept[TABLE]).collect()) == [2, 5, 6, 7]


def test_the_store_says_of_which_months_it_lost_events(world: World) -> None:
    table, _ = filled(world).node().intake()
    assert trimmed_periods(table) == frozenset()
    remove(world)
    table, _ = world.node().intake()
    assert trimmed_periods(table) == {"2025-12"}


def test_a_close_that_is_too_old_is_let_go_of_and_others_that_rest_on_its_snapshot_are_not(world: World) -> None:
    catalog = filled(world).node().catalog
    old = keep_snapshots(catalog, world.registry, "close-2025-11")
    same = keep_snapshots(catalog, world.registry, "close-2025-12")
    assert old == same  # nothing came in between
    world.land([on(world.parcel(signals([30]), delivery=7), LATER)])
    young = keep_snapshots(catalog, world.registry, "close-2026-01")
    tomorrow = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)
    for name in old:
        table = load_table(catalog, name)
        assert table
        assert drop_kept(table, {same[name], young[name]}, tomorrow) == []
        drop_kept(table, {young[name]}, tomorrow)
    assert not is_kept(catalog, old)
    assert is_kept(catalog, young)
    assert typed(world, young) == [2, 3, 4, 5, 6, 7, 30]


def test_every_contract_is_counted_from_the_day_of_receipt(world: World) -> None:
    today = dt.date(2027, 1, 31)
    first = kept_from(world.registry, today)
    assert first["payment_arrears"] == today - dt.timedelta(days=400)
    assert first["delivery_statement"] == today - dt.timedelta(days=800)
    assert first["regional_share"] == today - dt.timedelta(days=90)
    assert set(first) == set(world.registry.names())


def test_the_catalog_of_a_trimmed_store_opens_anew(world: World) -> None:
    filled(world)
    remove(world)
    table = load_table(open_warehouse(world.root, "private"), TABLE)
    assert table
    assert table.metadata.refs["main"].snapshot_id == table.metadata.current_snapshot_id
    assert len(table.metadata.snapshots) == 1
