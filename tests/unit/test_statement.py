"""Delivery statements: what a sender tells each municipality it serves, also when it sent nothing."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest

from services.avro.decode import decode_block
from services.errors import Fatal
from services.network import Network
from services.privacy.keys import opening_keys
from services.privacy.parcel import open_parcel
from services.sending.sender import open_sender
from services.sending.statement import read_clients, state_months
from tests.small_network import MUNICIPALITIES

TOWN = MUNICIPALITIES[0]
DAY = dt.date(2026, 1, 5)
CLIENTS = dict.fromkeys(MUNICIPALITIES, 900)


def write(folder: Path, text: str) -> Path:
    path = folder / "clients.csv"
    path.write_text(text, "utf-8")
    return path


def test_clients_are_read_per_municipality(tmp_path: Path) -> None:
    path = write(tmp_path, "municipality;client_households\ngm0664;9000\ngm0687; 12 \n")
    assert read_clients(path) == {"gm0664": 9000, "gm0687": 12}


def test_a_row_of_clients_that_is_no_number_is_named_without_its_value(tmp_path: Path) -> None:
    path = write(tmp_path, "municipality;client_households\ngm0664;9000\ngm0687;J. Jansen\n")
    with pytest.raises(Fatal, match=r"clients\.csv, row 3") as refused:
        read_clients(path)
    assert "Jansen" not in str(refused.value)
    with pytest.raises(Fatal, match="is not there"):
        read_clients(tmp_path / "none" / "clients.csv")


def said(root: Path) -> list[dict[str, object]]:
    """All statements that lie in the supplier's outbox, opened by the municipalities."""
    network, rows = Network.open(root), []
    kind = network.registry.get("delivery_statement")
    with open_sender(network, "es-stroom") as sender:
        for waiting in sender.outbox.pending():
            inner, avro = open_parcel(waiting.value, waiting.receiver, opening_keys(network.keys(waiting.receiver)))
            assert inner.event_type == "delivery_statement"
            frame, _ = decode_block(kind, avro, inner.event_count)
            rows += [{"to": waiting.receiver, **row} for row in frame.to_dicts()]
    return rows


def state(root: Path, clients: dict[str, int], months: tuple[str, ...] = ("2025-12",)) -> int:
    with open_sender(Network.open(root), "es-stroom") as sender:
        return state_months(sender, months, clients, DAY)


def test_who_sent_nothing_states_nothing_sent_to_each_municipality(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("empty")
    assert state(root, CLIENTS, ("2025-11", "2025-12")) == 3
    rows = said(root)
    assert [(row["to"], row["period"]) for row in rows] == [
        (town, month) for town in MUNICIPALITIES for month in ("2025-11", "2025-12")
    ]
    for row in rows:
        assert row["municipality"] == row["to"]
        assert (row["event_count"], row["deliveries"], row["complete"]) == (0, [], True)
        assert (row["client_households"], row["partner_type"], row["stated_on"]) == (900, "energy", DAY)
    assert len({bytes(row["event_id"]) for row in rows}) == len(rows)  # type: ignore[call-overload]


def test_the_same_is_not_said_twice_and_something_new_is(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("empty")
    assert state(root, CLIENTS) == 3
    assert state(root, CLIENTS) == 0
    assert state(root, {**CLIENTS, TOWN: 850}) == 1
    assert [row["client_households"] for row in said(root) if row["to"] == TOWN] == [900, 850]


def test_a_municipality_without_an_entry_is_stated_as_unknown(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("empty")
    state(root, {TOWN: 5})
    assert [row["client_households"] for row in said(root)] == [5, None, None]


def test_events_are_counted_per_month_with_the_deliveries_they_were_in(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("empty")
    with open_sender(Network.open(root), "es-stroom") as sender:
        journal = sender.journal
        with journal.transaction():
            journal.add_delivery(b"a" * 16, TOWN, "payment_arrears", b"x" * 32, 0, [("2025-11", 4), ("2025-12", 6)])
            journal.add_delivery(b"b" * 16, TOWN, "supply_stop_notice", b"y" * 32, 0, [("2025-12", 1)])
        journal.finish_file(b"x" * 32, "a.csv", "energy_supplier", 10, 10, 0)
    state(root, CLIENTS)
    [row] = [row for row in said(root) if row["to"] == TOWN]
    assert (row["event_count"], row["deliveries"]) == (7, [b"a" * 16, b"b" * 16])
    assert row["complete"] is False  # the second file was not read to its end
