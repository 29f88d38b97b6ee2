"""What of a published schema may not change without a new version, and what a new version may change.

Parcels name their schema by hash and are read with exactly that schema, so every change of bytes breaks; so does a
change of meaning that the hash does not see: a date that becomes a number, a field whose privacy class changes.
Documentation is free to improve. A new version stands beside the old one; events of both fit in one table.
"""

from collections.abc import Mapping
from typing import Any


def signature(schema: Mapping[str, Any]) -> dict[str, str]:
    """Return each field's type and privacy class in one line, in wire order; this is what gets published."""
    return _fields(schema, {})


def compatibility(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Return what of `old` is broken in `new`, a phrase for each; both are signatures.

    Returns:
        Phrases such as `amount_eur was int measure and is long measure`; empty when nothing is broken.
    """
    removed = [f"{name} was removed" for name in old if name not in new]
    added = [f"{name} was added" for name in new if name not in old]
    changed = [f"{name} was {old[name]} and is {new[name]}" for name in old if name in new and old[name] != new[name]]
    moved = not removed and not added and list(old) != list(new)
    return removed + added + changed + (["the order of fields was changed"] if moved else [])


def extension(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Return what keeps events of two versions from standing in one table, a phrase for each; both are signatures.

    A version may add optional fields, and codes at the end of a list.

    Returns:
        Phrases such as `fee_eur was added and is not optional`; empty when nothing does.
    """
    removed = [f"{name} was removed" for name in old if name not in new]
    added = [f"{name} was added and is not optional" for name in new if name not in old and not _optional(new[name])]
    changed = [
        f"{name} was {old[name]} and is {new[name]}"
        for name in old
        if name in new and old[name] != new[name] and not _has_more_codes(old[name], new[name])
    ]
    return removed + added + changed


def _optional(line: str) -> bool:
    return line.startswith("null|")


def _has_more_codes(old: str, new: str) -> bool:
    """Say whether a field, an enum in both versions, has the same codes and further ones behind them."""
    (kind, _, privacy), (more, _, also) = old.rpartition(" "), new.rpartition(" ")
    return privacy == also and kind.endswith(")") and more.endswith(")") and more.startswith(f"{kind[:-1]}, ")


def _fields(record: Mapping[str, Any], named: dict[str, str]) -> dict[str, str]:
    return {field["name"]: f"{_type(field['type'], named)} {field.get('privacy')}" for field in record["fields"]}


def _type(schema: Any, named: dict[str, str]) -> str:
    """Write a type as a phrase; a name stands for what it was defined as."""
    if isinstance(schema, list):
        return "|".join(_type(branch, named) for branch in schema)
    if isinstance(schema, str):
        return named.get(schema, schema)
    match schema["type"]:
        case "array":
            return f"array<{_type(schema['items'], named)}>"
        case "enum":
            text = f"{schema['name']}({', '.join(schema['symbols'])})"
        case "fixed":
            text = f"{schema['name']}({schema['size']} bytes)"
        case "record":
            text = f"{schema['name']}({', '.join(f'{key} {line}' for key, line in _fields(schema, named).items())})"
        case primitive:
            return f"{primitive}({schema['logicalType']})" if "logicalType" in schema else str(primitive)
    named[schema["name"]] = text
    return text
