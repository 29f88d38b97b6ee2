"""Views over the files of a store hold the rows and columns of its frames: what is counted is what counts."""

import datetime as dt
from collections.abc import Mapping

import duckdb
import polars as pl
import pyarrow as pa
import pytest

from services.contracts import Rule
from services.quarantine import replay
from services.store.events import current_tables, keep_snapshots, schema_of, table_name
from services.store.intake import open_intake
from services.store.snapshots import data_files, files_within
from services.store.tables import append, ensure_table, keep_snapshot
from services.store.views import current_views
from tests.integration.gate.world import NOW, World, evictions, signals

pytestmark = pytest.mark.xdist_group("great-expectations")  # one worker pays for the import

TYPES = ("payment_arrears", "eviction_notice", "early_warning_case")


def seen(world: World, kept: Mapping[str, int] | None = None) -> dict[str, list[int]]:
    """Event ids by type as the views have them, after a look that the frames have the same rows."""
    catalog, types = world.node().catalog, [world.registry.get(name) for name in TYPES]
    frames = current_tables(catalog, types, kept)
    found = {}
    with duckdb.connect(":memory:") as con:
        current_views(con, catalog, types, kept)
        for name in TYPES:
            rows = pl.DataFrame(con.sql(f"FROM {name}").to_arrow_table())
            assert set(rows.columns) == set(frames[name].columns)
            order = ["in_parcel", "in_row"]
            assert rows.sort(order).select(frames[name].columns).rows() == frames[name].sort(order).rows()
            found[name] = sorted(int.from_bytes(event_id, "big") for event_id in rows["event_id"])
    return found


def test_a_store_without_events_has_views_without_rows(world: World) -> None:
    assert seen(world) == {name: [] for name in TYPES}


def test_each_view_holds_the_events_of_its_type_that_were_accepted(world: World) -> None:
    world.land([world.parcel(signals([1, 2, 3], amount_eur=[400, -1, 400]))])
    world.land([world.parcel(evictions([7]), kind="eviction_notice"), world.parcel(signals([4]), delivery=2)])
    assert seen(world) == {"payment_arrears": [1, 3, 4], "eviction_notice": [7], "early_warning_case": []}


def test_what_is_held_later_is_in_the_view_of_a_close_before_that_only(world: World) -> None:
    share = Rule("bad_share", "hold", "max_share_quarantined", {"share": 0.2, "min_events": 10}, None, "?")
    world.with_rules("payment_arrears", batches=[share])
    world.land([world.parcel(signals(range(9)), last=False)])
    kept = keep_snapshots(world.node().catalog, world.registry, "close-2025-11")
    world.land([world.parcel(signals(range(10, 15), amount_eur=[-1] * 5)), world.parcel(signals([99]), delivery=2)])
    assert seen(world)["payment_arrears"] == [99]
    assert seen(world, kept)["payment_arrears"] == list(range(9))


def test_a_typed_table_that_is_ahead_of_the_close_shows_what_was_accepted_then(world: World) -> None:
    world.land([world.parcel(signals([1, 2], amount_eur=[-1, 400]))])
    keep_snapshot(open_intake(world.node().catalog), "close-2025-12")  # and here the process ended
    world.with_rules("payment_arrears", rows=[])
    replay(world.node(), world.registry, NOW)
    world.land([world.parcel(signals([3]))])
    kept = keep_snapshots(world.node().catalog, world.registry, "close-2025-12")
    assert seen(world, kept)["payment_arrears"] == [2]
    assert seen(world)["payment_arrears"] == [1, 2, 3]


def test_a_column_that_no_file_has_yet_is_null(world: World) -> None:
    event_type = world.registry.get("payment_arrears")
    world.land([world.parcel(signals([1]))])
    rows = current_tables(world.node().catalog, [event_type])[event_type.name].to_arrow()
    older = pa.schema([field for field in schema_of(event_type) if field.name not in {"crisis", "signal_status"}])
    other = World(world.root / "older", world.registry)
    table = ensure_table(other.node().catalog, table_name(event_type.name), older)
    append(table, rows.select(older.names), {})
    ensure_table(other.node().catalog, table_name(event_type.name), schema_of(event_type))
    assert seen(other)["payment_arrears"] == [1]


def test_files_in_a_folder_with_a_quote_in_its_name_are_read(world: World) -> None:
    other = World(world.root / "'s-Gravenhage", world.registry)
    other.land([other.parcel(signals([1, 2]))])
    assert seen(other)["payment_arrears"] == [1, 2]


def test_files_without_what_is_asked_for_are_left_out(world: World) -> None:
    november, december = dt.date(2025, 11, 20), dt.date(2025, 12, 5)
    world.land([world.parcel(signals([1], signalled_on=november))])
    world.land([world.parcel(signals([2], signalled_on=december), delivery=2)])
    world.land([world.parcel(signals([3, 4], signalled_on=[november, december]), delivery=3)])
    intake = open_intake(world.node().catalog)
    every = [file.path for file in data_files(intake)]
    within = [file.path for file in files_within(intake, "period", "2025-12", "2025-12")]
    assert within == [every[1], every[2]]
    assert files_within(intake, "period", "2026-01") == []
    assert files_within(intake, "attempt", 1) == []
    assert len(files_within(intake, "attempt", 0)) == 3
