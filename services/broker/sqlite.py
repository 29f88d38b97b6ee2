"""The log of parcels on one machine: a SQLite file. Offsets have no gaps and begin at 0."""

import secrets
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from services.broker.log import (
    READ_BYTES,
    READ_MESSAGES,
    Message,
    made_anew,
    no_offset,
    require_small,
    unknown_topic,
)
from services.sqlite import errors_named, open_database, transaction

_SCHEMA = """
CREATE TABLE IF NOT EXISTS topics (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, id TEXT NOT NULL, end INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS messages (
    topic INTEGER NOT NULL REFERENCES topics, offset INTEGER NOT NULL, key BLOB NOT NULL,
    appended_us INTEGER NOT NULL, value BLOB NOT NULL, UNIQUE (topic, offset));
"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
            UnknownTopic: there is no such topic.
        """
        return self._topic(name)[1]

    @contextmanager
    def together(self, topics: Collection[str] = ()) -> Iterator[None]:
        """Make all that is appended within the block one transaction, over several topics.

        Args:
            topics: of what will be appended, looked up at the beginning.

        Raises:
            UnknownTopic: there is no such topic.
            Retryable: the file stayed locked.
        """
        for topic in topics:
            self._topic(topic)
        with transaction(self._db, self._path):
            yield

    def append(self, topic: str, key: bytes, value: bytes) -> None:
        """Append one message; see `append_many`."""
        self.append_many(topic, [(key, value)])

    def append_many(self, topic: str, messages: Sequence[tuple[bytes, bytes]]) -> None:
        """Append messages, all or none; when this returns, or else the block of `together`, they are on disk.

        Args:
            topic: its name.
            messages: (key, value); a value has at most `MAX_MESSAGE_BYTES`.

        Raises:
            Rejected: a value is too large.
            UnknownTopic: there is no such topic.
            Retryable: the file stayed locked.
        """
        require_small(topic, messages)
        now = time.time_ns() // 1000
        with transaction(self._db, self._path):
            number, _, end = self._topic(topic)
            rows = [(number, end + place, key, now, value) for place, (key, value) in enumerate(messages)]
            self._db.executemany(
                "INSERT INTO messages (topic, offset, key, appended_us, value) VALUES (?, ?, ?, ?, ?)", rows
            )
            self._db.execute("UPDATE topics SET end = ? WHERE number = ?", (end + len(rows), number))

    def read(
        self,
        topic: str,
        offset: int,
        *,
        max_bytes: int = READ_BYTES,
        max_messages: int = READ_MESSAGES,
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
                raise no_offset(topic, offset, end)
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

    def next_readable(self, topic: str, offset: int, *, expected_id: str | None = None) -> int:
        """Return `offset`, or 0 where the topic ends before it: nothing is deleted from it.

        Raises:
            Fatal: there is no such topic, or it was made anew.
        """
        return offset if 0 <= offset <= self._known(topic, expected_id)[2] else 0

    def _topic(self, name: str) -> tuple[int, str, int]:
        with errors_named(self._path):
            row = self._db.execute("SELECT number, id, end FROM topics WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise unknown_topic(name)
        return int(row[0]), str(row[1]), int(row[2])

    def _known(self, name: str, expected_id: str | None) -> tuple[int, str, int]:
        topic = self._topic(name)
        if expected_id not in {None, topic[1]}:
            raise made_anew(name)
        return topic


def _within(max_bytes: int, sizes: Sequence[int]) -> int:
    """How many of the first messages come within `max_bytes`, at least one if there is any."""
    total = 0
    for place, size in enumerate(sizes):
        total += size
        if place and total > max_bytes:
            return place
    return len(sizes)
