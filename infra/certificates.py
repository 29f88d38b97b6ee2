"""The certificates of the servers on one machine: a CA of the home's own, and one certificate each below it.

Made with elliptic curve P-256. The CA's certificate, `ca.pem`, is public: every client knows the servers by it. All
else is for the operator alone. A certificate that is about to end is made anew, by the same CA, when servers start.
"""

import datetime as dt
import ipaddress
import os
from collections.abc import Collection
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from services.errors import Fatal
from services.home import Home

CA_DAYS = 20 * 365
SERVER_DAYS = 5 * 365
RENEW_DAYS = 30
"""A certificate with fewer days left is made anew."""
NAMES = ("broker", "server")
"""Common names: `broker` is what Kafka knows itself by, `server` serves Trino and the key services."""


def ensure_certificates(home: Home, now: dt.datetime | None = None, hosts: Collection[str] = ()) -> None:
    """Make the CA and the servers' certificates where they are missing or about to end, or lack a name that is asked.

    Args:
        home: gets `ca.pem`, and in `servers/tls` `ca.key` and one `<name>.pem` (key, certificate, CA) for each server.
        now: UTC; tests give another day.
        hosts: names and addresses by which other machines reach the servers, beside localhost.

    Raises:
        Fatal: the CA's key and certificate do not belong together, or one of them is gone.
    """
    today = now or dt.datetime.now(dt.UTC)
    folder = home.servers / "tls"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key_file = folder / "ca.key"
    if not key_file.exists() and not home.ca.exists():
        _make_ca(key_file, home.ca, today)
    key, ca = _load_ca(key_file, home.ca)
    wanted = _written(hosts)
    for name in NAMES:
        known, ends = _known(folder / f"{name}.pem", ca)
        if ends < today + dt.timedelta(days=RENEW_DAYS) or not known >= wanted:
            _make_leaf(folder / f"{name}.pem", name, key, ca, today, known | wanted | {"localhost"})


def _make_ca(key_file: Path, certificate: Path, now: dt.datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Spiegelnet CA")])
    builder = _builder(name, name, key.public_key(), now, CA_DAYS).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    usage = _key_usage(signs_certificates=True)
    made = builder.add_extension(usage, critical=True).sign(key, hashes.SHA256())
    _write_owner_only(key_file, _pem(key))
    certificate.write_bytes(made.public_bytes(Encoding.PEM))


def _make_leaf(
    path: Path,
    name: str,
    ca_key: ec.EllipticCurvePrivateKey,
    ca: x509.Certificate,
    now: dt.datetime,
    hosts: Collection[str],
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = [_general_name(host) for host in sorted({*hosts, "127.0.0.1"})]
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]  # Kafka's controller is both
    made = (
        _builder(subject, ca.subject, key.public_key(), now, SERVER_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    _write_owner_only(path, _pem(key) + made.public_bytes(Encoding.PEM) + ca.public_bytes(Encoding.PEM))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: dt.datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))  # clocks differ
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _load_ca(key_file: Path, certificate: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    try:
        key = load_pem_private_key(key_file.read_bytes(), password=None)
        ca = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (OSError, ValueError, TypeError):
        raise _unusable(key_file, certificate) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != ca.public_key():
        raise _unusable(key_file, certificate)
    return key, ca


def _unusable(key_file: Path, certificate: Path) -> Fatal:
    return Fatal(
        f"The CA of this home cannot be used: {certificate.name} and {key_file.name}.",
        "One of them is gone or damaged, or they do not belong together.",
        f"Restore {certificate} and {key_file} from a copy; or remove both, and give all clients the new certificate.",
    )


def _known(path: Path, ca: x509.Certificate) -> tuple[set[str], dt.datetime]:
    """Return a certificate's names and when it ends; long ago where there is none, or where another CA made it."""
    never = dt.datetime.min.replace(tzinfo=dt.UTC)
    try:
        leaf, issuer, *_ = x509.load_pem_x509_certificates(path.read_bytes())
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return set(), never
    known = {*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))}
    return known, leaf.not_valid_after_utc if issuer == ca else never


def _general_name(host: str) -> x509.GeneralName:
    """Return a host as certificates name it: a client looks for an address among addresses only."""
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _written(hosts: Collection[str]) -> set[str]:
    """Return hosts as they are read back from a certificate: `2001:DB8::0:1` is `2001:db8::1`."""
    return {str(_general_name(host).value) for host in hosts}


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write_owner_only(path: Path, content: bytes) -> None:
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    draft.rename(path)
