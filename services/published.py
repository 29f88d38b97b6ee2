"""Published tables: made as they are to be, also before anything is in them.

Rows that others may see from another day on are in other files, so that whoever may not see some yet never comes near
their files: not by a condition on another column, nor by the statistics of a query.
"""

from collections.abc import Mapping
from functools import cache

import duckdb
import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table

from services.directory import HUB
from services.embargo import PUBLIC_FROM, with_days_missing
from services.federation.tables import HUB_TABLES, NODE_TABLES
from services.network import Network
from services.store.apart import is_apart, set_apart
from services.store.snapshots import scan
from services.store.tables import ensure_table
from services.store.warehouse import open_warehouse


def published_schemas(participant: str) -> Mapping[str, pa.Schema]:
    """Return the tables that a participant publishes, as they are stored; the hub has others than a municipality."""
    return _schemas(at_hub=participant == HUB)


@cache
def _schemas(*, at_hub: bool) -> Mapping[str, pa.Schema]:
    tables = HUB_TABLES if at_hub else NODE_TABLES
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return {name: _arrow(connection, columns) for name, columns in tables.items()}


def published_table(catalog: SqlCatalog, identifier: str, schema: pa.Schema, embargo_days: int) -> Table:
    """Return a published table as it is now; made, or brought to what it is to be, where need be.

    A table of an earlier version gets the columns that it lacks, the days that it lacks, and its rows apart by day.

    Args:
        catalog: of the published warehouse.
        identifier: `schema.table`.
        schema: its columns.
        embargo_days: for rows of which no day was written down.

    Raises:
        Retryable, NotAllowed, Fatal: see `services.store.commits.commit`.
    """
    if PUBLIC_FROM not in schema.names:
        return ensure_table(catalog, identifier, schema)
    table = ensure_table(catalog, identifier, schema, apart=PUBLIC_FROM)
    if not is_apart(table, PUBLIC_FROM):
        set_apart(table, PUBLIC_FROM, with_days_missing(scan(table).collect(), embargo_days))
    return table


def ensure_published(network: Network, participant: str) -> None:
    """Make a participant's published tables, and bring those of an earlier version to what they are to be.

    Raises:
        Retryable, NotAllowed, Fatal: see `published_table`.
    """
    root = network.home.participant(participant).root
    catalog = open_warehouse(root, "published", network.database(participant))
    for name, schema in published_schemas(participant).items():
        published_table(catalog, name, schema, network.embargo_days)


def _arrow(connection: duckdb.DuckDBPyConnection, columns: Mapping[str, str]) -> pa.Schema:
    nothing = ", ".join(f'NULL::{kind} AS "{name}"' for name, kind in columns.items())
    return connection.sql(f"SELECT {nothing} WHERE false").to_arrow_table().schema
