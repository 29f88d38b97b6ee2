"""Event types: an Avro schema and a data contract each, read once from `schemas/` and `contracts/`."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from fastavro.schema import SchemaParseException, parse_schema, to_parsing_canonical_form

from services.avro.compatibility import compatibility, extension, signature
from services.avro.shape import Shape, UnsupportedSchemaError, arrow_schema, shape_of
from services.contracts import ACTIVE, Contract, ContractError, read_contract
from services.errors import Fatal

REPOSITORY = Path(__file__).resolve().parents[1]
PUBLISHED = "published.json"
_SCHEMA_FILE = re.compile(r"v(?P<version>[1-9][0-9]*)\.avsc\Z")


class RegistryError(Fatal):
    """Schemas and contracts do not form a registry, or something is asked that is not in it."""


@dataclass(frozen=True)
class EventType:
    """One version of one event type.

    Attributes:
        name: as in `schemas/<name>/`.
        version: as in `v<version>.avsc`.
        schema: the parsed file, with docs and privacy classes.
        sha256: of the schema's Parsing Canonical Form (Avro 1.11), what a parcel names its schema by; 32 bytes.
        contract: who may send it to whom, why, and the rules of the gate.
        shape: the part of the schema that decides about bytes and columns.
        arrow_schema: columns and nullability of tables of such events.
    """

    name: str
    version: int
    schema: Mapping[str, Any] = field(repr=False)
    sha256: bytes = field(repr=False)
    contract: Contract = field(repr=False)
    shape: Shape = field(repr=False)
    arrow_schema: pa.Schema = field(repr=False)

    def __hash__(self) -> int:
        """Hash by schema: two event types with one schema do not exist."""
        return hash(self.sha256)


@dataclass(frozen=True)
class Registry:
    """All event types, by name and version and by hash."""

    types: Mapping[tuple[str, int], EventType]
    hashes: Mapping[bytes, EventType]

    def get(self, name: str, version: int | None = None) -> EventType:
        """Return a version of an event type, by default the newest: it has all fields that any version has.

        Raises:
            RegistryError: there is none of that name and version.
        """
        try:
            return self.types[name, max(self.versions(name), default=0) if version is None else version]
        except KeyError:
            raise RegistryError(
                "An event type was asked for that this node does not know.",
                f"It knows {', '.join(f'{known} v{number}' for known, number in self.types)}.",
                "Check the spelling, or update this node if others use a newer schema.",
            ) from None

    def by_sha(self, sha256: bytes) -> EventType:
        """Return the event type whose schema has this hash (32 bytes).

        Raises:
            RegistryError: no registered schema has it.
        """
        try:
            return self.hashes[sha256]
        except KeyError:
            raise RegistryError(
                "A parcel names a schema that is not registered here.",
                f"Its hash begins with {sha256[:4].hex()}.",
                "Update this node, or ask the sender which version of which event type it used.",
            ) from None

    def in_use(self, name: str) -> EventType:
        """Return the version that is sent: the newest of which the contract is active. Others are received only.

        Raises:
            RegistryError: there is no event type of that name.
        """
        active = [number for number in self.versions(name) if self.types[name, number].contract.status == ACTIVE]
        return self.get(name, max(active, default=None))

    def versions(self, name: str) -> tuple[int, ...]:
        """Return the versions of an event type, in order; none where there is no such type."""
        return tuple(sorted(number for known, number in self.types if known == name))

    def names(self) -> tuple[str, ...]:
        """Return the names of all event types, in alphabetical order, each once."""
        return tuple(sorted({name for name, _ in self.types}))


def load_registry(root: Path | None = None) -> Registry:
    """Read every schema and contract below `root` (by default those of this installation), once per process.

    Raises:
        RegistryError: a file is unreadable, a schema has no contract or the reverse, or a published schema was changed.
    """
    return _load((root or REPOSITORY).resolve())


@cache
def _load(root: Path) -> Registry:
    published = _read_json(root / "schemas" / PUBLISHED)
    types = {}
    for path in sorted((root / "schemas").glob("*/v*.avsc")):
        event_type = _event_type(root, path)
        _check_published(event_type, published)
        types[event_type.name, event_type.version] = event_type
    contracts = {(path.parent.name, path.name.split(".")[0]) for path in (root / "contracts").glob("*/v*.odcs.yaml")}
    orphans = sorted(contracts - {(name, f"v{version}") for name, version in types})
    if orphans:
        raise RegistryError(f"Contracts without a schema: {orphans}.", todo="Add the schema or remove the contract.")
    if not types:
        raise RegistryError(f"There is no schema below {root / 'schemas'}.", todo="Install the product again.")
    for event_type in types.values():
        _check_versions(event_type, types)
    return Registry(types, {event_type.sha256: event_type for event_type in types.values()})


def canonical_sha256(schema: Mapping[str, Any]) -> bytes:
    """Return SHA-256 of the schema's Parsing Canonical Form (Avro 1.11 specification), 32 bytes."""
    return hashlib.sha256(to_parsing_canonical_form(parse_schema(dict(schema))).encode()).digest()


