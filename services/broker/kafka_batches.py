"""The batches of a topic, looked at before they are decoded: every participant may write there, in any form Kafka has.

Our own writer compresses nothing and writes no headers. The library would decompress whatever it finds into memory,
stop for ever at a form that it does not know, and believe the offsets that a record gives itself.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from kafka import errors
from kafka.consumer.fetcher import Fetcher

from services.broker.log import Message

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAGIC = 2
"""The form of batches; since Kafka 4 there is no other."""


class Batches(Fetcher.PartitionRecords):  # type: ignore[misc]
    """The answer to one request, which gives messages in place of the library's records."""

    def _unpack_records(self, _topic: object, batches: Any, *_deserializers: object) -> Iterator[Message]:
        """Yield messages, and note the next offset to fetch.

        Raises:
            CorruptRecordError: the form or checksum of a batch is wrong; the broker has checked what its writer wrote,
                so its disk is at fault.
        """
        while (batch := batches.next_batch()) is not None:
            if batch.magic != _MAGIC or not batch.validate_crc():
                raise errors.CorruptRecordError
            self.leader_epoch = batch.leader_epoch
            for message in messages(batch):
                self.next_fetch_offset = message.offset + 1
                yield message
            self.next_fetch_offset = batch.next_offset
        self.drain()


def messages(batch: Any) -> Iterator[Message]:
    """Give the messages of a batch, of which the checksum is right.

    A batch that is compressed, or from some record on cannot be read, is one message without value, at its last offset:
    a few bytes may stand for millions of records. The broker's own marks, such as the end of a transaction, are none.

    Args:
        batch: of the library, not decoded yet.
    """
    if batch.is_control_batch:
        return
    offset, appended_at = batch.base_offset, _EPOCH + timedelta(milliseconds=batch.max_timestamp)
    if not batch.compression_type:
        try:
            for record in batch:
                yield Message(offset, record.value or b"", appended_at)
                offset += 1
        except errors.CorruptRecordError:
            pass  # its writer made it so
    if offset <= batch.last_offset:
        yield Message(batch.last_offset, b"", appended_at)
