"""What Kafka's one process on this machine is configured with: its files, its ports, and what they say."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from services.broker.kafka_connection import ADMIN
from services.broker.kafka_topics import RETENTION_DAYS, SETTINGS
from services.errors import Fatal
from services.home import Home

NAME = "kafka"
HEAP_MIB = 512
BROKER = "broker"
"""What the broker's own certificate names it."""


@dataclass(frozen=True)
class Layout:
    """Where the broker's files are, and its ports."""

    home: Home
    port: int
    advertised: str

    @property
    def folder(self) -> Path:
        """All that the broker has on this machine."""
        return self.home.servers.absolute() / NAME

    @property
    def data(self) -> Path:
        """Its topics, users and rights."""
        return self.folder / "data"

    @property
    def properties(self) -> Path:
        """The broker's own configuration."""
        return self.folder / "server.properties"

    @property
    def logging(self) -> Path:
        """What it writes down, and where."""
        return self.folder / "log4j2.xml"

    @property
    def arguments(self) -> Path:
        """Arguments of Java, the class path among them."""
        return self.folder / "java.arguments"

    @property
    def formatted(self) -> bool:
        """Whether the data folder was made."""
        return (self.data / "meta.properties").exists()

    def write(self, classpath: Sequence[Path]) -> None:
        """Write the configuration anew.

        Args:
            classpath: the files that make up Kafka.

        Raises:
            Fatal: the folder has a name that Kafka does not take.
        """
        if "," in str(self.data):
            raise Fatal(
                f"Kafka cannot keep its data in {self.data}.",
                "It takes a comma for the end of a folder's name.",
                "Move the network to a folder without a comma in its path.",
            )
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.write_properties()
        log = escape(str(self.folder / "broker.log"), {'"': "&quot;"}).replace("$", "$$")
        self.logging.write_text(_LOGGING.format(file=log), "utf-8")
        self.arguments.write_text(_java_arguments(self, classpath), "utf-8")

    def write_properties(self) -> None:
        """Write the broker's own configuration only."""
        self.properties.write_text(_properties(self), "ascii")


def _java_arguments(layout: Layout, classpath: Sequence[Path]) -> str:
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


def _properties(layout: Layout) -> str:
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
