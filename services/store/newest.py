"""Which state each table of a warehouse is in, asked of its catalog's database alone: without opening a table."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from services.sqlite import errors_named
from services.store.address import Database, WarehouseName

_QUERY = "SELECT table_namespace || '.' || table_name, metadata_location FROM iceberg_tables"
_CONNECT_SECONDS = 5


def table_states(root: Path, warehouse: WarehouseName, database: Database | None = None) -> Mapping[str, str]:
    """Return by table (`namespace.name`) what names its newest state: every commit gives another one.

    Args:
        root: the folder of the participant.
        warehouse: `private` or `published`.
        database: where the catalog is; None for a file beside the tables.

    Raises:
        Retryable: the database is away or locked.
        NotAllowed: it does not know this participant with its password.
        Fatal: the file is damaged, or there is no such database.
    """
    return _in_postgresql(database, warehouse) if database else _in_file(root / warehouse / "catalog.sqlite")


def _in_file(path: Path) -> Mapping[str, str]:
    if not path.exists():
        return {}
    with errors_named(path), closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
        try:
            return dict(connection.execute(_QUERY).fetchall())
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):  # opened for the first time at this moment
                return {}
            raise


def _in_postgresql(database: Database, warehouse: WarehouseName) -> Mapping[str, str]:
    import psycopg  # noqa: PLC0415 - one machine does not need it

    from services.store.connections import explained  # noqa: PLC0415 - nor SQLAlchemy, which takes time to load

    host, _, port = database.server.rpartition(":")
    try:
        with psycopg.connect(
            host=host,
            port=int(port),
            user=database.participant,
            password=database.password,
            dbname=database.name(warehouse),
            connect_timeout=_CONNECT_SECONDS,
        ) as connection:
            return dict(connection.execute(_QUERY).fetchall())
    except psycopg.errors.UndefinedTable:
        return {}
    except psycopg.Error as error:
        name = f"{database.name(warehouse)} at {database.server}"
        raise explained(name, database.participant, str(error)) from None
