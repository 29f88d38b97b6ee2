"""A town's node with many events: what storing them takes, and a month beside the same SQL in bare DuckDB."""

import time
from collections.abc import Mapping
from pathlib import Path

import duckdb
import sqlglot

from infra.bench.town import TOWN, create_town, last_month, send_events
from services import tasks
from services.errors import Fatal
from services.gate.rows import prepare_suites
from services.indicators import load_catalogue, period_of
from services.indicators.cells import statements
from services.indicators.lint import VIEWS
from services.month import COUNTED
from services.network import Network
from services.receiving.collecting import open_node
from services.store.events import schema_of, table_name
from services.store.snapshots import files
from services.store.tables import load_table

_UNITS = """
SELECT r.period, r.district, count(*) AS events, count(DISTINCT r.unit) AS units FROM ({sql}) r
GROUP BY GROUPING SETS ((r.period), (r.period, r.district))
"""


def sent(root: str, events: int) -> Mapping[str, float]:
    """Set up a town's network and put its events onto the topic; nothing is measured."""
    network = create_town(Path(root))
    with network.broker(TOWN) as broker:
        send_events(network, broker, events)
    return {}


def collected(root: str, events: int) -> Mapping[str, float]:
    """Let the town receive: verify, open, decode, judge, store in Iceberg, answer with receipts.

    Raises:
        Fatal: not all were accepted.
    """
    network = Network.open(Path(root))
    prepare_suites(network.registry)  # as workers have them before they collect
    began = time.perf_counter()
    report = tasks.receive(Path(root), TOWN)
    took = time.perf_counter() - began
    if report.verdicts["accepted"] < events or report.verdicts["accepted"] < report.verdicts.total():
        raise Fatal(f"Of {events} events {report.verdicts['accepted']} were accepted.")
    return {"collect_events_per_s": events / took}


def month(root: str) -> Mapping[str, float]:
    """Close the last month at the town's node: counts, disclosure control, release, quality, and what the hub is told.

    Raises:
        Fatal: nothing was published.
    """
    network = Network.open(Path(root))
    period = last_month(network.today())
    began = time.perf_counter()
    report = tasks.month(Path(root), TOWN, [period], network.today())
    took = time.perf_counter() - began
    if not report.counts["published"]:
        raise Fatal(f"No cell of {period} was published.")
    return {"month_s": took}


def month_in_duckdb(root: str) -> Mapping[str, float]:
    """Run the same month's SQL on the same files in DuckDB alone, on one thread: no keys of units, nothing released."""
    network = Network.open(Path(root))
    catalog = open_node(network, TOWN).catalog
    period = period_of(last_month(network.today()))
    of_events = (item for item in load_catalogue().values() if item.source == "events")
    entries = [item for item in of_events if item.release_period == period.kind]
    tables = {name: load_table(catalog, table_name(name)) for name in COUNTED}
    paths = {name: [str(path) for path in files(table)] if table else [] for name, table in tables.items()}
    began = time.perf_counter()
    with duckdb.connect(":memory:", config={"threads": 1}) as con:
        for name in COUNTED:
            if paths[name]:
                con.read_parquet(paths[name]).create_view(name)
            else:
                con.register(name, schema_of(network.registry.get(name)).empty_table())
        for path in sorted(VIEWS.glob("*.sql")):
            con.execute(f"CREATE TEMP TABLE {path.stem} AS {_duckdb(path.read_text('utf-8'))}")
        con.execute(
            "CREATE TEMP TABLE periods AS SELECT ? AS period, ? AS period_start, ? AS period_end, ? AS lookback_start",
            [period.id, period.start, period.end, period.lookback_start],
        )
        for sql in statements(entries):
            con.execute(_UNITS.format(sql=_duckdb(sql))).fetchall()
    return {"month_duckdb_s": time.perf_counter() - began}


def _duckdb(trino_sql: str) -> str:
    return sqlglot.transpile(trino_sql, read="trino", write="duckdb")[0]
