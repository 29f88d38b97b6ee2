"""Every example passes or fails as its file name says, by the schema or by the contract's rules on Great Expectations.

An example file holds `event`, and of the delivery around it `sender_kind`, `received_on` and `received_by`; where it
names another event, `named_event` says what is known of that, and of a pair of pseudonyms `named_pair`; where it holds
words, `identifiers` says which direct identifier is in them, and `answers_in_form` whether answers are such. A
municipality that sends is gm0518. In `event` a fixed value (pseudonym, event id) is written as hex, a date as ISO text;
all else is as in JSON.
"""

import json
from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fastavro.validation import validate

from services.avro.decode import decode_block
from services.avro.encode import block, encode_rows
from services.avro.shape import Shape, polars_schema
from services.registry import EventType, load_registry

ROOT = Path(__file__).resolve().parents[2]
REGISTRY = load_registry()
EVENT_TYPES = list(REGISTRY.types.values())
each_event_type = pytest.mark.parametrize("event_type", EVENT_TYPES, ids=lambda kind: f"{kind.name}-v{kind.version}")


def examples(event_type: EventType) -> dict[str, dict[str, Any]]:
    folder = ROOT / "schemas" / event_type.name / "examples"
    paths = sorted(folder.glob(f"v{event_type.version}.*.json"))
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def from_json(shape: Shape, value: Any) -> Any:
    if value is None:
        return None
    if shape.kind == "record":
        return {name: from_json(field, value.get(name)) for name, field in shape.fields}
    if shape.items is not None:
        return [from_json(shape.items, item) for item in value]
    if shape.kind == "fixed":
        return bytes.fromhex(value)
    return date.fromisoformat(value) if shape.kind == "date" else value


def is_valid(event_type: EventType, event: dict[str, Any]) -> bool:
    return bool(validate(event, dict(event_type.schema), raise_errors=False, strict=False))


@each_event_type
def test_the_schema_takes_all_examples_but_those_that_it_is_to_refuse(event_type: EventType) -> None:
    for name, example in examples(event_type).items():
        valid = is_valid(event_type, from_json(event_type.shape, example["event"]))
        assert valid != (name.split(".")[1].startswith("schema_")), name


@each_event_type
def test_passing_examples_survive_a_journey_as_avro(event_type: EventType) -> None:
    events = [from_json(event_type.shape, e["event"]) for name, e in examples(event_type).items() if ".pass." in name]
    frame = pl.DataFrame(events, schema=polars_schema(event_type.shape))
    decoded, _ = decode_block(event_type, block(encode_rows(event_type, frame)), len(events))
    assert decoded.to_dicts() == events


@each_event_type
def test_the_rules_stop_exactly_the_examples_that_are_named_after_them(
    event_type: EventType, great_expectations: Any
) -> None:
    """All examples of a type go through one suite, as in the gate: rows by key, COMPLETE results, no exceptions."""
    context = ("sender_kind", "received_on", "received_by", "named_event", "named_pair", "identifiers")
    known = {name: e for name, e in examples(event_type).items() if ".schema_" not in name}
    rows = [{**from_json(event_type.shape, e["event"]), **{key: e.get(key) for key in context}} for e in known.values()]
    in_form = [example.get("answers_in_form") for example in known.values()]
    rows = [{**row, "sender": "gm0518"} for row in rows]
    kinds = dict.fromkeys((*context, "sender"), pl.String)
    frame = pl.DataFrame(rows, schema={**polars_schema(event_type.shape), **kinds})
    answers = pl.Series("answers_in_form", in_form, dtype=pl.Boolean)
    frame = frame.with_columns(pl.col("received_on").str.to_date(), answers).with_row_index("_row")
    stopped = defaultdict(set)
    for rule, unexpected in great_expectations(event_type, frame.to_pandas()):
        for row in unexpected:
            stopped[list(known)[row]].add(rule)
    expected = {name: {name.split(".")[1]} for name in known if name.endswith(".fail.json")}
    assert dict(stopped) == expected


@pytest.fixture(scope="module")
def great_expectations() -> Any:
    """Return a function that yields (rule id, rows it found unexpected) for every row rule of a contract."""
    import great_expectations as gx  # noqa: PLC0415 - takes seconds to import; only these tests need it
    from great_expectations import expectations as gxe  # noqa: PLC0415
    from great_expectations.data_context.types.base import ProgressBarsConfig  # noqa: PLC0415

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    batches = context.data_sources.add_pandas("examples").add_dataframe_asset("rows")
    definition = batches.add_batch_definition_whole_dataframe("all")

    def run(event_type: EventType, frame: Any) -> Any:
        suite = gx.ExpectationSuite(name=event_type.name)
        for rule in event_type.contract.row_rules:
            kind = "".join(word.capitalize() for word in rule.expectation.split("_"))
            suite.add_expectation(getattr(gxe, kind)(**rule.kwargs, meta={"id": rule.id}))
        batch = definition.get_batch(batch_parameters={"dataframe": frame})
        result_format = {"result_format": "COMPLETE", "unexpected_index_column_names": ["_row"]}
        for result in batch.validate(suite, result_format=result_format).results:
            asked: Any = result.expectation_config
            assert result.result, (asked.meta, result.exception_info)
            found = result.result.get("unexpected_index_list") or []
            yield asked.meta["id"], [int(row["_row"]) for row in found]

    return run
