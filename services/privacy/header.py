"""Both headers of a parcel in canonical bytes: one spelling for each header, and no other is read.

All numbers are unsigned, big-endian; a text is one byte of length and that many bytes of ASCII.

    header = "SPN" || version u8 || suite text || receiver text || receiver key id 8 || sender text || signing key id 8
             || parcel id 16 || stream 16 || sequence u64 || previous parcel's hash 32 || hour u32 || pad bucket u8
    inner  = event type text || version u16 || schema SHA-256 32 || delivery id 16 || epoch text || event count u32
             || flags u8 (1: last of its delivery) || length of the Avro bytes u32
"""

import re
from dataclasses import dataclass

from services.privacy.errors import Malformed, UnknownSuite

SUITE = "MLKEM768-X25519/HKDF-SHA256/AES-256-GCM/Ed25519"
"""The one suite in use: HPKE's KEM (0x647a), KDF (0x0001) and AEAD (0x0002), and the signature."""
FORMAT_VERSION = 1
MAX_HEADER = 512
MAX_INNER = 256
MAX_SEQUENCE = 2**62
"""Fits a signed 64-bit column, and so does the number after it."""

_MAGIC = b"SPN"
_TEXT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,63}", re.ASCII)
_FLAG_LAST = 1
_U32 = 2**32 - 1


@dataclass(frozen=True)
class Header:
    """What a parcel shows to everybody.

    Attributes:
        suite: name of the algorithms.
        receiver: participant id.
        receiver_key_id: 8 bytes, of the key it is sealed to.
        sender: participant id.
        signing_key_id: 8 bytes, of the key it is signed with.
        parcel_id: 16 random bytes.
        stream: 16 random bytes.
        sequence: place in the stream, from 0.
        previous_hash: 32 bytes, SHA-256 of the stream's previous parcel; zeros for the first.
        hour: hours since 1970-01-01T00:00Z.
        pad_bucket: index of the padded size.
    """

    suite: str
    receiver: str
    receiver_key_id: bytes
    sender: str
    signing_key_id: bytes
    parcel_id: bytes
    stream: bytes
    sequence: int
    previous_hash: bytes
    hour: int
    pad_bucket: int


@dataclass(frozen=True)
class InnerHeader:
    """What a parcel is about; sealed.

    Attributes:
        event_type: contract by which the events are judged.
        version: of the contract and schema.
        schema_sha256: 32 bytes; the registered schema with this hash decodes the events, never one that was sent.
        delivery_id: 16 bytes, the same for all parcels of one delivery.
        epoch: of the pseudonyms: a calendar year such as `2025`.
        event_count: events in this parcel.
        last_of_delivery: no further parcel of this delivery follows in the stream.
    """

    event_type: str
    version: int
    schema_sha256: bytes
    delivery_id: bytes
    epoch: str
    event_count: int
    last_of_delivery: bool


def header_bytes(header: Header) -> bytes:
    """Write the clear header.

    Raises:
        Malformed: a name, id or number is out of its range.
    """
    return b"".join(
        (
            _MAGIC,
            _number(FORMAT_VERSION, 1, 255),
            _text(header.suite),
            _text(header.receiver),
            _fixed(header.receiver_key_id, 8),
            _text(header.sender),
            _fixed(header.signing_key_id, 8),
            _fixed(header.parcel_id, 16),
            _fixed(header.stream, 16),
            _number(header.sequence, 8, MAX_SEQUENCE),
            _fixed(header.previous_hash, 32),
            _number(header.hour, 4, _U32),
            _number(header.pad_bucket, 1, 255),
        )
    )


def parse_header(data: bytes) -> Header:
    """Read a clear header.

    Raises:
        Malformed: not a header, or not in its one spelling.
        UnknownSuite: a format version or suite that we do not open.
    """
    if len(data) > MAX_HEADER or data[: len(_MAGIC)] != _MAGIC:
        raise Malformed("These bytes do not begin as a parcel does.")
    cursor = _Cursor(data, len(_MAGIC))
    if cursor.number(1) != FORMAT_VERSION:
        raise UnknownSuite("The parcel has a format version that is not known here.")
    suite = cursor.text()
    if suite != SUITE:
        raise UnknownSuite("The parcel is sealed with algorithms that are not allowed here.")
    header = Header(
        suite=suite,
        receiver=cursor.text(),
        receiver_key_id=cursor.fixed(8),
        sender=cursor.text(),
        signing_key_id=cursor.fixed(8),
        parcel_id=cursor.fixed(16),
        stream=cursor.fixed(16),
        sequence=cursor.number(8, MAX_SEQUENCE),
        previous_hash=cursor.fixed(32),
        hour=cursor.number(4),
        pad_bucket=cursor.number(1),
    )
    if cursor.at != len(data):
        raise Malformed("The parcel's header is longer than its fields.")
    return header


def inner_bytes(inner: InnerHeader, avro_size: int) -> bytes:
    """Write the inner header of a parcel with `avro_size` bytes of events.

    Raises:
        Malformed: a name, id or number is out of its range.
    """
    return b"".join(
        (
            _text(inner.event_type),
            _number(inner.version, 2, 2**16 - 1),
            _fixed(inner.schema_sha256, 32),
            _fixed(inner.delivery_id, 16),
            _text(inner.epoch),
            _number(inner.event_count, 4, _U32),
            _number(_FLAG_LAST if inner.last_of_delivery else 0, 1, _FLAG_LAST),
            _number(avro_size, 4, _U32),
        )
    )


def parse_inner(data: bytes) -> tuple[InnerHeader, int, int]:
    """Read the inner header at the start of `data`.

    Returns:
        The inner header, where the Avro bytes begin, and how many they are.

    Raises:
        Malformed: not an inner header in its one spelling.
    """
    cursor = _Cursor(data, 0)
    inner = InnerHeader(
        event_type=cursor.text(),
        version=cursor.number(2),
        schema_sha256=cursor.fixed(32),
        delivery_id=cursor.fixed(16),
        epoch=cursor.text(),
        event_count=cursor.number(4),
        last_of_delivery=cursor.number(1, _FLAG_LAST) == _FLAG_LAST,
    )
    avro_size = cursor.number(4)
    return inner, cursor.at, avro_size


class _Cursor:
    """Reads fields one after the other; a field that is not whole or out of range is an error."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data = data
        self.at = at

    def fixed(self, size: int) -> bytes:
        part = self.data[self.at : self.at + size]
        if len(part) != size:
            raise Malformed("A header is cut off.")
        self.at += size
        return part

    def number(self, size: int, largest: int | None = None) -> int:
        value = int.from_bytes(self.fixed(size), "big")
        if largest is not None and value > largest:
            raise Malformed("A header holds a number out of its range.")
        return value

    def text(self) -> str:
        part = self.fixed(self.number(1)).decode("ascii", errors="replace")
        if not _TEXT.fullmatch(part):
            raise Malformed("A header holds a name that is none.")
        return part


def _text(value: str) -> bytes:
    if not _TEXT.fullmatch(value):
        raise Malformed("A name in a header has 1 to 64 letters, digits, '-', '_', '.' or '/', the first no sign.")
    return bytes([len(value)]) + value.encode("ascii")


def _fixed(value: bytes, size: int) -> bytes:
    if len(value) != size:
        raise Malformed(f"An id or hash in a header has {size} bytes here.")
    return value


def _number(value: int, size: int, largest: int) -> bytes:
    if not 0 <= value <= largest:
        raise Malformed("A number in a header is out of its range.")
    return value.to_bytes(size, "big")
