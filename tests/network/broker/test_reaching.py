"""Why the broker cannot be used is told apart, before anything is tried: away, another one, no TLS, wrong password."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from infra.certificates import ensure_certificates
from services.broker.kafka import KafkaBroker
from services.errors import Fatal, NotAllowed, Retryable, SpiegelnetError
from services.home import Home
from tests.network.broker.conftest import Cluster


def uses(broker: KafkaBroker) -> list[Callable[[], object]]:
    """Each way to use a broker that has not been used yet."""
    return [
        lambda: broker.append("parcels.hub", b"", b""),
        lambda: broker.read("parcels.hub", 0),
        lambda: broker.end_offset("parcels.hub"),
        lambda: broker.topic_id("parcels.hub"),
        lambda: broker.create_topic("parcels.hub"),
    ]


def require_told(broker: KafkaBroker, group: type[SpiegelnetError], what: str) -> None:
    """Every use says the same, and never a password."""
    with broker:
        for use in uses(broker):
            with pytest.raises(group, match=what) as found:
                use()
            assert "wrong password" not in str(found.value)
            assert found.value.why
            assert found.value.todo


def test_a_wrong_password_and_an_unknown_user_are_not_let_in(cluster: Cluster) -> None:
    require_told(cluster.broker("admin", "wrong password"), NotAllowed, "does not let admin in")
    require_told(cluster.broker("nobody", "wrong password"), NotAllowed, "does not let nobody in")


def test_another_certificate_authority_is_fatal(cluster: Cluster, tmp_path: Path) -> None:
    other = Home(tmp_path)
    ensure_certificates(other)
    require_told(KafkaBroker(cluster.server, "admin", cluster.password, other.ca), Fatal, "another certificate")


def test_no_certificate_or_a_damaged_one_is_fatal(cluster: Cluster, tmp_path: Path) -> None:
    require_told(KafkaBroker(cluster.server, "admin", cluster.password, tmp_path / "ca.pem"), Fatal, "cannot be read")
    (tmp_path / "ca.pem").write_text("none")
    require_told(KafkaBroker(cluster.server, "admin", cluster.password, tmp_path / "ca.pem"), Fatal, "cannot be read")


def test_certificates_that_the_environment_names_change_nothing(
    cluster: Cluster, log: KafkaBroker, topic: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Home(tmp_path)
    ensure_certificates(other)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(other.ca))
    log.append(topic, b"", b"a")
    require_told(KafkaBroker(cluster.server, "admin", cluster.password, other.ca), Fatal, "another certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(cluster.ca))
    require_told(KafkaBroker(cluster.server, "admin", cluster.password, other.ca), Fatal, "another certificate")


def test_nobody_at_the_port_is_retryable(cluster: Cluster) -> None:
    with closing(socket.socket()) as bound:  # bound, so nobody else takes it, and not listening
        bound.bind(("127.0.0.1", 0))
        address = f"localhost:{bound.getsockname()[1]}"
        require_told(KafkaBroker(address, "admin", "p", cluster.ca), Retryable, "cannot be reached")
    require_told(KafkaBroker("broker.invalid:9092", "admin", "p", cluster.ca), Retryable, "cannot be reached")


Answer = Callable[[socket.socket], None]


@contextmanager
def listening(answer: Answer) -> Iterator[str]:
    """Give the address of a server that treats each connection so."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection, suppress(OSError):
                    answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"localhost:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def in_clear(connection: socket.socket) -> None:
    """As Kafka's listener without TLS: a TLS greeting looks like too large a request, a question gets its answer."""
    head = connection.recv(4, socket.MSG_WAITALL)
    if int.from_bytes(head, "big") < 1 << 20:
        question = connection.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL)
        connection.sendall((10).to_bytes(4, "big") + question[4:8] + bytes(6))


def speaks_http(connection: socket.socket) -> None:
    connection.recv(1)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def hangs_up(connection: socket.socket) -> None:
    connection.recv(1)


@pytest.mark.parametrize(
    ("answer", "group", "what"),
    [
        (in_clear, Fatal, "does not speak TLS"),
        (speaks_http, Fatal, "does not speak TLS"),
        (hangs_up, Retryable, "cannot be reached"),
    ],
)
def test_no_tls_is_fatal_and_a_broken_connection_is_not(
    cluster: Cluster, answer: Answer, group: type[SpiegelnetError], what: str
) -> None:
    with listening(answer) as address:
        require_told(KafkaBroker(address, "admin", "p", cluster.ca), group, what)


def test_a_server_with_our_certificate_that_is_no_broker_is_not_believed(cluster: Cluster) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cluster.ca.parent / "servers" / "tls" / "server.pem")

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(1)

    with listening(answer) as address:
        require_told(KafkaBroker(address, "admin", "p", cluster.ca), Retryable, "cannot be reached")


def test_the_port_at_which_the_broker_speaks_to_itself_is_not_taken_for_its_own(cluster: Cluster) -> None:
    host, _, port = cluster.server.rpartition(":")
    own = f"{host}:{int(port) + 1}"
    require_told(KafkaBroker(own, "admin", cluster.password, cluster.ca), Fatal, "not a broker's listener for clients")
