"""Commits to catalogs in PostgreSQL: each happens once, however the line to it and other processes behave."""

import multiprocessing
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import psycopg
import pytest

from services.errors import Fatal, NotAllowed, Retryable
from services.receiving.judging import OpenedParcel
from services.registry import load_registry
from services.store.accounts import conservation
from services.store.compaction import compact
from services.store.connections import MOST_CATALOGS
from services.store.events import current_events, keep_snapshots
from services.store.intake import Position, open_intake, types_of
from services.store.snapshots import scan
from services.store.tables import append, ensure_table, load_table, replace_rows
from services.store.warehouse import Database, WarehouseName, open_warehouse
from tests.integration.gate.world import World, evictions, signals
from tests.network.reliability.proxy import Proxy, Weather
from tests.network.store.conftest import Server

COMMIT = b"COMMIT"
ROUNDS = 6
WRONG = "a-wrong-one"


def ids(frame: pl.DataFrame) -> list[int]:
    return sorted(int.from_bytes(event_id, "big") for event_id in frame["event_id"])


def typed(world: World) -> list[int]:
    return ids(current_events(world.node().catalog, world.registry.get("payment_arrears")))


def require_all_once(world: World, expected: list[int]) -> None:
    assert ids(world.intake()) == expected
    assert typed(world) == expected
    assert conservation(world.node())["balanced"].all()


def test_a_store_on_postgresql_lands_reads_and_closes_as_one_on_a_file_does(world: World, tmp_path: Path) -> None:
    plain = World(tmp_path / "plain", world.registry)
    frames = [signals([1, 2, 2], amount_eur=[-1, 400, 400]), evictions([3]), signals([1])]
    for number, frame in enumerate(frames):
        kind = "eviction_notice" if number == 1 else "payment_arrears"
        plain.land([plain.parcel(frame, delivery=number, kind=kind)])
        world.land([world.parcel(frame, delivery=number, kind=kind)])
    for one in (plain, world):
        keep_snapshots(one.node().catalog, one.registry, "close-2025-12")
    assert world.intake().drop("payload").equals(plain.intake().drop("payload"))
    assert typed(world) == typed(plain)
    assert conservation(world.node()).equals(conservation(plain.node()))
    assert not list(world.root.rglob("catalog.sqlite"))


def test_of_two_landers_of_one_node_the_first_wins_and_nothing_is_there_twice(world: World) -> None:
    world.land([world.parcel(signals([1]))])
    parcels = [world.parcel(signals([2, 3])), world.parcel(signals([4]))]

    def meanwhile(step: str) -> None:
        if step == "commit":
            world.land(parcels[:1])

    with pytest.raises(Retryable, match="another process"):
        world.land(parcels, at=meanwhile)
    world.land(parcels)
    require_all_once(world, [1, 2, 3, 4])


def _land(root: Path, database: Database, parcels: list[OpenedParcel]) -> str:
    """Land in a process of its own, which begins with the others."""
    world = World(root, load_registry(), database=database)
    try:
        world.land(parcels)
    except Retryable:
        return "overtaken"
    return "landed"


def test_processes_that_land_the_same_at_once_store_it_once(world: World) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.integration.gate.world"])
    expected: list[int] = []
    with context.Pool(3) as pool:
        for number in range(ROUNDS):
            parcels = [world.parcel(signals([10 * number, 10 * number + 1]))]
            given = [(world.root, world.database, parcels)] * 3
            ended = pool.starmap(_land, given, chunksize=1)
            expected += [10 * number, 10 * number + 1]
            assert "landed" in ended
            require_all_once(world, expected)


