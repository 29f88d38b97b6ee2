"""Energy supplier: payment arrears and end-of-supply notices, as its debtor administration exports them.

Text files with `;`, decimal comma, dates `31-12-2026`, in the code page of Windows. `energie_achterstanden*.csv` holds
arrears, `energie_afsluitingen*.csv` notices that supply is to end or has ended; whether the household was reached is in
them where the supplier writes it down. Names, BSN and remarks are in the file and are not read.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from connectors.base import Batch, Connector
from connectors.fields import amount, code, constant, date, flag, key, unknown
from connectors.readers import Dialect, csv_blocks
from connectors.table import Address, Table, batches

EXPORT: Final = Dialect(separator=";", encoding="cp1252")
DAY: Final = "%d-%m-%Y"
YES_NO: Final = {"J": True, "N": False}
COMMODITIES: Final = {"E": "electricity", "G": "gas", "EG": "electricity_and_gas", "W": "heat"}
STAGES: Final = {"Aangekondigd": "announced", "Uitgevoerd": "carried_out"}
HOME: Final = Address("Postcode", "Huisnr", addition="Toev")

ARREARS: Final = Table(
    "payment_arrears",
    key("Dossiernr"),
    HOME,
    (
        constant("partner_type", "energy"),
        amount("amount_eur", "Openstaand bedrag", decimal=","),
        date("arisen_on", "Ontstaan op", DAY),
        date("signalled_on", "Gemeld op", DAY),
        flag("crisis", "Crisis", YES_NO),
        flag("warm_handover", "Warme overdracht", YES_NO),
        constant("reported_by", "partner"),
        unknown("signal_status"),
    ),
)
STOPS: Final = Table(
    "supply_stop_notice",
    key("Dossiernr"),
    HOME,
    (
        code("commodity", "Product", COMMODITIES),
        code("stage", "Fase", STAGES),
        date("noticed_on", "Gemeld op", DAY),
        date("effective_on", "Einde levering", DAY, optional=True),
        amount("arrears_eur", "Openstaand bedrag", decimal=",", optional=True),
        flag("household_reached", "Contact gehad", YES_NO),
    ),
)


def read(path: Path) -> Iterator[Batch]:
    """Stream one export; its name says which of the two kinds it is."""
    table = STOPS if path.name.lower().startswith("energie_afsluitingen") else ARREARS
    yield from batches(table, csv_blocks(path, EXPORT, table.required, table.optional))


CONNECTOR: Final = Connector(
    name="energy_supplier",
    title="Energy supplier: arrears and end-of-supply notices",
    event_types=("payment_arrears", "supply_stop_notice"),
    patterns=("energie_achterstanden*.csv", "energie_afsluitingen*.csv"),
    read=read,
)
