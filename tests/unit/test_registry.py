"""The registry knows what it was given, and refuses schemas and contracts that do not belong together."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from services.avro.shape import polars_schema
from services.registry import RegistryError, load_registry

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    """A copy of the receipts' schema and contract, to be damaged."""
    for kind in ("schemas", "contracts"):
        shutil.copytree(ROOT / kind / "receipt", tmp_path / kind / "receipt")
    shutil.copy(ROOT / "schemas" / "published.json", tmp_path / "schemas")
    return tmp_path


def elsewhere(installation: Path, name: str) -> Path:
    """A copy of the copy: an installation is read once per process."""
    for kind in ("schemas", "contracts"):
        shutil.copytree(installation / kind, installation / name / kind)
    return installation / name


def second_version(root: Path, kind: str = '["null", "long"], "default": null') -> None:
    """Add a proposed v2 of receipts with one more field, optional unless another kind is given."""
    first = (root / "schemas" / "receipt" / "v1.avsc").read_text(encoding="utf-8")
    late = f'{{"name": "late", "type": {kind}, "privacy": "measure", "doc": "Events that came late."}},\n    '
    at = first.index('{"name": "issued_on"')
    (root / "schemas" / "receipt" / "v2.avsc").write_text(first[:at] + late + first[at:], encoding="utf-8")
    contract = (root / "contracts" / "receipt" / "v1.odcs.yaml").read_text(encoding="utf-8")
    later = contract.replace("version: 1.0.0", "version: 2.0.0").replace("status: active", "status: proposed")
    (root / "contracts" / "receipt" / "v2.odcs.yaml").write_text(later, encoding="utf-8")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_an_event_type_is_found_by_name_and_by_the_hash_of_its_schema() -> None:
    registry = load_registry()
    receipt = registry.get("receipt")
    assert registry.by_sha(receipt.sha256) is receipt
    assert (receipt.version, len(receipt.sha256), receipt.contract.receiver) == (1, 32, "sender")
    assert list(registry.names()) == sorted(registry.names())
    assert load_registry() is registry


def test_what_is_not_registered_is_an_error_that_names_what_is() -> None:
    with pytest.raises(RegistryError, match="receipt v1"):
        load_registry().get("receipt", 2)
    with pytest.raises(RegistryError, match="ffffffff"):
        load_registry().by_sha(b"\xff" * 32)


def test_the_newest_version_is_given_and_the_newest_active_one_is_sent(installation: Path) -> None:
    second_version(installation)
    registry = load_registry(installation)
    assert registry.versions("receipt") == (1, 2)
    assert (registry.get("receipt").version, registry.get("receipt", 1).version) == (2, 1)
    assert registry.in_use("receipt").version == 1
    agreed = elsewhere(installation, "agreed")
    edit(agreed / "contracts" / "receipt" / "v2.odcs.yaml", "status: proposed", "status: active")
    assert load_registry(agreed).in_use("receipt").version == 2
    assert load_registry(agreed).names() == ("receipt",)


def test_a_version_whose_events_do_not_fit_beside_the_others_is_refused(installation: Path) -> None:
    second_version(installation, kind='"long"')
    with pytest.raises(RegistryError, match=r"receipt v2 does not extend v1: late was added and is not optional"):
        load_registry(installation)


def test_a_version_without_the_one_before_it_and_a_type_of_which_nothing_is_sent_are_refused(
    installation: Path,
) -> None:
    second_version(installation)
    third = elsewhere(installation, "third")
    for path in (third / "schemas" / "receipt" / "v2.avsc", third / "contracts" / "receipt" / "v2.odcs.yaml"):
        path.rename(path.with_name(path.name.replace("v2", "v3")))
    edit(third / "contracts" / "receipt" / "v3.odcs.yaml", "version: 2.0.0", "version: 3.0.0")
    with pytest.raises(RegistryError, match="v3 is there, and v2 is not"):
        load_registry(third)
    edit(installation / "contracts" / "receipt" / "v1.odcs.yaml", "status: active", "status: deprecated")
    with pytest.raises(RegistryError, match="No version of receipt is active"):
        load_registry(installation)


