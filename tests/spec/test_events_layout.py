"""One layout for every event type: schema, contract, examples, and a connector where a source makes it."""

import json
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import jsonschema
import open_data_contract_standard
import pytest
import yaml

from services.registry import EventType, load_registry

ROOT = Path(__file__).resolve().parents[2]
REGISTRY = load_registry()
EVENT_TYPES = list(REGISTRY.types.values())
PRIVACY_CLASSES = {"pseudonym", "quasi", "measure", "public", "text"}
each_event_type = pytest.mark.parametrize("event_type", EVENT_TYPES, ids=lambda kind: f"{kind.name}-v{kind.version}")


def folders(kind: str) -> set[str]:
    return {path.name for path in (ROOT / kind).iterdir() if path.is_dir() and not path.name.startswith("_")}


def fields(record: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Walk all fields of a record, those of records inside arrays included."""
    for field in record["fields"]:
        yield f"{path}{field['name']}", field
        inner = field["type"]["items"] if isinstance(field["type"], dict) and "items" in field["type"] else None
        if isinstance(inner, dict) and inner["type"] == "record":
            yield from fields(inner, f"{path}{field['name']}.")


def enums(schema: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(schema, dict):
        if schema.get("type") == "enum":
            yield schema
        for value in schema.values():
            yield from enums(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from enums(value)


def test_the_event_types_are_those_of_the_design() -> None:
    assert set(REGISTRY.names()) == {
        "payment_arrears",
        "supply_stop_notice",
        "eviction_notice",
        "early_warning_case",
        "debt_counselling_case",
        "population_reference",
        "correction",
        "withdrawal",
        "pseudonym_rollover",
        "household_context",
        "indicator_observation",
        "delivery_statement",
        "receipt",
        "regional_share",
        "assistance_spell",
        "support_provision",
        "approach_reach",
        "story",
        "story_consent",
        "story_response",
        "story_quote",
        "story_pattern",
    }


def test_every_schema_has_a_contract_and_every_contract_a_schema() -> None:
    assert folders("schemas") == folders("contracts") == set(REGISTRY.names())


@each_event_type
def test_every_field_has_a_doc_and_a_privacy_class(event_type: EventType) -> None:
    lacking = [
        name
        for name, field in fields(event_type.schema)
        if len(field.get("doc", "")) < 10 or field.get("privacy") not in PRIVACY_CLASSES
    ]
    assert lacking == []
    assert event_type.schema["namespace"] == "nl.spiegelnet"
    assert event_type.schema["name"] == event_type.name.title().replace("_", "")


@each_event_type
def test_what_identifies_an_address_is_classed_as_a_pseudonym(event_type: EventType) -> None:
    classes = {name: field["privacy"] for name, field in fields(event_type.schema)}
    if event_type.contract.unit_kind == "record":
        assert {name for name, kind in classes.items() if kind == "pseudonym"} <= {"event_id"}
        assert "address" not in classes
    elif event_type.name == "story":
        assert {name for name, kind in classes.items() if kind == "pseudonym"} == {"event_id", "teller"}
        assert {"address", "district"} & classes.keys() == set(), "no area below the municipality"
    elif event_type.name == "pseudonym_rollover":
        assert {classes[name] for name in ("event_id", "old_address", "new_address")} == {"pseudonym"}
    else:
        assert {classes[name] for name in ("event_id", "address")} == {"pseudonym"}
        assert {classes[name] for name in ("municipality", "district")} == {"quasi"}


@each_event_type
def test_words_of_a_person_go_to_no_hub_stand_apart_and_are_looked_through(event_type: EventType) -> None:
    """A field of class `text` is sealed at receipt as a whole, so it is a string of its own, not a part of another."""
    texts = [name for name, field in fields(event_type.schema) if field["privacy"] == "text"]
    if not texts:
        return
    shapes = dict(event_type.shape.fields)
    assert {shapes[name].kind for name in texts if name in shapes} == {"string"}
    assert [name for name in texts if name not in shapes] == []
    assert event_type.contract.receiver not in ("hub", "area")
    assert "hub" not in event_type.contract.sender
    rules = {rule.id: rule for rule in event_type.contract.row_rules}
    assert rules["no_direct_identifier"].severity == "fail"
    condition = rules["no_direct_identifier"].kwargs["row_condition"]["pass_through_filter"]
    assert condition == 'identifiers != "none"'


@each_event_type
def test_every_event_type_has_a_pass_and_a_fail_example_named_after_its_reason(event_type: EventType) -> None:
    names = [path.name for path in (ROOT / "schemas" / event_type.name / "examples").iterdir()]
    versions = "|".join(str(number) for number in REGISTRY.versions(event_type.name))
    assert [name for name in names if not re.match(rf"v({versions})\.", name)] == []
    names = [name for name in names if name.startswith(f"v{event_type.version}.")]
    rules = {rule.id for rule in event_type.contract.row_rules if rule.severity == "fail"}
    parts = [re.fullmatch(r"v[0-9]+\.([a-z0-9_]+)\.(pass|fail)\.json", name) for name in names]
    assert all(parts), names
    passing = [part[1] for part in parts if part and part[2] == "pass"]
    failing = [part[1] for part in parts if part and part[2] == "fail"]
    assert passing
    assert any(reason.startswith("schema_") for reason in failing)
    assert any(reason in rules for reason in failing)
    assert [reason for reason in failing if not reason.startswith("schema_") and reason not in rules] == []


@each_event_type
def test_a_type_that_sources_make_has_a_connector(event_type: EventType) -> None:
    connectors = getattr(import_module("connectors"), "CONNECTORS", ())
    made = {name for connector in connectors for name in connector.event_types}
    assert (event_type.contract.origin == "source") == (event_type.name in made)


@each_event_type
def test_a_contract_is_odcs_and_never_repeats_a_type_of_the_schema(event_type: EventType) -> None:
    path = ROOT / "contracts" / event_type.name / f"v{event_type.version}.odcs.yaml"
    text = path.read_text(encoding="utf-8")
    contract = yaml.safe_load(text)
    standard = json.loads((Path(open_data_contract_standard.__file__).parent / "schema.json").read_text("utf-8"))
    found = jsonschema.validators.validator_for(standard)(standard).iter_errors(contract)
    # The package's copy of the standard asks every property without a logicalType for a map; 3.1.0 has no maps at all.
    assert [error.message for error in found if error.message != "'map' is a required property"] == []
    assert contract["apiVersion"] == "v3.1.0"
    assert re.search(r"logicalType|physicalType", text) is None
    names = {name for name, _ in event_type.shape.fields}
    assert {prop["name"] for prop in contract["schema"][0].get("properties", [])} <= names


@each_event_type
def test_a_contract_says_why_how_long_and_whose(event_type: EventType) -> None:
    contract = event_type.contract
    assert min(len(contract.purpose), len(contract.legal_ground), len(contract.owner)) > 10
    assert 30 <= contract.retention_days <= 3650
    assert contract.origin == "source" or contract.sender != ("open_data",)
    assert contract.period_field in {None, *(name for name, _ in event_type.shape.fields)}
    assert len(contract.row_rules) <= 15, "each rule costs the gate time on every row"
    holds = {"max_share_quarantined", "max_share_duplicate", "max_events"}
    if event_type.name == "correction":
        holds = set()  # rows that take the place of what a held one names would come as duplicates of that
    assert {rule.expectation for rule in contract.batch_rules} == holds


def test_what_is_about_a_story_is_kept_as_long_as_the_story() -> None:
    """A change of consent that is forgotten before its story would give back what the teller took away."""
    kept = {item.name: item.contract.retention_days for item in EVENT_TYPES if item.name.startswith("story")}
    assert kept["story"] == kept["story_consent"] == kept["story_response"] <= 1095


def test_pairs_of_pseudonyms_are_kept_as_long_as_any_event_at_an_address() -> None:
    """All of these came before the pairs about them."""
    kept = {item.name: item.contract.retention_days for item in EVENT_TYPES if item.contract.unit_kind == "household"}
    assert kept["pseudonym_rollover"] == max(kept.values())
    assert len(kept) > 5


@each_event_type
def test_a_rule_looks_only_at_fields_of_its_event_and_at_what_the_gate_adds(event_type: EventType) -> None:
    known = {name for name, _ in event_type.shape.fields} | {
        *("received_on", "received_by", "sender", "sender_kind", "named_event", "named_pair"),
        *("identifiers", "answers_in_form"),
    }
    for rule in event_type.contract.row_rules:
        columns = {value for key, value in rule.kwargs.items() if key in ("column", "column_A", "column_B")}
        condition = rule.kwargs.get("row_condition", {}).get("pass_through_filter", "")
        words = set(re.findall(r"\b[a-z]+_[a-z_]+\b", re.sub(r'"[^"]*"', "", condition)))
        assert columns | words <= known, rule.id


@each_event_type
def test_the_code_lists_in_the_docs_are_those_of_the_schemas(event_type: EventType) -> None:
    tables = documented_code_lists()
    for enum in enums(event_type.schema):
        assert [english for _, english in tables[enum["name"]]] == enum["symbols"]


@pytest.mark.shared
@pytest.mark.parametrize(
    ("message", "lists"),
    [
        (
            "ddas_vroegsignalering_v0.9",
            {
                "PartnerType": "EnumSignaalpartner",
                "SignalStatus": "EnumSignaalstatus",
                "ContactKind": "EnumContactsoort",
                "PartOfDay": "EnumDagdeel",
                "CaseResult": "EnumEindresultaat",
            },
        ),
        (
            "ddas_schuldhulpverlening_v1.0",
            {
                "DebtCounsellingDecision": "EnumBeschikkingssoort",
                "DebtSolution": "EnumOplossingssoort",
                "DebtCounsellingEnd": "EnumUitstroomreden",
            },
        ),
    ],
)
def test_the_dutch_codes_in_the_docs_are_those_of_the_national_message(message: str, lists: dict[str, str]) -> None:
    path = ROOT.parent / "shared" / "data" / "vng" / f"{message}.schema.json"
    if not path.exists():
        pytest.skip("the national message's schema is not shipped")
    national = json.loads(path.read_text(encoding="utf-8"))["$defs"]
    for ours, theirs in lists.items():
        assert {dutch for dutch, _ in documented_code_lists()[ours]} == set(national[theirs]["enum"])


def documented_code_lists() -> dict[str, list[tuple[str, str]]]:
    """Read docs/code-lists.md: under each heading with a code list's name a table of Dutch and English codes."""
    text = (ROOT / "docs" / "code-lists.md").read_text(encoding="utf-8")
    sections = re.split(r"^## .*\(`(\w+)`\)$", text, flags=re.MULTILINE)
    row = re.compile(r"^\| (.+?) \| `(\w+)` \|", flags=re.MULTILINE)
    return {name: row.findall(body) for name, body in zip(sections[1::2], sections[2::2], strict=True)}
