"""Avro back to rows, strictly: bytes from outside are accepted only if encoding what they say gives the same bytes.

Polars reads a block behind a container header that we write; the header's schema is derived from the registered one,
never taken from a message. Polars knows neither optional enums nor enums inside arrays, so the header calls every
enum an int, which has the same bytes; the symbols are looked up afterwards.
"""

import json
from collections.abc import Sequence
from functools import cache
from io import BytesIO
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from services.avro.encode import block, encode_rows
from services.avro.errors import DecodeError, EncodeError
from services.avro.shape import Shape, min_bytes, polars_schema
from services.registry import EventType

MAX_BLOCK_BYTES = 1 << 20  # the largest parcel; memory use is a small multiple of it
_TRUSTED_CHUNK_BYTES = 1 << 26  # Polars' Avro reader counts the bytes of a column in 32 bits
_SYNC = b"spiegelnet-sync!"


def decode_block(event_type: EventType, data: bytes, count: int) -> tuple[pl.DataFrame, pa.LargeBinaryArray]:
    """Decode a block that came from outside.

    Args:
        event_type: whose registered schema is used.
        data: the events, one after another, nothing else.
        count: how many events the sender says there are.

    Returns:
        A frame with a column per field, and the bytes of each row.

    Raises:
        DecodeError: the block is too long, the count cannot be, or the bytes are not exactly such events.
    """
    return decode_blocks(event_type, [(count, data)])


def decode_blocks(
    event_type: EventType, blocks: Sequence[tuple[int, bytes]]
) -> tuple[pl.DataFrame, pa.LargeBinaryArray]:
    """Decode blocks of one type (count and bytes of each, see `decode_block`) in one go; each is as exact as alone.

    Returns:
        The events of all blocks in one frame, and the bytes of each row.

    Raises:
        DecodeError: at least one of the blocks is not exactly what it claims to be; alone it says why.
    """
    name = event_type.name
    for count, data in blocks:
        require_possible(event_type, data, count)
    frame = _read(event_type, [(sum(count for count, _ in blocks), b"".join(data for _, data in blocks))])
    try:
        rows = encode_rows(event_type, frame)
    except EncodeError as error:
        raise DecodeError(error.reason, name) from None
    # Encoding is a function of the events, so equal bytes exclude trailing bytes, long-winded numbers, negative
    # counts, odd booleans and every other second spelling of the same events; and an event that begins in one block
    # and ends in the next.
    start = 0
    for count, data in blocks:
        if block(rows.slice(start, count)) != data:
            raise DecodeError("not_canonical", name)
        start += count
    return frame, rows


def require_possible(event_type: EventType, data: bytes, count: int) -> None:
    """Refuse a block that cannot hold so many events, unread.

    Raises:
        DecodeError: so it is, or it is longer than any parcel.
    """
    if len(data) > MAX_BLOCK_BYTES:
        raise DecodeError("block_too_long", event_type.name)
    if count < 0 or count * min_bytes(event_type.shape) > len(data):
        raise DecodeError("count_impossible", event_type.name)


def decode_rows(event_type: EventType, rows: Sequence[bytes] | pa.Array | pa.ChunkedArray) -> pl.DataFrame:
    """Decode rows that this node's own store gave back.

    Raises:
        DecodeError: the bytes are not events of this type, so the store is damaged.
    """
    values = rows if isinstance(rows, pa.Array | pa.ChunkedArray) else pa.array(rows, pa.large_binary())
    values = values.cast(pa.large_binary())
    values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if values.null_count:
        raise DecodeError("malformed", event_type.name)
    return _read(event_type, _chunks(values))


def _chunks(rows: pa.LargeBinaryArray) -> list[tuple[int, bytes]]:
    """Cut rows into blocks (count, bytes) that Polars can read."""
    if len(rows) == 0:
        return []
    bounds = np.frombuffer(rows.buffers()[1], np.int64, count=len(rows) + 1, offset=8 * rows.offset)
    marks = np.arange(bounds[0], bounds[-1], _TRUSTED_CHUNK_BYTES)
    cuts = sorted({0, *np.searchsorted(bounds, marks).tolist(), len(rows)})
    return [(end - start, block(rows.slice(start, end - start))) for start, end in pairwise(cuts)]


