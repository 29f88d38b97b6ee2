"""Published tables: made as they are to be, also before anything is in them.

Rows that others may see from another day on are in other files, so that whoever may not see some yet never comes near
their files: not by a condition on another column, nor by the statistics of a query.
"""

from collections.abc import Mapping

import duckdb
import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table

from services.directory import HUB
from services.embargo import PUBLIC_FROM
from services.federation.tables import HUB_TABLES, NODE_TABLES
from services.network import Network
from services.store.tables import ensure_table
from services.store.warehouse import open_warehouse


def published_schemas(participant: str) -> dict[str, pa.Schema]:
    """Return the tables that a participant publishes, as they are stored; the hub has others than a municipality."""
    tables = HUB_TABLES if participant == HUB else NODE_TABLES
    return {name: _arrow(columns) for name, columns in tables.items()}


def published_table(catalog: SqlCatalog, identifier: str, schema: pa.Schema) -> Table:
    """Return a published table as it is now; made, or with the columns that it lacks, where need be."""
    return ensure_table(catalog, identifier, schema, apart=PUBLIC_FROM if PUBLIC_FROM in schema.names else None)


def ensure_published(network: Network, participant: str) -> None:
    """Make a participant's published tables, and the columns that tables of an earlier version lack."""
    root = network.home.participant(participant).root
    catalog = open_warehouse(root, "published", network.database(participant))
    for name, schema in published_schemas(participant).items():
        published_table(catalog, name, schema)


def _arrow(columns: Mapping[str, str]) -> pa.Schema:
    nothing = ", ".join(f'NULL::{kind} AS "{name}"' for name, kind in columns.items())
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.sql(f"SELECT {nothing} WHERE false").to_arrow_table().schema
