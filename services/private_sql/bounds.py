"""How much one answer may hold: it is to be read, and nobody takes a copy of the events away by way of it."""

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from services.errors import Rejected

MOST_ROWS: Final = 10_000
MOST_BYTES: Final = 2_000_000
MOST_CHARACTERS: Final = 1_000
"""Of one cell."""


def require_readable(answer: pa.Table) -> None:
    """Refuse an answer that has in its cells what its rows may not have: lists, and texts put together.

    Args:
        answer: any columns.

    Raises:
        Rejected: lists hold more than `MOST_ROWS` values in all, or a text has more than `MOST_CHARACTERS`.
    """
    for name, column in zip(answer.column_names, answer.columns, strict=True):
        if sum(_values(part) for part in column.chunks) > MOST_ROWS:
            raise _refused(name, f"more than {MOST_ROWS:,} values in its lists")
        if any(_longest(part) > MOST_CHARACTERS for part in column.chunks):
            raise _refused(name, f"a text of more than {MOST_CHARACTERS:,} characters")


def _values(array: pa.Array) -> int:
    parts = _inside(array)
    return max(map(_values, parts), default=0) if parts else len(array)


def _longest(array: pa.Array) -> int:
    parts = _inside(array)
    if parts:
        return max(map(_longest, parts))
    kind = array.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind)):
        return 0
    return pc.max(pc.binary_length(array)).as_py() or 0


def _inside(array: pa.Array) -> list[pa.Array]:
    """What the cells of a column hold, for each of the columns that they have; none for plain values."""
    kind = array.type
    if pa.types.is_map(kind):
        return [array.keys, array.items]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return [array.flatten()]
    return list(array.flatten()) if pa.types.is_struct(kind) else []


def _refused(column: str, has: str) -> Rejected:
    return Rejected(
        f"Column {column} of the answer has {has}.",
        "An answer about private events is to be read, not a copy of them.",
        "Count, group, or filter.",
    )
