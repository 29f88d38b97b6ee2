"""A DuckDB connection that sees the published tables and no other file.

Three fences, each enough for what it is there for:

1. `query` takes one statement, a SELECT, and in it no table function beside the few that make rows of nothing. DuckDB
   lets a COPY write over a file that may be read, so this fence, not the next, keeps published files as they are.
2. The engine opens no file but those listed in `allowed_paths`, loads no extension, and sees no variable of this
   process; its configuration is locked.
3. A query has a bound on memory (without spilling to disk), on time, and on the rows and bytes of its answer.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Timer

import duckdb
import pyarrow as pa

from services.duckdb_sql import in_files, text
from services.errors import Fatal, NotAllowed, Rejected
from services.federation.refusals import user_error
from services.federation.tables import CELLS, HUB, HUB_TABLES, NODE_TABLES, region_view

MEMORY = "1GB"
SECONDS = 60.0
MOST_ROWS = 1_000_000
MOST_BYTES = 512_000_000
BATCH_ROWS = 10_000
PUBLISHED = "the published tables"

ROW_MAKERS = frozenset({"range", "generate_series", "unnest"})

_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_TAKEN = frozenset({HUB, "main", "memory", "system", "temp"})
_LOCKS = (
    "SET GLOBAL TimeZone = 'UTC'",
    "SET temp_directory = ''",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET allow_community_extensions = false",
    "SET allow_persistent_secrets = false",
    "SET python_enable_replacements = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)

Files = Mapping[str, Sequence[Path]]


def open_surface(
    hub_files: Files, node_files: Mapping[str, Files], regions: Mapping[str, Sequence[str]] | None = None
) -> duckdb.DuckDBPyConnection:
    """Open the tables for reading; pass the connection to `query`, and to nothing that takes SQL from a user.

    Args:
        hub_files: parquet files by table, `schema.table` (`benchmark.figures`, `network.cells`, …). Tables of the
            surface without files are there and empty.
        node_files: by node, parquet files by table; a table without a schema is in `published`.
        regions: nodes by region, such as `pv29`, whose cells `hub.network.region_pv29` unites.

    Returns:
        A connection with a catalog `hub` and one for each node, locked.

    Raises:
        Fatal: a name is not one, or a file cannot be read.
    """
    connection = duckdb.connect(":memory:")
    try:
        nodes = {node: _with_schemas(node, files) for node, files in sorted(node_files.items())}
        views = {region_view(region): _cells_of(nodes, members) for region, members in (regions or {}).items()}
        columns = {**HUB_TABLES, **dict.fromkeys(views, NODE_TABLES[CELLS])}
        _add_catalog(connection, HUB, columns, {**hub_files, **views})
        for node, files in nodes.items():
            _add_catalog(connection, node, NODE_TABLES, files)
        everything = [*hub_files.values(), *(paths for files in node_files.values() for paths in files.values())]
        lock(connection, [path for paths in everything for path in paths])
    except duckdb.Error as error:
        connection.close()
        raise Fatal(
            "The published tables could not be opened.",
            f"DuckDB: {type(error).__name__}, on a file of the published warehouse or on its columns.",
            "Run the month again; it writes the published tables anew.",
        ) from error
    return connection


def lock(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], memory: str = MEMORY) -> None:
    """Let a connection open these files and no other, from now on and for good.

    Args:
        connection: has all its tables.
        files: that its tables read.
        memory: bound on what its tables and a query take together.
    """
    allowed = sorted({str(path) for path in files})
    connection.execute(f"SET allowed_paths = [{', '.join(map(text, allowed))}]")
    connection.execute(f"SET memory_limit = '{memory}'")
    for setting in _LOCKS:
        connection.execute(setting)


def _with_schemas(node: str, files: Files) -> Files:
    if node in _TAKEN:
        raise Fatal(f"A node cannot be called {node}.", "The SQL surface uses that name itself.")
    return {name if "." in name else f"published.{name}": paths for name, paths in files.items()}


def _cells_of(nodes: Mapping[str, Files], members: Sequence[str]) -> list[Path]:
    return [path for member in sorted(members) for path in nodes.get(member, {}).get(CELLS, ())]


def query(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    *,
    seconds: float = SECONDS,
    most_rows: int = MOST_ROWS,
    most_bytes: int = MOST_BYTES,
    tables: str = PUBLISHED,
) -> pa.Table:
    """Answer one SELECT.

    Args:
        connection: of `open_surface`, or another that `lock` has locked.
        sql: one SELECT statement (also WITH, VALUES, DESCRIBE, SHOW TABLES, SUMMARIZE), as a user typed it.
        seconds: after which it is stopped.
        most_rows: above which the answer is refused rather than cut.
        most_bytes: likewise.
        tables: what the connection has, in words for who is refused.

    Raises:
        Rejected: the query has a mistake, or asks too much.
        NotAllowed: it is not a SELECT, or reaches for something outside these tables.
    """
    cursor = connection.cursor()
    clock = Timer(seconds, cursor.interrupt)
    clock.daemon = True
    try:
        _check(cursor, sql, tables)
        clock.start()
        return _answer(cursor, sql, most_rows, most_bytes)
    except duckdb.Error as error:
        raise user_error(error, connection, seconds, tables) from None
    finally:
        clock.cancel()
        cursor.close()


def _answer(cursor: duckdb.DuckDBPyConnection, sql: str, most_rows: int, most_bytes: int) -> pa.Table:
    reader = cursor.sql(sql).to_arrow_reader(BATCH_ROWS)
    batches, rows, size = [], 0, 0
    for batch in reader:
        batches.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows > most_rows or size > most_bytes:
            raise too_large(most_rows, most_bytes)
    return pa.Table.from_batches(batches, schema=reader.schema)


def too_large(most_rows: int, most_bytes: int) -> Rejected:
    """Return the error of an answer that is too large."""
    return Rejected(
        f"The answer is larger than {most_rows:,} rows or {most_bytes // 1_000_000:,} MB.",
        "It would be cut, and a cut answer looks like a whole one.",
        "Aggregate, filter, or add LIMIT.",
    )


def _check(cursor: duckdb.DuckDBPyConnection, sql: str, tables: str) -> None:
    """Refuse all but one SELECT over named tables."""
    statements = cursor.extract_statements(sql)
    if len(statements) != 1:
        raise Rejected(
            f"There are {len(statements)} statements in the query.", "One is answered at a time.", "Send one SELECT."
        )
    if statements[0].type != duckdb.StatementType.SELECT:
        raise NotAllowed(
            "Only SELECT is answered.",
            "The SQL surface is read only.",
            "Write a SELECT; where a PIVOT is meant, name its columns with IN (…).",
        )
    # fetchall, not fetchone: a result that is not drained keeps the cursor busy
    [(serialised,)] = cursor.execute("SELECT json_serialize_sql(?)", [statements[0].query]).fetchall()
    tree = json.loads(serialised)
    if tree["error"]:
        raise NotAllowed("The query could not be read ahead.", "Only what can be checked is answered.", "Simplify it.")
    refused = sorted(_table_functions(tree) - ROW_MAKERS)
    if refused:
        raise NotAllowed(
            f"The function {refused[0]} may not be used as a table.",
            f"A query reads {tables} only, no files and nothing of the engine.",
            "SHOW ALL TABLES lists what there is.",
        )


def _table_functions(node: object) -> set[str]:
    """Names of all functions used as a table anywhere in a serialised query."""
    if isinstance(node, list):
        return set().union(*(_table_functions(item) for item in node))
    if not isinstance(node, dict):
        return set()
    found = set().union(*(_table_functions(item) for item in node.values()))
    if node.get("type") == "TABLE_FUNCTION":
        found.add(str(node["function"]["function_name"]).lower())
    return found


def _add_catalog(
    connection: duckdb.DuckDBPyConnection, catalog: str, columns: Mapping[str, Mapping[str, str]], files: Files
) -> None:
    connection.execute(f"ATTACH ':memory:' AS {_identifier(catalog)}")
    for name in sorted({*columns, *files}):
        schema, table = (_identifier(part) for part in name.split(".", 1))
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_identifier(catalog)}.{schema}")
        parts = []
        if known := columns.get(name):  # columns that files of an earlier version lack are null, as they are at Trino
            nothing = ", ".join(f"NULL::{kind} AS {_identifier(column)}" for column, kind in known.items())
            parts.append(f"SELECT {nothing} WHERE false")
        if paths := files.get(name, ()):
            parts.append(f"SELECT * FROM {in_files(paths)}")
        view = " UNION ALL BY NAME ".join(parts)
        connection.execute(f"CREATE VIEW {_identifier(catalog)}.{schema}.{table} AS {view}")


def _identifier(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise Fatal(f"{name!r} cannot be a name on the SQL surface.", "Names are small letters, digits, - and _.")
    return f'"{name}"'
