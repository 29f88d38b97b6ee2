"""Who writes within a savepoint waits for its turn, and while a log is written the event loop goes on."""

import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import OperationalError

from infra.airflow_sqlite import beside_the_loop, claim_the_write

READ, WRITE = "SELECT count(*) FROM runs", "INSERT INTO runs VALUES (1)"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "shared.db")) as made:
        made.execute("PRAGMA journal_mode = WAL")
        made.execute("CREATE TABLE runs (number INTEGER)")
    return tmp_path / "shared.db"


def read_then_write(engine: Engine, file: Path) -> str:
    """Read and write in a savepoint while another writes in between; return what that one was told."""
    said = ""
    with engine.connect() as mine, closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as other:
        with mine.begin_nested():
            assert mine.execute(text(READ)).scalar_one() == 0
            try:
                other.execute(WRITE)
            except sqlite3.OperationalError as error:
                said = str(error)
            mine.execute(text(WRITE))
        assert other.execute(READ).fetchone() == (0,), "nothing is seen before all is there"
        mine.commit()
        assert other.execute(READ).fetchone() == (1,)
        other.execute(WRITE)
    return said


def test_another_waits_while_a_savepoint_that_claimed_the_write_reads_and_writes(file: Path) -> None:
    engine = create_engine(f"sqlite:///{file}?timeout=0")
    with pytest.raises(OperationalError, match="locked"):  # what SQLite does unasked, and Airflow makes a mess of
        read_then_write(engine, file)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("DELETE FROM runs")
    event.listen(engine, "savepoint", claim_the_write)
    assert "locked" in read_then_write(engine, file)


def test_a_savepoint_in_a_transaction_that_writes_already_goes_on_in_it(file: Path) -> None:
    engine = create_engine(f"sqlite:///{file}?timeout=0")
    event.listen(engine, "savepoint", claim_the_write)
    with engine.connect() as mine:
        mine.execute(text(WRITE))
        with mine.begin_nested():
            mine.execute(text(WRITE))
        mine.rollback()
        assert mine.execute(text(READ)).scalar_one() == 0


class Asked:
    """A request as far as a log reads it: its body comes by the loop it was made on, once."""

    def __init__(self) -> None:
        self.came = asyncio.get_running_loop().create_future()

    async def body(self) -> bytes:
        if not self.came.done():
            await asyncio.sleep(0)
            self.came.set_result(b"{}")
        return bytes(self.came.result())


def test_a_log_that_waits_for_what_the_loop_does_is_written() -> None:
    done_by_the_loop = threading.Event()
    written: list[bytes] = []

    async def write(request: Asked) -> None:
        assert done_by_the_loop.wait(10), "the loop stands still"
        written.append(await request.body())

    async def answer() -> None:
        asked = Asked()
        log = asyncio.create_task(beside_the_loop(write)(request=asked))
        await asyncio.sleep(0.1)
        assert not log.done()
        done_by_the_loop.set()
        await log

    asyncio.run(answer())
    assert written == [b"{}"]


def test_what_goes_wrong_in_writing_is_told_to_who_asked() -> None:
    async def write(request: Asked) -> None:
        raise OSError(f"{len(await request.body())} bytes were not written")

    async def answer() -> str:
        try:
            await beside_the_loop(write)(request=Asked())
        except OSError as error:
            return str(error)
        return ""

    assert asyncio.run(answer()) == "2 bytes were not written"
