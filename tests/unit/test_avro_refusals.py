"""A frame that does not fit its event type is refused with field and reason, and without any value."""

import pickle
from datetime import date
from typing import Any

import polars as pl
import pytest

from services.avro.decode import decode_rows
from services.avro.encode import block, encode_rows
from services.avro.errors import DecodeError, EncodeError
from services.avro.shape import Shape, UnsupportedSchemaError, polars_schema, shape_of
from services.registry import load_registry

ARREARS = load_registry().get("payment_arrears")
CASE = load_registry().get("early_warning_case")
SIGNAL: dict[str, Any] = {
    "event_id": b"e" * 16,
    "address": b"a" * 32,
    "municipality": "gm0518",
    "district": "wk051801",
    "partner_type": "energy",
    "amount_eur": 312,
    "arisen_on": date(2025, 10, 1),
    "signalled_on": date(2025, 12, 3),
    "crisis": None,
    "warm_handover": False,
    "reported_by": "partner",
    "signal_status": None,
}


def signals(**changes: Any) -> pl.DataFrame:
    """Two rows, of which the second has the changes."""
    return pl.DataFrame([SIGNAL, SIGNAL | changes], schema=polars_schema(ARREARS.shape))


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"amount_eur": None}, "amount_eur", "null_not_allowed"),
        ({"address": b"1234AB 10"}, "address", "wrong_length"),
        ({"partner_type": "Energie"}, "partner_type", "enum_unknown"),
        ({"signal_status": "J. Jansen"}, "signal_status", "enum_unknown"),
    ],
)
def test_a_value_that_the_schema_does_not_allow_is_refused_by_field_and_reason(
    changes: dict[str, Any], field: str, reason: str
) -> None:
    with pytest.raises(EncodeError) as caught:
        encode_rows(ARREARS, signals(**changes))
    assert (caught.value.field, caught.value.reason) == (field, reason)
    assert str(next(iter(changes.values()))) not in f"{caught.value} {caught.value.__cause__}" or changes[field] is None


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (pl.Series("amount_eur", [312.0, 312.5]), "wrong_type"),
        (pl.Series("amount_eur", ["312", "313"]), "wrong_type"),
        (pl.Series("amount_eur", [312, 2**40]), "out_of_range"),
        (pl.Series("arisen_on", [20000, 20001]), "wrong_type"),
        (pl.Series("arisen_on", [0, 2**31 - 1], dtype=pl.Int32).cast(pl.Date), "date_out_of_range"),
        (pl.Series("event_id", ["e" * 16, "e" * 16]), "wrong_type"),
    ],
)
def test_a_column_of_another_type_is_refused_rather_than_converted(column: pl.Series, reason: str) -> None:
    with pytest.raises(EncodeError) as caught:
        encode_rows(ARREARS, signals().with_columns(column))
    assert (caught.value.field, caught.value.reason) == (column.name, reason)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_missing_column_is_named_and_a_further_one_ignored() -> None:
    with pytest.raises(EncodeError, match=r"district .*field_missing"):
        encode_rows(ARREARS, signals().drop("district"))
    assert encode_rows(ARREARS, signals().with_row_index("_row")).equals(encode_rows(ARREARS, signals()))


def test_narrower_numbers_and_labels_and_empty_columns_lose_nothing_and_are_taken() -> None:
    same = signals().with_columns(
        pl.col("amount_eur").cast(pl.UInt16),
        pl.col("partner_type").cast(pl.Categorical),
        pl.Series("crisis", [None, None]),
    )
    assert encode_rows(ARREARS, same).equals(encode_rows(ARREARS, signals()))


def test_a_field_inside_an_array_is_named_by_its_path() -> None:
    attempt = {"kind": "carrier_pigeon", "reached": None, "attempted_on": None, "part_of_day": None}
    case: dict[str, Any] = {
        "event_id": b"e" * 16,
        "address": b"a" * 32,
        "municipality": "gm0518",
        "district": "wk051801",
    }
    case |= {"signals": [], "contact_attempts": [attempt], "reached": False, "opened_on": date(2025, 12, 1)}
    with pytest.raises(EncodeError) as caught:
        encode_rows(CASE, pl.DataFrame([case], schema=polars_schema(CASE.shape)))
    assert caught.value.field == "contact_attempts.kind"


def test_a_number_that_is_none_is_not_sent() -> None:
    event_type = load_registry().get("population_reference")
    row: dict[str, Any] = {"event_id": bytes(16), "area": "gm0518", "area_kind": "municipality", "area_vintage": 2020}
    row |= {"reference_date": date(2020, 1, 1), "trait": "households", "value": float("nan"), "source": "CBS"}
    with pytest.raises(EncodeError, match="not_finite"):
        encode_rows(event_type, pl.DataFrame([row], schema=polars_schema(event_type.shape)))


def test_no_rows_are_no_bytes() -> None:
    assert block(encode_rows(ARREARS, signals().clear())) == b""
    assert decode_rows(ARREARS, []).equals(signals().clear())


def test_rows_of_a_damaged_store_are_refused() -> None:
    good = encode_rows(ARREARS, signals()).to_pylist()
    for damaged in ([good[0][:-3]], [None], [good[0], b""]):
        with pytest.raises(DecodeError, match="malformed"):
            decode_rows(ARREARS, damaged)


def test_errors_keep_their_reason_across_processes() -> None:
    encode, decode = EncodeError("enum_unknown", "partner_type"), DecodeError("malformed", "receipt")
    again = pickle.loads(pickle.dumps([encode, decode]))  # noqa: S301 - our own bytes
    assert [str(error) for error in again] == [str(encode), str(decode)]
    assert (again[0].field, again[1].reason) == ("partner_type", "malformed")


@pytest.mark.parametrize(
    "field_type",
    [
        "bytes",
        ["int", "null"],
        ["null", "int", "string"],
        ["null", {"type": "array", "items": "int"}],
        {"type": "map", "values": "int"},
        {"type": "array", "items": ["null", "int"]},
        {"type": "array", "items": {"type": "record", "name": "Nothing", "fields": []}},
        {"type": "long", "logicalType": "timestamp-millis"},
        "NeverDefined",
    ],
)
def test_a_schema_that_the_codec_does_not_know_is_refused_when_it_is_read(field_type: Any) -> None:
    """Items of no bytes above all: five bytes could declare any number of them."""
    with pytest.raises(UnsupportedSchemaError):
        shape_of({"type": "record", "name": "R", "fields": [{"name": "f", "type": field_type}]})


def test_a_name_defined_once_can_be_used_again() -> None:
    fixed = {"type": "fixed", "name": "EventId", "size": 16}
    fields = [{"name": "one", "type": fixed}, {"name": "more", "type": {"type": "array", "items": "EventId"}}]
    shape = shape_of({"type": "record", "name": "R", "fields": fields})
    assert shape.fields == (("one", Shape("fixed", size=16)), ("more", Shape("array", items=Shape("fixed", size=16))))
