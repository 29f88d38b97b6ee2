"""Which addresses were used stands in the outbox, sealed, and is due at an epoch change."""

import datetime as dt
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest

from services.errors import Fatal
from services.sending.outbox import Outbox
from services.sending.used_addresses import UsedAddresses, first_month

KEY = b"k" * 32
HERE, THERE = "gm0518", "gm0363"


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "outbox.sqlite")


@pytest.fixture
def used(outbox: Outbox) -> UsedAddresses:
    return outbox.used(KEY)


def due(used: UsedAddresses, epoch: str = "2026", since: str = "2024-12") -> dict[tuple[str, str], list[str]]:
    return {(item.receiver, item.called): item.addresses.to_list() for item in used.due(epoch, since)}


@pytest.mark.parametrize(
    ("today", "first"),
    [
        (dt.date(2026, 1, 1), "2024-12"),
        (dt.date(2026, 1, 31), "2024-12"),
        (dt.date(2026, 2, 1), "2025-01"),
        (dt.date(2025, 12, 31), "2024-11"),
    ],
)
def test_addresses_of_the_last_thirteen_months_are_due(today: dt.date, first: str) -> None:
    assert first_month(today) == first


def test_each_address_is_due_once_per_receiver_and_epoch_and_only_when_it_is_young_enough(used: UsedAddresses) -> None:
    used.note(HERE, "2025", "2025-11", pl.Series(["a", "b", "a", None]))
    used.note(HERE, "2025", "2025-11", pl.Series(["b", "c"]))
    used.note(HERE, "2025", "2025-12", pl.Series(["a", "d"]))
    used.note(HERE, "2024", "2024-11", pl.Series(["old"]))
    used.note(THERE, "2025", "2025-12", pl.Series(["a"]))
    used.note(HERE, "2026", "2026-01", pl.Series(["new"]))
    assert due(used) == {(HERE, "2025"): ["a", "b", "c", "d"], (THERE, "2025"): ["a"]}
    assert due(used, "2025") == {}


def test_what_a_receiver_was_told_is_due_no_longer_and_in_the_next_year_by_its_newest_name(used: UsedAddresses) -> None:
    used.note(HERE, "2025", "2025-12", pl.Series(["a"]))
    (item,) = used.due("2026", "2024-12")
    used.note(HERE, "2025", "2026-01", pl.Series(["late"]))  # by a command that began in the year before
    used.carry(item.numbers, "2026")
    assert due(used) == {(HERE, "2025"): ["late"]}
    assert due(used, "2027", "2025-12") == {(HERE, "2025"): ["late"], (HERE, "2026"): ["a"]}


def test_a_receiver_that_lost_what_it_had_is_told_again_and_nobody_else(used: UsedAddresses) -> None:
    used.note(HERE, "2025", "2025-12", pl.Series(["a"]))
    used.note(THERE, "2025", "2025-12", pl.Series(["b"]))
    used.carry([number for item in used.due("2026", "2024-12") for number in item.numbers], "2026")
    used.begin_again(HERE)
    assert due(used) == {(HERE, "2025"): ["a"]}


def test_addresses_of_this_year_are_supposed_to_have_been_sent_in_an_earlier_one(used: UsedAddresses) -> None:
    used.note(HERE, "2026", "2026-01", pl.Series(["a"]))
    used.suppose_sent("2025")
    assert due(used) == {(HERE, "2025"): ["a"]}


def test_notes_are_forgotten_by_month(used: UsedAddresses) -> None:
    used.note(HERE, "2024", "2024-11", pl.Series(["a"]))
    used.note(HERE, "2024", "2024-12", pl.Series(["b"]))
    assert (used.forget("2024-12"), used.forget("2024-12")) == (1, 0)
    assert due(used, since="2024-01") == {(HERE, "2024"): ["b"]}


def test_a_transaction_that_does_not_end_notes_nothing(outbox: Outbox, used: UsedAddresses) -> None:
    with suppress(InterruptedError), outbox.together():
        used.note(HERE, "2025", "2025-12", pl.Series(["a"]))
        raise InterruptedError
    assert due(used) == {}


def test_the_file_shows_no_address_and_opens_with_its_key_only(tmp_path: Path, outbox: Outbox) -> None:
    address = "1234AB|10|SECRET"
    outbox.used(KEY).note(HERE, "2025", "2025-12", pl.Series([address]))
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert HERE.encode() in stored, "the file was looked into"
    assert b"SECRET" not in stored
    assert b"1234AB" not in stored
    with pytest.raises(Fatal) as error:
        outbox.used(b"d" * 32).due("2026", "2024-12")
    assert "1234AB" not in str(error.value)


def test_an_outbox_of_an_earlier_version_gets_its_notes(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    with Outbox(path) as old:
        old._db.execute("DROP TABLE used")
    with Outbox(path) as outbox:
        outbox.used(KEY).note(HERE, "2025", "2025-12", pl.Series(["a"]))
        assert due(outbox.used(KEY)) == {(HERE, "2025"): ["a"]}


def test_what_was_noted_in_a_transaction_that_failed_is_noted_when_it_is_tried_again(
    outbox: Outbox, used: UsedAddresses
) -> None:
    used.note(HERE, "2025", "2025-12", pl.Series(["a"]))
    with suppress(KeyError), outbox.together():
        used.note(HERE, "2025", "2025-12", pl.Series(["a", "b"]))
        raise KeyError
    assert due(used) == {(HERE, "2025"): ["a"]}
    with outbox.together():
        used.note(HERE, "2025", "2025-12", pl.Series(["b", "c"]))
    assert due(used) == {(HERE, "2025"): ["a", "b", "c"]}
