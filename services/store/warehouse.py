"""Warehouses on local files: an Iceberg catalog in SQLite and its tables beside it, all in one folder.

Tables name their files as `local:///<warehouse>/…`, relative to the folder that holds the warehouse. So a participant's
folder can be moved or mounted elsewhere, and Trino reads the same files with `local.location` set to that folder.
"""

import sqlite3
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import urlparse

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.typedef import EMPTY_DICT, Properties
from sqlalchemy import event

from services.errors import Fatal

WarehouseName = Literal["private", "published"]

_ROOT = "spiegelnet.root"
_NAME = "spiegelnet.warehouse"
_SCHEME = "local"


class ConfinedFileIO(PyArrowFileIO):
    """Reads and writes `local:///<warehouse>/…` only, below that warehouse's own folder."""

    @staticmethod
    def parse_location(location: str, properties: Properties = EMPTY_DICT) -> tuple[str, str, str]:
        """Return (scheme, netloc, path on this machine).

        Raises:
            Fatal: the location is not one of this warehouse.
        """
        path = local_path(location, Path(properties[_ROOT]), properties[_NAME])
        return "file", "", str(path)


def local_path(location: str, root: Path, warehouse: str) -> Path:
    """Return where `location` is on this machine.

    Args:
        location: `local:///<warehouse>/…`.
        root: the folder that holds the warehouse.
        warehouse: the only first part that is allowed.

    Raises:
        Fatal: another scheme, another warehouse, or a way out of it.
    """
    uri = urlparse(location)
    parts = PurePosixPath(uri.path).parts
    if uri.scheme != _SCHEME or uri.netloc or parts[:2] != ("/", warehouse) or ".." in parts:
        raise Fatal(
            f"A table of the {warehouse} warehouse names a file outside it.",
            "Its metadata were changed, or come from another warehouse.",
            "Restore the warehouse's folder from a copy.",
        )
    return root.joinpath(*parts[1:])


def open_warehouse(root: Path, name: WarehouseName) -> SqlCatalog:
    """Open a warehouse, and make it when it is not there yet.

    Args:
        root: the folder of the participant; the warehouse is its subfolder `name`.
        name: `private`, for the participant only, or `published`, what the network may see.
    """
    folder = root.absolute() / name
    folder.mkdir(parents=True, exist_ok=True, mode=0o700 if name == "private" else 0o755)
    catalog = SqlCatalog(
        name,
        **{
            "uri": f"sqlite:///{folder / 'catalog.sqlite'}",
            "init_catalog_tables": "false",
            "warehouse": f"{_SCHEME}:///{name}",
            "py-io-impl": f"{ConfinedFileIO.__module__}.{ConfinedFileIO.__qualname__}",
            _ROOT: str(folder.parent),
            _NAME: name,
        },
    )
    # A commit waits for the disk once instead of three times; the data files are not forced to the disk either.
    event.listen(catalog.engine, "connect", _write_ahead)
    catalog.engine.dispose()
    catalog.create_tables()
    return catalog


def _write_ahead(connection: sqlite3.Connection, _: object) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
