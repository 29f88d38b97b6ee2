"""Trino's errors as errors a user can act on: what happened, why, what to do; never a value out of a table.

Only names and places are taken from a message, and only from messages that hold what the user wrote.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from services.errors import NotAllowed, Rejected, Retryable, SpiegelnetError
from services.federation.names import unknown
from services.federation.tables import HUB_TABLES, NODE_TABLES

LISTING = "SHOW TABLES FROM hub.benchmark"

_NAME = re.compile(r"(?:Table|Schema|Catalog|Column) '([^']+)'")
_Refusal = tuple[type[SpiegelnetError], str, str, str]
_DENIAL = re.compile(r"Access Denied: ([\w .,:$*()\[\]-]{1,200})")
_COLUMNS = sorted({column for table in (*HUB_TABLES.values(), *NODE_TABLES.values()) for column in table})
_TOO_LARGE: _Refusal = (
    Rejected,
    "The query needs more memory or time than one may take.",
    "Everybody's queries share the same servers.",
    "Filter or aggregate earlier, or sort fewer rows.",
)
_FULL: _Refusal = (
    Retryable,
    "The query was not taken.",
    "Too many of this user's queries run and wait already.",
    "Wait until one has ended, or send fewer at once.",
)
_FUNCTION: _Refusal = (
    Rejected,
    "There is no such function.",
    "Trino does not have it, or not with these arguments.",
    "Check its name and arguments; SHOW FUNCTIONS lists them.",
)
_VALUE: _Refusal = (
    Rejected,
    "A value does not fit what the query does with it.",
    "A CAST, a division by zero or a sum went outside a type; which value is not shown.",
    "Use TRY_CAST, TRY(…), nullif(…, 0) or a wider type.",
)
_SHAPE: _Refusal = (
    Rejected,
    "The query does not fit the tables.",
    "A type, a grouping or an ambiguous column stands in the way.",
    "Compare with DESCRIBE of the table; a column in SELECT must be in GROUP BY or in an aggregate.",
)
_DENIED: _Refusal = (
    NotAllowed,
    "This user may not ask that.",
    "A table, a function or a setting in the query is outside what its role may read.",
    f"{LISTING} lists what there is; ask the network's operator for another role.",
)
_AWAY: _Refusal = (
    Retryable,
    "The query could not be answered now.",
    "Trino, a node's catalog or its files cannot be reached.",
    "Try again; if it lasts, ask the network's operator to look at the servers.",
)
_KNOWN: Mapping[str, _Refusal] = MappingProxyType(
    {
        "PERMISSION_DENIED": _DENIED,
        "FUNCTION_NOT_FOUND": _FUNCTION,
        **dict.fromkeys(("QUERY_QUEUE_FULL", "QUERY_REJECTED"), _FULL),
        **dict.fromkeys(
            (
                "EXCEEDED_TIME_LIMIT",
                "EXCEEDED_CPU_LIMIT",
                "EXCEEDED_SCAN_LIMIT",
                "EXCEEDED_LOCAL_MEMORY_LIMIT",
                "EXCEEDED_GLOBAL_MEMORY_LIMIT",
                "CLUSTER_OUT_OF_MEMORY",
                "QUERY_HAS_TOO_MANY_STAGES",
                "QUERY_TEXT_TOO_LARGE",
            ),
            _TOO_LARGE,
        ),
        **dict.fromkeys(
            (
                "DIVISION_BY_ZERO",
                "INVALID_CAST_ARGUMENT",
                "INVALID_FUNCTION_ARGUMENT",
                "NUMERIC_VALUE_OUT_OF_RANGE",
                "SUBQUERY_MULTIPLE_ROWS",
                "INVALID_LITERAL",
            ),
            _VALUE,
        ),
        **dict.fromkeys(
            (
                "TYPE_MISMATCH",
                "EXPRESSION_NOT_AGGREGATE",
                "EXPRESSION_NOT_SCALAR",
                "AMBIGUOUS_NAME",
                "COLUMN_ALIAS_LIST_MISMATCH",
                "MISSING_GROUP_BY",
                "INVALID_COLUMN_REFERENCE",
                "MISMATCHED_COLUMN_ALIASES",
                "NESTED_AGGREGATION",
                "NOT_SUPPORTED",
            ),
            _SHAPE,
        ),
        "ADMINISTRATIVELY_KILLED": (
            Rejected,
            "The query was stopped by the network's operator.",
            "It may have kept others waiting.",
            "Ask for less.",
        ),
    }
)


class QueryError(Protocol):
    """What the client tells of an error of Trino."""

    @property
    def error_name(self) -> str | None:
        """Such as TABLE_NOT_FOUND."""

    @property
    def error_type(self) -> str | None:
        """USER_ERROR, INTERNAL_ERROR, EXTERNAL or INSUFFICIENT_RESOURCES."""

    @property
    def message(self) -> str:
        """May hold values."""

    @property
    def error_location(self) -> tuple[int, int] | None:
        """Line and column, from 1."""


def user_error(error: QueryError, tables: Callable[[], Sequence[str]]) -> SpiegelnetError:
    """Return the error to show.

    Args:
        error: of a query.
        tables: returns the names of the tables that the user may read, each with its catalog and schema.
    """
    name = error.error_name or ""
    if mistake := _mistake(name, error, tables):
        return mistake
    if name in _KNOWN:
        kind, what, why, todo = _KNOWN[name]
        why = _denied(error.message) or why
    elif error.error_type in ("EXTERNAL", "INTERNAL_ERROR") or name.startswith("SERVER_"):
        kind, what, why, todo = _AWAY
    else:
        kind, what, why, todo = (
            Rejected, "The query failed.", f"Trino: {name or 'no reason given'}.", "Try it in smaller parts."
        )  # fmt: skip
    return kind(what, why, todo)


def _denied(text: str) -> str | None:
    """Return what Trino denied: it names tables, columns and functions there, in the query's own words."""
    found = _DENIAL.fullmatch(text)
    return f"Trino: {found[1]}." if found else None


def _mistake(name: str, error: QueryError, tables: Callable[[], Sequence[str]]) -> Rejected | None:
    """Return the error of a mistake in the query's own text, told with the name or the line; None for another error."""
    if name == "SYNTAX_ERROR":
        place = f", line {error.error_location[0]}" if error.error_location else ""
        return Rejected(f"The query is not valid SQL{place}.", "Trino could not read it.", "Correct it there.")
    found = _NAME.search(error.message)
    match name, found:
        case (("TABLE_NOT_FOUND" | "SCHEMA_NOT_FOUND"), re.Match()):
            return unknown("table", found[1], tables(), LISTING)
        case "CATALOG_NOT_FOUND", re.Match():
            return unknown("catalog", found[1], sorted({table.split(".")[0] for table in tables()}), "SHOW CATALOGS")
        case "COLUMN_NOT_FOUND", re.Match():
            return unknown("column", found[1], _COLUMNS, "DESCRIBE of a table")
        case _:
            return None
