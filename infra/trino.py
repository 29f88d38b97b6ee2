"""Trino on one machine: coordinator and worker in one process, over HTTPS, with passwords and rules for everybody.

Catalogs, users and rules are made while it runs (services/federation); the configuration here is written anew at each
start. It answers on 127.0.0.1 only.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from infra.artifacts import TRINO_VERSION, java, trino_home
from infra.certificates import ensure_certificates
from infra.process import NotReadyError, Server
from services.access import OperatorAccess
from services.config import Settings
from services.errors import Fatal, NotAllowed, Retryable
from services.federation.access import OPERATOR
from services.federation.catalogs import READER_PASSWORD, WRITER_PASSWORD
from services.federation.trino_client import TrinoUser, run
from services.federation.trino_files import TrinoFiles, prepare_access
from services.home import Home

NAME = "trino"
BESIDE_HEAP_MIB = 350
"""Code, classes, threads and buffers of Java."""
_INTERNAL_SECRET = "SPIEGELNET_TRINO_INTERNAL_SECRET"  # noqa: S105 - the name of a variable
_START_SECONDS = 300


def server(home: Home, settings: Settings) -> Server:
    """Describe Trino of a network on this machine.

    Raises:
        Fatal: the settings name no such server, or the packages of the servers are not installed.
    """
    if settings.sql.server is None:
        raise Fatal("No SQL server is named.", "[sql] server in spiegelnet.toml is empty.", "Write localhost:18443.")
    files = TrinoFiles.of(home)
    return Server(
        name=NAME,
        folder=files.folder,
        port=_port(settings.sql.server),
        command=[str(java()), f"@{_arguments_file(files)}", "io.trino.server.TrinoServer"],
        ready=partial(_require_ready, home, settings.sql.server),
        prepare=partial(_prepare, home, files, settings),
        environment=environment(home),
        memory_mib=settings.sql.memory_mib + BESIDE_HEAP_MIB,
        start_seconds=_START_SECONDS,
        version=TRINO_VERSION,
    )


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


def _arguments_file(files: TrinoFiles) -> Path:
    return files.folder / "java.arguments"


def environment(home: Home) -> dict[str, str]:
    """Secrets that files name by a variable, so that they stand in none of them."""
    access = OperatorAccess.load_or_create(home.operator)
    return {READER_PASSWORD: access.reader, WRITER_PASSWORD: access.writer, _INTERNAL_SECRET: access.internal}


def _prepare(home: Home, files: TrinoFiles, settings: Settings) -> None:
    ensure_certificates(home)
    write_configuration(home, settings)
    (files.folder / "data").mkdir(exist_ok=True, mode=0o700)
    _arguments_file(files).write_text(
        "\n".join(_java_arguments(files, trino_home(), settings.sql.memory_mib)) + "\n", "utf-8"
    )


def write_configuration(home: Home, settings: Settings) -> Path:
    """Write Trino's configuration and first rules, also for a container that starts it; return their folder."""
    files = TrinoFiles.of(home)
    prepare_access(files, OperatorAccess.load(home.operator))
    etc = files.folder / "etc"
    etc.mkdir(parents=True, exist_ok=True, mode=0o700)
    heap, port = settings.sql.memory_mib, _port(settings.sql.server or "")
    _write(etc / "config.properties", _config(home, port, heap))
    _write(etc / "log.properties", {"io.trino": "INFO", "org.apache.iceberg": "WARN"})
    _write(
        etc / "access-control.properties",
        {
            "access-control.name": "file",
            "security.config-file": files.rules,
            "security.refresh-period": "1s",
        },
    )
    _write(
        etc / "password-authenticator.properties",
        {
            "password-authenticator.name": "file",
            "file.password-file": files.users.passwords,
            "file.refresh-period": "1s",
        },
    )
    _write(
        etc / "group-provider.properties",
        {"group-provider.name": "file", "file.group-file": files.users.groups, "file.refresh-period": "1s"},
    )
    _write(
        etc / "resource-groups.properties",
        {
            "resource-groups.configuration-manager": "file",
            "resource-groups.config-file": files.resource_groups,
        },
    )
    _write(etc / "catalog-store.properties", {"catalog.config-dir": files.catalogs})
    return etc


def _config(home: Home, port: int, heap_mib: int) -> Mapping[str, object]:
    tls = home.servers.absolute() / "tls" / "server.pem"
    return {
        "coordinator": "true",
        "node-scheduler.include-coordinator": "true",
        "http-server.http.enabled": "false",
        "http-server.https.enabled": "true",
        "http-server.https.port": port,
        "http-server.https.keystore.path": tls,
        "http-server.authentication.type": "PASSWORD",
        "http-server.log.enabled": "false",
        "web-ui.enabled": "false",
        "internal-communication.shared-secret": f"${{ENV:{_INTERNAL_SECRET}}}",
        "internal-communication.https.required": "true",
        "internal-communication.https.truststore.path": home.ca.absolute(),
        "discovery.uri": f"https://localhost:{port}",
        "catalog.management": "dynamic",
        "catalog.store": "file",
        # a client's time zone would move the day on which an embargo ends, and moments would not look as on DuckDB
        "sql.forced-session-time-zone": "UTC",
        "query.max-memory": f"{heap_mib // 2}MB",
        "query.max-memory-per-node": f"{heap_mib // 3}MB",
        "memory.heap-headroom-per-node": f"{heap_mib // 4}MB",
        "query.max-run-time": "10m",
        "query.max-execution-time": "2m",
        "query.max-cpu-time": "5m",
        "query.max-history": "50",
        "query.client.timeout": "1m",
    }


def _java_arguments(files: TrinoFiles, home: Path, heap_mib: int) -> list[str]:
    etc = files.folder / "etc"
    settings = {
        "node.environment": "spiegelnet",
        "node.id": "coordinator",
        "node.data-dir": files.folder / "data",
        "node.internal-address": "localhost",
        "node.bind-ip": "127.0.0.1",
        "plugin.dir": home / "plugin",
        "config": etc / "config.properties",
        "log.levels-file": etc / "log.properties",
        "file.encoding": "UTF-8",
    }
    return [
        f"-Xmx{heap_mib}M",
        "-XX:+UseG1GC",
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:-OmitStackTraceInFastThrow",
        "-XX:ReservedCodeCacheSize=160M",
        "--enable-native-access=ALL-UNNAMED",
        *(_quoted(f"-D{key}={value}") for key, value in settings.items()),
        "-cp",
        _quoted(f"{home / 'lib'}/*"),
    ]


def _quoted(argument: str) -> str:
    """Return an argument as Java's argument files want it."""
    return '"' + argument.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _write(path: Path, settings: Mapping[str, object]) -> None:
    """Write a file of properties, in which a backslash would be read as more than itself."""
    lines = (f"{key}={str(value).replace(chr(92), chr(92) * 2)}\n" for key, value in settings.items())
    path.write_text("".join(lines), "utf-8")
    path.chmod(0o600)


def _require_ready(home: Home, address: str) -> None:
    """Ask it something as the operator."""
    access = OperatorAccess.load(home.operator)
    operator = TrinoUser(address, OPERATOR, access.sql, home.ca, attempts=1)
    try:
        run(operator, "SELECT 1")
    except (Retryable, NotAllowed) as error:  # it may also refuse a password while it starts
        raise NotReadyError(error.what.rstrip(".")) from None
