"""Where the settings place the servers of a network, and whether somebody answers there."""

import socket
from dataclasses import dataclass

from services.config import Settings

CONNECT_SECONDS = 2.0
_HERE = ("localhost", "127.0.0.1")


@dataclass(frozen=True)
class Place:
    """Where the settings place a server.

    Attributes:
        name: postgresql, kafka, key-service-a, key-service-b, trino or airflow.
        address: host:port.
    """

    name: str
    address: str

    @property
    def host(self) -> str:
        """Name or address of its machine."""
        return self.address.rpartition(":")[0]

    @property
    def port(self) -> int:
        """At which it answers there."""
        return int(self.address.rpartition(":")[2])

    @property
    def here(self) -> bool:
        """Whether it runs on this machine."""
        return self.host in _HERE


def places(settings: Settings) -> list[Place]:
    """Return the servers that the settings name, wherever they are."""
    named = {
        "postgresql": settings.catalog.server,
        "kafka": settings.broker.server,
        "key-service-a": settings.key_services.a,
        "key-service-b": settings.key_services.b,
        "trino": settings.sql.server,
        "airflow": settings.schedule.server,
    }
    return [Place(name, address) for name, address in named.items() if address]


def knock(place: Place) -> None:
    """Connect to a server and hang up.

    Raises:
        OSError: nobody answers.
    """
    socket.create_connection((place.host, place.port), CONNECT_SECONDS).close()
