"""Bytes from outside are read exactly or refused with a reason; they never end, stall or fill the process."""

import resource
import time
from io import BytesIO
from typing import Any

import fastavro
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.avro.decode import MAX_BLOCK_BYTES, decode_block, decode_blocks
from services.avro.encode import block, encode_rows
from services.avro.errors import DecodeError
from services.avro.shape import Shape, min_bytes, polars_schema
from services.registry import EventType, load_registry

REGISTRY = load_registry()
EVENT_TYPES = list(REGISTRY.types.values())
each_event_type = pytest.mark.parametrize("event_type", EVENT_TYPES, ids=lambda kind: f"{kind.name}-v{kind.version}")
REASONS = {
    "block_too_long",
    "count_impossible",
    "malformed",
    "enum_unknown",
    "not_finite",
    "date_out_of_range",
    "not_canonical",
}


def sample(shape: Shape, number: int) -> Any:
    """Return one ordinary value; `number` varies it."""
    if shape.nullable and number % 3 == 0:
        return None
    if shape.kind == "record":
        return {name: sample(field, number + place) for place, (name, field) in enumerate(shape.fields)}
    if shape.items is not None:
        return [sample(shape.items, number + place) for place in range(number % 4)]
    made = {
        "fixed": bytes([number % 256]) * shape.size,
        "enum": shape.symbols[number % len(shape.symbols)] if shape.symbols else None,
        "string": f"text {number}",
        "boolean": number % 2 == 0,
        "double": number / 8,
    }
    return made.get(shape.kind, number * 37)


def good_block(event_type: EventType, count: int) -> bytes:
    events = [sample(event_type.shape, number) for number in range(count)]
    return block(encode_rows(event_type, pl.DataFrame(events, schema=polars_schema(event_type.shape))))


def written_by_fastavro(event_type: EventType, frame: pl.DataFrame) -> bytes:
    schema, buffer = fastavro.parse_schema(dict(event_type.schema)), BytesIO()
    for event in frame.to_dicts():
        fastavro.schemaless_writer(buffer, schema, event)
    return buffer.getvalue()


def refused(event_type: EventType, data: bytes, count: int) -> str:
    with pytest.raises(DecodeError) as caught:
        decode_block(event_type, data, count)
    assert caught.value.reason in REASONS
    return caught.value.reason


def varint(number: int) -> bytes:
    rest, digits = number << 1 if number >= 0 else (-number << 1) - 1, []
    while rest > 127:
        digits.append(rest & 127 | 128)
        rest >>= 7
    return bytes([*digits, rest])


@each_event_type
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_changed_block_is_refused_or_says_exactly_what_it_says(event_type: EventType, data: st.DataObject) -> None:
    """Whatever is accepted, fastavro writes back as the same bytes: no second spelling of an event gets through."""
    changed = bytearray(good_block(event_type, 5))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(changed) - 1))
        piece = data.draw(st.binary(max_size=3) | st.sampled_from([b"\xff" * 9 + b"\x01", b"\x80\x00", b"\x01\x02"]))
        changed[place : place + data.draw(st.integers(0, 3))] = piece
    try:
        frame, rows = decode_block(event_type, bytes(changed), 5)
    except DecodeError:
        return
    assert written_by_fastavro(event_type, frame) == block(rows) == bytes(changed)


@each_event_type
def test_every_shortened_or_lengthened_block_is_refused(event_type: EventType) -> None:
    data = good_block(event_type, 2)
    for end in range(0, len(data), 7):
        refused(event_type, data[:end], 2)
    for tail in (b"\x00", b"\x80", data):
        assert refused(event_type, data + tail, 2) == "not_canonical"


@each_event_type
@pytest.mark.parametrize("count", [-1, 1, 2, 4, 10**8, 2**63])
def test_a_wrong_count_is_refused(event_type: EventType, count: int) -> None:
    refused(event_type, good_block(event_type, 3), count)


@each_event_type
def test_blocks_decoded_together_say_what_each_says_alone(event_type: EventType) -> None:
    blocks = [(count, good_block(event_type, count)) for count in (3, 0, 1, 5)]
    frame, rows = decode_blocks(event_type, blocks)
    alone = [decode_block(event_type, data, count) for count, data in blocks]
    assert frame.equals(pl.concat([frame for frame, _ in alone]))
    assert rows.to_pylist() == [row for _, rows in alone for row in rows.to_pylist()]


