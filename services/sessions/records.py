"""The file of a municipality's sessions: `sessions.sqlite`, in which every word that somebody wrote is sealed.

Of a contribution without name nothing is kept but the words, and to what they answer: no name, no time, and no place in
an order. Its id is drawn by chance, its table is kept by that id, and after each change, of whatever, the file is
written anew by the keys of its rows: neither rows nor bytes tell what came before what. The file system still knows
when the file was last written; a copy from before and one from after show what is new between them.
"""

import datetime as dt
import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from services.errors import NotAllowed, Rejected
from services.network import Network
from services.sessions.model import OPEN
from services.sqlite import errors_named, open_database, transaction
from services.stories.text import StoryKey
from services.stories.words import identifier_in

MOST_CHARACTERS = 4000
"""Of one contribution, conclusion or action: it is to be read aloud."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, title TEXT NOT NULL, held_on TEXT NOT NULL, period TEXT NOT NULL, owner TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS parties (
    session TEXT NOT NULL REFERENCES sessions (id), party TEXT NOT NULL, state TEXT NOT NULL, reason TEXT,
    PRIMARY KEY (session, party));
CREATE TABLE IF NOT EXISTS items (
    session TEXT NOT NULL REFERENCES sessions (id), place INTEGER NOT NULL, item TEXT NOT NULL, kind TEXT NOT NULL,
    content TEXT NOT NULL, PRIMARY KEY (session, item));
CREATE TABLE IF NOT EXISTS contributions (
    number INTEGER PRIMARY KEY, session TEXT NOT NULL, item TEXT NOT NULL, question TEXT NOT NULL, party TEXT NOT NULL,
    words TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS nameless (
    id TEXT PRIMARY KEY, session TEXT NOT NULL, item TEXT NOT NULL, question TEXT NOT NULL, words TEXT NOT NULL)
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS conclusions (
    number INTEGER PRIMARY KEY, session TEXT NOT NULL, item TEXT, words TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS actions (
    number INTEGER PRIMARY KEY, session TEXT NOT NULL, item TEXT, words TEXT NOT NULL, owner TEXT NOT NULL,
    due_on TEXT NOT NULL, state TEXT NOT NULL, outcome TEXT, closed_on TEXT);
CREATE TABLE IF NOT EXISTS missing (
    number INTEGER PRIMARY KEY, indicator TEXT NOT NULL, who TEXT NOT NULL, because TEXT NOT NULL, source TEXT NOT NULL,
    reference TEXT, noted_on TEXT NOT NULL, confirmed_by TEXT, confirmed_on TEXT);
CREATE TABLE IF NOT EXISTS approvals (
    record TEXT NOT NULL, place INTEGER NOT NULL, reviewer TEXT NOT NULL, user TEXT NOT NULL, sha256 TEXT NOT NULL,
    explained TEXT NOT NULL, approved_on TEXT NOT NULL, PRIMARY KEY (record, place));
CREATE TABLE IF NOT EXISTS copies (
    record TEXT NOT NULL, sha256 TEXT NOT NULL, original TEXT NOT NULL, PRIMARY KEY (record, sha256, original))
    WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Records:
    """The sessions of one municipality, on the machine where its keys are.

    Attributes:
        network: the network.
        municipality: its id.
        path: of the file.
        key: under which words are sealed.
    """

    network: Network
    municipality: str
    path: Path
    key: StoryKey = field(repr=False)

    @staticmethod
    def of(network: Network, municipality: str) -> "Records":
        """Open the sessions of a municipality.

        Raises:
            NotAllowed: it is no municipality, or its keys are not on this machine.
            Fatal: there is no such participant, or its key is damaged.
        """
        if network.directory.get(municipality).kind != "municipality":
            raise NotAllowed(
                f"{municipality} is no municipality.",
                "A session is about the figures and stories of a municipality, and is kept in its node.",
                "Name the municipality whose figures are read.",
            )
        network.require_keys(municipality)
        home = network.home.participant(municipality)
        key = (StoryKey.load if home.sessions.exists() else StoryKey.create)(home.story_key)
        return Records(network, municipality, home.sessions, key)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Open the file to read.

        Raises:
            Retryable: another process keeps it locked.
            Fatal: it is damaged.
        """
        with closing(self._open()) as connection, errors_named(self.path):
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Open the file and write to it: all that the block does, or nothing; then forget in which order it came.

        Raises:
            Retryable, Fatal: as `reading`, and the disk is full.
        """
        with closing(self._open()) as connection:
            with transaction(connection, self.path):
                yield connection
            with errors_named(self.path):  # where the process ends before this, the next change does it
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def seal(self, record: str, place: str, words: str) -> str:
        """Seal words that stand at one place of one record; elsewhere they do not open."""
        return self.key.seal_one(words, self._id(record), f"session.{place}")

    def unseal(self, record: str, place: str, sealed: str | None) -> str:
        """Open words; none are an empty text.

        Raises:
            Fatal: they are not as they were sealed, or stand elsewhere.
        """
        return "" if sealed is None else self.key.open_one(sealed, self._id(record), f"session.{place}")

    def _id(self, record: str) -> bytes:
        return hashlib.sha256(f"{self.municipality}/{record}".encode()).digest()[:16]

    def _open(self) -> sqlite3.Connection:
        return open_database(self.path, _SCHEMA, durable=True)


def next_number(connection: sqlite3.Connection, table: str) -> int:
    """Return the number that a new row of a table gets."""
    return int(connection.execute(f"SELECT coalesce(max(number), 0) + 1 FROM {table}").fetchone()[0])


def days_due(path: Path) -> tuple[dt.date, ...]:
    """Return the days on which the open actions of all sessions in a file are due, in order; no word is opened.

    Raises:
        Retryable, Fatal: the file cannot be used.
    """
    with closing(open_database(path, _SCHEMA, durable=True)) as connection, errors_named(path):
        rows = connection.execute("SELECT due_on FROM actions WHERE state = ? ORDER BY due_on", [OPEN]).fetchall()
    return tuple(dt.date.fromisoformat(due_on) for (due_on,) in rows)


def written(text: str) -> str:
    """Return words as they are kept: without blanks around them.

    Raises:
        Rejected: there are none, too many, or they hold what names one person by itself.
    """
    words = text.strip()
    if not words:
        raise Rejected("There are no words.", "The text is empty.", "Write what is to be kept.")
    if len(words) > MOST_CHARACTERS:
        raise Rejected(
            f"The text has more than {MOST_CHARACTERS} characters.", "It is to be read aloud.", "Say it shorter."
        )
    kind = identifier_in(words)
    if kind:
        raise Rejected(
            f"The text holds what looks like a direct identifier ({kind}); it was not kept.",
            "A session is about what happens, and names nobody by a number or an address.",
            "Leave it out.",
        )
    return words


def day(text: str | None) -> dt.date | None:
    """Read a day of the file; None where there is none."""
    return None if text is None else dt.date.fromisoformat(text)
