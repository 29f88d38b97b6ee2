"""An answer of Trino has the Arrow types that DuckDB's answer has."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from services.federation.tables import HUB_TABLES, NODE_TABLES
from services.federation.trino_types import arrow_columns, arrow_schema

AS_TRINO = {
    "VARCHAR": "varchar",
    "BIGINT": "bigint",
    "INTEGER": "integer",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP WITH TIME ZONE": "timestamp(6) with time zone",
    "VARCHAR[]": "array(varchar)",
    "STRUCT(rule VARCHAR, events BIGINT)[]": 'array(row("rule" varchar, "events" bigint))',
}
"""Types of the surface on DuckDB, and as Trino names those of the same Iceberg column."""


@pytest.mark.parametrize("table", [*HUB_TABLES.items(), *NODE_TABLES.items()], ids=lambda item: item[0])
def test_every_table_of_the_surface_has_the_same_types_from_both_engines(table: tuple[str, Any]) -> None:
    columns = table[1]
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        nothing = ", ".join(f'NULL::{kind} AS "{name}"' for name, kind in columns.items())
        expected = connection.sql(f"SELECT {nothing}").to_arrow_table().schema
    found = arrow_schema([(name, AS_TRINO[kind]) for name, kind in columns.items()])
    assert [(field.name, _loose(field.type)) for field in found] == [
        (field.name, _loose(field.type)) for field in expected
    ]


def _loose(kind: pa.DataType) -> str:
    """A list's element has no name that means anything."""
    return str(kind).replace("element:", "").replace("item:", "").replace("l:", "").replace("child:", "")


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("decimal(5,1)", [Decimal("2.5"), None], pa.array([Decimal("2.5"), None], pa.decimal128(5, 1))),
        ("timestamp(3)", [dt.datetime(2026, 1, 2, 3)], pa.array([dt.datetime(2026, 1, 2, 3)], pa.timestamp("us"))),  # noqa: DTZ001
        ("uuid", [uuid.UUID(int=1), None], pa.array([str(uuid.UUID(int=1)), None])),
        ("unknown", [None], pa.nulls(1)),
        ("interval day to second", [dt.timedelta(days=1)], pa.array([dt.timedelta(days=1)], pa.duration("us"))),
        ("HyperLogLog", ["AgwBAIADRAA="], pa.array(["AgwBAIADRAA="])),
        ("row(integer, varchar)", [(1, "a")], pa.array([{"field0": 1, "field1": "a"}])),
        ("array(varchar)", [["a", None], None], pa.array([["a", None], None])),
        (
            "map(varchar, bigint)",
            [{"a": 1}, None],
            pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
        ),
    ],
)
def test_values_of_the_client_become_columns(kind: str, values: list[Any], expected: pa.Array) -> None:
    schema = arrow_schema([("x", kind)])
    found = arrow_columns([(value,) for value in values], schema).column(0)
    assert found.to_pylist() == expected.to_pylist()


def test_an_answer_without_rows_has_its_columns_and_a_name_may_be_there_twice() -> None:
    schema = arrow_schema([("a", "bigint"), ("a", "varchar")])
    found = arrow_columns([], schema)
    assert (found.num_rows, found.schema.names, found.schema.types) == (0, ["a", "a"], [pa.int64(), pa.string()])
