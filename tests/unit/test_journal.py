"""The sender's own record: what was read, sent and refused, the same after every repetition, refused text sealed."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from services.errors import Fatal
from services.sending.journal import Journal

OLD, NEW = b"1" * 32, b"2" * 32


def seal(raw: bytes) -> bytes:
    return bytes(byte ^ 0x5A for byte in raw)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "journal.sqlite", seal)
    yield opened
    opened.close()


def refused(*rows: tuple[int, str]) -> pl.DataFrame:
    columns = {"source_row": pl.Int64, "reason": pl.String}
    frame = pl.DataFrame(list(rows), schema=columns, orient="row")
    return frame.with_columns(field=pl.lit("amount"), remedy=pl.lit("Mend it."), raw=pl.lit("J. Jansen;12"))


def test_a_file_is_finished_once_it_was_read_to_its_end(journal: Journal) -> None:
    assert not journal.finished(OLD)
    journal.finish_file(OLD, "a.csv", "energy_supplier", 10, 8, 2)
    assert journal.finished(OLD)
    assert not journal.finished(NEW)
    assert journal.files().rows() == [("a.csv", "energy_supplier", 10, 8, 2)]


def test_refused_rows_are_written_once_however_often_the_file_is_read(journal: Journal) -> None:
    for _ in range(2):
        journal.add_refused("a.csv", "payment_arrears", OLD, refused((3, "missing"), (5, "not_a_date")))
    rows = journal.refused_rows()
    assert [(row.source_row, row.reason, row.mended) for row in rows] == [
        (3, "missing", False),
        (5, "not_a_date", False),
    ]


def test_a_new_version_of_a_file_mends_what_it_does_not_refuse_again(journal: Journal) -> None:
    journal.add_refused("a.csv", "payment_arrears", OLD, refused((3, "missing"), (5, "not_a_date")))
    journal.finish_file(OLD, "a.csv", "energy_supplier", 10, 8, 2)
    journal.add_refused("b.csv", "payment_arrears", OLD, refused((7, "missing")))
    journal.add_refused("a.csv", "payment_arrears", NEW, refused((5, "unknown_code")))
    assert len(journal.refused_rows()) == 3  # until the new version was read to its end
    journal.finish_file(NEW, "a.csv", "energy_supplier", 10, 9, 1)
    assert [(row.file, row.source_row, row.reason) for row in journal.refused_rows()] == [
        ("a.csv", 5, "unknown_code"),
        ("b.csv", 7, "missing"),
    ]
    assert [row.source_row for row in journal.refused_rows(mended=True) if row.mended] == [3]


def test_the_text_of_a_refused_row_is_in_the_file_only_sealed(journal: Journal, tmp_path: Path) -> None:
    journal.add_refused("a.csv", "payment_arrears", OLD, refused((3, "missing")))
    assert [seal(raw) for raw in journal.raw("a.csv", 3)] == [b"J. Jansen;12"]
    assert journal.raw("a.csv", 4) == []
    assert "J. Jansen" not in repr(journal.refused_rows())
    with sqlite3.connect(tmp_path / "journal.sqlite") as database:
        dump = "\n".join(database.iterdump())
    assert "J. Jansen" not in dump
    assert seal(b"J. Jansen;12").hex().upper() in dump.upper()


def test_counts_per_delivery_and_period_are_replaced_and_not_added_by_a_repetition(journal: Journal) -> None:
    for _ in range(2):
        journal.add_delivery(b"d" * 16, "gm0518", "payment_arrears", OLD, 0, [("2025-11", 4), ("2025-12", 6)])
        journal.add_delivery(b"d" * 16, "gm0518", "payment_arrears", OLD, 1, [("2025-12", 1)])
    rows = journal.dated().select("period", "events", "complete").rows()
    assert rows == [("2025-11", 4, 0), ("2025-12", 7, 0)]
    journal.finish_file(OLD, "a.csv", "energy_supplier", 11, 11, 0)
    assert journal.dated()["complete"].to_list() == [1, 1]


def test_a_version_that_was_sent_in_part_and_then_replaced_is_complete_with_the_one_that_replaced_it(
    journal: Journal,
) -> None:
    for digest, delivery in ((OLD, b"d" * 16), (b"3" * 32, b"f" * 16)):
        journal.begin_file(digest, "a.csv" if digest == OLD else "b.csv", "energy_supplier")
        journal.add_delivery(delivery, "gm0518", "payment_arrears", digest, 0, [("2025-12", 4)])
    assert not journal.finished(OLD)
    assert journal.files().is_empty()
    assert journal.other_version("a.csv", NEW)
    journal.begin_file(NEW, "a.csv", "energy_supplier")
    journal.add_delivery(b"e" * 16, "gm0518", "payment_arrears", NEW, 0, [("2025-12", 9)])
    journal.finish_file(NEW, "a.csv", "energy_supplier", 9, 9, 0)
    complete = dict(journal.dated().select("delivery_id", "complete").iter_rows())
    assert complete == {b"d" * 16: 1, b"e" * 16: 1, b"f" * 16: 0}  # of the other file more is to come
    assert not journal.finished(OLD)


def test_a_failed_transaction_leaves_nothing(journal: Journal) -> None:
    with pytest.raises(Fatal, match="NOTNULL"):
        _write_and_fail(journal)
    assert journal.refused_rows() == []


def _write_and_fail(journal: Journal) -> None:
    """The second part has a row without the reason that it must have."""
    with journal.transaction():
        journal.add_refused("a.csv", "payment_arrears", OLD, refused((3, "missing")))
        nameless = refused((4, "missing")).with_columns(reason=pl.lit(None, pl.String))
        journal.add_refused("a.csv", "payment_arrears", OLD, nameless)
