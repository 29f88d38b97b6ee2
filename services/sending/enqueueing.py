"""Events become sealed parcels in the outbox: encoded together, cut to the size of a parcel, each source once."""

from collections.abc import Iterator, Sequence
from itertools import accumulate

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from services.avro.encode import block, encode_rows
from services.privacy.parcel import MAX_AVRO_BYTES, InnerHeader
from services.registry import EventType
from services.sending.sender import Sender


def encoded_apart(event_type: EventType, events: pl.DataFrame, heights: Sequence[int]) -> list[pa.LargeBinaryArray]:
    """Encode events that lie one receiver's after another's together, since each step has its price; return them apart.

    Args:
        event_type: of all events.
        events: of all receivers.
        heights: how many each has.
    """
    rows = encode_rows(event_type, events)
    return [rows.slice(start, height) for start, height in zip(accumulate(heights, initial=0), heights, strict=False)]


def enqueue(
    sender: Sender,
    event_type: EventType,
    receiver: str,
    rows: pa.LargeBinaryArray,
    *,
    delivery_id: bytes,
    position: tuple[bytes, int],
    last: bool,
) -> int:
    """Seal encoded events as parcels of at most one MiB in one outbox transaction.

    Returns:
        The number of parcels.
    """
    chunks = list(_chunks(rows))
    inners = [
        (
            InnerHeader(
                event_type=event_type.name,
                version=event_type.version,
                schema_sha256=event_type.sha256,
                delivery_id=delivery_id,
                epoch=sender.epoch,
                event_count=len(chunk),
                last_of_delivery=last and number == len(chunks) - 1,
            ),
            block(chunk),
        )
        for number, chunk in enumerate(chunks)
    ]
    digest, batch = position
    sender.at("enqueue")
    stored = sender.put(receiver, inners, digest, event_type.name, batch)
    sender.at("enqueued")
    return stored


def enqueue_once(sender: Sender, event_type: str, receiver: str, frame: pl.DataFrame, source: bytes) -> int:
    """Seal events that this node makes itself as a delivery of their own, unless an earlier run did.

    Args:
        sender: who sends.
        event_type: of all events.
        receiver: participant id.
        frame: the events.
        source: 32 bytes that name what they say; the same for the same.

    Returns:
        The number of parcels, 0 if they were put into the outbox before.
    """
    return enqueue_each(sender, event_type, [(receiver, frame, source)])


def enqueue_each(sender: Sender, event_type: str, made: Sequence[tuple[str, pl.DataFrame, bytes]]) -> int:
    """Seal events of one type for several receivers, as `enqueue_once` does for each (receiver, events, source)."""
    kind = sender.registry.in_use(event_type)
    due = [each for each in made if not sender.outbox.position(each[2], each[0], event_type)]
    if not due:
        return 0
    frames = [frame for _, frame, _ in due]
    encoded = encoded_apart(kind, pl.concat(frames), [frame.height for frame in frames])
    return sum(
        enqueue(
            sender,
            kind,
            receiver,
            rows,
            delivery_id=sender.delivery_id(source, receiver, event_type),
            position=(source, 1),
            last=True,
        )
        for (receiver, _, source), rows in zip(due, encoded, strict=True)
    )


def _chunks(rows: pa.Array) -> Iterator[pa.Array]:
    """Cut encoded rows where the next one would not fit in a parcel."""
    ends = pc.binary_length(rows).to_numpy().cumsum()
    start = 0
    while start < len(rows):
        size = int(ends[start - 1]) if start else 0
        stop = int(ends.searchsorted(size + MAX_AVRO_BYTES, side="right"))
        stop = max(stop, start + 1)
        yield rows.slice(start, stop - start)
        start = stop
