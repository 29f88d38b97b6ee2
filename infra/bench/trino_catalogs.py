"""What many node catalogs cost one Trino: at making, at rest, at a start, and per query over all of them.

Each catalog has a database of its own, as nodes have; they share the files of one small warehouse.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

import psycopg
from psycopg import sql

from infra import postgresql, process, stack
from infra.bench.trino_queries import seconds_of
from services.access import OperatorAccess
from services.directory import HUB
from services.errors import Rejected
from services.federation.access import HUB_WRITER
from services.federation.catalogs import ensure_catalogs, present_catalogs, published_catalog, withdraw_catalog
from services.federation.trino_client import TrinoUser, run
from services.federation.trino_files import TrinoFiles
from services.network import Network
from services.sql_nodes import operator_of
from services.store.database import READER
from services.store.warehouse import Database

COUNTS = (0, 10, 40, 100, 342)
"""With the catalogs of the sample network, as many as there are municipalities in the end, and some."""
TOO_MANY = "QUERY_HAS_TOO_MANY_STAGES"
LONGEST_SECONDS = 600.0
"""Longer than a user waits; Trino itself ends what takes too long."""
_TIMES = 3


def many_catalogs(
    network: Network,
    user: TrinoUser,
    node: str,
    counts: Sequence[int] = COUNTS,
    keep: Callable[[Mapping[str, float]], None] = lambda _: None,
) -> dict[str, float]:
    """Make more and more catalogs on copies of one node's database, and take them out again.

    Args:
        network: with PostgreSQL and Trino up.
        user: an analyst, who asks.
        node: a municipality with published cells.
        counts: how many catalogs to add, rising; 0 measures those that are there.
        keep: told all figures so far, after each count.

    Returns:
        How many catalogs were there and, by the number added: seconds to make one; seconds of a restart of Trino; MiB
        of its process after it, before a query; seconds of a query over one node and over all (missing where Trino
        would split it in more stages than it allows); connections to PostgreSQL after those.
    """
    operator, files = operator_of(network), TrinoFiles.of(network.home)
    there = present_catalogs(operator)
    nodes = sorted(there - {HUB, HUB_WRITER})
    added: list[str] = []
    results = {"catalogs_there": float(len(there))}
    try:
        for count in counts:
            more = [f"bench{number:03d}" for number in range(len(added), count)]
            added += more
            name = f"catalogs_{count}_added"
            if more:
                results[f"{name}_make_s_each"] = _make(network, node, more) / len(more)
            files.set_nodes([*nodes, *added])  # which Trino reads at its start
            results |= {f"{name}_{figure}": value for figure, value in _at(network, user, [*added, *nodes]).items()}
            keep(results)
    finally:
        files.set_nodes(nodes)
        for each in added:
            withdraw_catalog(operator, each)
        _drop_databases(network, added)
    return results


def _make(network: Network, node: str, names: Sequence[str]) -> float:
    """Return the seconds that Trino takes to make catalogs of copies of a node's database."""
    _copy_databases(network, node, names)
    server, folder = str(network.settings.catalog.server), network.home.participant(node).root
    wanted = {name: published_catalog(server, name, folder) for name in names}
    began = time.perf_counter()
    ensure_catalogs(operator_of(network), wanted, TrinoFiles.of(network.home).catalogs)
    return time.perf_counter() - began


def _at(network: Network, user: TrinoUser, catalogs: Sequence[str]) -> dict[str, float]:
    """Restart Trino and measure, with these nodes' catalogs."""
    results = {"restart_s": _restart(network), "memory_mib": _memory_mib(network)}
    results["query_one_s"] = _seconds(user, f"SELECT count(*) FROM {catalogs[0]}.published.cells")
    everything = " UNION ALL ".join(f"SELECT count(*) AS cells FROM {name}.published.cells" for name in catalogs)
    try:
        results["query_all_s"] = _seconds(user, f"SELECT sum(cells) FROM ({everything})")
    except Rejected:
        if _last_error(network, user) != TOO_MANY:
            raise
    results["connections"] = _connections(network)
    return results


def _seconds(user: TrinoUser, question: str) -> float:
    """Return the median of some, after a first one."""
    seconds_of(user, question, LONGEST_SECONDS)
    return median(seconds_of(user, question, LONGEST_SECONDS) for _ in range(_TIMES))


def _last_error(network: Network, user: TrinoUser) -> str | None:
    """Return Trino's own name for what was wrong with this user's last query."""
    question = (
        f"SELECT error_code FROM system.runtime.queries WHERE \"user\" = '{user.name}' ORDER BY created DESC LIMIT 1"
    )
    return next((str(code) for (code,) in run(operator_of(network), question)), None)


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
