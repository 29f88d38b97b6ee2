"""Housing corporation: rent arrears and evictions, as text with `;` or as an Excel workbook.

`huurachterstanden*` holds arrears, `ontruimingen*` evictions. In a workbook dates are dates and amounts are numbers.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from connectors.base import Batch, Connector
from connectors.fields import amount, code, constant, date, flag, key, unknown
from connectors.readers import Dialect, csv_blocks
from connectors.table import Address, Table, batches
from connectors.workbooks import excel_blocks

YES_NO: Final = {"J": True, "N": False}
STAGES: Final = {"Aangezegd": "announced", "Ontruimd": "carried_out", "Ingetrokken": "withdrawn"}
CAUSES: Final = {
    "Huurachterstand": "rent_arrears",
    "Overlast": "nuisance",
    "Onrechtmatig gebruik": "unlawful_use",
    "Anders": "other",
}
HOME: Final = Address("Postcode", "Huisnummer", letter="Huisletter", addition="Toevoeging")


def arrears(decimal: str, day: str) -> Table:
    """Rent arrears, in the notation of the file."""
    return Table(
        "payment_arrears",
        key("Signaalnummer"),
        HOME,
        (
            constant("partner_type", "rent"),
            amount("amount_eur", "Achterstand", decimal),
            date("arisen_on", "Achterstand sinds", day),
            date("signalled_on", "Signaaldatum", day),
            flag("crisis", "Crisis", YES_NO),
            flag("warm_handover", "Warme overdracht", YES_NO),
            constant("reported_by", "partner"),
            unknown("signal_status"),
        ),
    )


def evictions(day: str) -> Table:
    """Evictions, in the notation of the file."""
    return Table(
        "eviction_notice",
        key("Zaaknummer"),
        HOME,
        (
            code("stage", "Fase", STAGES),
            code("cause", "Reden", CAUSES),
            date("noticed_on", "Datum melding", day),
            date("effective_on", "Datum ontruiming", day, optional=True),
        ),
    )


def read(path: Path) -> Iterator[Batch]:
    """Stream one export; its name says which of the two kinds it is."""
    workbook = path.suffix.lower() == ".xlsx"
    day, decimal = ("%Y-%m-%d 00:00:00", ".") if workbook else ("%d-%m-%Y", ",")
    table = evictions(day) if path.name.lower().startswith("ontruimingen") else arrears(decimal, day)
    if workbook:
        yield from batches(table, excel_blocks(path, table.required, table.optional))
    else:
        yield from batches(table, csv_blocks(path, Dialect(), table.required, table.optional))


CONNECTOR: Final = Connector(
    name="housing_corporation",
    title="Housing corporation: rent arrears and evictions, text or Excel",
    event_types=("payment_arrears", "eviction_notice"),
    patterns=("huurachterstanden*.csv", "huurachterstanden*.xlsx", "ontruimingen*.csv", "ontruimingen*.xlsx"),
    read=read,
)
