"""A published schema stays as it is, others hold events and parcels made with it; a new version stands beside it.

What a version may change is what lets receivers take both, and events of both stand in one table.
"""

import json
from copy import deepcopy
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from services.avro.compatibility import compatibility, extension, signature
from services.registry import canonical_sha256, load_registry

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
PUBLISHED = json.loads((SCHEMAS / "published.json").read_text(encoding="utf-8"))


def payment_arrears() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((SCHEMAS / "payment_arrears" / "v1.avsc").read_text(encoding="utf-8"))
    return schema


def field(schema: dict[str, Any], name: str) -> dict[str, Any]:
    return next(entry for entry in schema["fields"] if entry["name"] == name)


def test_every_schema_is_published_and_unchanged_since() -> None:
    """A new schema's entry is in the failure message: paste it into schemas/published.json."""
    now = {
        f"{event_type.name}/v{event_type.version}": {
            "sha256": event_type.sha256.hex(),
            "fields": signature(event_type.schema),
        }
        for event_type in load_registry().types.values()
    }
    unpublished = {name: entry for name, entry in now.items() if name not in PUBLISHED}
    assert not unpublished, json.dumps(unpublished, indent=2)
    assert now == PUBLISHED
    assert [list(entry["fields"]) for entry in now.values()] == [list(PUBLISHED[name]["fields"]) for name in now]


def change_int_to_long(schema: dict[str, Any]) -> None:
    field(schema, "amount_eur")["type"] = "long"


def drop_a_field(schema: dict[str, Any]) -> None:
    schema["fields"].remove(field(schema, "crisis"))


def add_a_field(schema: dict[str, Any]) -> None:
    schema["fields"].append({"name": "cents", "type": ["null", "int"], "default": None, "privacy": "measure"})


def swap_two_fields(schema: dict[str, Any]) -> None:
    schema["fields"][2], schema["fields"][3] = schema["fields"][3], schema["fields"][2]


def add_a_symbol(schema: dict[str, Any]) -> None:
    field(schema, "partner_type")["type"]["symbols"].append("broadband")


def make_optional(schema: dict[str, Any]) -> None:
    field(schema, "district")["type"] = ["null", "string"]


def turn_a_date_into_a_number(schema: dict[str, Any]) -> None:
    field(schema, "arisen_on")["type"] = "int"


def call_a_pseudonym_public(schema: dict[str, Any]) -> None:
    field(schema, "address")["privacy"] = "public"


@pytest.mark.parametrize(
    ("change", "phrase"),
    [
        (change_int_to_long, "amount_eur was int measure and is long measure"),
        (drop_a_field, "crisis was removed"),
        (add_a_field, "cents was added"),
        (swap_two_fields, "the order of fields was changed"),
        (add_a_symbol, "partner_type was PartnerType(energy"),
        (make_optional, "district was string quasi and is null|string quasi"),
        (turn_a_date_into_a_number, "arisen_on was int(date) quasi and is int quasi"),
        (call_a_pseudonym_public, "address was Pseudonym(32 bytes) pseudonym and is Pseudonym(32 bytes) public"),
    ],
)
def test_a_breaking_change_is_found_and_named(change: Any, phrase: str) -> None:
    old, new = payment_arrears(), payment_arrears()
    change(new)
    found = compatibility(signature(old), signature(new))
    assert len(found) == 1
    assert found[0].startswith(phrase)


def add_a_needed_field(schema: dict[str, Any]) -> None:
    schema["fields"].append({"name": "cents", "type": "int", "privacy": "measure"})


def put_a_symbol_first(schema: dict[str, Any]) -> None:
    field(schema, "partner_type")["type"]["symbols"].insert(0, "broadband")


def drop_a_symbol(schema: dict[str, Any]) -> None:
    field(schema, "partner_type")["type"]["symbols"].pop()


@pytest.mark.parametrize("change", [add_a_field, add_a_symbol, swap_two_fields])
def test_a_new_version_may_add_optional_fields_and_codes(change: Any) -> None:
    old, new = payment_arrears(), payment_arrears()
    change(new)
    assert compatibility(signature(old), signature(new)) != []
    assert extension(signature(old), signature(new)) == []


@pytest.mark.parametrize(
    ("change", "phrase"),
    [
        (change_int_to_long, "amount_eur was int measure and is long measure"),
        (drop_a_field, "crisis was removed"),
        (add_a_needed_field, "cents was added and is not optional"),
        (put_a_symbol_first, "partner_type was PartnerType(energy"),
        (drop_a_symbol, "partner_type was PartnerType(energy"),
        (make_optional, "district was string quasi and is null|string quasi"),
        (turn_a_date_into_a_number, "arisen_on was int(date) quasi and is int quasi"),
        (call_a_pseudonym_public, "address was Pseudonym(32 bytes) pseudonym and is Pseudonym(32 bytes) public"),
    ],
)
def test_more_than_that_is_another_event_type(change: Any, phrase: str) -> None:
    old, new = payment_arrears(), payment_arrears()
    change(new)
    (found,) = extension(signature(old), signature(new))
    assert found.startswith(phrase)


def test_every_version_that_is_published_extends_the_one_before() -> None:
    registry = load_registry()
    pairs = [
        (registry.get(name, before), registry.get(name, after))
        for name in registry.names()
        for before, after in pairwise(registry.versions(name))
    ]
    assert [(old.name, old.version, new.version) for old, new in pairs] == [("supply_stop_notice", 1, 2)]
    for old, new in pairs:
        assert extension(PUBLISHED[f"{old.name}/v{old.version}"]["fields"], signature(new.schema)) == []
        assert old.sha256 != new.sha256
        assert set(old.arrow_schema.names) < set(new.arrow_schema.names)


def test_a_change_inside_an_array_of_records_is_found() -> None:
    old = json.loads((SCHEMAS / "receipt" / "v1.avsc").read_text(encoding="utf-8"))
    new = deepcopy(old)
    field(new, "quarantined")["type"]["items"]["fields"][1]["type"] = "int"
    assert len(compatibility(signature(old), signature(new))) == 1


def test_better_documentation_breaks_nothing() -> None:
    old, new = payment_arrears(), payment_arrears()
    field(new, "amount_eur")["doc"] = "Said better."
    assert compatibility(signature(old), signature(new)) == []
    assert canonical_sha256(old) == canonical_sha256(new)


def test_the_hash_is_that_of_the_parsing_canonical_form() -> None:
    """Expected by hand from the Avro specification's rules: name, type, fields, symbols, items, size only."""
    schema = {
        "type": "record",
        "name": "Pair",
        "namespace": "nl.spiegelnet",
        "doc": "not part of the form",
        "fields": [{"name": "day", "type": {"type": "int", "logicalType": "date"}, "privacy": "public", "doc": "no"}],
    }
    form = b'{"name":"nl.spiegelnet.Pair","type":"record","fields":[{"name":"day","type":"int"}]}'
    assert canonical_sha256(schema) == sha256(form).digest()
