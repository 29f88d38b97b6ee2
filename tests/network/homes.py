"""Homes of the small network for real servers: in folders that every user may pass, on ports that nobody uses."""

import random
import shutil
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from infra import stack
from infra.linux import works_in
from services.config import load_settings
from services.home import Home
from tests import small_network

LOWEST, HIGHEST, STEP = 20_000, 32_000, 10
"""Below the ports that the kernel gives to clients, so that none of them takes one between our look and our start."""
SERVERS = ("postgresql", "kafka", "key-services", "trino")
"""All but Airflow."""


def free_ports() -> range:
    """Return ten ports in a row that nobody uses; Kafka takes three in a row."""
    while True:
        first = random.randrange(LOWEST, HIGHEST, STEP)
        if all(_is_free(port) for port in range(first, first + STEP)):
            return range(first, first + STEP)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def settings_at(ports: Sequence[int]) -> str:
    """Return the part of `spiegelnet.toml` that says where the servers are."""
    return f"""
[broker]
kind = "kafka"
server = "localhost:{ports[0]}"
[catalog]
kind = "postgresql"
server = "localhost:{ports[3]}"
[key_services]
a = "localhost:{ports[4]}"
b = "localhost:{ports[5]}"
[sql]
server = "localhost:{ports[6]}"
[schedule]
server = "localhost:{ports[7]}"
"""


@contextmanager
def open_folder() -> Iterator[Path]:
    """Give a folder that every user may pass: PostgreSQL does not run as root; it is removed after."""
    folder = Path(tempfile.mkdtemp(prefix="spiegelnet-test-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def new_home(more: str = "") -> Iterator[Home]:
    """Give the small network in a home for servers, none started yet; ends those that are started, whatever happens.

    Whatever was started listens to this machine only, and leaves no process behind.

    Args:
        more: further lines of `spiegelnet.toml`.
    """
    with open_folder() as folder:
        home = small_network.create(folder / "home", settings_at(free_ports()) + more, servers=True)
        try:
            yield home
            require_listening_here_only(home)
        finally:
            stack.down(home)
        assert processes(home) == []


def processes(home: Home) -> list[psutil.Process]:
    """Return the processes that work in the folders of a home's servers: the servers, and all that these started."""
    return [item for item in psutil.process_iter() if works_in(item.pid, home.servers)]


def require_listening_here_only(home: Home) -> None:
    """Fail when a server of a home listens where another machine could reach it."""
    for process in processes(home):
        try:
            connections = process.net_connections("inet")
        except psutil.NoSuchProcess:  # servers start and end children all the time
            continue
        addresses = {item.laddr.ip for item in connections if item.status == psutil.CONN_LISTEN}
        assert addresses <= {"127.0.0.1", "::ffff:127.0.0.1"}, f"process {process.pid} listens at {addresses}"


def start(home: Home, *names: str) -> Home:
    """Start servers of a home, those that run left alone, as `spiegelnet up` does."""
    stack.up(home, load_settings(home.root), names=names)
    return home
