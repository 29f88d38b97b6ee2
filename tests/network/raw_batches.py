"""Batches made by hand, as a participant may write them who does not use our writer or any honest one.

The form is that of Kafka's documentation ("Record batch", magic 2).
"""

import gzip
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import crc32c
import pyarrow as pa
from kafka import KafkaAdminClient, errors
from kafka.protocol.producer import ProduceRequest

from services.broker.kafka_connection import Connection

NONE, GZIP, SNAPPY, ZSTD = 0, 1, 2, 4
_XERIAL = b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1)


@dataclass(frozen=True)
class Record:
    """One record.

    Attributes:
        value: its bytes.
        offset: which it gives itself within the batch; by default its place.
        header: name of a header that it has.
    """

    value: bytes
    offset: int | None = None
    header: bytes | None = None


def batch(records: Sequence[Record], codec: int = NONE) -> bytes:
    """Return the bytes of one batch.

    Args:
        records: what it holds.
        codec: how they are compressed.
    """
    plain = b"".join(_record(item, place) for place, item in enumerate(records))
    body = struct.pack(">hiqqqhii", codec, len(records) - 1, 0, 0, -1, -1, -1, len(records)) + _packed(plain, codec)
    rest = struct.pack(">ibI", 0, 2, crc32c.crc32c(body)) + body
    return struct.pack(">qi", 0, len(rest)) + rest


def _packed(plain: bytes, codec: int) -> bytes:
    if codec == GZIP:
        return gzip.compress(plain)
    if codec == SNAPPY:
        block = pa.compress(plain, "snappy", asbytes=True)
        return _XERIAL + struct.pack(">i", len(block)) + block
    return pa.compress(plain, "zstd", asbytes=True) if codec == ZSTD else plain


def _record(item: Record, place: int) -> bytes:
    header = b"\x00" if item.header is None else _varint(1) + _counted(item.header) + _counted(b"")
    offset = place if item.offset is None else item.offset
    body = b"\x00" + _varint(0) + _varint(offset) + _varint(-1) + _counted(item.value) + header
    return _counted(body)


def _counted(text: bytes) -> bytes:
    return _varint(len(text)) + text


def _varint(number: int) -> bytes:
    """Zigzag, then seven bits to a byte, the lowest first."""
    rest, out = (number << 1) ^ (number >> 63), bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*out, rest])


class RawWriter:
    """Appends batches as they are, as one user; the cluster has one broker."""

    def __init__(self, connection: Connection) -> None:
        self._client: Any = KafkaAdminClient(**connection.settings())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def append(self, topic: str, records: bytes) -> None:
        """Append one batch.

        Raises:
            KafkaError: the broker does not take it.
        """
        data = ProduceRequest.TopicProduceData
        part = data.PartitionProduceData(index=0, records=records)
        request = ProduceRequest(
            transactional_id=None,
            acks=-1,
            timeout_ms=20_000,
            topic_data=[data(name=topic, partition_data=[part])],
            max_version=9,
        )
        answer = self._client._manager.run(self._client._manager.send, request)
        code = answer.responses[0].partition_responses[0].error_code
        if code:
            raise errors.for_code(code)
