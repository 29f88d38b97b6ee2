"""Cutting what stands on a topic into micro-batches, each of which is landed in one commit."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from services.broker import Message
from services.errors import SpiegelnetError
from services.receiving.opening import UndecodedParcel
from services.store.parcels import ParcelFate

MOST_SECONDS: Final = 2.0
"""After which a micro-batch is landed, however few events it has: what arrived is to be seen soon."""
MOST_MESSAGES: Final = 10_000
"""Of a micro-batch, refused ones included: without it, parcels without events would gather in memory."""


@dataclass
class MicroBatch:
    """Messages that are landed in one commit.

    Attributes:
        moved_to: the offset after the last of them.
        began: when the first of them was asked for, in seconds of the clock.
        opened: those that are parcels for this receiver, to be decoded.
        refused: what became of the others.
        events: in the opened ones, as they say.
    """

    moved_to: int
    began: float
    opened: list[UndecodedParcel] = field(default_factory=list)
    refused: list[ParcelFate] = field(default_factory=list)
    events: int = 0

    @property
    def messages(self) -> int:
        """How many it holds."""
        return len(self.opened) + len(self.refused)

    def add(self, message: Message, found: UndecodedParcel | ParcelFate) -> None:
        """Add a message as what it was found to be."""
        if isinstance(found, UndecodedParcel):
            self.opened.append(found)
            self.events += found.inner.event_count
        else:
            self.refused.append(found)
        self.moved_to = message.offset + 1


def micro_batches(
    read: Callable[[int], Sequence[Message]],
    opened: Callable[[Message], UndecodedParcel | ParcelFate],
    offset: int,
    rows: int,
    clock: Callable[[], float],
) -> Iterator[MicroBatch]:
    """Read and open messages until a read comes empty, and cut at `rows`, `MOST_SECONDS` or `MOST_MESSAGES`.

    Where a read fails, what came before it is a micro-batch still.

    Args:
        read: gives messages from an offset on.
        opened: opens one, or says what became of it instead.
        offset: of the first message.
        rows: events that are enough for a micro-batch; its last parcel may bring more.
        clock: gives seconds.

    Raises:
        SpiegelnetError: as `read` and `opened` do.
    """
    batch = MicroBatch(offset, clock())
    while True:
        try:
            messages = read(batch.moved_to)
        except SpiegelnetError:
            if batch.messages:
                yield batch
            raise
        if not messages:
            break
        for message in messages:
            batch.add(message, opened(message))
            enough = batch.events >= rows or batch.messages >= MOST_MESSAGES
            if enough or clock() - batch.began >= MOST_SECONDS:
                yield batch
                batch = MicroBatch(batch.moved_to, clock())
    if batch.messages:
        yield batch
