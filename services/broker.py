"""The log of parcels: per topic an append-only row of messages, read by offset. On one machine a SQLite file.

It does what is used of Apache Kafka, so that the network can run on that: topics with an id of their own, offsets
without gaps from 0 (one partition per topic), at-least-once appends, and no knowledge of what a message holds.
"""

import secrets
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol, Self

from services.errors import Fatal, Rejected
from services.sqlite import errors_named, open_database, transaction

MAX_MESSAGE_BYTES = 1_153_434
"""1.1 MiB: the largest parcel and some."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS topics (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, id TEXT NOT NULL, end INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS messages (
    topic INTEGER NOT NULL REFERENCES topics, offset INTEGER NOT NULL, key BLOB NOT NULL,
    appended_us INTEGER NOT NULL, value BLOB NOT NULL, UNIQUE (topic, offset));
"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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

    def together(self) -> AbstractContextManager[object]:
        """Make all that is appended within the block acknowledged at its end, or not at all."""

    def append(self, topic: str, key: bytes, value: bytes) -> int:
        """Append one message and return its offset."""

    def append_many(self, topic: str, messages: Sequence[tuple[bytes, bytes]]) -> list[int]:
        """Append (key, value) messages, all or none, and return their offsets."""

    def read(
        self,
        topic: str,
        offset: int,
        *,
        max_bytes: int = ...,
        max_messages: int = ...,
        expected_id: str | None = None,
    ) -> list[Message]:
        """Read messages from `offset` on."""

    def end_offset(self, topic: str, *, expected_id: str | None = None) -> int:
        """Return the offset that the next message will get."""


class SqliteBroker:
    """All topics in one SQLite file; any number of processes may write and read, each with an object of its own."""

    def __init__(self, path: Path) -> None:
        """Open or create the file.

        Raises:
            Retryable, Fatal: see `open_database`.
        """
        self._path = path
        # An append that was acknowledged is never lost: the sender forgets it then.
        self._db = open_database(path, _SCHEMA, durable=True, page_size=16_384)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def create_topic(self, name: str) -> str:
        """Create the topic if it is not there, and return its id.

        Raises:
            Retryable: the file stayed locked.
        """
        with transaction(self._db, self._path) as db:
            db.execute(
                "INSERT INTO topics (name, id) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
                (name, secrets.token_hex(16)),
            )
        return self.topic_id(name)

    def topic_id(self, name: str) -> str:
        """Return the topic's id.

        Raises:
            Fatal: there is no such topic.
        """
        return self._topic(name)[1]

    def together(self) -> AbstractContextManager[object]:
        """Make all that is appended within the block one transaction, over several topics.

        Raises:
            Retryable: the file stayed locked.
        """
        return transaction(self._db, self._path)

    def append(self, topic: str, key: bytes, value: bytes) -> int:
        """Append one message and return its offset; see `append_many`."""
        return self.append_many(topic, [(key, value)])[0]

    def append_many(self, topic: str, messages: Sequence[tuple[bytes, bytes]]) -> list[int]:
        """Append messages, all or none; when this returns, or else the block of `together`, they are on disk.

        Args:
            topic: its name.
            messages: (key, value); a value has at most `MAX_MESSAGE_BYTES`.

        Returns:
            Their offsets.

        Raises:
            Rejected: a value is too large.
            Fatal: there is no such topic.
            Retryable: the file stayed locked.
        """
        if any(len(value) > MAX_MESSAGE_BYTES for _, value in messages):
            raise Rejected(
                f"A message for topic {topic} is too large.",
                f"The broker takes at most {MAX_MESSAGE_BYTES} bytes.",
                "Send the events in smaller parcels.",
            )
        now = time.time_ns() // 1000
        with transaction(self._db, self._path):
            number, _, end = self._topic(topic)
            rows = [(number, end + place, key, now, value) for place, (key, value) in enumerate(messages)]
            self._db.executemany(
                "INSERT INTO messages (topic, offset, key, appended_us, value) VALUES (?, ?, ?, ?, ?)", rows
            )
            self._db.execute("UPDATE topics SET end = ? WHERE number = ?", (end + len(rows), number))
        return [row[1] for row in rows]

    def read(
        self,
        topic: str,
        offset: int,
        *,
        max_bytes: int = 16 * 1024 * 1024,
        max_messages: int = 10_000,
        expected_id: str | None = None,
    ) -> list[Message]:
        """Read messages in order from `offset` on.

        Args:
            topic: its name.
            offset: of the first message wanted.
            max_bytes: stop before their values exceed this; the first one comes however large it is.
            max_messages: stop after so many.
            expected_id: the topic's id as known from an earlier read.

        Returns:
            The messages; none if `offset` is the topic's end.

        Raises:
            Fatal: there is no such topic, it was made anew, or it ends before `offset`.
            Retryable: the file stayed locked.
        """
        with errors_named(self._path):
            number, _, end = self._known(topic, expected_id)
            if not 0 <= offset <= end:
                raise Fatal(
                    f"Topic {topic} has no offset {offset}; its end is {end}.",
                    "It holds less than what was read from it before, so messages were lost.",
                    "Find out what happened to the broker before reading on.",
                )
            rows = self._db.execute(
                "SELECT offset, length(value), appended_us FROM messages"
                " WHERE topic = ? AND offset >= ? ORDER BY offset LIMIT ?",
                (number, offset, max_messages),
            ).fetchall()
            until = _within(max_bytes, [size for _, size, _ in rows])
            values = self._db.execute(
                "SELECT value FROM messages WHERE topic = ? AND offset >= ? ORDER BY offset LIMIT ?",
                (number, offset, until),
            ).fetchall()
        return [
            Message(at, value, _EPOCH + timedelta(microseconds=taken))
            for (at, _, taken), (value,) in zip(rows[:until], values, strict=True)
        ]

    def end_offset(self, topic: str, *, expected_id: str | None = None) -> int:
        """Return the offset that the next message will get.

        Raises:
            Fatal: there is no such topic, or it was made anew.
        """
        return self._known(topic, expected_id)[2]

    def _topic(self, name: str) -> tuple[int, str, int]:
        with errors_named(self._path):
            row = self._db.execute("SELECT number, id, end FROM topics WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise Fatal(
                f"The broker has no topic {name}.",
                "A topic is made when a participant joins the network.",
                "Check the participant's id in the directory.",
            )
        return int(row[0]), str(row[1]), int(row[2])

    def _known(self, name: str, expected_id: str | None) -> tuple[int, str, int]:
        topic = self._topic(name)
        if expected_id not in {None, topic[1]}:
            raise Fatal(
                f"Topic {name} is not the one that was read before.",
                "It was deleted and made anew: its offsets begin again and mean other messages.",
                "Find out what happened to the broker; do not read on at the old offset.",
            )
        return topic


def _within(max_bytes: int, sizes: Sequence[int]) -> int:
    """How many of the first messages come within `max_bytes`, at least one if there is any."""
    total = 0
    for place, size in enumerate(sizes):
        total += size
        if place and total > max_bytes:
            return place
    return len(sizes)
