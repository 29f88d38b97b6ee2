"""What many node catalogs cost one Trino: at making, at rest, at a start, and per query over all of them.

Each catalog has a database of its own, as nodes have; they share the files of one small warehouse.
"""

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psycopg
from psycopg import sql

from infra import postgresql, process, stack
from services.access import OperatorAccess
from services.directory import HUB
from services.errors import SpiegelnetError
from services.federation.catalogs import ensure_catalogs, published_catalog, withdraw_catalog
from services.federation.trino_client import TrinoUser, query
from services.network import Network
from services.store.database import READER
from services.store.warehouse import Database

COUNTS = (10, 40, 100, 342)
QUERIES = 20
STORE = "catalogs"


def trino_queries(user: TrinoUser, questions: Sequence[str]) -> dict[str, float]:
    """Ask questions of the benchmark again and again; percentiles in seconds, the first round left out."""
    for question in questions:
        query(user, question)
    seconds = [_seconds(user, question) for _ in range(QUERIES) for question in questions]
    return {
        "trino_query_median_s": float(np.median(seconds)),
        "trino_query_p95_s": float(np.quantile(seconds, 0.95)),
    }


def many_catalogs(network: Network, node: str, counts: Sequence[int] = COUNTS) -> dict[str, float]:
    """Make more and more catalogs on copies of one node's database, and take them out again.

    Args:
        network: with PostgreSQL and Trino up.
        node: a municipality with published cells.
        counts: how many catalogs, rising.

    Returns:
        For each count, by name: seconds to make one, MiB of Trino's process, connections to PostgreSQL, seconds of a
        query over one node and over all (missing where Trino refuses so many), seconds of a restart of Trino.
    """
    operator_access = OperatorAccess.load(network.home.operator)
    operator = TrinoUser(str(network.settings.sql.server), "operator", operator_access.sql, network.home.ca)
    names: list[str] = []
    results: dict[str, float] = {}
    try:
        for count in counts:
            results |= _at(network, operator, node, names, count)
    finally:
        for name in names:
            withdraw_catalog(operator, name)
        _drop_databases(network, names)
    return results


def _at(network: Network, operator: TrinoUser, node: str, names: list[str], count: int) -> dict[str, float]:
    results: dict[str, float] = {}
    more = [f"bench{number:03d}" for number in range(len(names), count)]
    _copy_databases(network, node, more)
    names += more
    folder = network.home.participant(node).root
    server = str(network.settings.catalog.server)
    wanted = {name: published_catalog(server, name, folder) for name in more}
    began = time.perf_counter()
    ensure_catalogs(operator, wanted, network.home.servers / "trino" / STORE)
    results[f"catalogs_{count}_make_s_each"] = (time.perf_counter() - began) / len(more)
    everything = " UNION ALL ".join(f"SELECT count(*) AS cells FROM {name}.published.cells" for name in names)
    results[f"catalogs_{count}_query_one_s"] = _best(operator, f"SELECT count(*) FROM {names[0]}.published.cells")
    with contextlib.suppress(SpiegelnetError):  # more stages than a query may have: the figure is left out
        results[f"catalogs_{count}_query_all_s"] = _best(operator, f"SELECT sum(cells) FROM ({everything})")
    results[f"catalogs_{count}_memory_mib"] = _memory_mib(network)
    results[f"catalogs_{count}_connections"] = _connections(network)
    results[f"catalogs_{count}_restart_s"] = _restart(network)
    return results


def _seconds(user: TrinoUser, question: str) -> float:
    began = time.perf_counter()
    query(user, question)
    return time.perf_counter() - began


def _best(user: TrinoUser, question: str) -> float:
    """The median of three, after a first one."""
    query(user, question)
    return float(np.median([_seconds(user, question) for _ in range(3)]))


def _connect(network: Network) -> psycopg.Connection[tuple[object, ...]]:
    host, _, port = str(network.settings.catalog.server).rpartition(":")
    password = OperatorAccess.load(network.home.operator).catalog
    return psycopg.connect(
        host=host, port=int(port), user=postgresql.SUPERUSER, password=password, dbname="postgres", autocommit=True
    )


def _copy_databases(network: Network, node: str, names: Sequence[str]) -> None:
    source = sql.Identifier(Database("", node, "").name("published"))
    with _connect(network) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            (Database("", node, "").name("published"),),
        )
        for name in names:
            copy = sql.Identifier(Database("", name, "").name("published"))
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(copy, source))
            connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(copy, sql.Identifier(READER)))


def _drop_databases(network: Network, names: Sequence[str]) -> None:
    with _connect(network) as connection:
        for name in names:
            copy = sql.Identifier(Database("", name, "").name("published"))
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(copy))


def _connections(network: Network) -> float:
    with _connect(network) as connection:
        row = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = %s", (READER,)).fetchone()
    return float(str(row[0])) if row else 0.0


def _server(network: Network) -> process.Server:
    return stack.servers(network.home, network.settings, ["trino"])["trino"][0]


def _memory_mib(network: Network) -> float:
    pid = process.running(_server(network))
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


def _restart(network: Network) -> float:
    server = _server(network)
    process.stop(server)
    began = time.perf_counter()
    process.start(server)
    return time.perf_counter() - began


QUESTIONS = (
    f"""
    SELECT municipality, value, peer_median, compared FROM {HUB}.benchmark.figures
    WHERE period = '2025-12' AND indicator = 'reached_share' ORDER BY municipality
    """,
    f"""
    SELECT f.period, f.value, f.ci_low, f.ci_high, i.title_nl
    FROM {HUB}.benchmark.figures f JOIN {HUB}.benchmark.indicators i ON i.indicator = f.indicator
    WHERE f.municipality = 'gm0106' AND f.status = 'published' ORDER BY f.period
    """,
    f"""
    SELECT p.peer, p.distance, f.indicator, f.value
    FROM {HUB}.benchmark.peers p JOIN {HUB}.benchmark.figures f ON f.municipality = p.peer AND f.period = p.period
    WHERE p.municipality = 'gm0106' AND p.period = '2025-12' ORDER BY p.distance, f.indicator
    """,
    f"SELECT indicator, status, count(*) FROM {HUB}.network.cells GROUP BY indicator, status ORDER BY 1, 2",
    f"""
    SELECT municipality, indicator, numerator, denominator FROM {HUB}.network.region_pv22
    WHERE period = '2025-12' AND district IS NULL ORDER BY 1, 2
    """,
)
"""What an analyst asks."""
