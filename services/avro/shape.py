"""The part of an Avro schema that decides about bytes and columns, with every name resolved."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl
import pyarrow as pa

PRIMITIVES = ("boolean", "int", "long", "double", "string")
_POLARS = {
    "boolean": pl.Boolean(),
    "int": pl.Int32(),
    "long": pl.Int64(),
    "double": pl.Float64(),
    "string": pl.String(),
    "date": pl.Date(),
    "enum": pl.String(),
    "fixed": pl.Binary(),
}
_ARROW = {
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "double": pa.float64(),
    "string": pa.large_string(),
    "date": pa.date32(),
    "enum": pa.large_string(),
}


class UnsupportedSchemaError(ValueError):
    """A schema uses a part of Avro that this network's events do not use."""


@dataclass(frozen=True)
class Shape:
    """One Avro type.

    Attributes:
        kind: a primitive's name, or `date`, `enum`, `fixed`, `array`, `record`.
        nullable: whether it is the second branch of a union whose first is null.
        size: bytes of a `fixed`.
        symbols: of an `enum`, in wire order.
        items: of an `array`.
        fields: name and shape of a `record`'s fields, in wire order.
    """

    kind: str
    nullable: bool = False
    size: int = 0
    symbols: tuple[str, ...] = ()
    items: "Shape | None" = None
    fields: tuple[tuple[str, "Shape"], ...] = ()


def shape_of(schema: Mapping[str, Any]) -> Shape:
    """Return the shape of a parsed `.avsc` file.

    Raises:
        UnsupportedSchemaError: a type or union is used that the columnar codec does not know.
    """
    return _shape(schema, {})


def _shape(schema: Any, named: dict[str, Shape]) -> Shape:  # noqa: PLR0911 - one per type
    """Read one type; `named` collects fixed, enum and record types by their short name."""
    if isinstance(schema, list):
        return _optional(schema, named)
    if isinstance(schema, str):
        if schema in PRIMITIVES:
            return Shape(schema)
        if schema in named:
            return named[schema]
        raise UnsupportedSchemaError(f"type {schema} is neither supported nor defined above its use")
    match schema:
        case {"type": "int", "logicalType": "date"}:
            return Shape("date")
        case {"type": "fixed", "name": name, "size": size}:
            named[name] = Shape("fixed", size=size)
            return named[name]
        case {"type": "enum", "name": name, "symbols": symbols}:
            named[name] = Shape("enum", symbols=tuple(symbols))
            return named[name]
        case {"type": "array", "items": items}:
            return _array(_shape(items, named))
        case {"type": "record", "name": name, "fields": fields}:
            named[name] = Shape("record", fields=tuple((f["name"], _shape(f["type"], named)) for f in fields))
            return named[name]
        case _:
            raise UnsupportedSchemaError(f"type {schema.get('type')} with {sorted(schema)} is not supported")


def _optional(union: list[Any], named: dict[str, Shape]) -> Shape:
    if len(union) != 2 or union[0] != "null":  # noqa: PLR2004 - null and one type
        raise UnsupportedSchemaError('a union must be ["null", type]')
    inner = _shape(union[1], named)
    if inner.nullable or inner.kind in ("array", "record"):
        raise UnsupportedSchemaError("an array or record cannot be optional: use an empty array")
    return replace(inner, nullable=True)


def _array(items: Shape) -> Shape:
    # An item of zero bytes would let five bytes declare any number of items.
    if items.nullable or min_bytes(items) == 0:
        raise UnsupportedSchemaError("array items must not be optional or empty")
    return Shape("array", items=items)


def min_bytes(shape: Shape) -> int:
    """Return the fewest bytes that one value of this shape takes in Avro."""
    if shape.nullable:
        return 1
    if shape.kind == "record":
        return sum(min_bytes(field) for _, field in shape.fields)
    return {"fixed": shape.size, "double": 8}.get(shape.kind, 1)


def polars_type(shape: Shape) -> pl.DataType:
    """Return the type of a frame's column: enums are strings, fixed are binary, arrays are lists."""
    if shape.items is not None:
        return pl.List(polars_type(shape.items))
    if shape.kind == "record":
        return pl.Struct(polars_schema(shape))
    return _POLARS[shape.kind]


def polars_schema(record: Shape) -> dict[str, pl.DataType]:
    """Return name and column type of each field of a record."""
    return {name: polars_type(field) for name, field in record.fields}


def arrow_type(shape: Shape) -> pa.DataType:
    """Return the Arrow type for tables: as the frame's, but a `fixed` keeps its size."""
    if shape.items is not None:
        return pa.large_list(pa.field("element", arrow_type(shape.items), nullable=False))
    if shape.kind == "record":
        return pa.struct(list(arrow_schema(shape)))
    return pa.binary(shape.size) if shape.kind == "fixed" else _ARROW[shape.kind]


def arrow_schema(record: Shape) -> pa.Schema:
    """Return the Arrow schema of a record, with nullability."""
    return pa.schema([pa.field(name, arrow_type(field), nullable=field.nullable) for name, field in record.fields])
