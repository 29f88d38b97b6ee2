"""Rows of a frame to Avro, a column at a time.

Avro has no framing inside a row: a row is its fields' bytes, one after another. So each field becomes one or more
Arrow binary columns ("pieces", empty where a row has nothing to say); joining them element by element gives each row.
Encoding follows the Avro 1.11 specification, "Binary Encoding"; the tests hold it byte-equal to fastavro.
"""

from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from services.avro.errors import EncodeError
from services.avro.shape import Shape, polars_type
from services.registry import EventType

Pieces = list[pa.LargeBinaryArray]
Mask = NDArray[np.bool_]

_VARINT_BITS = 7
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896  # 0001-01-01 and 9999-12-31 in days since 1970: what a calendar date can be
_NOTHING = pa.scalar(b"", pa.large_binary())


def encode_rows(event_type: EventType, frame: pl.DataFrame) -> pa.LargeBinaryArray:
    """Return one Avro datum per row of `frame`.

    Args:
        event_type: whose schema decides.
        frame: a column per field, enums as strings, `fixed` as binary, arrays as lists; other columns are ignored.

    Raises:
        EncodeError: a column is missing, has another type, or holds a value that the schema does not allow.
    """
    if frame.height == 0:
        return pa.array([], pa.large_binary())
    pieces: Pieces = []
    for name, field in event_type.shape.fields:
        if name not in frame.columns:
            raise EncodeError("field_missing", name)
        pieces += _pieces(field, _arrow(frame[name], field, name), name)
    return _join(pieces)


def block(rows: pa.LargeBinaryArray) -> bytes:
    """Return the rows one after another, as the data of an Avro block."""
    _, offsets, data = rows.buffers()
    if len(rows) == 0:
        return b""
    bounds = np.frombuffer(offsets, np.int64, count=len(rows) + 1, offset=8 * rows.offset)
    return bytes(memoryview(data)[int(bounds[0]) : int(bounds[-1])])


def _arrow(series: pl.Series, shape: Shape, path: str) -> pa.Array:
    """Bring a column to the shape's own type where that loses nothing, else refuse it."""
    expected = polars_type(shape)
    if series.dtype != expected:
        if not _fits(series.dtype, expected):
            raise EncodeError("wrong_type", path)
        try:
            series = series.cast(expected)
        except pl.exceptions.PolarsError:  # its text quotes values
            raise EncodeError("out_of_range", path) from None
    array = series.to_arrow()
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _fits(actual: pl.DataType, expected: pl.DataType) -> bool:
    if isinstance(actual, pl.List) and isinstance(expected, pl.List):
        return actual == expected or _fits(_instance(actual.inner), _instance(expected.inner))
    if isinstance(actual, pl.Struct) and isinstance(expected, pl.Struct):
        wanted = {field.name: field.dtype for field in expected.fields}
        names = [field.name for field in actual.fields]
        return names == list(wanted) and all(
            field.dtype == wanted[field.name] or _fits(_instance(field.dtype), _instance(wanted[field.name]))
            for field in actual.fields
        )
    same_family = actual.is_integer() and expected.is_integer()
    labels = isinstance(actual, pl.Categorical | pl.Enum) and expected == pl.String
    return same_family or labels or actual == pl.Null


def _instance(dtype: Any) -> pl.DataType:
    """Return a data type where Polars allows its class as well."""
    made: pl.DataType = dtype() if isinstance(dtype, type) else dtype
    return made


def _pieces(shape: Shape, array: pa.Array, path: str) -> Pieces:
    """Return the pieces of one field; a union's branch number comes first."""
    if not shape.nullable:
        if array.null_count:
            raise EncodeError("null_not_allowed", path)
        return _values(shape, array, None, path)
    valid = array.is_valid().to_numpy(zero_copy_only=False)
    branch = _varints(valid.astype(np.int64), None)
    return [branch, *_values(shape, array, valid, path)]


def _values(shape: Shape, array: pa.Array, valid: Mask | None, path: str) -> Pieces:  # noqa: PLR0911 - one per type
    """Return the pieces of the values themselves; empty where `valid` is false."""
    match shape.kind:
        case "boolean":
            return [_varints(-_numbers(array, pa.uint8()), valid)]  # -1 is 0x01 in zigzag, 0 is 0x00
        case "int" | "long":
            return [_varints(_numbers(array, pa.int64()), valid)]
        case "date":
            return [_varints(_days(array, path), valid)]
        case "enum":
            return [_varints(_symbol_numbers(shape, array, path), valid)]
        case "double":
            return [_doubles(array, valid, path)]
        case "fixed":
            return [_fixed(shape, array, path)]
        case "string":
            lengths = _numbers(pc.binary_length(array), pa.int64())
            return [_varints(lengths, valid), _filled(array)]
        case "array":
            return _list(shape, array, path)
        case _:
            return [
                piece
                for (name, field), column in zip(shape.fields, array.flatten(), strict=True)
                for piece in _pieces(field, column, f"{path}.{name}")
            ]


