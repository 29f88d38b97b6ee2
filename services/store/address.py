"""Where the catalogs of a participant's warehouses are when they are no files: quick to import, unlike the rest."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # a slow import, of no use before something is connected
    from sqlalchemy import URL

WarehouseName = Literal["private", "published"]


@dataclass(frozen=True)
class Database:
    """The PostgreSQL server that holds the catalogs of one participant, a database per warehouse.

    Attributes:
        server: `host:port`.
        participant: its id, which is its user name there and the first part of the databases' names.
        password: of that user.
    """

    server: str
    participant: str
    password: str = field(repr=False)

    def name(self, warehouse: WarehouseName) -> str:
        """Return the name of the database that holds the catalog of a warehouse."""
        return f"{self.participant}_{warehouse}"

    def url(self, warehouse: WarehouseName) -> "URL":
        """Return the address of a catalog."""
        from sqlalchemy import URL  # noqa: PLC0415 - see above

        host, _, port = self.server.rpartition(":")
        return URL.create("postgresql+psycopg", self.participant, self.password, host, int(port), self.name(warehouse))
