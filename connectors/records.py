"""Parsed JSON in columns of text: the same cells a text file would give."""

import gc
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl


def parse(path: Path) -> Any:
    """A JSON document.

    The garbage collector rests meanwhile: what is parsed has no cycles, and looking for them again and again while
    millions of objects come into being takes longer than the parsing.

    Raises:
        ValueError: no JSON, or not in UTF-8.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        return json.loads(path.read_bytes())
    finally:
        if collecting:
            gc.enable()


def objects(values: Sequence[Any]) -> list[dict[str, Any]]:
    """The values that are objects; an empty one in the place of any other."""
    return [value if isinstance(value, dict) else {} for value in values]


def members(records: Sequence[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """An object member of each record."""
    return objects([record.get(name) for record in records])


def listed(records: Sequence[dict[str, Any]], name: str) -> tuple[list[int], list[dict[str, Any]]]:
    """All objects in a list member of the records, and of each the position of the record that has it."""
    lists = [value if isinstance(value := record.get(name), list) else [] for record in records]
    owners = [at for at, items in enumerate(lists) for _ in items]
    return owners, objects([item for items in lists for item in items])


def texts(records: Sequence[dict[str, Any]], name: str) -> pl.Series:
    """A single-valued member of each record as text; numbers and booleans as JSON has them, all else is null."""
    values = [record.get(name) for record in records]
    try:
        return pl.Series(name, values, dtype=pl.String, strict=True)
    except TypeError:
        return pl.Series(name, [_text(value) for value in values], dtype=pl.String)


def table(columns: Sequence[pl.Series]) -> pl.DataFrame:
    """The columns beside each other, texts stripped; an empty text is null."""
    return pl.DataFrame(columns).with_columns(pl.col(pl.String).str.strip_chars().replace("", None))


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None