def _event_type(root: Path, path: Path) -> EventType:
    match = _SCHEMA_FILE.match(path.name)
    if match is None:
        raise RegistryError(f"{path} is not named v<number>.avsc.", todo="Rename it.")
    name, version, schema = path.parent.name, int(match["version"]), _read_json(path)
    try:
        shape, sha256 = shape_of(schema), canonical_sha256(schema)
        contract = read_contract(root / "contracts" / name / f"v{version}.odcs.yaml", name, version)
    except (UnsupportedSchemaError, SchemaParseException, ContractError) as error:
        raise RegistryError(f"{name} v{version} cannot be used.", f"{error}.", "Mend its schema or contract.") from None
    return EventType(name, version, schema, sha256, contract, shape, arrow_schema(shape))


def _check_versions(event_type: EventType, types: Mapping[tuple[str, int], EventType]) -> None:
    """Refuse versions of one event type whose events do not fit in one table, or of which none is sent."""
    name, version = event_type.name, event_type.version
    if not any(known == name and other.contract.status == ACTIVE for (known, _), other in types.items()):
        raise RegistryError(f"No version of {name} is active.", todo="Give one of its contracts the status active.")
    if version == 1:
        return
    before = types.get((name, version - 1))
    if before is None:
        what = f"{name} v{version} is there, and v{version - 1} is not."
        raise RegistryError(what, todo="Install the product again.")
    if broken := extension(signature(before.schema), signature(event_type.schema)):
        raise RegistryError(
            f"{name} v{version} does not extend v{version - 1}: {'; '.join(broken)}.",
            "Receivers take both, and events of both stand in one table.",
            "Add optional fields, or codes at the end of a list; what is more than that is another event type.",
        )


def _check_published(event_type: EventType, published: Mapping[str, Any]) -> None:
    """Refuse a schema that is not what was published under its name and version; a new one is still free to change."""
    entry = published.get(f"{event_type.name}/v{event_type.version}")
    if entry is None:
        return
    changes = compatibility(entry["fields"], signature(event_type.schema))
    if changes or entry["sha256"] != event_type.sha256.hex():
        raise RegistryError(
            f"The published schema {event_type.name} v{event_type.version} was changed: {'; '.join(changes)}.",
            "Parcels of others name the published one by its hash, and stored events were written with it.",
            f"Undo the change, or make it in schemas/{event_type.name}/v{event_type.version + 1}.avsc.",
        )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RegistryError(f"{path} cannot be read as JSON.", f"{error}.", "Mend the file.") from None
    if not isinstance(content, dict):
        raise RegistryError(f"{path} does not hold a JSON object.", todo="Mend the file.")
    return content
