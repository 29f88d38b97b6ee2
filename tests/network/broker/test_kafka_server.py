"""The broker as a server of this machine: what it leaves on the disk, and what it needs to start."""

import socket
from pathlib import Path

import pytest

from infra.kafka import server
from infra.process import running, start
from services.access import OperatorAccess
from services.config import Broker, Settings, load_settings
from services.errors import Fatal
from services.home import Home
from tests.network.homes import free_ports


def test_the_operators_password_is_in_its_own_file_and_nowhere_else(kafka: Home) -> None:
    password = OperatorAccess.load(kafka.operator).broker.encode()
    files = [path for path in kafka.servers.rglob("*") if path.is_file()]
    assert [path for path in files if password in path.read_bytes()] == [kafka.operator]
    found = server(kafka, load_settings(kafka.root))
    command = Path(f"/proc/{running(found)}/cmdline").read_bytes()
    assert b"kafka.Kafka" in command
    assert password not in command


def test_data_and_keys_are_for_their_owner_only(kafka: Home) -> None:
    for path in (kafka.servers / "kafka" / "data", kafka.servers / "tls"):
        assert path.stat().st_mode & 0o077 == 0


def test_starting_again_leaves_a_running_broker_alone(kafka: Home) -> None:
    found = server(kafka, load_settings(kafka.root))
    before = running(found)
    assert before
    assert start(found) is False
    assert running(found) == before


@pytest.mark.parametrize("place", [0, 1, 2])
def test_each_of_its_three_ports_must_be_free_and_the_taken_one_is_named(tmp_path: Path, place: int) -> None:
    first = free_ports()[0]
    with socket.create_server(("127.0.0.1", first + place)):
        found = server(Home(tmp_path), Settings(broker=Broker(kind="kafka", server=f"localhost:{first}")))
        with pytest.raises(Fatal, match=f"Port {first + place}.*is taken"):
            start(found)
    assert running(found) is None


def test_a_folder_that_kafka_does_not_take_is_refused(tmp_path: Path) -> None:
    home = Home(tmp_path / "home, with a comma")
    found = server(home, Settings(broker=Broker(kind="kafka", server=f"localhost:{free_ports()[0]}")))
    with pytest.raises(Fatal, match="without a comma"):
        start(found)


def test_a_data_folder_that_cannot_be_made_is_told_and_the_password_does_not_stay(tmp_path: Path) -> None:
    home = Home(tmp_path)
    found = server(home, Settings(broker=Broker(kind="kafka", server=f"localhost:{free_ports()[0]}")))
    (found.folder / "data" / "meta.properties.tmp" / "in the way").mkdir(parents=True)
    with pytest.raises(Fatal, match="could not be made"):
        start(found)
    password = OperatorAccess.load(home.operator).broker.encode()
    files = [path for path in home.servers.rglob("*") if path.is_file()]
    assert [path for path in files if password in path.read_bytes()] == [home.operator]
