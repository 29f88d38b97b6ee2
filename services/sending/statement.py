"""Delivery statements: each month a sender tells each municipality that it serves what it has sent, also when nothing.

Without them silence is ambiguous: no arrears, or a file that was forgotten.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from services.errors import Fatal
from services.sending.delivery import enqueue_once
from services.sending.sender import Sender

CLIENTS_FILE = "clients.csv"
EVENT_TYPE = "delivery_statement"
PARTNER_TYPES = {
    "energy_supplier": "energy",
    "housing_corporation": "rent",
    "water_company": "water",
    "health_insurer": "health_insurance",
}


def read_clients(path: Path) -> dict[str, int]:
    """Read a sender's client households per municipality: `municipality;client_households`.

    Raises:
        Fatal: the file is missing or not of that form; the row is named.
    """
    if not path.exists():
        raise Fatal(
            f"{path.name} is not there.",
            f"A delivery statement says how many client households {path.parent.name} has in each municipality.",
            f"Put {path} there with the columns municipality;client_households.",
        )
    clients = {}
    try:
        lines = path.read_text("utf-8").splitlines()
    except UnicodeDecodeError:
        raise Fatal(f"{path.name} is not UTF-8 text.", todo="Save it as UTF-8.") from None
    for number, line in enumerate(lines[1:], 2):
        municipality, _, households = line.partition(";")
        if not households.strip().isdecimal():
            raise Fatal(f"{path.name}, row {number}: client_households is not a whole number.", todo="Mend that row.")
        clients[municipality.strip()] = int(households)
    return clients


def state_months(sender: Sender, periods: Sequence[str], clients: Mapping[str, int], today: dt.date) -> int:
    """Put a statement per month and municipality that this sender serves into the outbox.

    A statement that says the same as one made before is not sent again; one that says something new replaces it.

    Args:
        sender: who states.
        periods: months such as `2025-12`.
        clients: client households by municipality; a municipality without an entry is stated as unknown.
        today: date of the statement.

    Returns:
        The number of parcels.
    """
    dated = sender.journal.dated()
    with sender.outbox.together():
        return sum(
            _state(
                sender,
                receiver,
                [_row(sender, receiver, period, dated, clients.get(receiver)) for period in periods],
                today,
            )
            for receiver in sender.participant.serves
        )


def _state(sender: Sender, receiver: str, rows: Sequence[Mapping[str, object]], today: dt.date) -> int:
    """Seal one municipality's statements, unless they say what was said before."""
    digest = hashlib.sha256(json.dumps([receiver, rows], default=bytes.hex).encode()).digest()
    keys = pl.Series([f"{receiver}|{row['period']}|{digest.hex()}" for row in rows])
    frame = pl.DataFrame(rows, schema_overrides=_TYPES).with_columns(
        pl.lit(today).alias("stated_on"), sender.event_ids(EVENT_TYPE, EVENT_TYPE, keys).alias("event_id")
    )
    return enqueue_once(sender, EVENT_TYPE, receiver, frame, digest)


_TYPES: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "deliveries": pl.List(pl.Binary),
    "partner_type": pl.String,
    "client_households": pl.Int64,
    "event_count": pl.Int64,
}


def _row(
    sender: Sender, receiver: str, period: str, dated: pl.DataFrame, client_households: int | None
) -> dict[str, object]:
    sent = dated.filter((pl.col("receiver") == receiver) & (pl.col("period") == period))
    return {
        "period": period,
        "municipality": receiver,
        "partner_type": PARTNER_TYPES.get(sender.participant.kind),
        "deliveries": sent["delivery_id"].unique().sort().to_list(),
        "event_count": int(sent["events"].sum()),
        "complete": bool((sent["complete"] == 1).all()),
        "client_households": client_households,
    }