@pytest.mark.parametrize("count", [0, 1])
def test_a_commit_whose_answer_is_lost_counts_as_the_commit_that_it_is(
    count: int, make_world: Callable[[str], World], line: Proxy
) -> None:
    """The first commit of landing is that of `intake`, the second that of a typed table."""
    world = make_world(f"127.0.0.1:{line.port}")
    world.land([world.parcel(signals([1]))])
    parcel = world.parcel(signals([2, 3]))
    line.weather = Weather(lose_answer_to=COMMIT, count=count)
    world.land([parcel])
    assert line.struck == 1
    require_all_once(world, [1, 2, 3])
    assert world.node().position() == Position("topic-1", 2)
    world.land([parcel])  # it was stored: nothing is stored again
    require_all_once(world, [1, 2, 3])


def test_rows_that_are_replaced_without_an_answer_are_replaced(make_world: Callable[[str], World], line: Proxy) -> None:
    world = make_world(f"127.0.0.1:{line.port}")
    catalog = world.node().catalog
    rows = pl.DataFrame({"period": ["2025-12"], "value": [1]})
    table = ensure_table(catalog, "node.x", rows.to_arrow().schema)
    line.weather = Weather(lose_answer_to=COMMIT)
    replace_rows(table, rows, {"period": ["2025-12"]})
    line.weather = Weather(lose_answer_to=COMMIT)
    assert replace_rows(table, rows.with_columns(value=2), {"period": ["2025-12"]})
    assert line.struck == 2
    stored = load_table(catalog, "node.x")
    assert stored
    assert scan(stored).collect().rows() == [("2025-12", 2)]


def test_a_catalog_that_is_away_at_the_commit_and_comes_back_is_asked_what_became_of_it(
    make_world: Callable[[str], World], line: Proxy
) -> None:
    """The answer is lost and the line is down for two seconds after: landing waits and goes on by itself."""
    world = make_world(f"127.0.0.1:{line.port}")
    world.land([world.parcel(signals([1]))])
    parcel = world.parcel(signals([2]))

    def down(step: str) -> None:
        if step == "commit":
            line.weather = Weather(lose_answer_to=COMMIT)
            threading.Thread(target=_down_when_lost, args=(line, 2.0), daemon=True).start()

    world.land([parcel], at=down)
    assert line.struck > 1  # the answer that was lost, and connections refused while the line was down
    assert world.node().position() == Position("topic-1", 2)
    require_all_once(world, [1, 2])


def _down_when_lost(line: Proxy, seconds: float) -> None:
    while not line.struck:
        time.sleep(0.001)
    line.cut(refuse=True)
    time.sleep(seconds)
    line.heal()


def test_a_commit_that_never_reached_the_catalog_is_no_commit(make_world: Callable[[str], World], line: Proxy) -> None:
    world = make_world(f"127.0.0.1:{line.port}")
    world.land([world.parcel(signals([1]))])
    parcel = world.parcel(signals([2]))
    node = world.node()

    def cut(step: str) -> None:
        if step == "commit":
            line.cut()
            line.weather = Weather(cut_after=200)

    with pytest.raises(Retryable):
        world.land([parcel], node=node, at=cut)
    line.heal()
    assert world.node().position() == Position("topic-1", 1)
    world.land([parcel])
    require_all_once(world, [1, 2])


def test_a_catalog_that_is_away_is_told_with_what_to_do_and_then_all_goes_on(
    make_world: Callable[[str], World], line: Proxy
) -> None:
    world = make_world(f"127.0.0.1:{line.port}")
    node = world.node()
    world.land([world.parcel(signals([1]))], node=node)
    parcel = world.parcel(signals([2]))
    line.cut(refuse=True)
    for one in (node, world.node()):
        with pytest.raises(Retryable, match=r"does not answer.*spiegelnet up"):
            world.land([parcel], node=one)
    line.heal()
    world.land([parcel], node=node)  # connections that died are noticed before they are used
    require_all_once(world, [1, 2])


