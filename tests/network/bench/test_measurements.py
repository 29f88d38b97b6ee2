"""Each measurement of `make bench-network` runs to its end with few events, and leaves the servers as they were."""

import polars as pl
import psycopg
import pytest

from infra import postgresql
from infra.bench.latency import file_to_row
from infra.bench.through_kafka import Route, through_kafka
from infra.bench.trino_catalogs import many_catalogs
from infra.bench.trino_queries import ANALYST, QUESTIONS, analyst, trino_queries
from services.access import OperatorAccess
from services.errors import Fatal, NotAllowed
from services.federation.catalogs import present_catalogs
from services.federation.trino_client import TrinoUser, query
from services.federation.trino_files import TrinoFiles
from services.home import Home
from services.network import Network
from services.receiving.collecting import open_node
from services.sql_nodes import operator_of
from services.sql_users import users
from services.store.snapshots import scan
from services.store.tables import load_table
from tests.network.sql.site import until

SENDER, TOWN = "es-stroom", "gm0687"


@pytest.fixture(scope="module")
def route(servers: Home) -> Route:
    """Give a supplier and a municipality."""
    return Route.of(servers, SENDER, TOWN)


def arrears_of(route: Route) -> int:
    table = load_table(open_node(route.network, TOWN).catalog, "events.payment_arrears")
    return int(scan(table).select(pl.len()).collect().item()) if table else 0


def databases(network: Network) -> set[str]:
    host, _, port = str(network.settings.catalog.server).rpartition(":")
    password = OperatorAccess.load(network.home.operator).catalog
    with psycopg.connect(
        host=host, port=int(port), user=postgresql.SUPERUSER, password=password, dbname="postgres"
    ) as connection:
        return {str(name) for (name,) in connection.execute("SELECT datname FROM pg_database")}


def test_each_file_becomes_a_row(route: Route) -> None:
    before = arrears_of(route)
    figures = file_to_row(route, files=2)
    assert 0 < figures["file_to_row_median_s"] <= figures["file_to_row_p95_s"]
    assert arrears_of(route) == before + 2


def test_more_files_than_there_are_postcodes_are_refused(route: Route) -> None:
    with pytest.raises(Fatal, match="fewer than 3 postcodes in gm0687"):
        file_to_row(route, files=3)


def test_a_command_that_fails_is_told_and_no_row_is_waited_for(route: Route) -> None:
    stranger = Route.of(route.network.home, "cbs", TOWN)
    with pytest.raises(Fatal, match=r"`spiegelnet send` of energie_achterstanden_bench_000\.csv ended with \d"):
        file_to_row(stranger, files=1)


def test_events_go_through_the_broker_by_every_way(route: Route) -> None:
    before = arrears_of(route)
    figures = through_kafka(route, route.network.registry.get("payment_arrears"), events=2_000, baseline_events=100)
    assert all(value > 0 for value in figures.values())
    assert {name for name in figures if name.endswith("_events_per_s")} == {
        "send_events_per_s",
        "outbox_send_events_per_s",
        "receive_events_per_s",
        "collect_events_per_s",
        "baseline_send_events_per_s",
        "baseline_receive_events_per_s",
    }
    ratio = figures["send_events_per_s"] / figures["baseline_send_events_per_s"]
    assert figures["send_ratio_to_baseline"] == pytest.approx(ratio)
    assert arrears_of(route) == before + 2_000


def test_every_question_is_one_that_an_analyst_may_ask(servers: Home) -> None:
    network = Network.open(servers.root)
    with analyst(network) as user:
        for question in QUESTIONS:
            query(user, question.replace("pv22", "pv29"))
        figures = trino_queries(user, ["SELECT 1", "SELECT count(*) FROM hub.network.cells"], times=2)
        assert 0 < figures["trino_query_median_s"] <= figures["trino_query_p95_s"]
        with pytest.raises(Fatal, match="no rows"):
            trino_queries(user, ["SELECT 1 WHERE false"])
    assert ANALYST not in dict(users(network))
    until(lambda: not let_in(user))


def let_in(user: TrinoUser) -> bool:
    try:
        query(user, "SELECT 1")
    except NotAllowed:
        return False
    return True


def test_catalogs_are_added_measured_and_taken_out_again(servers: Home) -> None:
    network = Network.open(servers.root)
    rules, operator = TrinoFiles.of(servers).rules, operator_of(network)
    before = present_catalogs(operator), databases(network), rules.read_text("utf-8")
    kept: list[int] = []
    with analyst(network) as user:
        figures = many_catalogs(network, user, TOWN, counts=(0, 2), keep=lambda so_far: kept.append(len(so_far)))
    assert (present_catalogs(operator), databases(network), rules.read_text("utf-8")) == before
    assert figures["catalogs_there"] == len(before[0])
    assert kept == [6, 12], "those that were there; restart, memory, two queries, connections; and making"
    each = {"restart_s", "memory_mib", "query_one_s", "query_all_s", "connections"}
    expected = {f"catalogs_{count}_added_{name}" for count in (0, 2) for name in each}
    assert figures.keys() == expected | {"catalogs_there", "catalogs_2_added_make_s_each"}
    assert all(value > 0 for value in figures.values())
