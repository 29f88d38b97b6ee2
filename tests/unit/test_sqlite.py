"""Errors of our SQLite files say whether to make room, to mend the file, or to wait, and never hold a value."""

import datetime as dt
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from services.errors import Fatal, Retryable
from services.sending.journal import Journal
from services.sending.outbox import Outbox
from services.sqlite import open_database, require_whole, transaction
from services.store.parcels import ParcelFate, ParcelLog

SCHEMA = "CREATE TABLE IF NOT EXISTS things (name BLOB)"


def test_a_file_without_room_is_told_as_full_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with closing(open_database(path, SCHEMA, durable=True)) as database:
        database.execute("PRAGMA max_page_count = 4")
        with (
            pytest.raises(Retryable, match=r"no room for .*journal\.sqlite.*SQLITE_FULL.*Make room"),
            transaction(database, path),
        ):
            database.execute("INSERT INTO things VALUES (zeroblob(50000))")
        database.execute("PRAGMA max_page_count = 4000")
        with transaction(database, path):
            database.execute("INSERT INTO things VALUES (zeroblob(50000))")
        assert database.execute("SELECT count(*) FROM things").fetchone() == (1,)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("outbox", "remove outbox.sqlite and journal.sqlite"),
        ("journal", "remove outbox.sqlite and journal.sqlite"),
        ("parcels", "private/, parcels.sqlite and replay.sqlite of this participant back from one copy"),
        ("replay", "private/, parcels.sqlite and replay.sqlite of this participant back from one copy"),
        ("pseudonyms", "remove the file"),
        ("standing", "remove the file"),
        ("runs", "remove the file"),
        ("catalog", "put the warehouse's folder back from a copy"),
        ("broker", "put the file back from a copy"),
    ],
)
def test_what_to_do_about_a_damaged_file_is_what_may_be_done_about_it(name: str, advice: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.sqlite"
    path.write_bytes(b"this is no database, whatever else it is; " * 100)
    for work in (lambda: open_database(path, SCHEMA, durable=True), lambda: require_whole(path)):
        with pytest.raises(Fatal, match=path.name) as told:
            work()
        assert advice in told.value.todo


def test_a_file_where_none_can_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").write_bytes(b"")
    with pytest.raises(Fatal, match=r"outbox\.sqlite cannot be used"):
        open_database(tmp_path / "folder" / "outbox.sqlite", SCHEMA, durable=True)


def test_pages_that_do_not_fit_together_are_told(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute(SCHEMA)
        database.executemany("INSERT INTO things VALUES (?)", [(bytes(900),)] * 100)
        database.commit()
    content = path.read_bytes()
    path.write_bytes(content[:8192] + bytes(4096) + content[12288:])
    with pytest.raises(Fatal, match="is damaged"):
        require_whole(path)


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute(statement)
        database.commit()


def told_of(path: Path, work: Callable[[], object]) -> Fatal:
    with pytest.raises(Fatal, match=path.name) as told:
        work()
    assert told.value.__suppress_context__  # a traceback would show the value
    return told.value


@pytest.mark.parametrize("value", ["'2O26-01-05'", "CAST(X'32304F36FF' AS TEXT)", "X'2026'"])
def test_a_row_of_the_log_of_parcels_that_nobody_stored_names_the_file_and_not_the_value(
    value: str, tmp_path: Path
) -> None:
    log = ParcelLog(tmp_path / "parcels.sqlite")
    log.record([ParcelFate("topic", 1, dt.date(2026, 1, 5), "opened")])
    change(log.path, f"UPDATE parcels SET received_on = {value}")
    assert "2O" not in str(told_of(log.path, log.fates))


def test_a_row_of_the_journal_that_nobody_stored_names_the_file_and_not_the_value(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with closing(Journal(path, lambda raw: raw)) as journal:
        refused = {"source_row": [2], "field": ["f"], "reason": ["r"], "remedy": ["m"], "raw": ["Zandkasteel"]}
        journal.add_refused("a.csv", "payment_arrears", b"d", pl.DataFrame(refused))
        journal.finish_file(b"d", "a.csv", "energy", 1, 0, 1)
        change(path, "UPDATE files SET events = 'Zandkasteel'")
        assert "Zandkasteel" not in str(told_of(path, journal.files))
        change(path, "UPDATE refused SET field = CAST(X'5A616E64FF' AS TEXT)")
        assert "Zand" not in str(told_of(path, journal.refused_rows))
        change(path, "DROP TABLE files")
        told_of(path, lambda: journal.finished(b"d"))
        told_of(path, lambda: journal.other_version("a.csv", b"e"))


def test_a_position_of_the_outbox_that_nobody_stored_names_the_file_and_not_the_value(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    with Outbox(path) as outbox:
        change(path, "INSERT INTO positions VALUES (X'64', 'gm0518', 'payment_arrears', 'Zandkasteel')")
        told = told_of(path, lambda: outbox.position(b"d", "gm0518", "payment_arrears"))
    assert "Zandkasteel" not in str(told)
    assert "never put an old copy of them back" in told.todo