def test_frames_and_tables_of_an_event_type_have_the_same_columns() -> None:
    case = load_registry().get("early_warning_case")
    frame = pl.DataFrame(schema=polars_schema(case.shape))
    assert frame.to_arrow().cast(case.arrow_schema).schema == case.arrow_schema
    assert case.arrow_schema.field("address").type == pa.binary(32)
    assert [field.name for field in case.arrow_schema if field.nullable] == ["result", "matched_on", "closed_on"]


def test_rules_hold_all_that_their_expectation_needs() -> None:
    contract = load_registry().get("payment_arrears").contract
    rule = next(rule for rule in contract.row_rules if rule.id == "amount_in_range")
    assert (rule.severity, rule.expectation) == ("fail", "expect_column_values_to_be_between")
    assert rule.kwargs == {"column": "amount_eur", "min_value": 1, "max_value": 100_000}
    pair = next(rule for rule in contract.row_rules if rule.id == "signalled_not_before_arisen")
    assert pair.column is None
    assert {rule.severity for rule in contract.batch_rules} == {"hold"}


def replace_in_contract(old: str, new: str) -> Callable[[Path], None]:
    return lambda root: edit(root / "contracts" / "receipt" / "v1.odcs.yaml", old, new)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda root: (root / "contracts" / "receipt" / "v1.odcs.yaml").unlink(), "is missing"),
        (lambda root: shutil.copytree(root / "contracts" / "receipt", root / "contracts" / "gossip"), "gossip"),
        (lambda root: edit(root / "schemas" / "receipt" / "v1.avsc", '"long"', '"float"'), "float"),
        (lambda root: edit(root / "schemas" / "receipt" / "v1.avsc", "{", "["), "cannot be read as JSON"),
        (lambda root: shutil.rmtree(root / "schemas" / "receipt"), "without a schema"),
        (replace_in_contract("version: 1.0.0", "version: 2.0.0"), "name and version"),
        (replace_in_contract("unit: d", "unit: y"), "retention in days"),
        (replace_in_contract("status: active", "status: maybe"), "status must be one of"),
        (replace_in_contract("value: sender", "value: everyone"), "customProperties.to"),
        (
            replace_in_contract("value: [municipality, hub]", "value: [municipality, neighbour]"),
            "customProperties.from",
        ),
        (replace_in_contract("id: version_from_1", "id: held_not_negative"), "used twice"),
        (replace_in_contract("severity: hold", "severity: fail"), "do not go together"),
        (replace_in_contract("severity: fail", "severity: perhaps"), "do not go together"),
        (replace_in_contract("type: max_events", "type: max_surprise"), "do not go together"),
        (replace_in_contract("kind: DataContract", "kin: DataContract"), "not an ODCS contract"),
        (replace_in_contract("purpose:", "porpoise:"), "purpose"),
    ],
)
def test_a_damaged_installation_is_refused_with_its_cause(
    installation: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(installation)
    with pytest.raises(RegistryError, match=message):
        load_registry(installation)


def test_a_published_schema_cannot_be_changed_but_its_words_can(installation: Path) -> None:
    schema = installation / "schemas" / "receipt" / "v1.avsc"
    edit(schema, "Events accepted.", "Events that were accepted.")
    before = load_registry(installation)
    assert before.get("receipt").sha256 == load_registry().get("receipt").sha256
    changed = json.loads(schema.read_text(encoding="utf-8"))
    changed["fields"] = [field for field in changed["fields"] if field["name"] != "held"]
    elsewhere = installation / "later"
    for kind in ("schemas", "contracts"):
        shutil.copytree(installation / kind, elsewhere / kind)
    (elsewhere / "schemas" / "receipt" / "v1.avsc").write_text(json.dumps(changed), encoding="utf-8")
    with pytest.raises(RegistryError, match=r"held was removed.*v2\.avsc"):
        load_registry(elsewhere)
