"""The SQLite log: what every broker does, a file with an identity, and several processes at once."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from services import sqlite
from services.broker import SqliteBroker, UnknownTopic
from services.errors import Fatal, Retryable
from tests.broker_behaviour import BrokerBehaviour

TOPIC = "parcels.gm0518"


def broker(tmp_path: Path) -> SqliteBroker:
    opened = SqliteBroker(tmp_path / "broker.sqlite")
    opened.create_topic(TOPIC)
    return opened


class TestSqliteBroker(BrokerBehaviour):
    @pytest.fixture
    def log(self, tmp_path: Path) -> Iterator[SqliteBroker]:
        with broker(tmp_path) as opened:
            yield opened

    @pytest.fixture
    def topic(self) -> str:
        return TOPIC


def test_a_file_made_anew_is_not_read_on_at_the_old_offset(tmp_path: Path) -> None:
    log = broker(tmp_path)
    known = log.topic_id(TOPIC)
    assert log.read(TOPIC, 0, expected_id=known) == []
    (tmp_path / "broker.sqlite").rename(tmp_path / "old.sqlite")
    anew = broker(tmp_path)
    with pytest.raises(Fatal, match="not the one"):
        anew.read(TOPIC, 0, expected_id=known)


def test_what_is_appended_together_is_all_there_or_nothing(tmp_path: Path) -> None:
    log = broker(tmp_path)

    def append_two() -> None:
        with log.together():
            log.append(TOPIC, b"", b"a")
            log.append("parcels.missing", b"", b"b")

    with pytest.raises(UnknownTopic):
        append_two()
    assert log.end_offset(TOPIC) == 0


def test_a_locked_file_is_retryable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.05)
    log = broker(tmp_path)
    other = sqlite3.connect(tmp_path / "broker.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Retryable):
        log.append(TOPIC, b"", b"")
    assert log.read(TOPIC, 0) == []
    other.execute("ROLLBACK")
    log.append(TOPIC, b"", b"")
    assert log.end_offset(TOPIC) == 1


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
from services.broker import SqliteBroker, UnknownTopic
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
