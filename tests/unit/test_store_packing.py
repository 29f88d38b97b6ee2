"""Packed rows are the same rows: nothing is lost, counted otherwise or found for another event."""

import datetime as dt
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from services.store.packing import Packed

SCHEMA = {
    "parcel_id": pl.Binary,
    "row": pl.Int32,
    "attempt": pl.Int32,
    "sender": pl.String,
    "stream": pl.UInt64,
    "delivery_id": pl.Binary,
    "event_type": pl.String,
    "version": pl.Int32,
    "event_id": pl.Binary,
    "period": pl.String,
    "verdict": pl.String,
    "rule": pl.String,
    "received_on": pl.Date,
    "decided_in": pl.Int64,
}
PARCELS = st.sampled_from([bytes([number]) * 16 for number in range(4)])
IDS = st.sampled_from([bytes(8) + bytes([number]) * 8 for number in range(3)] + [b"\xff" * 16, b"\x80" + bytes(15)])


def row() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "parcel_id": PARCELS,
            "row": st.integers(0, 2),
            "attempt": st.integers(0, 3),
            "event_id": IDS,
            "period": st.none() | st.sampled_from(["2025-11", "2025-12"]),
            "verdict": st.sampled_from(["accepted", "held", "quarantined"]),
            "rule": st.none() | st.sampled_from(["amount_in_range", "district_code"]),
            "decided_in": st.integers(1, 9),
        }
    ).map(_of_its_parcel)


def _of_its_parcel(found: dict[str, Any]) -> dict[str, Any]:
    """What all rows of a parcel have in common follows from the parcel."""
    number = found["parcel_id"][0]
    return found | {
        "sender": f"es-{number % 2}",
        "stream": 2**63 + number,
        "delivery_id": bytes([number // 2]) * 16,
        "event_type": "payment_arrears",
        "version": 1 + number // 3,
        "received_on": dt.date(2025, 12, 1 + number),
    }


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA)


def packed(*parts: list[dict[str, Any]]) -> Packed:
    found = Packed.nothing()
    for rows in parts:
        found = found.and_rows(frame(rows))
    return found


rows_ = st.lists(row(), max_size=12)


@given(rows_, rows_)
def test_packed_rows_come_out_as_they_went_in(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> None:
    assert_frame_equal(packed(first, second).unpacked().select(*SCHEMA), frame(first + second))


@given(rows_)
def test_of_each_event_the_highest_attempt_is_the_latest(rows: list[dict[str, Any]]) -> None:
    expected = {}
    for item in sorted(rows, key=lambda item: item["attempt"]):
        expected[item["parcel_id"], item["row"]] = item
    found = packed(rows).latest().unpacked()
    assert {(item["parcel_id"], item["row"]): item for item in found.to_dicts()} == expected
    assert found.height == len(expected)


@given(rows_)
def test_counts_are_those_of_the_rows(rows: list[dict[str, Any]]) -> None:
    keys = ["parcel_id", "sender", "delivery_id", "verdict", "rule"]
    expected: dict[tuple[Any, ...], int] = {}
    for item in rows:
        key = tuple(item[name] for name in keys)
        expected[key] = expected.get(key, 0) + 1
    found = packed(rows).counts().select(*keys, "events").rows()
    assert {tuple(key): events for *key, events in found} == expected
    assert len(found) == len(expected)


@given(rows_, rows_)
def test_what_is_asked_for_is_found_and_what_is_left_out_is_not(
    rows: list[dict[str, Any]], asked: list[dict[str, Any]]
) -> None:
    ids = {item["event_id"] for item in asked}
    near = packed(rows).with_ids(frame(asked)).unpacked()
    assert near.filter(pl.col("event_id").is_in(list(ids))).height == sum(item["event_id"] in ids for item in rows)
    places = {(item["parcel_id"], item["row"]) for item in asked}
    left = packed(rows).without(frame(asked).select("parcel_id", "row")).unpacked()
    assert left.height == sum((item["parcel_id"], item["row"]) not in places for item in rows)
    deliveries = {(item["sender"], item["delivery_id"]) for item in asked}
    of = packed(rows).of_parcels(frame(asked).select("sender", "delivery_id"), ["sender", "delivery_id"]).unpacked()
    assert of.height == sum((item["sender"], item["delivery_id"]) in deliveries for item in rows)