def test_wrong_passwords_and_missing_databases_are_told_apart_from_a_server_that_is_away(
    server: Server, tmp_path: Path
) -> None:
    access = server.new()
    good = Database(server.address, access.participant, access.catalog)
    open_warehouse(tmp_path, "private", good)
    with pytest.raises(NotAllowed, match="is not open to") as caught:
        open_warehouse(tmp_path, "private", replace(good, password=WRONG))
    assert WRONG not in str(caught.value)
    with pytest.raises(NotAllowed, match="is not open to"):
        open_warehouse(tmp_path, "private", replace(good, participant="gm-nobody"))
    with server.connect("postgres", server.operator.catalog, "postgres") as connection:
        connection.execute(f'DROP DATABASE "{access.participant}_published"'.encode())
    with pytest.raises(Fatal, match="There is no database"):
        open_warehouse(tmp_path, "published", good)
    with pytest.raises(Retryable, match="does not answer"):
        open_warehouse(tmp_path, "private", replace(good, server="127.0.0.1:1"))


def test_a_stale_writer_is_refused_whatever_it_writes(world: World) -> None:
    world.land([world.parcel(signals([1]))])
    stale = open_intake(world.node().catalog)
    world.land([world.parcel(signals([2]))])
    for work in (
        lambda: append(stale, stale.schema().as_arrow().empty_table(), {"spiegelnet.next-offset": "1"}),
        lambda: compact(stale, describe=types_of, least=1),
    ):
        with pytest.raises(Retryable):
            work()
    assert world.node().position() == Position("topic-1", 2)


def test_pyiceberg_lets_a_stale_writer_move_properties_back_which_is_why_every_commit_here_makes_a_snapshot(
    world: World,
) -> None:
    world.land([world.parcel(signals([1]))])
    catalog = world.node().catalog
    table = ensure_table(catalog, "node.x", pl.DataFrame({"a": [1]}).to_arrow().schema)
    append(table, pl.DataFrame({"a": [1]}).to_arrow(), {"offset": "1"})
    stale = load_table(catalog, "node.x")
    append(table, pl.DataFrame({"a": [2]}).to_arrow(), {"offset": "2"})
    assert stale
    with stale.transaction() as changes:
        changes.set_properties({"offset": "0"})  # nothing of ours does this
    moved = load_table(catalog, "node.x")
    assert moved
    assert moved.properties["offset"] == "0"


def test_one_process_keeps_few_connections_however_many_catalogs_it_opens(server: Server, tmp_path: Path) -> None:
    people = [server.new() for _ in range(MOST_CATALOGS)]
    names_of: tuple[WarehouseName, ...] = ("private", "published")
    catalogs = [
        open_warehouse(tmp_path, name, Database(server.address, access.participant, access.catalog))
        for access in people
        for name in names_of
    ]
    names = [access.participant for access in people]
    with server.connect("postgres", server.operator.catalog, "postgres") as connection:
        (count,) = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = ANY(%s)", [names]
        ).fetchone() or (0,)
    assert 1 <= count <= MOST_CATALOGS
    assert all(catalog.list_namespaces() == [] for catalog in catalogs)  # those that were closed come back when used


def test_a_database_that_was_made_anew_hides_no_table(world: World, server: Server) -> None:
    """As after restoring PostgreSQL from a copy that is too old: nothing may be read from the topic again."""
    world.land([world.parcel(signals([1]))])
    known = world.database
    assert known
    with server.connect(known.participant, known.password, known.name("private")) as connection:
        connection.execute("DELETE FROM iceberg_tables WHERE table_name = 'intake'")
    with pytest.raises(Fatal, match=r"does not know table node\.intake"):
        world.land([world.parcel(signals([2]))])


def test_no_error_quotes_a_password(server: Server, tmp_path: Path) -> None:
    access = server.new()
    with pytest.raises(psycopg.OperationalError) as caught:
        server.connect(access.participant, WRONG, f"{access.participant}_private")
    assert WRONG not in str(caught.value)
    with pytest.raises(NotAllowed) as told:
        open_warehouse(tmp_path, "private", Database(server.address, access.participant, WRONG))
    assert WRONG not in f"{told.value} {told.value.__cause__}"
