"""Kafka's own tool for measuring, as a baseline: what its client in Java sends through the same broker."""

import re
import secrets
import subprocess
import tempfile
from pathlib import Path

from infra.artifacts import java, kafka_tools_classpath
from services.broker.kafka_writer import BATCH_BYTES, LINGER_MS, REQUEST_BYTES, UNACKNOWLEDGED_BYTES
from services.errors import Fatal
from services.network import Network

SECONDS = 300
_PROGRAM = "org.apache.kafka.tools.ProducerPerformance"
_RATE = re.compile(r"([\d.]+) MB/sec")
_MIB, _MB = 1 << 20, 1e6


def producer_performance(network: Network, sender: str, topic: str, messages: int, size: int) -> float:
    """Send messages of random text, after a tenth as many that are not counted, as a sender of the network.

    All that a writer of ours sets is set here too: acknowledged by all, without doubles, the same sizes of batch and
    request, the same moment of waiting, as many bytes on their way. The rest is each client's own.

    Args:
        network: with Kafka up.
        sender: participant id.
        topic: where to.
        messages: how many are counted.
        size: bytes of each.

    Returns:
        MB (10⁶ bytes) per second.

    Raises:
        Fatal: the tool failed.
    """
    warm = max(messages // 10, 1)
    with tempfile.TemporaryDirectory() as folder:
        config, payload = Path(folder) / "client.properties", Path(folder) / "payload"
        config.touch(mode=0o600)
        config.write_text(_settings(network, sender), "utf-8")
        payload.write_text(secrets.token_hex(size // 2 + 1)[:size], "ascii")
        done = subprocess.run(  # noqa: S603 - the broker's own tool
            [
                str(java()), "-Xmx512m", "-cp", ":".join(map(str, kafka_tools_classpath())), _PROGRAM,
                "--topic", topic, "--num-records", str(messages + warm), "--warmup-records", str(warm),
                "--payload-file", str(payload), "--throughput", "-1", "--command-config", str(config),
            ],
            check=False, capture_output=True, text=True, timeout=SECONDS, cwd=folder,
        )  # fmt: skip
    rates = _RATE.findall(done.stdout)
    if done.returncode or not rates:
        raise Fatal("Kafka's own tool for measuring failed.", f"It ended with {done.returncode}.", "Read its output.")
    return float(rates[-1]) * _MIB / _MB  # its last line is of the counted ones; its MB are of 2²⁰ bytes


def _settings(network: Network, sender: str) -> str:
    password = network.access(sender).broker
    return (
        f"bootstrap.servers={network.settings.broker.server}\n"
        f"acks=all\nenable.idempotence=true\nlinger.ms={LINGER_MS}\n"
        f"batch.size={BATCH_BYTES}\nmax.request.size={REQUEST_BYTES}\nbuffer.memory={UNACKNOWLEDGED_BYTES}\n"
        "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\nssl.truststore.type=PEM\n"
        f"ssl.truststore.location={network.home.ca.absolute()}\n"
        "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required "
        f'username="{sender}" password="{password}";\n'
    )
