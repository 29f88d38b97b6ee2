"""A parcel: one sealed batch of events of one type and version, from one sender to one receiver.

    parcel    = len(header) u16 || header || len(sealed) u32 || sealed || signature (64)
    sealed    = HPKE.seal(receiver's key, info = "spiegelnet/parcel/v1" || header, inner header || Avro || zeros)
    signature = Ed25519("spiegelnet/sig/v1" || len(header) u16 || header || sealed)

HPKE is RFC 9180 in base mode with the suite that the header names. The header is bound twice: by the signature, so that
nobody alters it, and by HPKE's info, so that nobody puts another sender's name and signature on what is sealed.
A parcel has one of five sizes, so that its length does not tell how many events are in it. The headers' bytes are
described in header.py.
"""

import secrets
from collections.abc import Mapping
from hashlib import sha256

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, Suite

from services.privacy.errors import BadSignature, Malformed, NotMyKey, Tampered, TooLarge, WrongSender
from services.privacy.header import (
    MAX_HEADER,
    MAX_INNER,
    SUITE,
    Header,
    InnerHeader,
    header_bytes,
    inner_bytes,
    parse_header,
    parse_inner,
)
from services.privacy.keys import PublicKeys, key_id, sealing_key

__all__ = [
    "BUCKETS",
    "MAX_AVRO_BYTES",
    "MAX_PARCEL_BYTES",
    "Header",
    "InnerHeader",
    "open_parcel",
    "parcel_hash",
    "read_header",
    "seal_parcel",
    "verify",
]

BUCKETS = (4 * 1024, 16 * 1024, 64 * 1024, 256 * 1024, 1024 * 1024)
"""Sizes of what is sealed, in bytes."""
MAX_AVRO_BYTES = BUCKETS[-1] - MAX_INNER
"""Avro bytes that fit one parcel whatever its names."""

_PARCEL_LABEL = b"spiegelnet/parcel/v1"
_SIGNATURE_LABEL = b"spiegelnet/sig/v1"
_SIGNATURE_SIZE = 64
_HPKE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_SEALED_OVERHEAD = KEM.MLKEM768_X25519.enc_length() + 16  # the encapsulated key and AES-GCM's tag
MAX_PARCEL_BYTES = 2 + MAX_HEADER + 4 + BUCKETS[-1] + _SEALED_OVERHEAD + _SIGNATURE_SIZE


def seal_parcel(
    *,
    sender: str,
    signing_key: bytes,
    receiver: str,
    receiver_key: bytes,
    stream: bytes,
    sequence: int,
    previous: bytes,
    hour: int,
    inner: InnerHeader,
    avro: bytes,
) -> bytes:
    """Seal and sign one parcel.

    Args:
        sender: own participant id.
        signing_key: `ParticipantKeys.signing`.
        receiver: the receiver's participant id.
        receiver_key: the receiver's `PublicKeys.seal`.
        stream: 16 random bytes, one stream per sender, receiver and outbox.
        sequence: 0, 1, 2, … within the stream.
        previous: `parcel_hash` of the parcel before it in the stream, 32 zero bytes for the first.
        hour: hours since 1970-01-01T00:00Z; nothing finer is told.
        inner: what the parcel is about.
        avro: the events' Avro bytes, one after the other, at most `MAX_AVRO_BYTES`.

    Returns:
        The parcel's bytes. HPKE draws a fresh key pair and the header a random parcel id each time, so sealing twice
        gives other bytes, which a receiver takes for a fork of the stream: store these and send them again.

    Raises:
        TooLarge: the events do not fit one parcel.
        Malformed: a name, id or number is out of its range.
        BadKey: a key is not a valid one.
    """
    content = inner_bytes(inner, len(avro)) + avro
    bucket = _bucket(len(content))
    signer = Ed25519PrivateKey.from_private_bytes(signing_key)
    header = header_bytes(
        Header(
            suite=SUITE,
            receiver=receiver,
            receiver_key_id=key_id(receiver_key),
            sender=sender,
            signing_key_id=key_id(signer.public_key().public_bytes_raw()),
            parcel_id=secrets.token_bytes(16),
            stream=stream,
            sequence=sequence,
            previous_hash=previous,
            hour=hour,
            pad_bucket=bucket,
        )
    )
    padded = content.ljust(BUCKETS[bucket], b"\0")
    sealed = _HPKE.encrypt(padded, sealing_key(receiver_key), info=_PARCEL_LABEL + header)
    signature = signer.sign(_signed(header, sealed))
    return b"".join((len(header).to_bytes(2, "big"), header, len(sealed).to_bytes(4, "big"), sealed, signature))


