"""Municipality: the national early-warning message (DDAS, version 0.9), its signals and its cases.

Read with tolerance: members that are absent or unknown do no harm, a number or a text may stand for the other, and
each record is judged by itself. A message is one JSON document and is held in memory. Of the resident only the address
is read.

A case has no address of its own: it is that of its signals in the same message. Where these were in an earlier one, the
case may carry `client` itself (the format leaves room for it); else it is refused. A case has no number and no day of
closing either: its key is the smallest number of its signals, with whether it is open or closed (so that the closing of
a case that was sent open is a new event); where it has a result, it closes on the day of its last contact attempt.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from connectors.base import BATCH_ROWS, Batch, Connector
from connectors.cases_ddas import case_batch
from connectors.codes_ddas import PARTNER_TYPES, SIGNAL_STATUS
from connectors.fields import amount, code, constant, date, flag, key
from connectors.messages_ddas import Message, cells, opened, records_in, with_raw
from connectors.table import Address, Table, batches

KIND: Final = Message("early-warning message", "signals", "early-warning application", "0.9")
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
    message = opened(path, KIND)
    signals = records_in(path, KIND, message, "vroegsignalen")
    cases = records_in(path, KIND, message, "vroegsignaalzaken")
    homes: list[pl.DataFrame] = []
    columns = (*SIGNALS.required, *SIGNALS.optional)
    for start in range(0, len(signals), BATCH_ROWS):
        part = signals[start : start + BATCH_ROWS]
        for batch in batches(SIGNALS, [cells(part, columns, start + 1)]):
            homes.append(batch.rows.select("source_key", "household", "postcode", "house_number"))
            yield with_raw(batch, part, start + 1)
    known = pl.concat(homes).unique("source_key", keep="first") if homes else None
    for start in range(0, len(cases), BATCH_ROWS):
        part = cases[start : start + BATCH_ROWS]
        yield with_raw(case_batch(part, start + 1, known), part, start + 1)


CONNECTOR: Final = Connector(
    name="early_warning_message",
    title="Municipality: national early-warning message (DDAS 0.9), signals and cases",
    event_types=("payment_arrears", "early_warning_case"),
    patterns=("vroegsignalen*.json", "ddas_vroegsignalering*.json"),
    read=read,
)
