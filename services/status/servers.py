"""Which servers the settings name, and whether something answers at their addresses."""

import datetime as dt
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from services.config import Settings
from services.home import Home
from services.status.model import AddressState, ServerState

CONNECT_SECONDS = 2.0
_HERE = ("localhost", "127.0.0.1")


def states_by_address(home: Home, settings: Settings) -> Sequence[ServerState]:
    """Return the servers that the settings name, and whether they answer."""
    places = addresses(settings)
    with ThreadPoolExecutor(max(len(places), 1)) as pool:
        return list(pool.map(lambda place: probe(home, *place), places))


def addresses(settings: Settings) -> list[tuple[str, str]]:
    """Return name and address of each server that the settings name."""
    named = {
        "kafka": settings.broker.server,
        "postgresql": settings.catalog.server,
        "key-service-a": settings.key_services.a,
        "key-service-b": settings.key_services.b,
        "trino": settings.sql.server,
        "airflow": settings.schedule.server,
    }
    return [(name, address) for name, address in named.items() if address]


def probe(home: Home, name: str, address: str) -> AddressState:
    """Say whether something answers at an address, and since when the process runs that was started there."""
    host, _, port = address.rpartition(":")
    here = host in _HERE
    try:
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
    except OSError as error:
        return AddressState(
            name, address, here, healthy=False, problem=f"Nobody answers there ({type(error).__name__})."
        )
    return AddressState(name, address, here, healthy=True, since=_since(home, name) if here else None)


def _since(home: Home, name: str) -> dt.datetime | None:
    """When the server's pid file was written, which is when it was started."""
    try:
        written = (home.servers / name / f"{name}.pid").stat().st_mtime
    except OSError:
        return None
    return dt.datetime.fromtimestamp(written, dt.UTC)
