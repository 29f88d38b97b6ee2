"""Apache Kafka on one machine: one process that is broker and controller, with TLS, passwords and rights.

It answers at three ports of 127.0.0.1: to clients, with a password over TLS, at the port of `[broker] server`; to
itself, by the certificate that is its own, at the two ports after that.
"""

import os
import secrets
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from infra.artifacts import KAFKA_VERSION, java, kafka_classpath
from infra.certificates import ensure_certificates
from infra.process import NotReadyError, Server, require_free
from services.access import OperatorAccess
from services.broker.kafka_connection import ADMIN, Connection
from services.broker.kafka_topics import RETENTION_DAYS, SETTINGS, Topics
from services.config import Settings
from services.errors import Fatal, NotAllowed, Retryable
from services.home import Home

NAME = "kafka"
HEAP_MIB = 512
BROKER = "broker"
"""What the broker's own certificate names it."""
_LISTENERS = ("CLIENT", "INTERNAL", "CONTROLLER")
_FORMAT_SECONDS = 60


@dataclass(frozen=True)
class _Layout:
    """Where the broker's files are, and its ports."""

    home: Home
    host: str
    port: int
    advertised: str

    @property
    def folder(self) -> Path:
        return self.home.servers.absolute() / NAME

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def properties(self) -> Path:
        return self.folder / "server.properties"

    @property
    def logging(self) -> Path:
        return self.folder / "log4j2.xml"

    @property
    def arguments(self) -> Path:
        """Arguments of Java, the class path among them."""
        return self.folder / "java.arguments"

    @property
    def formatted(self) -> bool:
        return (self.data / "meta.properties").exists()


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
    found = Server(
        name=NAME,
        folder=layout.folder,
        port=layout.port,
        command=[str(java()), f"@{layout.arguments}", "kafka.Kafka", str(layout.properties)],
        ready=partial(_require_ready, home, settings.broker.server),
        memory_mib=HEAP_MIB + 200,
        start_seconds=120,
        version=KAFKA_VERSION,
    )
    return replace(found, prepare=partial(_prepare, layout, found))


def write_properties(home: Home, address: str) -> Path:
    """Write the broker's configuration only, for a container that starts it; return the file."""
    layout = _layout(home, address)
    layout.folder.mkdir(parents=True, exist_ok=True)
    layout.properties.write_text(_properties(layout), "ascii")
    return layout.properties


def _layout(home: Home, address: str, advertised: str | None = None) -> _Layout:
    host, _, port = address.rpartition(":")
    return _Layout(home, host, int(port), advertised or address)


def _prepare(layout: _Layout, found: Server) -> None:
    """Write the configuration anew, and make the data folder at the first start."""
    for port in (layout.port + 1, layout.port + 2):
        require_free(replace(found, port=port))
    ensure_certificates(layout.home)
    layout.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    layout.properties.write_text(_properties(layout), "ascii")
    layout.logging.write_text(_LOGGING.format(file=layout.folder / "broker.log"), "utf-8")
    layout.arguments.write_text(_java_arguments(layout, kafka_classpath()), "utf-8")
    if not layout.formatted:
        _format(layout, OperatorAccess.load_or_create(layout.home.operator).broker)


def _require_ready(home: Home, address: str) -> None:
    """Log in as the operator and ask for the cluster's id."""
    try:
        with Topics(Connection(address, ADMIN, OperatorAccess.load(home.operator).broker, home.ca)) as topics:
            topics.connect()
    except (Retryable, NotAllowed) as error:  # it opens its ports a little before it knows its users
        raise NotReadyError(error.what.rstrip(".")) from None


def _format(layout: _Layout, password: str) -> None:
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
        done = subprocess.run(command, check=False, capture_output=True, timeout=_FORMAT_SECONDS)  # noqa: S603 - no shell
    finally:
        file.unlink()
    if done.returncode or not layout.formatted:
        raise Fatal(
            f"The data folder of {NAME} could not be made.",
            f"Kafka's storage tool ended with {done.returncode}.",
            f"Check that there is room and that {layout.data} may be written; then start again.",
        )


def _java_arguments(layout: _Layout, classpath: Sequence[Path]) -> str:
    """Arguments as Java reads them from a file; paths stand in quotes."""
    joined = os.pathsep.join(str(path) for path in classpath)
    return "\n".join(
        [
            f"-Xms256m\n-Xmx{HEAP_MIB}m",
            "-XX:+UseG1GC\n-XX:+ExitOnOutOfMemoryError",
            "-Djava.awt.headless=true",
            _quoted(f"-Dlog4j2.configurationFile={layout.logging}"),
            f"-cp\n{_quoted(joined)}",
        ]
    )


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _properties(layout: _Layout) -> str:
    """The broker's configuration; what it means stands beside it."""
    tls = layout.home.servers.absolute() / "tls"
    values = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "log.dirs": str(layout.data),
        "listeners": ",".join(
            f"{name}://127.0.0.1:{layout.port + place}"
            for place, name in enumerate(("CLIENT", "INTERNAL", "CONTROLLER"))
        ),
        "advertised.listeners": f"CLIENT://{layout.advertised},INTERNAL://localhost:{layout.port + 1}",
        "listener.security.protocol.map": "CLIENT:SASL_SSL,INTERNAL:SSL,CONTROLLER:SSL",
        "inter.broker.listener.name": "INTERNAL",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.bootstrap.servers": f"localhost:{layout.port + 2}",
        "ssl.enabled.protocols": "TLSv1.3",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(tls / "broker.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(layout.home.ca.absolute()),
        "listener.name.internal.ssl.client.auth": "required",
        "listener.name.controller.ssl.client.auth": "required",
        "ssl.principal.mapping.rules": "RULE:^CN=([^,]+).*$/$1/,DEFAULT",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.client.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.client.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{ADMIN};User:{BROKER}",
        "allow.everyone.if.no.acl.found": "false",
        "auto.create.topics.enable": "false",
        "message.max.bytes": "4194304",
        "log.retention.hours": str(24 * RETENTION_DAYS),
        "log.roll.ms": SETTINGS["segment.ms"],
        "log.message.timestamp.type": SETTINGS["message.timestamp.type"],
        # a file is made this large at once, two per topic
        "log.index.size.max.bytes": "1048576",
        # memory: no request may be larger, and all that wait are no larger together
        "socket.request.max.bytes": "8388608",
        "queued.max.request.bytes": "67108864",
        "num.network.threads": "2",
        "num.io.threads": "4",
        # one broker has nobody to share these with
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
    }
    return "".join(f"{key}={_escaped(value)}\n" for key, value in values.items())


def _escaped(value: str) -> str:
    """A value as Java's properties are written: in ASCII, a backslash doubled."""
    doubled = value.replace("\\", "\\\\")
    return "".join(each if each.isascii() else f"\\u{ord(each):04x}" for each in doubled)


_LOGGING = """\
<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="ERROR">
  <Appenders>
    <RollingFile name="file" fileName="{file}" filePattern="{file}.%i">
      <PatternLayout pattern="%d{{ISO8601}} %-5p %c: %m%n"/>
      <SizeBasedTriggeringPolicy size="10 MB"/>
      <DefaultRolloverStrategy max="5"/>
    </RollingFile>
    <Console name="console" target="SYSTEM_OUT">
      <PatternLayout pattern="%d{{ISO8601}} %-5p %c: %m%n"/>
      <ThresholdFilter level="ERROR"/>
    </Console>
  </Appenders>
  <Loggers>
    <Root level="INFO">
      <AppenderRef ref="file"/>
      <AppenderRef ref="console"/>
    </Root>
  </Loggers>
</Configuration>
"""
