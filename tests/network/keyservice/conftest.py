"""Two key services as processes, and a small network whose participants ask them."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.key_services import servers
from infra.process import Server, running, start, stop
from services.access import Access
from services.config import load_settings
from services.home import Home
from services.keyservice import callers
from services.keyservice.client import RemoteKeyService
from services.network import Network
from tests.small_network import SENDERS, Stages, copied


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


@dataclass
class Services:
    """A home with key services of its own, which a test may end and start again."""

    root: Path
    pair: list[Server]

    @property
    def home(self) -> Home:
        return Home(self.root)

    @property
    def network(self) -> Network:
        return Network.open(self.root)

    def start(self) -> None:
        for server in self.pair:
            start(server)

    def stop(self) -> None:
        for server in self.pair:
            stop(server)

    def running(self) -> list[bool]:
        return [running(server) is not None for server in self.pair]

    def client(self, participant: str = "es-stroom", name: str = "a") -> RemoteKeyService:
        access = Access.load(self.home.participant(participant).access)
        address = getattr(self.network.settings.key_services, name)
        service = callers.service_id(name)
        return RemoteKeyService(service, address, self.home.ca, lambda: callers.token_for(access, service))


def prepared(root: Path, settings: str = "") -> Services:
    """Let a network that was set up for one machine ask key services at addresses of its own."""
    ports = free_ports(2)
    with (root / "spiegelnet.toml").open("a", encoding="utf-8") as file:
        file.write(f'[key_services]\na = "localhost:{ports[0]}"\nb = "localhost:{ports[1]}"\n{settings}')
    home = Home(root)
    accesses = [Access.generate(item) for item in SENDERS]
    for access in accesses:
        access.save(home.participant(access.participant).access)
    callers.add(home, accesses)
    return Services(root, servers(home, load_settings(root)))


@pytest.fixture
def at_services(stages: Stages, tmp_path: Path) -> Iterator[Callable[..., Services]]:
    """Return a function that copies the network of a stage and gives it key services, not started yet."""
    made: list[Services] = []

    def make(stage: str = "made", settings: str = "") -> Services:
        made.append(prepared(copied(getattr(stages, stage), tmp_path / f"{stage}-{len(made)}"), settings))
        return made[-1]

    yield make
    for services in made:
        services.stop()
