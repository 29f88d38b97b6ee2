"""Airflow as a server: what it listens to, that it ends whole, and what it keeps for its owner."""

import dataclasses
import datetime as dt
import json
import signal
import sqlite3
import stat
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import psutil
import pytest

from infra.airflow import USER, airflow_home, password, server
from infra.linux import session_members
from infra.process import NotReadyError, Server, running, start, stop
from infra.schedule import open_schedule
from services.config import Settings, load_settings
from services.errors import Fatal, NotAllowed, Rejected
from services.home import Home
from tests.command import run
from tests.network.schedule.real import await_run, await_that, place
from tests.small_network import Stages, copied

HELD = 15.0
"""Seconds for which a test has Airflow's database for itself; SQLite alone lets others wait for five."""
YEAR = [f"2025-{month:02}" for month in range(1, 13)]


@pytest.fixture(scope="module")
def root(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copied(stages.empty, tmp_path_factory.mktemp("airflow") / "home")
    place(folder)
    return folder


@pytest.fixture
def described(root: Path) -> Iterator[Server]:
    found = server(Home(root), load_settings(root))
    start(found)
    yield found
    stop(found)


def test_it_listens_to_this_machine_only_on_one_port_and_ends_whole(described: Server) -> None:
    assert start(described) is False  # it runs, and is left alone
    leader = running(described)
    assert leader is not None
    members = session_members(leader)
    listening = {
        (found.laddr.ip, found.laddr.port)
        for pid in members
        for found in psutil.Process(pid).net_connections("inet")
        if found.status == psutil.CONN_LISTEN
    }
    assert listening == {("127.0.0.1", described.port)}
    assert stop(described) is True
    assert not [pid for pid in members if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]
    with pytest.raises(NotReadyError):
        described.ready()


def test_when_one_of_its_parts_is_killed_all_end_and_it_starts_again(described: Server) -> None:
    leader = running(described)
    assert leader is not None
    part = psutil.Process(leader).children()[-1]
    part.send_signal(signal.SIGKILL)
    await_that(lambda: running(described) is None and not session_members(leader), "all parts have ended")
    assert "The dag-processor ended by itself, with -9, so all parts end." in described.log.read_text("utf-8")
    # its last signs of life are younger than the time after which they count as none
    assert start(described) is True
    described.ready()


def test_its_database_forgets_by_itself_what_is_older_than_90_days(described: Server) -> None:
    stop(described)
    database = described.folder / "airflow.db"
    ages = {"old": 91, "young": 89}
    with closing(sqlite3.connect(database)) as connection, connection:
        for event, days in ages.items():
            at = dt.datetime.now(dt.UTC) - dt.timedelta(days=days)
            connection.execute("INSERT INTO log (dttm, event) VALUES (?, ?)", (f"{at:%Y-%m-%d %H:%M:%S.%f}", event))
    soon = "import sys; from infra.airflow_parts import main; sys.exit(main(first_clean=1.0))"
    start(dataclasses.replace(described, command=[sys.executable, "-c", soon]))

    def kept() -> set[str]:
        with closing(sqlite3.connect(database)) as connection:
            return {row[0] for row in connection.execute("SELECT event FROM log")} & set(ages)

    await_that(lambda: "old" not in kept(), "the database was cleaned")
    assert kept() == {"young"}
    described.ready()


def test_while_another_has_its_database_it_waits_and_answers_what_does_not_need_it(
    described: Server, root: Path
) -> None:
    leader = running(described)
    with open_schedule(Home(root), load_settings(root)) as schedule, ThreadPoolExecutor() as pool:
        schedule.await_known()
        schedule.switch("intake", on=True)
        wanted = schedule.run("intake")  # so that the scheduler and a task want it too
        with closing(sqlite3.connect(described.folder / "airflow.db", isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            switched = pool.submit(schedule.switch, "send", on=False)
            deadline = time.monotonic() + HELD
            while time.monotonic() < deadline:
                answer = httpx.get(
                    f"http://127.0.0.1:{described.port}/api/v2/version", timeout=HELD / 2, trust_env=False
                )
                assert answer.is_success
                time.sleep(0.5)
            assert not switched.done()
            connection.execute("ROLLBACK")
        switched.result()
        assert await_run(schedule, "intake", wanted) == "success"
    assert running(described) == leader
    described.ready()


def test_a_backfill_is_made_whole_beside_somebody_who_writes_all_the_time(described: Server, root: Path) -> None:
    made = threading.Event()

    def write() -> int:
        count = 0
        with closing(sqlite3.connect(described.folder / "airflow.db", timeout=60, isolation_level=None)) as connection:
            while not made.wait(0.002):
                connection.execute("INSERT INTO log (dttm, event) VALUES (datetime(), 'another')")
                count += 1
        return count

    with open_schedule(Home(root), load_settings(root)) as schedule, ThreadPoolExecutor() as pool:
        schedule.await_known()
        written = pool.submit(write)
        try:
            schedule.backfill(YEAR)
        finally:
            made.set()
        months = [item["logical_date"][:7] for item in schedule.runs("node_month") if item["run_type"] == "backfill"]
    assert sorted(months) == YEAR
    assert written.result() > 0


def test_only_who_knows_the_password_may_ask(described: Server, root: Path) -> None:
    base = f"http://127.0.0.1:{described.port}"
    with httpx.Client(base_url=base, trust_env=False) as client:
        assert client.get("/api/v2/dags").status_code == httpx.codes.UNAUTHORIZED
        wrong = client.post("/auth/token", json={"username": USER, "password": "x"})
        assert wrong.status_code == httpx.codes.UNAUTHORIZED
    with open_schedule(Home(root), load_settings(root)) as schedule:
        schedule.await_known()
        with pytest.raises(Rejected, match="no such schedule"):
            schedule.run("nothing")


def test_its_secrets_are_for_its_owner_and_stay_the_same(described: Server, root: Path) -> None:
    names = ("passwords.json", "keys.json", "airflow.cfg")
    before = {name: (described.folder / name).read_bytes() for name in names}
    for name in names:
        assert stat.S_IMODE((described.folder / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(described.folder.stat().st_mode) == 0o700
    described.prepare()
    assert {name: (described.folder / name).read_bytes() for name in names} == before
    assert json.loads(before["passwords.json"]) == {USER: password(Home(root))}
    assert len(password(Home(root))) > 30


def test_a_schedule_is_switched_and_run_by_command(described: Server, root: Path) -> None:
    assert running(described)
    done = run("schedule", "on", "--home", root)
    assert (done.code, done.out.strip()) == (0, "On: intake, node_month, hub_benchmark, retention.")
    started = run("schedule", "run", "intake", "--home", root)
    assert started.code == 0
    assert "intake runs as manual__" in started.out
    assert run("schedule", "off", "--home", root).code == 0
    refused = run("schedule", "run", "nothing", "--home", root)
    assert refused.code == 5
    assert "hub_benchmark" in refused.err


def test_without_airflow_the_commands_say_what_to_do(stages: Stages, tmp_path: Path) -> None:
    bare = copied(stages.empty, tmp_path / "bare")
    none = run("schedule", "on", "--home", bare)
    assert none.code == 3
    assert "names no server" in none.err
    place(bare)
    unknown = run("schedule", "on", "--home", bare)
    assert unknown.code == 3
    assert "`spiegelnet up` makes it" in unknown.err
    folder = airflow_home(Home(bare))
    folder.mkdir(parents=True)
    (folder / "passwords.json").write_text(json.dumps({USER: "x"}))
    away = run("schedule", "on", "--home", bare)
    assert away.code == 4
    assert "does not answer" in away.err


def test_settings_without_an_address_name_no_server(tmp_path: Path) -> None:
    with pytest.raises(Fatal, match="do not say where Airflow is"):
        server(Home(tmp_path), Settings())


def test_a_refused_password_is_told(described: Server, root: Path) -> None:
    kept = described.folder / "passwords.json"
    right = kept.read_text("utf-8")
    with open_schedule(Home(root), load_settings(root)):
        pass
    other = root.parent / "other"
    (other / "servers" / "airflow").mkdir(parents=True)
    (other / "servers" / "airflow" / "passwords.json").write_text(right.replace(password(Home(root)), "wrong"))
    with pytest.raises(NotAllowed), open_schedule(Home(other), load_settings(root)):
        pass