def _numbers(array: pa.Array, kind: pa.DataType) -> NDArray[np.int64]:
    """Return integers, with 0 where there is none."""
    numbers = array if array.type == kind else array.cast(kind)
    filled = pc.fill_null(numbers, 0) if numbers.null_count else numbers
    return np.asarray(filled.to_numpy(zero_copy_only=False)).astype(np.int64, copy=False)


def _days(array: pa.Array, path: str) -> NDArray[np.int64]:
    days = _numbers(array.cast(pa.int32()), pa.int64())
    if days.min() < _FIRST_DAY or days.max() > _LAST_DAY:
        raise EncodeError("date_out_of_range", path)
    return days


def _symbol_numbers(shape: Shape, array: pa.Array, path: str) -> NDArray[np.int64]:
    numbers = pc.index_in(array, value_set=pa.array(shape.symbols, array.type))
    if numbers.null_count > array.null_count:
        raise EncodeError("enum_unknown", path)
    return _numbers(numbers, pa.int64())


def _doubles(array: pa.Array, valid: Mask | None, path: str) -> pa.LargeBinaryArray:
    values = np.asarray(array.to_numpy(zero_copy_only=False), "<f8")
    present = values if valid is None else values[valid]
    # Not a number reads as "no value" in the gate's frames and would slip past every rule.
    if not np.isfinite(present).all():
        raise EncodeError("not_finite", path)
    lengths = np.full(len(values), 8) if valid is None else valid * 8
    return _binary(np.ascontiguousarray(present).view(np.uint8), lengths)


def _fixed(shape: Shape, array: pa.Array, path: str) -> pa.LargeBinaryArray:
    lengths = pc.min_max(pc.binary_length(array)).as_py()
    if lengths["min"] is not None and (lengths["min"], lengths["max"]) != (shape.size, shape.size):
        raise EncodeError("wrong_length", path)
    return _filled(array)


def _filled(array: pa.Array) -> pa.LargeBinaryArray:
    binary = array.cast(pa.large_binary())
    return pc.fill_null(binary, b"") if binary.null_count else binary


def _list(shape: Shape, array: pa.Array, path: str) -> Pieces:
    """Encode the items of all rows as one column and cut it at the rows' own bounds: one block, then the end mark."""
    bounds = np.asarray(array.offsets.to_numpy(zero_copy_only=False), np.int64)
    counts = np.diff(bounds)
    start, end = int(bounds[0]), int(bounds[-1])
    end_mark = _binary(np.zeros(len(array), np.uint8), np.ones(len(array), np.int64))
    if start == end or shape.items is None:
        return [end_mark]
    items = _join(_pieces(shape.items, array.values.slice(start, end - start), path))
    _, offsets, data = items.buffers()
    cuts = np.frombuffer(offsets, np.int64)[bounds - start]
    rows = pa.Array.from_buffers(pa.large_binary(), len(array), [None, pa.py_buffer(cuts), data])
    return [_varints(counts, counts > 0), rows, end_mark]


def _varints(values: NDArray[np.int64], valid: Mask | None) -> pa.LargeBinaryArray:
    """Return each integer in zigzag variable-length coding; empty where `valid` is false."""
    zigzag = ((values << 1) ^ (values >> 63)).view(np.uint64)
    longest = -(-max(int(zigzag.max()).bit_length(), 1) // _VARINT_BITS)
    widths = np.ones(len(zigzag), np.int64)
    for place in range(1, longest):
        widths += zigzag >= np.uint64(1 << (_VARINT_BITS * place))
    digits = np.empty((len(zigzag), longest), np.uint8)
    for place in range(longest):
        digit = ((zigzag >> np.uint64(_VARINT_BITS * place)) & np.uint64(0x7F)).astype(np.uint8)
        digits[:, place] = digit | ((widths > place + 1).astype(np.uint8) << 7)
    if valid is not None:
        widths *= valid
    if int(widths.min()) == longest:
        return _binary(digits.reshape(-1), widths)
    return _binary(digits[np.arange(longest) < widths[:, None]], widths)


def _binary(data: NDArray[np.uint8], lengths: NDArray[np.int64]) -> pa.LargeBinaryArray:
    """Cut `data` into values of these lengths."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return pa.Array.from_buffers(pa.large_binary(), len(lengths), [None, pa.py_buffer(offsets), pa.py_buffer(data)])


def _join(pieces: Pieces) -> pa.LargeBinaryArray:
    joined = pc.binary_join_element_wise(*pieces, _NOTHING)
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined
