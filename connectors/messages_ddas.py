"""National messages (DDAS, VNG Realisatie): one JSON document with `leveringen`, each with lists of records.

Such a document has no end that can be read without the rest, so it is held in memory, up to a bound; its records become
columns a batch at a time.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from connectors.base import Batch, SourceError, refused_rows
from connectors.readers import Block
from connectors.records import members, objects, parse, table, texts

MAX_BYTES: Final = 192 << 20
"""Half a million records. Parsed it takes five times as much memory: with this a connector stays within one GiB."""


@dataclass(frozen=True)
class Message:
    """What one kind of message is called where it is refused.

    Attributes:
        title: what it is.
        holds: what a month of it holds.
        application: which application exports it.
        version: of the standard.
    """

    title: str
    holds: str
    application: str
    version: str


def opened(path: Path, kind: Message) -> dict[str, Any]:
    """A message; its `leveringen`, where it has them, are a list of objects.

    Raises:
        SourceError: the file is too large, no JSON, or no message.
    """
    again = f"Export it again from the {kind.application}."
    if path.stat().st_size > MAX_BYTES:
        why = f"It is larger than {MAX_BYTES >> 20} MB, which no month of {kind.holds} is."
        raise SourceError(f"{path.name} cannot be read.", why, "Export it per month.")
    try:
        message = parse(path)
    except ValueError as error:
        why = "It is no complete JSON document in UTF-8."
        raise SourceError(f"{path.name} cannot be read.", why, again) from error
    found = message.get("leveringen", []) if isinstance(message, dict) else None
    if not isinstance(found, list) or not all(isinstance(delivery, dict) for delivery in found):
        raise SourceError(f"{path.name} is no {kind.title}.", "It has no list 'leveringen'.", again)
    return dict(message)


def records_in(path: Path, kind: Message, message: dict[str, Any], name: str) -> list[Any]:
    """The records in one list of all deliveries; none where they lack the list.

    Raises:
        SourceError: what stands there is no list.
    """
    lists = [delivery.get(name) or [] for delivery in message.get("leveringen", [])]
    if not all(isinstance(records, list) for records in lists):
        why, todo = f"'{name}' is no list.", f"Export it by the standard, version {kind.version}."
        raise SourceError(f"{path.name} is no {kind.title}.", why, todo)
    return [record for records in lists for record in records]


def cells(records: list[Any], columns: Iterable[str], first: int) -> Block:
    """Cells of the members named `member` or `object.member`; `raw` is left empty, see `with_raw`.

    Args:
        records: as parsed.
        columns: names; no other member is looked at.
        first: number of the first record.
    """
    parts = {"": objects(records)}
    found = [pl.int_range(first, first + len(records), eager=True).alias("source_row")]
    for column in columns:
        part, _, name = column.rpartition(".")
        if part not in parts:
            parts[part] = members(parts[""], part)
        found.append(texts(parts[part], name).alias(column))
    return Block(table(found).with_columns(pl.lit("").alias("raw")), refused_rows([]))


def with_raw(batch: Batch, records: list[Any], first: int) -> Batch:
    """Only refused records need their text; writing out all would cost more than reading them."""
    raw = [json.dumps(records[row - first], ensure_ascii=False) for row in batch.refused["source_row"]]
    refused = batch.refused.with_columns(pl.Series("raw", raw, dtype=pl.String))
    return Batch(batch.event_type, batch.rows, refused, batch.first_row, batch.rows_read)
