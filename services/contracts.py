"""Data contracts (Open Data Contract Standard 3.1.0) as this network reads them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from open_data_contract_standard.model import DataQuality, OpenDataContractStandard, SchemaObject, Team
from pydantic import ValidationError

ROW_ENGINE, BATCH_ENGINE = "greatExpectations", "spiegelnet"
ORIGINS = ("source", "node")
UNIT_KINDS = ("household", "person", "record")
RECEIVERS = ("municipality", "self", "area", "hub", "sender", "holder")
SENDER_KINDS = (
    "municipality",
    "housing_corporation",
    "energy_supplier",
    "water_company",
    "health_insurer",
    "care_provider",
    "foundation",
    "story_point",
    "open_data",
    "hub",
)
STATUSES = PROPOSED, ACTIVE, DEPRECATED, RETIRED = ("proposed", "active", "deprecated", "retired")
"""Of a version: proposed and deprecated ones are received, active ones sent too, retired ones neither."""
BATCH_RULES = ("max_share_quarantined", "max_share_duplicate", "max_events")
_EXPECTATION = re.compile(r"expect_[a-z_]+\Z")


class ContractError(ValueError):
    """A contract file does not say what this network needs, or says it in another way."""


@dataclass(frozen=True)
class Rule:
    """One rule of a contract.

    Attributes:
        id: unique within the contract; what receipts, quarantine and quality count by.
        severity: `fail` quarantines the row, `warn` counts it, `hold` holds the delivery.
        expectation: of a row rule the Great Expectations type, such as `expect_column_values_to_be_between`; of a batch
            rule one of `BATCH_RULES`.
        kwargs: everything the expectation needs, the column included.
        column: the one column that a column rule looks at, else none.
        description: one sentence for whom the rule stops.
    """

    id: str
    severity: str
    expectation: str
    kwargs: Mapping[str, Any]
    column: str | None
    description: str


@dataclass(frozen=True)
class Contract:
    """What sender and receiver of one version of an event type have agreed.

    Attributes:
        id: of the contract.
        event_type: its event type's name.
        version: major version, the same as the schema's.
        status: one of `STATUSES`; see `services.registry.Registry.in_use`.
        origin: `source` (a connector makes it) or `node` (this software makes it).
        sender: kinds of participant that may send it, of `SENDER_KINDS`.
        receiver: who gets it, of `RECEIVERS`: the municipality that the event names, the sender's own node, every node
            whose area it is about, the hub, the sender of the delivery that it answers, or who got the event that it
            takes back or the events at the address that it is about.
        unit_kind: what disclosure control counts: `household`, `person` or `record`.
        period_field: field whose month (or period) the event is about; None where it is about none.
        legal_ground: on which ground it is processed.
        retention_days: how long a receiver keeps it after receipt.
        owner: the team that answers for it.
        purpose: what it is for.
        row_rules: checked per row by the gate.
        batch_rules: checked per delivery.
    """

    id: str
    event_type: str
    version: int
    status: str
    origin: str
    sender: tuple[str, ...]
    receiver: str
    unit_kind: str
    period_field: str | None
    legal_ground: str
    retention_days: int
    owner: str
    purpose: str
    row_rules: tuple[Rule, ...]
    batch_rules: tuple[Rule, ...]


def read_contract(path: Path, name: str, version: int) -> Contract:
    """Read the contract of one version of an event type.

    Raises:
        ContractError: the file is missing or not ODCS, or lacks or misspells something that the network needs.
    """
    contract = _parse(path)
    custom = {entry.property: entry.value for entry in contract.customProperties or []}
    if (contract.name, contract.version) != (name, f"{version}.0.0"):
        raise ContractError(f"{path.name}: name and version must be {name} and {version}.0.0")
    if contract.schema_ is None or [entry.name for entry in contract.schema_] != [name]:
        raise ContractError(f"{path.name}: schema must have one entry, named {name}")
    if contract.description is None or not isinstance(contract.team, Team):
        raise ContractError(f"{path.name}: description and team are needed")
    rules = _rules(contract.schema_[0], path)
    return Contract(
        id=_text(contract.id, "id", path),
        event_type=name,
        version=version,
        status=_one_of({"status": contract.status}, "status", STATUSES, path),
        origin=_one_of(custom, "origin", ORIGINS, path),
        sender=tuple(_one_of({"from": kind}, "from", SENDER_KINDS, path) for kind in custom.get("from") or [None]),
        receiver=_one_of(custom, "to", RECEIVERS, path),
        unit_kind=_one_of(custom, "unitKind", UNIT_KINDS, path),
        period_field=custom.get("periodField"),
        legal_ground=_text(custom.get("legalGround"), "legalGround", path),
        retention_days=_retention(contract, path),
        owner=_text(contract.team.name, "team.name", path),
        purpose=_text(contract.description.purpose, "description.purpose", path),
        row_rules=tuple(rule for rule in rules if rule.severity != "hold"),
        batch_rules=tuple(rule for rule in rules if rule.severity == "hold"),
    )


def _parse(path: Path) -> OpenDataContractStandard:
    try:
        return OpenDataContractStandard.from_file(str(path))
    except FileNotFoundError:
        raise ContractError(f"the contract {path} is missing") from None
    except (yaml.YAMLError, ValidationError, TypeError) as error:
        raise ContractError(f"{path} is not an ODCS contract: {error}") from None


def _rules(schema: SchemaObject, path: Path) -> list[Rule]:
    """Read the rules of all properties, then those of the whole event type."""
    pairs = [(entry, prop.name) for prop in schema.properties or [] for entry in prop.quality or []]
    pairs += [(entry, None) for entry in schema.quality or []]
    rules = [_rule(entry, column, path) for entry, column in pairs]
    doubles = {rule.id for rule in rules if [other.id for other in rules].count(rule.id) > 1}
    if doubles:
        raise ContractError(f"{path.name}: rule ids are used twice: {sorted(doubles)}")
    return rules


def _rule(entry: DataQuality, column: str | None, path: Path) -> Rule:
    where = f"{path.name}, rule {entry.id}"
    if not entry.id or not entry.description or not isinstance(entry.implementation, dict):
        raise ContractError(f"{where}: id, description and implementation are needed")
    kind, kwargs = str(entry.implementation.get("type")), dict(entry.implementation.get("kwargs") or {})
    row_rule = entry.engine == ROW_ENGINE and entry.severity in ("fail", "warn") and _EXPECTATION.match(kind)
    batch_rule = entry.engine == BATCH_ENGINE and entry.severity == "hold" and kind in BATCH_RULES and column is None
    if not row_rule and not batch_rule:
        raise ContractError(f"{where}: engine, severity and implementation.type do not go together")
    if column is not None:
        kwargs = {"column": column, **kwargs}
    return Rule(entry.id, str(entry.severity), kind, kwargs, column, entry.description)


def _retention(contract: OpenDataContractStandard, path: Path) -> int:
    for entry in contract.slaProperties or []:
        if entry.property == "retention" and entry.unit == "d" and isinstance(entry.value, int) and entry.value > 0:
            return entry.value
    raise ContractError(f"{path.name}: slaProperties needs a retention in days (unit d)")


def _one_of(values: Mapping[Any, Any], key: str, allowed: Iterable[str], path: Path) -> str:
    value = values.get(key)
    if not isinstance(value, str) or value not in allowed:
        where = key if key == "status" else f"customProperties.{key}"
        raise ContractError(f"{path.name}: {where} must be one of {', '.join(allowed)}")
    return value


def _text(value: Any, key: str, path: Path) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ContractError(f"{path.name}: {key} is needed")
    return value.strip()
