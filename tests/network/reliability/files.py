"""Files of a town's warehouses: whether all are there that any table of them names."""

from pathlib import Path

from pyiceberg.catalog.sql import SqlCatalog

from services.network import Network
from services.receiving.collecting import open_node
from services.store.snapshots import data_files


def missing_files(root: Path, town: str) -> list[str]:
    """Return what is wrong with the files that any snapshot of any table names."""
    node = open_node(Network.open(root), town)
    return [text for catalog in (node.catalog, node.published()) for text in _missing(catalog)]


def _missing(catalog: SqlCatalog) -> list[str]:
    found = []
    for (namespace,) in catalog.list_namespaces():
        for name in catalog.list_tables(namespace):
            table = catalog.load_table(name)
            for snapshot in table.metadata.snapshots:
                gone = [file.path for file in data_files(table, snapshot.snapshot_id) if not file.path.exists()]
                found += [f"{'.'.join(name)} names {path.name}, which is not there" for path in gone]
    return found
