"""DuckDB's errors as errors a user can act on: what happened, why, what to do; never a value out of a table."""

import re

import duckdb

from services.errors import NotAllowed, Rejected, SpiegelnetError
from services.federation.names import unknown

_TABLE = re.compile(r'Table with name "?([^"\s]+)"? does not exist')
_COLUMN = re.compile(r'(?:Referenced column "([^"]+)" not found|does not have a column named "([^"]+)")')
_FUNCTION = re.compile(r"Function with name \"?(\w+)\"? (?:does not exist|is not in the catalog)")
_NEAR = re.compile(r'syntax error at or near "([^"]*)"')
_LINE = re.compile(r"^LINE (\d+):", re.MULTILINE)
LISTING = "SHOW ALL TABLES"

_TABLES = """
    SELECT database_name || '.' || schema_name || '.' || view_name
    FROM duckdb_views() WHERE NOT internal
    UNION ALL SELECT database_name || '.' || schema_name || '.' || table_name
    FROM duckdb_tables() WHERE NOT internal ORDER BY 1
"""
_COLUMNS = "SELECT DISTINCT column_name FROM duckdb_columns() WHERE NOT internal ORDER BY 1"

_PLAIN: tuple[tuple[tuple[type[duckdb.Error], ...], tuple[str, str, str]], ...] = (
    (
        (duckdb.ConversionException, duckdb.OutOfRangeException),
        (
            "A value does not fit the type that the query asks for.",
            "A CAST or a sum went outside it; which value is not shown.",
            "Use TRY_CAST, or a wider type.",
        ),
    ),
    (
        (duckdb.BinderException,),
        (
            "The query does not fit the tables.",
            "A type, a grouping or an ambiguous column stands in the way.",
            "Compare with DESCRIBE of the table; a column in SELECT must be in GROUP BY or in an aggregate.",
        ),
    ),
)


def user_error(
    error: duckdb.Error, connection: duckdb.DuckDBPyConnection, seconds: float, tables: str
) -> SpiegelnetError:
    """The error to show for what DuckDB raised.

    Args:
        error: of a query; its text may hold values of rows, so only names and places are taken from it.
        connection: of the surface, asked for names that are near a mistaken one.
        seconds: the time a query has.
        tables: what the connection has, in words.
    """
    if isinstance(error, duckdb.InterruptException):
        return Rejected(
            f"The query was stopped after {seconds:g} seconds.", "That is the longest one may take.", "Ask for less."
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return Rejected(
            "The query needs more memory than one may take.",
            "Nothing is written to disk for a query, so memory is the bound.",
            "Filter or aggregate earlier, or sort fewer rows.",
        )
    if isinstance(error, duckdb.PermissionException) or "configuration has been locked" in str(error):
        return NotAllowed(
            f"The query reaches for something outside {tables}.",
            "It may read those only: no files, addresses, extensions or settings.",
            "SHOW ALL TABLES lists what there is.",
        )
    return _mistake(error, connection)


def _mistake(error: duckdb.Error, connection: duckdb.DuckDBPyConnection) -> Rejected:
    text = str(error)
    if found := _TABLE.search(text):
        return unknown("table", found[1], _names(connection, _TABLES), LISTING)
    if found := _COLUMN.search(text):
        return unknown("column", found[1] or found[2], _names(connection, _COLUMNS), LISTING)
    if found := _FUNCTION.search(text):
        return Rejected(f"There is no function {found[1]}.", "DuckDB does not have it here.", "Check its name.")
    if isinstance(error, duckdb.ParserException):
        near, line = _NEAR.search(text), _LINE.search(text)
        place = (f" near “{near[1]}”" if near and near[1] else "") + (f", line {line[1]}" if line else "")
        return Rejected(f"The query is not valid SQL{place}.", "DuckDB could not read it.", "Correct it there.")
    for kinds, refusal in _PLAIN:
        if isinstance(error, kinds):
            return Rejected(*refusal)
    kind = type(error).__name__.removesuffix("Exception")
    return Rejected("The query failed.", f"DuckDB: {kind}.", "Try it in smaller parts to find where.")


def _names(connection: duckdb.DuckDBPyConnection, question: str) -> list[str]:
    return [name for (name,) in connection.cursor().execute(question).fetchall()]
