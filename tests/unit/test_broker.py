"""The SQLite log: offsets, limits, topics with an identity, and several processes at once."""

import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services import sqlite
from services.broker import MAX_MESSAGE_BYTES, Broker, SqliteBroker
from services.errors import Fatal, Rejected, Retryable
from services.privacy.parcel import MAX_PARCEL_BYTES

TOPIC = "parcels.gm0518"


def broker(tmp_path: Path) -> SqliteBroker:
    opened = SqliteBroker(tmp_path / "broker.sqlite")
    opened.create_topic(TOPIC)
    return opened


def test_messages_come_back_in_order_with_offsets_from_zero(tmp_path: Path) -> None:
    log: Broker = broker(tmp_path)
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    assert log.append(TOPIC, b"k", b"first") == 0
    assert log.append_many(TOPIC, [(b"k", b"second"), (b"k", b"")]) == [1, 2]
    assert log.append_many(TOPIC, []) == []
    messages = log.read(TOPIC, 0)
    assert [(each.offset, each.value) for each in messages] == [(0, b"first"), (1, b"second"), (2, b"")]
    assert all(before <= each.appended_at <= datetime.now(UTC) for each in messages)
    assert log.read(TOPIC, 2) == messages[2:]
    assert log.read(TOPIC, 3) == []
    assert log.end_offset(TOPIC) == 3


def test_topics_have_offsets_of_their_own(tmp_path: Path) -> None:
    log = broker(tmp_path)
    log.create_topic("parcels.hub")
    log.append(TOPIC, b"", b"a")
    assert log.append("parcels.hub", b"", b"b") == 0
    assert [each.value for each in log.read("parcels.hub", 0)] == [b"b"]


@pytest.mark.parametrize(("max_bytes", "count"), [(0, 1), (10, 1), (19, 1), (20, 2), (35, 3), (10_000, 4)])
def test_a_read_stops_before_it_exceeds_its_bytes_but_never_comes_empty(
    tmp_path: Path, max_bytes: int, count: int
) -> None:
    log = broker(tmp_path)
    log.append_many(TOPIC, [(b"", bytes(10))] * 4)
    assert len(log.read(TOPIC, 0, max_bytes=max_bytes)) == count
    assert len(log.read(TOPIC, 1, max_messages=2)) == 2


def test_the_largest_parcel_fits_and_more_is_rejected_whole(tmp_path: Path) -> None:
    log = broker(tmp_path)
    assert MAX_PARCEL_BYTES <= MAX_MESSAGE_BYTES
    log.append(TOPIC, b"", bytes(MAX_MESSAGE_BYTES))
    with pytest.raises(Rejected):
        log.append_many(TOPIC, [(b"", b"small"), (b"", bytes(MAX_MESSAGE_BYTES + 1))])
    assert log.end_offset(TOPIC) == 1


def test_a_topic_made_anew_is_not_read_on_at_the_old_offset(tmp_path: Path) -> None:
    log = broker(tmp_path)
    known = log.topic_id(TOPIC)
    assert log.create_topic(TOPIC) == known
    assert log.read(TOPIC, 0, expected_id=known) == []
    (tmp_path / "broker.sqlite").rename(tmp_path / "old.sqlite")
    anew = broker(tmp_path)
    assert anew.topic_id(TOPIC) != known
    with pytest.raises(Fatal, match="not the one"):
        anew.read(TOPIC, 0, expected_id=known)
    with pytest.raises(Fatal, match="not the one"):
        anew.end_offset(TOPIC, expected_id=known)


@pytest.mark.parametrize("offset", [-1, 2])
def test_an_offset_that_a_topic_has_not_is_fatal(tmp_path: Path, offset: int) -> None:
    log = broker(tmp_path)
    log.append(TOPIC, b"", b"")
    with pytest.raises(Fatal, match="has no offset"):
        log.read(TOPIC, offset)


def test_a_topic_that_is_not_there_is_fatal_and_not_made(tmp_path: Path) -> None:
    log = broker(tmp_path)
    for use in (lambda: log.append("parcels.x", b"", b""), lambda: log.read("parcels.x", 0)):
        with pytest.raises(Fatal, match="no topic"):
            use()
    with pytest.raises(Fatal):
        log.topic_id("parcels.x")


def test_a_locked_file_is_retryable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.05)
    log = broker(tmp_path)
    other = sqlite3.connect(tmp_path / "broker.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Retryable):
        log.append(TOPIC, b"", b"")
    assert log.read(TOPIC, 0) == []
    other.execute("ROLLBACK")
    assert log.append(TOPIC, b"", b"") == 0


def test_a_file_that_is_no_log_or_of_a_newer_version_is_fatal(tmp_path: Path) -> None:
    (tmp_path / "text.sqlite").write_text("not a database, but long enough to be read as a header of one" * 30)
    with pytest.raises(Fatal):
        SqliteBroker(tmp_path / "text.sqlite")
    broker(tmp_path).close()
    with sqlite3.connect(tmp_path / "broker.sqlite") as db:
        db.execute("PRAGMA user_version = 2")
    with pytest.raises(Fatal, match="newer version"):
        broker(tmp_path)


WRITER = """
import sys
from pathlib import Path
from services.broker import SqliteBroker
with SqliteBroker(Path(sys.argv[1])) as log:
    log.create_topic("parcels.gm0518")
    for number in range(40):
        log.append_many("parcels.gm0518", [(b"", f"{sys.argv[2]}-{number}-{part}".encode()) for part in range(3)])
"""


def test_processes_that_open_and_write_at_once_lose_and_mix_nothing(tmp_path: Path) -> None:
    path = tmp_path / "broker.sqlite"
    commands = [[sys.executable, "-c", WRITER, str(path), str(number)] for number in range(3)]
    writers = [subprocess.Popen(command) for command in commands]  # noqa: S603 - the script above
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    with SqliteBroker(path) as log:
        messages = log.read(TOPIC, 0)
    assert [each.offset for each in messages] == list(range(360))
    values = [each.value.decode() for each in messages]
    for at in range(0, 360, 3):  # an append of several messages stays together
        assert [value.rsplit("-", 1)[1] for value in values[at : at + 3]] == ["0", "1", "2"]
        assert len({value.rsplit("-", 1)[0] for value in values[at : at + 3]}) == 1
    assert len(set(values)) == 360
