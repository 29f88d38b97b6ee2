"""How each server of a network is: for `spiegelnet status`."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from infra.linux import since
from infra.process import NotReadyError, Server, running
from infra.stack import require_answer, servers
from services.config import Settings
from services.errors import SpiegelnetError
from services.home import Home
from services.places import Place, places


@dataclass(frozen=True)
class ServerState:
    """How one server is.

    Attributes:
        name: such as kafka or key-service-a.
        address: host:port.
        here: whether it is to run on this machine; of others only `healthy` and `problem` are known.
        running: whether its process is there.
        healthy: whether it answers as its clients need it.
        pid: of its first process.
        since: when that began, in UTC.
        log: what it prints.
        version: of its software.
        problem: what is wrong, in a sentence; empty when it is well.
    """

    name: str
    address: str
    here: bool
    running: bool
    healthy: bool
    pid: int | None = None
    since: dt.datetime | None = None
    log: Path | None = None
    version: str = ""
    problem: str = ""


def states(home: Home, settings: Settings) -> list[ServerState]:
    """Ask every server that the settings name how it is.

    Raises:
        Fatal: the servers' packages are not installed here though the settings place servers here.
    """
    found = [_state(server) for group in servers(home, settings).values() for server in group]
    return found + [_elsewhere(place) for place in places(settings) if not place.here]


def _state(server: Server) -> ServerState:
    pid = running(server)
    problem = "" if pid else "It does not run. `spiegelnet up` starts it."
    if pid:
        try:
            server.ready()
        except NotReadyError as error:
            problem = f"It runs and does not answer: {error}."
        except SpiegelnetError as error:
            problem = str(error)
    return ServerState(
        name=server.name,
        address=f"localhost:{server.port}",
        here=True,
        running=pid is not None,
        healthy=not problem,
        pid=pid,
        since=since(pid) if pid else None,
        log=server.log,
        version=server.version,
        problem=problem,
    )


def _elsewhere(place: Place) -> ServerState:
    problem = ""
    try:
        require_answer(place)
    except SpiegelnetError as error:
        problem = str(error)
    return ServerState(place.name, place.address, here=False, running=not problem, healthy=not problem, problem=problem)
