"""Trino's catalogs and views, made and withdrawn while it runs: one catalog for each node, two for the hub.

A catalog knows the database of one published warehouse and the folder of its participant, nothing else; a private
warehouse has none. Passwords are not in it: Trino takes them from its own environment.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from services.errors import Rejected
from services.federation.access import HUB_WRITER
from services.federation.tables import CELLS, NODE_TABLES, region_view
from services.federation.trino_client import TrinoUser, run
from services.store.database import READER, WRITER
from services.store.warehouse import Database, WarehouseName

READER_PASSWORD: Final = "SPIEGELNET_TRINO_READER_PASSWORD"  # noqa: S105 - the name of a variable
WRITER_PASSWORD: Final = "SPIEGELNET_TRINO_WRITER_PASSWORD"  # noqa: S105 - likewise
"""Of Trino's own process: passwords of PostgreSQL's roles."""
_PUBLISHED: WarehouseName = "published"

# of Java's property files: any sign behind a backslash, or its number
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\(.)")

Properties = Mapping[str, str]


def published_catalog(database_server: str, participant: str, folder: Path, *, writable: bool = False) -> Properties:
    """Return the properties of a catalog on a participant's published warehouse.

    Args:
        database_server: `host:port` of the PostgreSQL server, as Trino reaches it.
        participant: its id.
        folder: of the participant, as Trino reaches it; the warehouse is its subfolder.
        writable: for the operator's views; readers never get such a catalog.
    """
    role, password = (WRITER, WRITER_PASSWORD) if writable else (READER, READER_PASSWORD)
    database = Database(database_server, participant, "").name(_PUBLISHED)
    properties = {
        "iceberg.catalog.type": "jdbc",
        "iceberg.jdbc-catalog.catalog-name": _PUBLISHED,
        "iceberg.jdbc-catalog.driver-class": "org.postgresql.Driver",
        "iceberg.jdbc-catalog.connection-url": f"jdbc:postgresql://{database_server}/{database}",
        "iceberg.jdbc-catalog.connection-user": role,
        "iceberg.jdbc-catalog.connection-password": f"${{ENV:{password}}}",
        "iceberg.jdbc-catalog.default-warehouse-dir": f"local:///{_PUBLISHED}",
        "iceberg.jdbc-catalog.schema-version": "V1",
        # smallest and largest values of a column would be told of rows that the reader may not see
        "iceberg.table-statistics-enabled": "false",
        "fs.native-local.enabled": "true",
        "local.location": str(folder.absolute()),
    }
    return properties if writable else {**properties, "iceberg.security": "read_only"}


def present_catalogs(operator: TrinoUser) -> set[str]:
    """Return the names of Trino's catalogs, its own left out."""
    return {name for (name,) in run(operator, "SHOW CATALOGS")} - {"system"}


def ensure_catalogs(operator: TrinoUser, wanted: Mapping[str, Properties], store: Path) -> list[str]:
    """Make catalogs that are not there, and those anew whose properties are others.

    Args:
        operator: who does it.
        wanted: properties by name.
        store: the folder in which Trino keeps its catalogs.

    Returns:
        Those made.
    """
    present = present_catalogs(operator)
    made = []
    for name, properties in wanted.items():
        if name in present and stored_properties(store, name) == properties:
            continue
        if name in present:
            withdraw_catalog(operator, name)
        settings = ", ".join(f"{_name(key)} = {_text(value)}" for key, value in properties.items())
        run(operator, f"CREATE CATALOG {_name(name)} USING iceberg WITH ({settings})")
        made.append(name)
    return made


def withdraw_catalog(operator: TrinoUser, name: str) -> None:
    """Take a catalog out; queries that run on it end well, new ones do not find it."""
    run(operator, f"DROP CATALOG IF EXISTS {_name(name)}")


def stored_properties(store: Path, name: str) -> Properties:
    """Return a catalog's properties as Trino keeps them on disk; nothing when it keeps none there."""
    path = store / f"{name}.properties"
    if not path.exists():
        return {}
    lines = (line for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#"))
    pairs = (line.split("=", 1) for line in lines)
    kept = {key.strip(): _ESCAPE.sub(_unescaped, value.strip()) for key, value in pairs}
    kept.pop("connector.name", None)
    return kept


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else found[2]


def require_readable(operator: TrinoUser, node: str) -> None:
    """Check that Trino reads a node's cells: its database, and the files that this names.

    Raises:
        SpiegelnetError: it does not.
    """
    run(operator, f"SELECT * FROM {_name(node)}.{CELLS} LIMIT 1")


def changed_regions(operator: TrinoUser, regions: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the regions of which `ensure_region_views` would make the view, given the same regions."""
    present = _present_views(operator)
    return [
        region
        for region, nodes in regions.items()
        if nodes and present.get(region_view(region)) != _told(region, nodes)
    ]


def ensure_region_views(operator: TrinoUser, regions: Mapping[str, Sequence[str]]) -> list[str]:
    """Make a view `hub.network.region_…` for each region over the live catalogs of its nodes, and drop the others.

    Args:
        operator: who does it, and owns the views: a reader sees through one what the operator sees, less what the
            reader's own rules keep back.
        regions: nodes that have a catalog, by region; such as `pv29`.

    Returns:
        Names of the views made anew or dropped.
    """
    present = _present_views(operator)
    wanted = {region_view(region): _told(region, nodes) for region, nodes in regions.items() if nodes}
    changed = []
    for view in sorted(present.keys() - wanted.keys()):
        run(operator, f"DROP VIEW {HUB_WRITER}.{view}")
        changed.append(view)
    for region, nodes in sorted(regions.items()):
        view = region_view(region)
        if nodes and present.get(view) != wanted[view]:
            run(operator, _statement(view, wanted[view], nodes))
            changed.append(view)
    return changed


def _present_views(operator: TrinoUser) -> dict[str, str]:
    """Return the comments of the region views that are there, by name; they tell what a view unites."""
    question = f"""
        SELECT table_name, comment FROM system.metadata.table_comments
        WHERE catalog_name = '{HUB_WRITER}' AND schema_name = 'network' AND table_name LIKE 'region~_%' ESCAPE '~'
    """
    return {f"network.{name}": comment or "" for name, comment in run(operator, question)}


def _told(region: str, nodes: Sequence[str]) -> str:
    columns = ", ".join(NODE_TABLES[CELLS])
    return f"Released cells of {', '.join(sorted(nodes))}, live from their nodes in {region}. Columns: {columns}."


def _statement(view: str, comment: str, nodes: Sequence[str]) -> str:
    columns = ", ".join(_name(column) for column in NODE_TABLES[CELLS])
    parts = " UNION ALL ".join(f"SELECT {columns} FROM {_name(node)}.{CELLS}" for node in sorted(nodes))
    return f"CREATE OR REPLACE VIEW {HUB_WRITER}.{view} COMMENT {_text(comment)} SECURITY DEFINER AS {parts}"


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _text(value: str) -> str:
    if "\n" in value:
        raise Rejected("A setting of a catalog holds a line end.", todo="Use a folder and a server without one.")
    return "'" + value.replace("'", "''") + "'"
