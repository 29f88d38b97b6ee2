"""The way to a Kafka broker as one user: TLS by the network's own certificate, SCRAM, and errors told apart.

The client library says "unable to bootstrap" to a broker that is away, to a wrong certificate, to a listener without
TLS and to a wrong password. So each is tried here by itself, before the library's clients are made and when one fails.
"""

import logging
import socket
import ssl
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from kafka import errors
from kafka.net.compat import KafkaNetClient

from services.broker.kafka_login import MECHANISM, LoginRefusedError, NoBrokerError, answers_in_clear, log_in
from services.broker.log import unknown_topic
from services.errors import Fatal, NotAllowed, Rejected, Retryable, SpiegelnetError

ADMIN = "admin"
"""The operator's user name."""
CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 20.0
"""The longest that a single request may take."""

# Each failure is told once, by us; and on its most talkative level the library would log passwords.
logging.getLogger("kafka").setLevel(logging.CRITICAL)

_TOO_LARGE = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)


@dataclass(frozen=True)
class Connection:
    """Where a broker is, and who asks.

    Attributes:
        server: `host:port`.
        user: participant id, or `ADMIN`.
        password: of that user.
        ca: the certificate by which the broker is known (PEM).
    """

    server: str
    user: str
    password: str = field(repr=False)
    ca: Path

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """TLS 1.3 that trusts the network's own certificate and no other, whatever the environment names.

        Raises:
            Fatal: the certificate is not there, or is none.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except (OSError, ssl.SSLError):
            raise Fatal(
                f"{self.ca} cannot be read.",
                "It holds the certificate by which the servers of the network are known.",
                "Copy it from the network's operator; `spiegelnet up` makes it on the operator's machine.",
            ) from None
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        return context

    def settings(self) -> dict[str, Any]:
        """Return what all clients of the library are given."""
        return {
            "bootstrap_servers": self.server,
            "client_id": f"spiegelnet-{self.user}",
            "security_protocol": "SASL_SSL",
            "ssl_context": self.tls,
            "sasl_mechanism": MECHANISM,
            "sasl_plain_username": self.user,
            "sasl_plain_password": self.password,
            "request_timeout_ms": int(ANSWER_SECONDS * 1000),
            "bootstrap_timeout_ms": int(ANSWER_SECONDS * 1000),
            "reconnect_backoff_max_ms": 1_000,
            "kafka_client": quick_client,
        }

    def require(self, *, login: bool = True) -> None:
        """Connect and log in once, and say what is wrong if that fails.

        Args:
            login: whether to log in; who has done so before need not.

        Raises:
            Retryable: the broker is away, or does not answer in time.
            Fatal: what answers has another certificate, speaks no TLS, or is no broker.
            NotAllowed: the broker does not know the user, or the password is wrong.
        """
        host, _, port = self.server.rpartition(":")
        try:
            with (
                socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS) as plain,
                self.tls.wrap_socket(plain, server_hostname=host) as secured,
            ):
                if login:
                    secured.settimeout(ANSWER_SECONDS)
                    log_in(secured, self.user, self.password)
        except LoginRefusedError:
            raise self._not_let_in() from None
        except NoBrokerError:
            raise _no_broker(self.server) from None
        except ssl.SSLCertVerificationError as error:
            raise self._another_certificate(error.verify_message) from None
        except (ssl.SSLEOFError, ConnectionError) as error:
            if answers_in_clear(host, int(port), CONNECT_SECONDS):
                raise _no_tls(self.server) from None
            raise _away(self.server, error) from None
        except ssl.SSLError as error:
            own_port = "CERTIFICATE_REQUIRED" in str(error.reason)
            raise _no_broker(self.server) if own_port else _no_tls(self.server) from None
        except OSError as error:
            raise _away(self.server, error) from None

    def failure(self, error: Exception, topic: str) -> SpiegelnetError:
        """Return what an error of the library means.

        Args:
            error: as raised by one of its clients, or set on a future.
            topic: which was used.
        """
        if isinstance(error, SpiegelnetError):
            return error
        if isinstance(error, _TOO_LARGE):
            return Rejected(
                f"A message for topic {topic} is too large for the broker.",
                "Its message.max.bytes is smaller than a parcel can be.",
                "The operator sets it to 4194304 at least; then send again.",
            )
        if isinstance(error, errors.AuthorizationError):
            return self.no_right(topic, "do this")
        if isinstance(error, errors.UnknownTopicOrPartitionError):
            return unknown_topic(topic)
        try:
            self.require()
        except SpiegelnetError as reason:
            return reason
        return Retryable(
            f"The broker at {self.server} did not do what it was asked for {topic} ({type(error).__name__}).",
            "It is starting, stopping or overloaded.",
            "Run again in a minute; if it stays so, look into the broker's log.",
        )

    def no_right(self, topic: str, doing: str) -> NotAllowed:
        """Return the error for a user without the right."""
        return NotAllowed(
            f"{self.user} may not {doing} at the broker: {topic}.",
            "A participant writes to others' topics and reads its own; topics and rights are the operator's.",
            "Ask the operator whether this participant was made known to the broker.",
        )

    def _not_let_in(self) -> NotAllowed:
        return NotAllowed(
            f"The broker at {self.server} does not let {self.user} in.",
            "It does not know this user, or the password is another one.",
            "The operator makes a participant known with `spiegelnet node add`; then access.json must be the same.",
        )

    def _another_certificate(self, why: str) -> Fatal:
        return Fatal(
            f"The broker at {self.server} has another certificate than {self.ca.name} knows.",
            f"{why.rstrip('.').capitalize()}.",
            "Get the network's certificate from its operator; if it is the right one, somebody else answers there.",
        )


def quick_client(**settings: Any) -> Any:
    """Make the library's inner client so that it asks for a new topic at once, not 100 ms after it asked for others."""
    client = KafkaNetClient(**settings)
    client.cluster.config["retry_backoff_ms"] = 20
    return client


def _away(server: str, error: OSError) -> Retryable:
    return Retryable(
        f"The broker at {server} cannot be reached.",
        f"The connection fails ({type(error).__name__}): it is away, or the network is.",
        "Run again when it is back; `spiegelnet up` starts the broker of one machine.",
    )


def _no_broker(server: str) -> Fatal:
    return Fatal(
        f"What answers at {server} is not a broker's listener for clients.",
        "It speaks TLS with the network's certificate, and does not log in users with passwords.",
        "Check the port in spiegelnet.toml; the broker's listener for clients is of the kind SASL_SSL.",
    )


def _no_tls(server: str) -> Fatal:
    return Fatal(
        f"What answers at {server} does not speak TLS.",
        "Parcels and passwords go over TLS only.",
        "Check the port in spiegelnet.toml; the broker's listener for clients is of the kind SASL_SSL.",
    )