def read_header(parcel: bytes) -> Header:
    """Read the clear header. Nothing in it is proven before `verify`.

    Raises:
        TooLarge: more bytes than a parcel can have.
        Malformed: not a parcel, or cut off, or with bytes after its end.
        UnknownSuite: a format version or suite that we do not open.
    """
    return _split(parcel)[0]


def verify(parcel: bytes, sender: PublicKeys) -> Header:
    """Check that `sender`, as the directory knows it, made this parcel; return its header.

    Raises:
        TooLarge, Malformed, UnknownSuite: see `read_header`.
        WrongSender: the header names another sender, or a key that is not this sender's.
        BadSignature: the signature is not of this key over these bytes.
    """
    header, raw, sealed, signature = _split(parcel)
    if header.sender != sender.participant or header.signing_key_id != sender.signing_id:
        raise WrongSender("The parcel is not signed with the key registered for its sender.")
    try:
        Ed25519PublicKey.from_public_bytes(sender.signing).verify(signature, _signed(raw, sealed))
    except InvalidSignature as error:
        raise BadSignature("The parcel's signature does not belong to its bytes.") from error
    return header


def open_parcel(
    parcel: bytes, receiver: str, keys: Mapping[bytes, MLKEM768X25519PrivateKey]
) -> tuple[InnerHeader, bytes]:
    """Open a parcel. Call `verify` first: opening proves who may read it, not who wrote it.

    Args:
        parcel: all its bytes.
        receiver: own participant id.
        keys: `opening_keys` of the own keys; the header names one of them, no other is tried.

    Returns:
        The inner header and the events' Avro bytes.

    Raises:
        TooLarge, Malformed, UnknownSuite: see `read_header`; Malformed also when padding or inner header is wrong.
        NotMyKey: sealed to another receiver or key.
        Tampered: it does not open.
    """
    header, raw, sealed, _ = _split(parcel)
    key = keys.get(header.receiver_key_id)
    if header.receiver != receiver or key is None:
        raise NotMyKey("The parcel is sealed to another receiver, or to a key that is not here (any more).")
    try:
        padded = _HPKE.decrypt(sealed, key, info=_PARCEL_LABEL + raw)
    except InvalidTag as error:
        raise Tampered("The parcel is sealed to this key but does not open: it or its header was changed.") from error
    return _unpad(padded)


def parcel_hash(parcel: bytes) -> bytes:
    """Return the 32 bytes by which the stream's next parcel names this one: SHA-256 of all its bytes."""
    return sha256(parcel).digest()


def _signed(header: bytes, sealed: bytes) -> bytes:
    return b"".join((_SIGNATURE_LABEL, len(header).to_bytes(2, "big"), header, sealed))


def _bucket(size: int) -> int:
    for number, capacity in enumerate(BUCKETS):
        if size <= capacity:
            return number
    raise TooLarge(f"The events take more than the {MAX_AVRO_BYTES} bytes that fit one parcel.")


def _split(parcel: bytes) -> tuple[Header, bytes, bytes, bytes]:
    """Cut a parcel into header, header bytes, sealed part and signature; every byte has its one place."""
    if len(parcel) > MAX_PARCEL_BYTES:
        raise TooLarge(f"A parcel has at most {MAX_PARCEL_BYTES} bytes.")
    header_end = 2 + int.from_bytes(parcel[:2], "big")
    if len(parcel) < header_end + 4:
        raise Malformed("The parcel is cut off.")
    raw = parcel[2:header_end]
    header = parse_header(raw)
    if header.pad_bucket >= len(BUCKETS):
        raise Malformed("The parcel's header names no known size.")
    sealed_size = BUCKETS[header.pad_bucket] + _SEALED_OVERHEAD
    start = header_end + 4
    if int.from_bytes(parcel[header_end:start], "big") != sealed_size:
        raise Malformed("The parcel's sealed part does not have the size that its header names.")
    if len(parcel) != start + sealed_size + _SIGNATURE_SIZE:
        raise Malformed("The parcel is cut off, or bytes follow its end.")
    return header, raw, parcel[start : start + sealed_size], parcel[start + sealed_size :]


def _unpad(padded: bytes) -> tuple[InnerHeader, bytes]:
    inner, start, avro_size = parse_inner(padded)
    end = start + avro_size
    if padded.count(0, end) != len(padded) - end:  # also when the end lies beyond what is there: 0 is not below 0
        raise Malformed("The events do not end within the parcel, or what pads it is not all zeros.")
    return inner, padded[end - avro_size : end]
