"""Municipality: the national early-warning message (DDAS, version 0.9), its signals and its cases.

Read with tolerance: members that are absent or unknown do no harm, a number or a text may stand for the other, and
each record is judged by itself. A message is one JSON document and is held in memory. Of the resident only the address
is read.

A case has no address of its own: it is that of its signals in the same message. Where these were in an earlier one, the
case may carry `client` itself (the format leaves room for it); else it is refused. A case has no number and no day of
closing either: its key is the smallest number of its signals, with whether it is open or closed (so that the closing of
a case that was sent open is a new event); where it has a result, it closes on the day of its last contact attempt.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import polars as pl

from connectors.base import BATCH_ROWS, Batch, Connector, SourceError, refused_rows
from connectors.cases_ddas import case_batch
from connectors.codes_ddas import PARTNER_TYPES, SIGNAL_STATUS
from connectors.fields import amount, code, constant, date, flag, key
from connectors.readers import Block
from connectors.records import members, objects, parse, table, texts
from connectors.table import Address, Table, batches

MAX_BYTES: Final = 512 << 20
DAY: Final = "%Y-%m-%d"
TRUE_FALSE: Final = {"true": True, "false": False}

SIGNALS: Final = Table(
    "payment_arrears",
    key("ID"),
    Address("client.Postcode", "client.Huisnummer", addition="client.Huisnummertoevoeging"),
    (
        code("partner_type", "signaalpartner.type", PARTNER_TYPES),
        amount("amount_eur", "bedrag", decimal="."),
        date("arisen_on", "ontstaansdatum", DAY),
        date("signalled_on", "signaaldatum", DAY),
        flag("crisis", "crisissignaal", TRUE_FALSE),
        flag("warm_handover", "warmeOverdracht", TRUE_FALSE),
        constant("reported_by", "municipality"),
        code("signal_status", "status", SIGNAL_STATUS, optional=True),
    ),
)


def read(path: Path) -> Iterator[Batch]:
    """The signals of a message, then its cases.

    Raises:
        SourceError: the file is no JSON, or no message.
    """
    deliveries = _deliveries(path)
    signals = [record for delivery in deliveries for record in _records(path, delivery, "vroegsignalen")]
    cases = [record for delivery in deliveries for record in _records(path, delivery, "vroegsignaalzaken")]
    homes: list[pl.DataFrame] = []
    columns = (*SIGNALS.required, *SIGNALS.optional)
    for start in range(0, len(signals), BATCH_ROWS):
        part = signals[start : start + BATCH_ROWS]
        for batch in batches(SIGNALS, [_block(part, columns, start + 1)]):
            homes.append(batch.rows.select("source_key", "household", "postcode", "house_number"))
            yield _with_raw(batch, part, start + 1)
    known = pl.concat(homes).unique("source_key", keep="first") if homes else None
    for start in range(0, len(cases), BATCH_ROWS):
        part = cases[start : start + BATCH_ROWS]
        yield _with_raw(case_batch(part, start + 1, known), part, start + 1)


def _deliveries(path: Path) -> list[dict[str, Any]]:
    again = "Export it again from the early-warning application."
    if path.stat().st_size > MAX_BYTES:
        why = f"It is larger than {MAX_BYTES >> 20} MB, which no month of signals is."
        raise SourceError(f"{path.name} cannot be read.", why, "Export it per month.")
    try:
        message = parse(path)
    except ValueError as error:
        why = "It is no complete JSON document in UTF-8."
        raise SourceError(f"{path.name} cannot be read.", why, again) from error
    found = message.get("leveringen", []) if isinstance(message, dict) else None
    if not isinstance(found, list) or not all(isinstance(delivery, dict) for delivery in found):
        raise SourceError(f"{path.name} is no early-warning message.", "It has no list 'leveringen'.", again)
    return found


def _records(path: Path, delivery: dict[str, Any], name: str) -> list[Any]:
    records = delivery.get(name) or []
    if not isinstance(records, list):
        why = f"'{name}' is no list."
        raise SourceError(f"{path.name} is no early-warning message.", why, "Export it by the standard, version 0.9.")
    return records


def _block(records: list[Any], columns: Iterable[str], first: int) -> Block:
    """Cells of the members named `member` or `object.member`."""
    whole = objects(records)
    parts = {"": whole, "client": members(whole, "client"), "signaalpartner": members(whole, "signaalpartner")}
    cells = [pl.int_range(first, first + len(records), eager=True).alias("source_row")]
    for column in columns:
        part, _, name = column.rpartition(".")
        cells.append(texts(parts[part], name).alias(column))
    return Block(table(cells).with_columns(pl.lit("").alias("raw")), refused_rows([]))


def _with_raw(batch: Batch, records: list[Any], first: int) -> Batch:
    """Only refused records need their text; writing out all would cost more than reading them."""
    raw = [json.dumps(records[row - first], ensure_ascii=False) for row in batch.refused["source_row"]]
    refused = batch.refused.with_columns(pl.Series("raw", raw, dtype=pl.String))
    return Batch(batch.event_type, batch.rows, refused, batch.first_row, batch.rows_read)


CONNECTOR: Final = Connector(
    name="early_warning_message",
    title="Municipality: national early-warning message (DDAS 0.9), signals and cases",
    event_types=("payment_arrears", "early_warning_case"),
    patterns=("vroegsignalen*.json", "ddas_vroegsignalering*.json"),
    read=read,
)
