"""Trino's types as Arrow's, so that an answer of Trino looks like DuckDB's."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pyarrow as pa
from sqlglot import exp
from sqlglot.errors import ParseError

_KIND = exp.DataType.Type
_PLAIN = MappingProxyType(
    {
        _KIND.BOOLEAN: pa.bool_(),
        _KIND.TINYINT: pa.int8(),
        _KIND.SMALLINT: pa.int16(),
        _KIND.INT: pa.int32(),
        _KIND.BIGINT: pa.int64(),
        _KIND.FLOAT: pa.float32(),
        _KIND.DOUBLE: pa.float64(),
        _KIND.VARBINARY: pa.binary(),
        _KIND.DATE: pa.date32(),
        _KIND.TIME: pa.time64("us"),
        _KIND.TIMESTAMP: pa.timestamp("us"),
        _KIND.TIMESTAMPTZ: pa.timestamp("us", tz="UTC"),
        _KIND.UNKNOWN: pa.null(),
    }
)
_Convert = Callable[[Any], Any]


def arrow_schema(columns: Sequence[tuple[str, str]]) -> pa.Schema:
    """Return the schema of an answer from its columns' names and Trino types; a name may be there twice."""
    return pa.schema([pa.field(name, arrow_type(_parsed(kind))) for name, kind in columns])


def arrow_columns(rows: Sequence[Sequence[object]], schema: pa.Schema) -> pa.RecordBatch:
    """Return rows of the client as columns of `schema`."""
    values = zip(*rows, strict=True) if rows else [()] * len(schema)
    columns = [
        pa.array([convert(value) for value in column] if convert else column, field.type)
        for column, field, convert in zip(values, schema, [_conversion(field.type) for field in schema], strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def arrow_type(kind: exp.DataType | None) -> pa.DataType:
    """Return the Arrow type of a Trino type; what Arrow has nothing for is text."""
    if kind is None:
        return pa.string()
    if isinstance(kind.this, exp.Interval):
        return pa.duration("us") if "DAY" in kind.this.sql().upper() else pa.string()
    make = _NESTED.get(kind.this)
    return make(kind.expressions) if make else _PLAIN.get(kind.this, pa.string())


def _struct(parts: Sequence[exp.Expression]) -> pa.DataType:
    return pa.struct([_field(number, part) for number, part in enumerate(parts)])


def _field(number: int, part: exp.Expression) -> pa.Field:
    if isinstance(part, exp.ColumnDef):
        return pa.field(part.name, arrow_type(part.args["kind"]))
    return pa.field(f"field{number}", arrow_type(part if isinstance(part, exp.DataType) else None))


_NESTED: Mapping[object, Callable[[Sequence[Any]], pa.DataType]] = MappingProxyType(
    {
        _KIND.DECIMAL: lambda parts: pa.decimal128(*(int(part.name) for part in parts)),
        _KIND.ARRAY: lambda parts: pa.list_(arrow_type(parts[0])),
        _KIND.MAP: lambda parts: pa.map_(*map(arrow_type, parts)),
        _KIND.STRUCT: _struct,
    }
)


def _parsed(kind: str) -> exp.DataType | None:
    try:
        return exp.DataType.build(kind, dialect="trino")
    except ParseError:
        return None


def _conversion(kind: pa.DataType) -> _Convert | None:
    """Return what makes a value of the client one that Arrow takes; None where Arrow takes it as it is."""
    if pa.types.is_string(kind):
        return lambda value: None if value is None else str(value)
    if pa.types.is_list(kind):
        each = _conversion(kind.value_type) or _same
        return lambda value: None if value is None else [each(part) for part in value]
    if pa.types.is_struct(kind):
        names = [field.name for field in kind]
        parts = [_conversion(field.type) or _same for field in kind]
        return lambda value: (
            None if value is None else {name: part(own) for name, part, own in zip(names, parts, value, strict=True)}
        )
    if pa.types.is_map(kind):
        key, item = _conversion(kind.key_type) or _same, _conversion(kind.item_type) or _same
        return lambda value: None if value is None else [(key(name), item(own)) for name, own in value.items()]
    return None


def _same(value: Any) -> Any:
    return value
