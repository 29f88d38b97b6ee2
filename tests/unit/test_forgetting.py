"""A sender forgets what it may keep no longer, and nothing that it needs to send once and in order."""

import datetime as dt
import sqlite3
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from services.errors import Fatal
from services.sending.forgetting import forget_sent
from services.sending.journal import Journal
from services.sending.outbox import Outbox
from services.sending.pseudonym_cache import PseudonymCache
from tests.unit.test_outbox import SOURCE, position, seal

DAY = dt.timedelta(days=1)
TODAY = dt.date(2026, 3, 1)


def sent(outbox: Outbox, first: int, last: int) -> None:
    for number in range(first, last):
        outbox.enqueue("gm0518", [seal(b"%d" % number)], position(number + 1))
    outbox.mark_sent([item.parcel_id for item in outbox.pending()])


def records(path: Path) -> int:
    with closing(sqlite3.connect(path)) as database:
        (count,) = database.execute("SELECT count(*) FROM parcels").fetchone()
        return int(count)


def test_records_of_sent_parcels_go_when_they_are_old_enough_and_the_stream_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    assert forget_sent(path, TODAY, TODAY - 10 * DAY) == 0
    with Outbox(path) as outbox:
        sent(outbox, 0, 5)
    assert forget_sent(path, TODAY, TODAY - 10 * DAY) == 0
    with Outbox(path) as outbox:
        sent(outbox, 5, 8)
    assert forget_sent(path, TODAY + 10 * DAY, TODAY) == 0
    assert forget_sent(path, TODAY + 11 * DAY, TODAY + DAY) == 5
    assert records(path) == 3
    with Outbox(path) as outbox:
        outbox.enqueue("gm0518", [seal(b"x")], position(9))
        assert outbox.position(SOURCE, "gm0518", "payment_arrears") == 9
        assert outbox.enqueue("gm0518", [seal(b"again")], position(3)) == 0
    assert forget_sent(path, TODAY + 30 * DAY, TODAY + 20 * DAY) == 3
    assert records(path) == 1  # the one that waits


def test_the_last_record_stays_so_that_numbers_are_not_given_out_again(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    with Outbox(path) as outbox:
        sent(outbox, 0, 3)
    forget_sent(path, TODAY, TODAY)
    assert forget_sent(path, TODAY + 100 * DAY, TODAY + 90 * DAY) == 2
    assert forget_sent(path, TODAY + 200 * DAY, TODAY + 190 * DAY) == 0
    with Outbox(path) as outbox:
        sent(outbox, 3, 4)
    assert forget_sent(path, TODAY + 201 * DAY, TODAY + 191 * DAY) == 1  # now another one is the last


def test_a_waiting_parcel_that_was_changed_on_the_disk_is_not_sent(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    with Outbox(path) as outbox:
        outbox.enqueue("gm0518", [seal(b"1")], position(1))
        with closing(sqlite3.connect(path)) as database:
            (value,) = database.execute("SELECT value FROM parcels").fetchone()
            database.execute("UPDATE parcels SET value = ?", (value[:-1] + bytes([value[-1] ^ 1]),))
            database.commit()
        with pytest.raises(Fatal, match=r"outbox\.sqlite is damaged"):
            outbox.pending()


def refused(journal: Journal, digest: bytes, *rows: int, event_type: str = "payment_arrears") -> None:
    told = {"field": "amount", "reason": "not_a_number", "remedy": "mend it", "raw": "x"}
    frame = pl.DataFrame({"source_row": list(rows)}).with_columns(
        pl.lit(value).alias(key) for key, value in told.items()
    )
    with journal.transaction():
        journal.add_refused("a.csv", event_type, digest, frame)


def rows_left(journal: Journal) -> list[int]:
    return [row.source_row for row in journal.refused_rows(mended=True)]


def test_refused_rows_are_kept_as_long_as_their_contract_says(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal.sqlite", lambda raw: raw)) as journal:
        refused(journal, b"1", 1, 2)
        refused(journal, b"1", 7, event_type="eviction_notice")
        first = {"payment_arrears": TODAY - 400 * DAY, "eviction_notice": TODAY - 800 * DAY}
        assert journal.forget_refused(first, TODAY) == 0
        later = {name: day + 401 * DAY for name, day in first.items()}
        refused(journal, b"2", 3)
        assert journal.forget_refused(later, TODAY + 401 * DAY) == 2
        assert rows_left(journal) == [3, 7]


def test_a_row_that_was_refused_again_in_another_version_of_its_file_counts_from_then(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal.sqlite", lambda raw: raw)) as journal:
        refused(journal, b"1", 1, 2)
        journal.forget_refused({}, TODAY)
        refused(journal, b"2", 2)
        journal.forget_refused({}, TODAY + 300 * DAY)
        assert journal.forget_refused({"payment_arrears": TODAY + DAY}, TODAY + 401 * DAY) == 1
        assert rows_left(journal) == [2]


def test_pseudonyms_of_other_scopes_go_and_the_keys_they_were_made_with_stay_known(tmp_path: Path) -> None:
    with PseudonymCache(tmp_path / "pseudonyms.sqlite", bytes(32)) as cache:
        old, new = (cache.scope("gm0518", epoch, "address") for epoch in ("2025", "2026"))
        for scope in (old, new):
            cache.pin(scope, b"keys")
            cache.add(scope, [bytes(32)], [bytes(32)])
        assert cache.keep_only([new]) == 1
        assert (cache.load(old).height, cache.load(new).height) == (0, 1)
        assert cache.keep_only([new]) == 0
        with pytest.raises(Fatal):
            cache.pin(old, b"other keys")
