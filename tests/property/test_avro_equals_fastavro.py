"""The columnar codec writes the bytes that fastavro writes, for any events of any type, and reads them back."""

from datetime import date
from io import BytesIO
from typing import Any

import fastavro
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.avro.decode import decode_block, decode_rows
from services.avro.encode import block, encode_rows
from services.avro.shape import Shape, polars_schema
from services.registry import EventType, load_registry

REGISTRY = load_registry()
EVENT_TYPES = list(REGISTRY.types.values())
each_event_type = pytest.mark.parametrize("event_type", EVENT_TYPES, ids=lambda kind: f"{kind.name}-v{kind.version}")
PLAIN = {
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "string": st.text(max_size=200),
    "date": st.dates(),
}


def values(shape: Shape) -> st.SearchStrategy[Any]:
    """Draw any value that the schema allows, sensible or not."""
    if shape.nullable:
        return st.none() | values(Shape(shape.kind, size=shape.size, symbols=shape.symbols))
    if shape.kind == "record":
        return st.fixed_dictionaries({name: values(field) for name, field in shape.fields})
    if shape.items is not None:
        return st.lists(values(shape.items), max_size=4)
    if shape.kind == "fixed":
        return st.binary(min_size=shape.size, max_size=shape.size)
    return st.sampled_from(shape.symbols) if shape.kind == "enum" else PLAIN[shape.kind]


def fastavro_rows(event_type: EventType, events: list[dict[str, Any]]) -> list[bytes]:
    schema, rows = fastavro.parse_schema(dict(event_type.schema)), []
    for event in events:
        buffer = BytesIO()
        fastavro.schemaless_writer(buffer, schema, event)
        rows.append(buffer.getvalue())
    return rows


@each_event_type
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_columns_give_the_bytes_of_fastavro_and_come_back(event_type: EventType, data: st.DataObject) -> None:
    events = data.draw(st.lists(values(event_type.shape), max_size=8))
    frame = pl.DataFrame(events, schema=polars_schema(event_type.shape))
    expected = fastavro_rows(event_type, events)
    rows = encode_rows(event_type, frame)
    assert rows.to_pylist() == expected
    decoded, same_rows = decode_block(event_type, block(rows), len(events))
    assert decoded.equals(frame)
    assert decoded.schema == frame.schema
    assert same_rows.equals(rows)
    assert decode_rows(event_type, expected).equals(frame)


@each_event_type
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_any_slice_of_rows_is_the_block_of_that_slice(event_type: EventType, data: st.DataObject) -> None:
    """A delivery is encoded once and cut into parcels; frames and arrays that begin in the middle are no exception."""
    events = data.draw(st.lists(values(event_type.shape), min_size=2, max_size=8))
    start = data.draw(st.integers(0, len(events) - 1))
    length = data.draw(st.integers(0, len(events)))
    frame = pl.DataFrame(events, schema=polars_schema(event_type.shape))
    expected = b"".join(fastavro_rows(event_type, events[start : start + length]))
    assert block(encode_rows(event_type, frame).slice(start, length)) == expected
    assert block(encode_rows(event_type, frame.slice(start, length))) == expected
    assert decode_rows(event_type, encode_rows(event_type, frame).slice(start, length)).equals(
        frame.slice(start, length)
    )


@settings(max_examples=200, deadline=None)
@given(day=st.dates(), number=st.integers(-(2**63), 2**63 - 1))
def test_numbers_and_days_of_any_size_have_the_length_that_the_specification_gives(day: date, number: int) -> None:
    """Zigzag and seven bits a byte, worked out here with Python's unbounded integers (Avro 1.11, Binary Encoding)."""
    event_type = REGISTRY.get("regional_share")
    positions = [name for name, _ in event_type.shape.fields]
    days = (day - date(1970, 1, 1)).days
    event: dict[str, Any] = dict.fromkeys(positions, "") | {"event_id": bytes(16), "period_kind": "month"}
    event |= {"definition_version": days, "member_count": 0, "share_key": 0, "share_units": 0, "share_events": number}
    event |= {"coverage": None}
    frame = pl.DataFrame([event], schema=polars_schema(event_type.shape))
    zigzag = [2 * n if n >= 0 else -2 * n - 1 for n in (days, number)]
    lengths = [max(1, -(-n.bit_length() // 7)) for n in zigzag]
    fixed_part = 16 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1
    assert len(block(encode_rows(event_type, frame))) == fixed_part + sum(lengths)
