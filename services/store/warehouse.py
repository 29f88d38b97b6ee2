"""Warehouses on local files: Iceberg tables in one folder, their catalog in SQLite beside them or in PostgreSQL.

Tables name their files as `local:///<warehouse>/…`, relative to the folder that holds the warehouse. So a participant's
folder can be moved or mounted elsewhere, and Trino reads the same files with `local.location` set to that folder.
"""

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final

from pyiceberg.catalog import MetastoreCatalog
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.io import load_file_io
from pyiceberg.serializers import FromInputFile
from pyiceberg.table import CommitTableResponse, Table
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.update import TableRequirement, TableUpdate
from pyiceberg.typedef import Identifier
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from services.errors import Fatal
from services.store.address import Database, WarehouseName
from services.store.connections import engine, errors_named
from services.store.local_files import NAME, ROOT, SCHEME, ConfinedFileIO, path_of
from services.store.unchanged import Unchanged

_LOCATION: Final = text(
    "SELECT metadata_location FROM iceberg_tables "
    "WHERE catalog_name = :catalog AND table_namespace = :within AND table_name = :name"
)
"""Where a table is described. Ours hold no views, which later versions of the library keep in the same place."""
_TABLES: Final = text("SELECT iceberg_type, property_key FROM iceberg_tables, iceberg_namespace_properties LIMIT 0")
_DESCRIPTIONS: Final = Unchanged[TableMetadata]()

__all__ = ["Database", "WarehouseName", "open_warehouse"]


class Catalog(SqlCatalog):
    """A catalog over connections that are made as we need them."""

    def __init__(self, name: str, connections: Engine, **properties: str) -> None:
        """Open the catalog; the database's tables are made when they are not there yet.

        Raises:
            sqlalchemy.exc.DBAPIError: the database cannot be reached or used.
        """
        MetastoreCatalog.__init__(self, name, **properties)
        self.engine = connections
        self._namespaces: set[str] = set()
        if self._is_made():
            self._schema_version = "v1"
        else:
            self._init_catalog()

    def _is_made(self) -> bool:
        """Say whether the database has the tables of new catalogs; the library asks that in three queries."""
        with self.engine.connect() as connection:
            try:
                connection.execute(_TABLES)
            except (OperationalError, ProgrammingError):
                return False
        return True

    def namespace_exists(self, identifier: str | Identifier) -> bool:
        """Say what the library does; one that was there is not asked of again, since none is ever removed."""
        name = self.namespace_to_string(identifier)
        if name not in self._namespaces and super().namespace_exists(identifier):
            self._namespaces.add(name)
        return name in self._namespaces

    def load_table(self, identifier: str | Identifier) -> Table:
        """Load a table as the library does, without reading again what this process has read.

        Raises:
            NoSuchTableError: there is none of that name.
        """
        namespace, name = self.namespace_to_string(self.namespace_from(identifier)), self.table_name_from(identifier)
        with self.engine.connect() as connection:
            location = connection.execute(_LOCATION, {"catalog": self.name, "within": namespace, "name": name}).scalar()
        if location is None:
            raise NoSuchTableError(f"Table does not exist: {namespace}.{name}")
        described = _DESCRIPTIONS.of(
            path_of(location, self.properties),
            lambda: FromInputFile.table_metadata(load_file_io(self.properties, location).new_input(location)),
        )
        return Table(
            identifier=(*self.identifier_to_tuple(namespace), name),
            metadata=described,
            metadata_location=location,
            io=self._load_file_io(described.properties, location),
            catalog=self,
        )

    def commit_table(
        self, table: Table, requirements: tuple[TableRequirement, ...], updates: tuple[TableUpdate, ...]
    ) -> CommitTableResponse:
        """Commit as the library does; the new description need not be read again either."""
        made = super().commit_table(table, requirements, updates)
        _DESCRIPTIONS.of(path_of(made.metadata_location, self.properties), lambda: made.metadata)
        return made


def open_warehouse(root: Path, name: WarehouseName, database: Database | None = None) -> SqlCatalog:
    """Open a warehouse, and make it when it is not there yet.

    Args:
        root: the folder of the participant; the warehouse is its subfolder `name`.
        name: `private`, for the participant only, or `published`, what the network may see.
        database: holds the catalog; without it a SQLite file beside the tables does.

    Raises:
        Retryable: the catalog's database is away or locked.
        NotAllowed: the database knows no such user or password.
        Fatal: there is no such database, or the file is damaged.
    """
    folder = root.absolute() / name
    folder.mkdir(parents=True, exist_ok=True, mode=0o700 if name == "private" else 0o755)
    properties = {
        "warehouse": f"{SCHEME}:///{name}",
        "py-io-impl": f"{ConfinedFileIO.__module__}.{ConfinedFileIO.__qualname__}",
        ROOT: str(folder.parent),
        NAME: name,
    }
    connections = engine(database.url(name)) if database else _in_file(folder / "catalog.sqlite")
    with suppress(Fatal), errors_named(connections):
        return Catalog(name, connections, **properties)
    with errors_named(connections):  # another process may have made the database's tables at the same moment
        return Catalog(name, connections, **properties)


def _in_file(path: Path) -> Engine:
    connections = create_engine(f"sqlite:///{path}")
    event.listen(connections, "connect", _prepare)
    return connections


def _prepare(connection: sqlite3.Connection, _: object) -> None:
    """Look whether the file is whole, and let a commit wait for the disk once instead of three times.

    The data files are not forced to the disk either. A name that was changed in the file on the disk, so that a table
    would seem not to be there, shows as a difference between the file's table and its index.
    """
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    [(found,), *_] = connection.execute("PRAGMA integrity_check(1)").fetchall()
    if found != "ok":
        raise sqlite3.DatabaseError("malformed")