def _read(event_type: EventType, blocks: list[tuple[int, bytes]]) -> pl.DataFrame:
    blocks = [(count, data) for count, data in blocks if count or data]
    if not blocks:
        return pl.DataFrame(schema=polars_schema(event_type.shape))
    container = b"".join([_header(event_type.shape), *(_framed(count, data) for count, data in blocks)])
    try:
        frame = pl.read_avro(BytesIO(container))
    except (OSError, ValueError, pl.exceptions.PolarsError, pl.exceptions.PanicException):
        # Polars checks some bounds by panicking; its text may quote bytes, so nothing of it is passed on.
        raise DecodeError("malformed", event_type.name) from None
    if frame.height != sum(count for count, _ in blocks):
        raise DecodeError("malformed", event_type.name)
    try:
        return pl.DataFrame([_named(field, frame[name]) for name, field in event_type.shape.fields])
    except (pa.ArrowIndexError, IndexError):
        raise DecodeError("enum_unknown", event_type.name) from None


def _named(shape: Shape, series: pl.Series) -> pl.Series:
    """Put symbols in place of their numbers."""
    if not _has_enum(shape):
        return series
    array = series.to_arrow()
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    named = pl.from_arrow(_symbols(shape, array))
    if not isinstance(named, pl.Series):  # a struct array comes back as a frame
        named = named.to_struct()
    return named.alias(series.name)


def _symbols(shape: Shape, array: pa.Array) -> pa.Array:
    if shape.kind == "enum":
        return pa.array(shape.symbols, pa.large_string()).take(array)
    if shape.items is not None:
        return pa.LargeListArray.from_arrays(array.offsets, _symbols(shape.items, array.values))
    if shape.kind == "record":
        columns = [_symbols(field, column) for (_, field), column in zip(shape.fields, array.flatten(), strict=True)]
        return pa.StructArray.from_arrays(columns, names=[name for name, _ in shape.fields])
    return array


def _has_enum(shape: Shape) -> bool:
    inner = [field for _, field in shape.fields] + ([shape.items] if shape.items else [])
    return shape.kind == "enum" or any(_has_enum(part) for part in inner)


@cache
def _header(shape: Shape) -> bytes:
    """Return a container header whose schema reads exactly the bytes of `shape`."""
    schema = json.dumps(_reading_schema(shape, "event")).encode()
    meta = _text(b"avro.schema") + _text(schema) + _text(b"avro.codec") + _text(b"null")
    return b"Obj\x01" + _varint(2) + meta + _varint(0) + _SYNC


def _reading_schema(shape: Shape, name: str) -> Any:  # noqa: PLR0911 - one per type
    """Return a schema of the same bytes without enums and without references to names."""
    if shape.nullable:
        return ["null", _reading_schema(_required(shape), name)]
    match shape.kind:
        case "enum":
            return "int"
        case "date":
            return {"type": "int", "logicalType": "date"}
        case "fixed":
            return {"type": "fixed", "name": name, "size": shape.size}
        case "record":
            fields = [{"name": key, "type": _reading_schema(field, f"{name}_{key}")} for key, field in shape.fields]
            return {"type": "record", "name": name, "fields": fields}
    if shape.items is not None:
        return {"type": "array", "items": _reading_schema(shape.items, f"{name}_item")}
    return shape.kind


def _required(shape: Shape) -> Shape:
    return Shape(shape.kind, size=shape.size, symbols=shape.symbols)


def _framed(count: int, data: bytes) -> bytes:
    return b"".join([_varint(count), _varint(len(data)), data, _SYNC])


def _text(value: bytes) -> bytes:
    return _varint(len(value)) + value


def _varint(number: int) -> bytes:
    """Return a non-negative number in zigzag variable-length coding."""
    rest, digits = number << 1, bytearray()
    while rest > 0x7F:  # noqa: PLR2004 - seven bits a byte
        digits.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*digits, rest])
