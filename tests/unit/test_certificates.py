"""The certificates of the servers, read back by the TLS library of Python itself."""

import datetime as dt
import ssl
from pathlib import Path

import pytest
from cryptography import x509

from infra.certificates import ensure_certificates
from services.errors import Fatal
from services.home import Home

NAMES = ("broker", "server")


def leaf(home: Home, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificates((home.servers / "tls" / f"{name}.pem").read_bytes())[0]


def handshake(home: Home, name: str, host: str) -> None:
    """Let a client that trusts the home's CA alone meet a server with a certificate of it."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(home.servers / "tls" / f"{name}.pem")
    trusting = ssl.create_default_context(cafile=str(home.ca))
    wires = [ssl.MemoryBIO() for _ in range(2)]
    client = trusting.wrap_bio(wires[0], wires[1], server_hostname=host)
    server = serving.wrap_bio(wires[1], wires[0], server_side=True)
    waiting = [client, server]
    while waiting:
        for end in list(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except ssl.SSLWantReadError:
                continue


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("name", NAMES)
def test_a_client_that_trusts_the_ca_accepts_each_server_under_both_its_names(
    tmp_path: Path, name: str, host: str
) -> None:
    home = Home(tmp_path)
    ensure_certificates(home)
    handshake(home, name, host)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(home, name, "example.org")


def test_a_client_that_trusts_another_ca_refuses(tmp_path: Path) -> None:
    ours, others = Home(tmp_path / "ours"), Home(tmp_path / "others")
    for home in (ours, others):
        home.root.mkdir()
        ensure_certificates(home)
    ours.ca.write_bytes(others.ca.read_bytes())
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(ours, "server", "localhost")


def test_keys_are_for_their_owner_alone_and_the_ca_certificate_is_for_all(tmp_path: Path) -> None:
    home = Home(tmp_path)
    ensure_certificates(home)
    files = list((home.servers / "tls").iterdir())
    assert sorted(path.name for path in files) == ["broker.pem", "ca.key", "server.pem"]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert (home.servers / "tls").stat().st_mode & 0o777 == 0o700
    assert home.ca.stat().st_mode & 0o444 == 0o444
    assert b"PRIVATE" not in home.ca.read_bytes()


def test_the_brokers_certificate_alone_is_named_broker(tmp_path: Path) -> None:
    """Kafka gives all rights to whoever shows a certificate of that name."""
    home = Home(tmp_path)
    ensure_certificates(home)
    assert {name: leaf(home, name).subject.rfc4514_string() for name in NAMES} == {
        "broker": "CN=broker",
        "server": "CN=server",
    }


def test_certificates_stay_until_less_than_thirty_days_are_left_and_then_come_from_the_same_ca(tmp_path: Path) -> None:
    home, start = Home(tmp_path), dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    ensure_certificates(home, start)
    ca, first = home.ca.read_bytes(), leaf(home, "server")
    assert (first.not_valid_after_utc - start).days == 5 * 365
    ensure_certificates(home, first.not_valid_after_utc - dt.timedelta(days=31))
    assert leaf(home, "server") == first
    ensure_certificates(home, first.not_valid_after_utc - dt.timedelta(days=29))
    assert leaf(home, "server").not_valid_after_utc > first.not_valid_after_utc
    assert home.ca.read_bytes() == ca


def test_a_damaged_certificate_is_made_anew_and_a_ca_without_its_key_stops(tmp_path: Path) -> None:
    home = Home(tmp_path)
    ensure_certificates(home)
    (home.servers / "tls" / "server.pem").write_text("damaged", "ascii")
    ensure_certificates(home)
    handshake(home, "server", "localhost")
    (home.servers / "tls" / "ca.key").unlink()
    with pytest.raises(Fatal) as caught:
        ensure_certificates(home)
    assert "ca.key" in caught.value.todo


def test_a_server_that_others_reach_by_name_gets_a_certificate_for_it_and_keeps_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    ensure_certificates(home)
    ca = home.ca.read_bytes()
    ensure_certificates(home, hosts=["broker.example.org"])
    made = leaf(home, "broker")
    for host in ("broker.example.org", "localhost", "127.0.0.1"):
        handshake(home, "broker", host)
    ensure_certificates(home)
    assert leaf(home, "broker") == made
    assert home.ca.read_bytes() == ca


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:DB8::0:7"])
def test_a_server_that_others_reach_by_address_gets_a_certificate_for_it_and_keeps_it(
    tmp_path: Path, host: str
) -> None:
    home = Home(tmp_path)
    ensure_certificates(home, hosts=[host, "broker.example.org"])
    made = leaf(home, "broker")
    for name in (host, "broker.example.org", "localhost", "127.0.0.1"):
        handshake(home, "broker", name)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(home, "broker", "192.0.2.8")
    ensure_certificates(home, hosts=[host])
    assert leaf(home, "broker") == made
    ensure_certificates(home, made.not_valid_after_utc)
    names = [
        leaf_.extensions.get_extension_for_class(x509.SubjectAlternativeName) for leaf_ in (made, leaf(home, "broker"))
    ]
    assert names[0] == names[1]
