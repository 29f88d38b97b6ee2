"""What the network needs of a log of parcels: per topic an append-only row of messages, read by offset.

Topics have an id of their own, which a topic that was deleted and made anew does not share; one partition per topic.
Appends are at least once, and the log knows nothing of what a message holds.
"""

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.errors import Fatal, Rejected

MAX_MESSAGE_BYTES = 1_153_434
"""1.1 MiB: the largest parcel and some."""
READ_BYTES = 16 << 20
READ_MESSAGES = 10_000


class UnknownTopic(Fatal):
    """The broker has no topic of this name; other topics are not concerned.

    Attributes:
        topic: its name.
    """

    topic = ""


@dataclass(frozen=True)
class Message:
    """One message of a topic.

    Attributes:
        offset: place in the topic, from 0.
        value: its bytes.
        appended_at: when the broker took it, UTC.
    """

    offset: int
    value: bytes
    appended_at: datetime


class Broker(Protocol):
    """What senders and receivers need of a broker."""

    def create_topic(self, name: str) -> str:
        """Create the topic if it is not there, and return its id."""

    def topic_id(self, name: str) -> str:
        """Return the topic's id; a topic that was deleted and made anew has another one."""

    def together(self, topics: Collection[str] = ...) -> AbstractContextManager[object]:
        """Wait once, at the end of the block, until all that is appended in it is acknowledged.

        When the block ends with an error, any part of it may have been appended. Topics that are named are looked up
        at its beginning.
        """

    def append(self, topic: str, key: bytes, value: bytes) -> None:
        """Append one message; see `append_many`."""

    def append_many(self, topic: str, messages: Sequence[tuple[bytes, bytes]]) -> None:
        """Append (key, value) messages in order; acknowledged on return, or at the end of the block of `together`."""

    def read(
        self,
        topic: str,
        offset: int,
        *,
        max_bytes: int = ...,
        max_messages: int = ...,
        expected_id: str | None = None,
    ) -> list[Message]:
        """Read messages from `offset` on; none only if `offset` is the topic's end."""

    def end_offset(self, topic: str, *, expected_id: str | None = None) -> int:
        """Return the offset that the next message will get."""

    def next_readable(self, topic: str, offset: int, *, expected_id: str | None = None) -> int:
        """Return the first offset from `offset` on that can be read, past what was deleted or is damaged.

        The end of the topic where nothing can; its beginning where it ends before `offset`.
        """


def unknown_topic(name: str) -> UnknownTopic:
    """Return the error for a topic that is not there."""
    error = UnknownTopic(
        f"The broker has no topic {name}.",
        "A topic is made when a participant joins the network.",
        "Check the participant's id in the directory, and whether the operator made it known to the broker.",
    )
    error.topic = name
    return error


def go_on(topic: str) -> str:
    """Return the command by which a person lets the receiver of a topic read on after an alarm."""
    return f"`spiegelnet receive {topic.removeprefix('parcels.')} --go-on`"


def made_anew(name: str) -> Fatal:
    """Return the error for a topic whose id is another one than before."""
    return Fatal(
        f"Topic {name} is not the one that was read before.",
        "It was deleted and made anew, or its broker was: its offsets begin again and mean other messages.",
        f"Find out what happened to the broker; then read on with {go_on(name)}.",
    )


def no_offset(name: str, offset: int, end: int) -> Fatal:
    """Return the error for an offset beyond the end."""
    return Fatal(
        f"Topic {name} has no offset {offset}; its end is {end}.",
        "It holds less than what was read from it before, so messages were lost.",
        f"Find out what happened to the broker; then read on with {go_on(name)}.",
    )


def require_small(topic: str, messages: Sequence[tuple[bytes, bytes]]) -> None:
    """Refuse messages of which one is too large.

    Raises:
        Rejected: a value has more than `MAX_MESSAGE_BYTES`.
    """
    if any(len(value) > MAX_MESSAGE_BYTES for _, value in messages):
        raise Rejected(
            f"A message for topic {topic} is too large.",
            f"The broker takes at most {MAX_MESSAGE_BYTES} bytes.",
            "Send the events in smaller parcels.",
        )
