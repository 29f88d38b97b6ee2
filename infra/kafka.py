"""Apache Kafka on one machine: one process that is broker and controller, with TLS, passwords and rights.

It answers at three ports of 127.0.0.1: to clients, with a password over TLS, at the port of `[broker] server`; to
itself, by the certificate that is its own, at the two ports after that.
"""

import os
import secrets
import subprocess
from functools import partial
from pathlib import Path

from infra.artifacts import KAFKA_VERSION, java, kafka_classpath
from infra.certificates import ensure_certificates
from infra.kafka_settings import HEAP_MIB, NAME, Layout
from infra.process import NotReadyError, Server
from services.access import OperatorAccess
from services.broker.kafka_connection import ADMIN, Connection
from services.broker.kafka_topics import Topics
from services.config import Settings
from services.errors import Fatal, NotAllowed, Retryable
from services.home import Home


def server(home: Home, settings: Settings, advertised: str | None = None) -> Server:
    """Describe the broker of a network on this machine.

    Args:
        home: the network's.
        settings: name the broker's address.
        advertised: `host:port` that clients are told, where they come another way than to the address itself.

    Raises:
        Fatal: the settings name no broker, or the packages of the servers are not installed.
    """
    if settings.broker.server is None:
        raise Fatal("No broker is named.", "[broker] server in spiegelnet.toml is empty.", "Write localhost:19092.")
    layout = _layout(home, settings.broker.server, advertised)
    return Server(
        name=NAME,
        folder=layout.folder,
        port=layout.port,
        own_ports=(layout.port + 1, layout.port + 2),
        command=[str(java()), f"@{layout.arguments}", "kafka.Kafka", str(layout.properties)],
        ready=partial(_require_ready, home, settings.broker.server),
        prepare=partial(_prepare, layout),
        memory_mib=HEAP_MIB + 200,
        start_seconds=120,
        version=KAFKA_VERSION,
    )


def write_properties(home: Home, address: str) -> Path:
    """Write the broker's configuration only, for a container that starts it; return the file."""
    layout = _layout(home, address)
    layout.folder.mkdir(parents=True, exist_ok=True)
    layout.write_properties()
    return layout.properties


def _layout(home: Home, address: str, advertised: str | None = None) -> Layout:
    port = int(address.rpartition(":")[2])
    return Layout(home, port, advertised or address)


def _prepare(layout: Layout) -> None:
    """Write the configuration anew, and make the data folder at the first start."""
    ensure_certificates(layout.home)
    layout.write(kafka_classpath())
    if not layout.formatted:
        _format(layout, OperatorAccess.load_or_create(layout.home.operator).broker)


def _require_ready(home: Home, address: str) -> None:
    """Log in as the operator and ask for the cluster's id."""
    try:
        with Topics(Connection(address, ADMIN, OperatorAccess.load(home.operator).broker, home.ca)) as topics:
            topics.connect()
    except (Retryable, NotAllowed) as error:  # it opens its ports a little before it knows its users
        raise NotReadyError(error.what.rstrip(".")) from None


def _format(layout: Layout, password: str) -> None:
    """Make the data folder with the operator as its first user.

    The password goes by a file that only the owner can read: all users of a machine see each other's command lines.
    """
    arguments = [
        "format",
        "--standalone",
        "--ignore-formatted",
        "--cluster-id",
        f"s{secrets.token_urlsafe(16)[1:]}",  # 22 characters; it may not begin with a hyphen
        "--config",
        str(layout.properties),
        "--add-scram",
        f"SCRAM-SHA-512=[name={ADMIN},password={password}]",
    ]
    file = layout.folder / "format.arguments"
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write("\n".join(arguments))
        command = [str(java()), f"@{layout.arguments}", "kafka.tools.StorageTool", f"@{file}"]
        # Its output names keys, so it is not kept.
        done = subprocess.run(command, check=False, capture_output=True)  # noqa: S603 - no shell
    finally:
        file.unlink()
    if done.returncode or not layout.formatted:
        raise Fatal(
            f"The data folder of {NAME} could not be made.",
            f"Kafka's storage tool ended with {done.returncode}.",
            f"Check that there is room and that {layout.data} may be written; then start again.",
        )
