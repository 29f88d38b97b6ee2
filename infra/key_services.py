"""The two key services on one machine: a process each, with a seed each, so that they are tried as they will be run.

On one machine they protect nothing against who owns that machine. In a network each belongs to another organisation,
which runs `python -m services.keyservice.serve` with its own seed, certificate and list of callers.
"""

import sys
from functools import partial
from importlib.metadata import version

from infra.certificates import ensure_certificates
from infra.process import NotReadyError, Server
from services.config import Settings
from services.errors import Fatal, Retryable
from services.home import Home
from services.keyservice import callers
from services.places import Place, places

NAMES = {name: f"key-service-{name}" for name in callers.SERVICES}
"""The servers' names by those of the services."""


def servers(home: Home, settings: Settings) -> list[Server]:
    """Describe the key services that the settings place on this machine, `a` before `b`.

    Raises:
        Fatal: only one of the two has an address.
    """
    named = {place.name: place for place in places(settings) if place.name in NAMES.values()}
    if len(named) == 1:
        raise Fatal(
            "Only one of the two key services has an address.",
            "[key_services] in spiegelnet.toml needs both a and b, or neither.",
            "Write localhost:18181 and localhost:18182.",
        )
    return [
        _server(home, settings, name, named[server])
        for name, server in NAMES.items()
        if server in named and named[server].here
    ]


def _server(home: Home, settings: Settings, name: str, place: Place) -> Server:
    tls = home.servers.absolute() / "tls"
    service = callers.service_id(name)
    options = {
        "--id": service,
        "--seed": (home.key_services / f"{name}.seed").absolute(),
        "--callers": callers.callers_file(home, name).absolute(),
        "--certificate": tls / "server.pem",
        "--port": place.port,
        "--burst": settings.key_services.burst,
        "--per-hour": settings.key_services.per_hour,
    }
    arguments = [str(part) for option in options.items() for part in option]
    return Server(
        name=NAMES[name],
        folder=home.servers.absolute() / NAMES[name],
        port=place.port,
        command=[sys.executable, "-m", "services.keyservice.serve", *arguments],
        ready=partial(_require_ready, home, service, place.address),
        prepare=partial(ensure_certificates, home),
        memory_mib=100,
        start_seconds=180,
        version=version("spiegelnet"),
    )


def _require_ready(home: Home, service: str, address: str) -> None:
    from services.keyservice.client import RemoteKeyService  # noqa: PLC0415 - httpx is slow to import

    asked = RemoteKeyService(service, address, home.ca, str)
    try:
        asked.health()
    except Retryable:
        raise NotReadyError("it does not answer yet") from None
    finally:
        asked.close()