@each_event_type
def test_what_one_block_lacks_another_does_not_bring(event_type: EventType) -> None:
    """Together they are the bytes of five events, but not cut where the sender of each says."""
    data = good_block(event_type, 5)
    cut = len(good_block(event_type, 2))
    assert decode_blocks(event_type, [(2, data[:cut]), (3, data[cut:])])[0].height == 5
    for first, place in ((2, cut - 1), (2, cut + 1), (3, cut), (1, cut), (0, cut), (5, len(data) - 1)):
        with pytest.raises(DecodeError):
            decode_blocks(event_type, [(first, data[:place]), (5 - first, data[place:])])


@each_event_type
def test_an_empty_block_is_no_events_and_nothing_else(event_type: EventType) -> None:
    frame, rows = decode_block(event_type, b"", 0)
    assert (frame.height, len(rows)) == (0, 0)
    assert frame.schema == polars_schema(event_type.shape)
    refused(event_type, b"\x00", 0)
    refused(event_type, b"", 1)


def test_a_block_beyond_the_largest_parcel_is_refused_unread() -> None:
    event_type = REGISTRY.get("receipt")
    assert refused(event_type, bytes(MAX_BLOCK_BYTES + 1), 1) == "block_too_long"


@pytest.mark.parametrize("declared", [10**8, 2**40, 2**62, -(10**8), -(2**63)])
@pytest.mark.parametrize("name", ["early_warning_case", "delivery_statement", "receipt"])
def test_a_declared_count_of_items_costs_neither_time_nor_memory(name: str, declared: int) -> None:
    """A row with an empty array holds its count byte; in its place comes a count of items that do not follow."""
    event_type = REGISTRY.get(name)
    event = sample(event_type.shape, 1)
    array = next(field for field, shape in event_type.shape.fields if shape.items is not None)
    schema = polars_schema(event_type.shape)
    empty, filled = (
        block(encode_rows(event_type, pl.DataFrame([changed], schema=schema)))
        for changed in (event | {array: []}, event)
    )
    place = next(i for i, (left, right) in enumerate(zip(empty, filled, strict=False)) if left != right)
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    refused(event_type, empty[:place] + varint(declared) + bytes(2000), 1)
    assert time.perf_counter() - started < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024  # kilobytes


def test_a_full_block_of_smallest_items_stays_within_bounded_memory() -> None:
    """The worst honest case: 1 MiB of four-byte items, a quarter of a million of them, in one event."""
    event_type = REGISTRY.get("early_warning_case")
    shape = dict(event_type.shape.fields)["contact_attempts"]
    assert shape.items is not None
    items = (MAX_BLOCK_BYTES - 400) // min_bytes(shape.items)
    attempts = [{"kind": "other", "reached": None, "attempted_on": None, "part_of_day": None}] * items
    event = sample(event_type.shape, 1) | {"contact_attempts": attempts}
    data = block(encode_rows(event_type, pl.DataFrame([event], schema=polars_schema(event_type.shape))))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    frame, _ = decode_block(event_type, data, 1)
    assert frame["contact_attempts"].list.len().to_list() == [items]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 256 * 1024


@pytest.mark.parametrize(
    ("good", "bad", "reason"),
    [
        (b"\x00", b"\x80\x00", "not_canonical"),  # zero in two bytes
        (b"\x00", b"\x01", "enum_unknown"),  # enum number -1
        (b"\x00", b"\x0a", "enum_unknown"),  # enum number 5 of 3
    ],
)
def test_second_spellings_and_unknown_symbols_are_told_apart(good: bytes, bad: bytes, reason: str) -> None:
    """The byte after `period` in a regional share is the enum number of its kind of period, 0 for a month."""
    event_type = REGISTRY.get("regional_share")
    event = sample(event_type.shape, 0) | {"period": "2025-12", "period_kind": "month"}
    data = block(encode_rows(event_type, pl.DataFrame([event], schema=polars_schema(event_type.shape))))
    place = data.index(b"2025-12") + 7
    assert data[place : place + 1] == good
    assert refused(event_type, data[:place] + bad + data[place + 1 :], 1) == reason


def test_a_number_that_is_none_is_refused() -> None:
    """It reads as "no value" in the gate's frames and would slip past every rule about values."""
    event_type = REGISTRY.get("population_reference")
    event = sample(event_type.shape, 1) | {"value": 1.5, "source": "s"}
    data = block(encode_rows(event_type, pl.DataFrame([event], schema=polars_schema(event_type.shape))))
    place = data.rindex(b"\x00\x00\x00\x00\x00\x00\xf8\x3f")  # 1.5 in IEEE 754, little end first
    for bits in (b"\x00\x00\x00\x00\x00\x00\xf8\x7f", b"\x00\x00\x00\x00\x00\x00\xf0\x7f"):  # not a number, infinity
        assert refused(event_type, data[:place] + bits + data[place + 8 :], 1) == "not_finite"
