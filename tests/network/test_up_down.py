"""`spiegelnet up` and `down`: servers that are started, ended, killed, and asked how they are."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from infra import stack
from infra.linux import session_members, started_at
from infra.process import NotReadyError, Server, running, start
from infra.states import ServerState, states
from services.access import OperatorAccess
from services.config import load_settings
from services.errors import Fatal, Retryable
from services.home import Home
from tests.command import run, run_apart
from tests.network import homes

QUICK = ("postgresql", "key-services")
"""Servers of two kinds that start in a second: one with children, run as another user, and two plain ones."""
ENOUGH_MIB = 1 << 20


@pytest.fixture
def home() -> Iterator[Home]:
    with homes.new_home() as made:
        yield made


def up(home: Home, *names: str, memory_mib: int = ENOUGH_MIB) -> list[str]:
    settings = load_settings(home.root)
    return [server.name for server in stack.up(home, settings, names=names or QUICK, memory_mib=memory_mib)]


def described(home: Home, name: str) -> Server:
    found = stack.servers(home, load_settings(home.root), QUICK)
    return next(server for group in found.values() for server in group if server.name == name)


def state(home: Home, name: str) -> ServerState:
    return next(item for item in states(home, load_settings(home.root)) if item.name == name)


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ask(home: Home, statement: str) -> list[tuple[object, ...]]:
    """Carry out a statement on the database server as its operator."""
    host, _, port = str(load_settings(home.root).catalog.server).partition(":")
    password = OperatorAccess.load(home.operator).catalog
    with psycopg.connect(
        host=host, port=int(port), user="postgres", password=password, dbname="postgres", autocommit=True
    ) as connection:
        found = connection.execute(statement)
        return found.fetchall() if found.description else []


def await_end(pid: int) -> None:
    while session_members(pid):
        time.sleep(0.05)


def test_up_twice_starts_once_and_down_leaves_no_process_and_no_port(home: Home) -> None:
    assert sorted(up(home)) == ["key-service-a", "key-service-b", "postgresql"]
    servers = [described(home, name) for name in ("postgresql", "key-service-a", "key-service-b")]
    pids = [running(server) for server in servers]
    assert all(pids)
    assert up(home) == []
    assert [running(server) for server in servers] == pids
    assert sorted(server.name for server in stack.down(home)) == ["key-service-a", "key-service-b", "postgresql"]
    assert [member for pid in pids if pid for member in session_members(pid)] == []
    assert not any(listening(server.port) for server in servers)
    assert stack.down(home) == []


def test_what_a_server_holds_is_there_after_down_and_up(home: Home) -> None:
    up(home)
    ask(home, "CREATE TABLE kept (number int)")
    ask(home, "INSERT INTO kept VALUES (7)")
    stack.down(home)
    up(home)
    assert ask(home, "SELECT number FROM kept") == [(7,)]
    log = (home.servers / "postgresql" / "postgresql.log").read_text("utf-8")
    assert "not properly shut down" not in log


def make_clean(folder: Path) -> int:
    return subprocess.run(["make", "clean"], cwd=folder, check=False, capture_output=True).returncode  # noqa: S607


def test_make_clean_ends_the_servers_of_the_homes_that_it_removes(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).parents[2] / "Makefile", tmp_path)
    home = Home(tmp_path / "build" / "network")
    server = Server("sleeping", home.servers / "sleeping", homes.free_ports()[0], ["/bin/sleep", "600"], lambda: None)
    start(server)
    home.directory.touch()
    assert make_clean(tmp_path) != 0
    pid = running(server)
    assert pid is not None, "without the command that ends servers nothing is removed"
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "spiegelnet").symlink_to(Path(sys.executable).with_name("spiegelnet"))
    assert make_clean(tmp_path) == 0
    assert started_at(pid) is None
    assert [path.name for path in tmp_path.iterdir()] == ["Makefile"]
    assert make_clean(tmp_path) == 0


def test_a_killed_server_shows_in_its_state_and_up_brings_it_back(home: Home) -> None:
    up(home)
    ask(home, "CREATE TABLE kept (number int)")
    server = described(home, "postgresql")
    pid = running(server)
    assert pid
    assert state(home, "postgresql").healthy
    assert state(home, "postgresql").pid == pid
    os.kill(pid, signal.SIGKILL)
    await_end(pid)
    killed = state(home, "postgresql")
    assert (killed.running, killed.healthy, killed.pid, killed.since) == (False, False, None, None)
    assert "spiegelnet up" in killed.problem
    assert state(home, "key-service-a").healthy
    assert up(home) == ["postgresql"]
    assert state(home, "postgresql").healthy
    assert ask(home, "SELECT count(*) FROM kept") == [(0,)]


def test_a_server_that_hangs_runs_and_is_not_healthy(home: Home) -> None:
    up(home, "postgresql")
    pid = running(described(home, "postgresql"))
    assert pid
    os.kill(pid, signal.SIGSTOP)
    try:
        hung = state(home, "postgresql")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert hung.running
    assert not hung.healthy
    assert "does not answer" in hung.problem


def test_a_pid_file_of_a_process_that_is_gone_or_is_anothers_is_no_server(home: Home) -> None:
    up(home, "postgresql")
    stack.down(home)
    server = described(home, "postgresql")
    boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    for stale in (
        f"{os.getpid()} 1 {boot} SIGTERM",
        f"{os.getpid()} 1 another-boot SIGTERM",
        "999999 5 x",
        "",
        "no pid",
    ):
        server.pid_file.write_text(stale, "ascii")
        assert running(server) is None
        assert stack.down(home) == []
        assert not server.pid_file.exists()
    server.pid_file.write_text(f"{os.getpid()} 1 {boot} SIGTERM", "ascii")
    assert up(home, "postgresql") == ["postgresql"]


def test_down_ends_what_a_killed_first_process_left_behind(home: Home) -> None:
    """A process that goes on when the first of its session is gone, as servers with workers have them."""
    folder = home.servers / "many"
    folder.mkdir(parents=True)
    port = homes.free_ports()[0]
    child = folder / "child.pid"
    script = f"sleep 600 & echo $! > {child}; wait"
    server = Server("many", folder, port, ["/bin/sh", "-c", script], lambda: None)
    start(server)
    leader = running(server)
    assert leader
    while not child.exists() or not child.read_text():
        time.sleep(0.02)
    left = int(child.read_text())
    os.kill(leader, signal.SIGKILL)
    while running(server):
        time.sleep(0.02)
    assert session_members(leader) == [left]
    assert [item.name for item in stack.down(home)] == ["many"]
    assert session_members(leader) == []
    assert stack.down(home) == []


@pytest.mark.parametrize("last", ["true", "sleep 1"], ids=["at once", "a little later"])
def test_a_server_that_ends_at_its_start_leaves_none_of_its_children(home: Home, last: str) -> None:
    folder = home.servers / "many"
    folder.mkdir(parents=True)
    child = folder / "child.pid"
    script = f"sleep 600 & echo $! > {child}; {last}"
    server = Server("many", folder, homes.free_ports()[0], ["/bin/sh", "-c", script], never_ready)
    with pytest.raises(Fatal) as caught:
        start(server)
    assert "ended at its start" in caught.value.what
    assert started_at(int(child.read_text())) is None
    assert not server.pid_file.exists()


def never_ready() -> None:
    raise NotReadyError("it never answers")


@pytest.mark.parametrize("further", [0, 1, 2])
def test_a_taken_port_of_the_broker_stops_up_before_anything_is_started(home: Home, further: int) -> None:
    port = int(str(load_settings(home.root).broker.server).rpartition(":")[2]) + further
    with socket.create_server(("127.0.0.1", port)), pytest.raises(Fatal) as caught:
        up(home, *QUICK, "kafka")
    assert f"Port {port}" in caught.value.what
    assert not any(item.running for item in states(home, load_settings(home.root)))
    assert not (home.servers / "postgresql").exists()


def test_a_taken_port_stops_up_before_anything_is_started(home: Home) -> None:
    port = described(home, "key-service-b").port
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(Fatal) as caught:
            up(home)
    assert f"Port {port}" in caught.value.what
    assert "spiegelnet.toml" in caught.value.todo
    assert not any(item.running for item in states(home, load_settings(home.root)))


def test_too_little_memory_stops_up_and_says_what_to_leave_out(home: Home) -> None:
    with pytest.raises(Fatal) as caught:
        up(home, *homes.SERVERS, memory_mib=500)
    assert "500 MiB are free" in caught.value.what
    assert "trino" in caught.value.why
    assert "--without" in caught.value.todo
    assert not any(item.running for item in states(home, load_settings(home.root)))


def test_a_server_elsewhere_is_looked_for_and_not_started(home: Home) -> None:
    toml = home.root / "spiegelnet.toml"
    port = homes.free_ports()[0]
    toml.write_text(
        toml.read_text("utf-8").replace(str(load_settings(home.root).broker.server), f"127.0.0.2:{port}"), "utf-8"
    )
    with pytest.raises(Retryable) as caught:
        up(home, "kafka")
    assert f"127.0.0.2:{port}" in caught.value.what
    assert not (home.servers / "kafka").exists()
    kafka = state(home, "kafka")
    assert (kafka.here, kafka.running, kafka.pid) == (False, False, None)
    with socket.socket() as other:
        other.bind(("127.0.0.2", port))
        other.listen()
        assert up(home, "kafka") == []
        assert state(home, "kafka").healthy


def test_of_two_key_services_elsewhere_the_one_that_is_away_is_told_by_its_own_name(home: Home) -> None:
    toml = home.root / "spiegelnet.toml"
    settings = load_settings(home.root)
    elsewhere = {name: str(getattr(settings.key_services, name)).replace("localhost", "127.0.0.2") for name in "ab"}
    text = toml.read_text("utf-8")
    for name, address in elsewhere.items():
        text = text.replace(f'{name} = "localhost:{address.rpartition(":")[2]}"', f'{name} = "{address}"')
    toml.write_text(text, "utf-8")
    with socket.socket() as other:
        other.bind(("127.0.0.2", int(elsewhere["b"].rpartition(":")[2])))
        other.listen()
        found = {item.name: (item.here, item.healthy) for item in states(home, load_settings(home.root))}
        told = run("metrics", "--home", home.root).out
    assert (found["key-service-a"], found["key-service-b"]) == ((False, False), (False, True))
    up_by_server = re.findall(r'^spiegelnet_server_up\{server="([a-z-]+)"\} (\S+)$', told, re.MULTILINE)
    assert len(up_by_server) == len(dict(up_by_server)) == len(found)
    assert (dict(up_by_server)["key-service-a"], dict(up_by_server)["key-service-b"]) == ("0.0", "1.0")
    with pytest.raises(Retryable) as caught:
        up(home, "key-services")
    assert "key-service-a at 127.0.0.2" in caught.value.what


def test_two_commands_at_once_do_not_start_a_server_twice(home: Home) -> None:
    with stack.alone(home), pytest.raises(Retryable) as caught:
        up(home)
    assert "again" in caught.value.todo


def test_secrets_are_for_their_owner_alone_and_in_no_log(home: Home) -> None:
    up(home)
    access = OperatorAccess.load(home.operator)
    files = [home.operator, *(home.servers / "tls").iterdir()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    secrets = [access.broker, access.catalog, access.reader, access.sql, access.internal]
    for path in home.servers.glob("*/*.log"):
        text = path.read_text("utf-8")
        assert not any(secret in text for secret in secrets), path.name
    for pid in (running(described(home, name)) for name in ("postgresql", "key-service-a")):
        line = Path(f"/proc/{pid}/cmdline").read_text("utf-8")
        assert not any(secret in line for secret in secrets)


def test_the_commands_make_a_network_tell_where_it_is_and_end_it() -> None:
    participants = Path("docs/examples/participants.toml")
    left_out = ["--without", "kafka", "--without", "trino", "--without", "airflow"]
    with homes.open_folder() as folder:
        root = folder / "new"
        ports = {**os.environ, **_environment()}
        arguments = ["up", "--home", root, "--network", participants, *left_out]
        first = run_apart(*arguments, environment=ports)
        try:
            assert first.code == 0, first.err
            assert "key-service-a" in first.out
            assert str(Home(root).operator) in first.out
            password = OperatorAccess.load(Home(root).operator).catalog
            assert password not in first.out + first.err
            again = json.loads(run_apart(*arguments, "--json", environment=ports).out)
            assert again["started"] == []
            healthy = {item["name"]: item["healthy"] for item in again["servers"]}
            assert healthy == {
                "postgresql": True, "kafka": False, "key-service-a": True, "key-service-b": True,
                "trino": False, "airflow": False,
            }  # fmt: skip
        finally:
            ended = run_apart("down", "--home", root, "--json")
        assert sorted(json.loads(ended.out)["ended"]) == ["key-service-a", "key-service-b", "postgresql"]
        assert "No server" in run_apart("down", "--home", root).out


def _environment() -> dict[str, str]:
    ports = homes.free_ports()
    return {
        "SPIEGELNET_BROKER__SERVER": f"localhost:{ports[0]}",
        "SPIEGELNET_CATALOG__SERVER": f"localhost:{ports[3]}",
        "SPIEGELNET_KEY_SERVICES__A": f"localhost:{ports[4]}",
        "SPIEGELNET_KEY_SERVICES__B": f"localhost:{ports[5]}",
        "SPIEGELNET_SQL__SERVER": f"localhost:{ports[6]}",
        "SPIEGELNET_SCHEDULE__SERVER": f"localhost:{ports[7]}",
    }


def test_up_refuses_a_home_whose_data_are_in_files_and_an_unknown_server(tmp_path: Path) -> None:
    assert run_apart("init", "--home", tmp_path / "files").code == 0
    refused = run_apart("up", "--home", tmp_path / "files")
    assert refused.code == 3
    assert "do not move" in refused.err
    assert "--home" in refused.err
    unknown = run_apart("up", "--home", tmp_path / "none", "--without", "zookeeper")
    assert unknown.code == 3
    assert "zookeeper" in unknown.err
    assert not (tmp_path / "none").exists()
