"""Where the SQL surface finds its files: the published warehouses of the hub and of every node, never a private one."""

from pathlib import Path

import duckdb

from services.directory import HUB
from services.federation.surface import open_surface
from services.federation.tables import HUB_TABLES, NODE_TABLES
from services.network import Network
from services.store.snapshots import files
from services.store.tables import load_table
from services.store.warehouse import open_warehouse


def open_published(root: Path) -> duckdb.DuckDBPyConnection:
    """Open all published tables of a network's home for `services.federation.surface.query`.

    Raises:
        Fatal: there is no network, or a published file cannot be read.
    """
    network = Network.open(root)
    nodes = {item: published_files(network, item, tuple(NODE_TABLES)) for item in network.directory.municipalities}
    return open_surface(published_files(network, HUB, tuple(HUB_TABLES)), nodes, network.directory.regions)


def published_files(network: Network, participant: str, tables: tuple[str, ...]) -> dict[str, list[Path]]:
    """Return the Parquet files of a participant's published tables, by table; a table that is not there has none."""
    root = network.home.participant(participant).root
    if not (root / "published").exists():
        return {}
    catalog = open_warehouse(root, "published", network.database(participant))
    found = {}
    for name in tables:
        table = load_table(catalog, name)
        if table is not None:
            found[name] = files(table)
    return found
