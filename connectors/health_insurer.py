"""Health insurer: arrears of premiums, as text with `;`, decimal comma and dates `20261231`.

The column `Dossier` may be absent: then file and row are the key of a signal. `Soort` tells the insurer's own premium
(`ZORG`) from that of those who were put under the CAK.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from connectors.base import Batch, Connector
from connectors.fields import amount, code, constant, date, key, unknown
from connectors.readers import Dialect, csv_blocks
from connectors.table import Address, Table, batches

DAY: Final = "%Y%m%d"
ARREARS: Final = Table(
    "payment_arrears",
    key("Dossier", optional=True),
    Address("Postcode", "Huisnummer", addition="Huisnummertoevoeging"),
    (
        code("partner_type", "Soort", {"ZORG": "health_insurance", "CAK": "cak_health_insurance"}),
        amount("amount_eur", "Premieachterstand", decimal=","),
        date("arisen_on", "Achterstand sinds", DAY),
        date("signalled_on", "Datum signaal", DAY),
        unknown("crisis", pl.Boolean),
        unknown("warm_handover", pl.Boolean),
        constant("reported_by", "partner"),
        unknown("signal_status"),
    ),
)


def read(path: Path) -> Iterator[Batch]:
    """Stream one export."""
    yield from batches(ARREARS, csv_blocks(path, Dialect(), ARREARS.required, ARREARS.optional))


CONNECTOR: Final = Connector(
    name="health_insurer",
    title="Health insurer: arrears of premiums",
    event_types=("payment_arrears",),
    patterns=("zorg_achterstanden*.csv",),
    read=read,
)
