"""Delivery statements: each month a sender tells each municipality that it serves what it has sent, also when nothing.

Without them silence is ambiguous: no arrears, or a file that was forgotten.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from services.errors import Fatal
from services.sending.enqueueing import enqueue_each
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
    sent = _sent(sender.journal.dated())
    said = {
        receiver: [_row(sender, receiver, period, sent, clients.get(receiver)) for period in periods]
        for receiver in sender.participant.serves
    }
    sources = {receiver: _source(receiver, rows) for receiver, rows in said.items()}
    keys = [f"{to}|{row['period']}|{sources[to].hex()}" for to, rows in said.items() for row in rows]
    ids = sender.event_ids(EVENT_TYPE, EVENT_TYPE, pl.Series("event_id", keys, dtype=pl.String))
    rows = [row for of_one in said.values() for row in of_one]
    frame = pl.DataFrame(rows, schema_overrides=_TYPES).with_columns(pl.lit(today).alias("stated_on"), ids)
    each = len(periods)
    made = [(to, frame.slice(at * each, each), source) for at, (to, source) in enumerate(sources.items())]
    with sender.outbox.together():
        return enqueue_each(sender, EVENT_TYPE, made)


def _source(receiver: str, rows: Sequence[Mapping[str, object]]) -> bytes:
    """Return 32 bytes that name what one municipality is told; the same for the same."""
    return hashlib.sha256(json.dumps([receiver, rows], default=bytes.hex).encode()).digest()


_TYPES: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "deliveries": pl.List(pl.Binary),
    "partner_type": pl.String,
    "client_households": pl.Int64,
    "event_count": pl.Int64,
}


@dataclass(frozen=True)
class _Sent:
    """What was sent to one receiver of one month."""

    deliveries: list[bytes]
    events: int
    complete: bool


def _sent(dated: pl.DataFrame) -> Mapping[tuple[str, str], _Sent]:
    """Return by receiver and month what was sent."""
    sums = dated.group_by("receiver", "period").agg(
        pl.col("delivery_id").unique().sort(), pl.col("events").sum(), (pl.col("complete") == 1).all()
    )
    return {(receiver, period): _Sent(*what) for receiver, period, *what in sums.iter_rows()}


def _row(
    sender: Sender, receiver: str, period: str, sent: Mapping[tuple[str, str], _Sent], client_households: int | None
) -> dict[str, object]:
    what = sent.get((receiver, period), _Sent([], 0, complete=True))
    return {
        "period": period,
        "municipality": receiver,
        "partner_type": PARTNER_TYPES.get(sender.participant.kind),
        "deliveries": what.deliveries,
        "event_count": what.events,
        "complete": what.complete,
        "client_households": client_households,
    }
