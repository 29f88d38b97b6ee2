"""Water company: payment arrears, as text with `,`, a decimal point and dates `2026-12-31`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from connectors.base import Batch, Connector
from connectors.fields import amount, constant, date, flag, key, unknown
from connectors.readers import Dialect, csv_blocks
from connectors.table import Address, Table, batches

ARREARS: Final = Table(
    "payment_arrears",
    key("meldingsnummer"),
    Address("postcode", "huisnummer", letter="huisletter", addition="toevoeging"),
    (
        constant("partner_type", "water"),
        amount("amount_eur", "bedrag", decimal="."),
        date("arisen_on", "achterstand_vanaf", "%Y-%m-%d"),
        date("signalled_on", "meldingsdatum", "%Y-%m-%d"),
        flag("crisis", "crisis", {"J": True, "N": False}),
        unknown("warm_handover", pl.Boolean),
        constant("reported_by", "partner"),
        unknown("signal_status"),
    ),
)


def read(path: Path) -> Iterator[Batch]:
    """Stream one export."""
    yield from batches(ARREARS, csv_blocks(path, Dialect(separator=","), ARREARS.required, ARREARS.optional))


CONNECTOR: Final = Connector(
    name="water_company",
    title="Water company: arrears",
    event_types=("payment_arrears",),
    patterns=("water_achterstanden*.csv",),
    read=read,
)
