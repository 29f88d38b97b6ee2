"""The desk's own file, `stories.sqlite`: steps, replies, quotes and who saw a story's text.

Every text in it (answers, replies, paraphrases, purposes) is sealed under the key of the node's stories, bound to its
story and to what it is there. Who saw a text is added and never changed: the file itself refuses that.
"""

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from services.errors import NotAllowed
from services.network import Network
from services.sqlite import errors_named, open_database, records_stay, transaction
from services.stories.text import StoryKey

_TABLES = """
CREATE TABLE IF NOT EXISTS steps (
    story BLOB NOT NULL, stage TEXT NOT NULL, who TEXT NOT NULL, said_on TEXT NOT NULL, message TEXT,
    told INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (story, stage)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS replies (
    story BLOB PRIMARY KEY, asked_by TEXT NOT NULL, asked_on TEXT NOT NULL, replied_on TEXT, reply TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS quotes (
    quote TEXT PRIMARY KEY, story BLOB NOT NULL, about TEXT, title TEXT, words TEXT, explained TEXT,
    proposed_on TEXT NOT NULL, agreed_on TEXT, agreed_how TEXT,
    stage TEXT NOT NULL, number INTEGER NOT NULL, since TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS approvals (
    quote TEXT NOT NULL, who TEXT NOT NULL, user TEXT NOT NULL, sha256 TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (quote, who)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS shown (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, user TEXT NOT NULL, who TEXT NOT NULL,
    story BLOB NOT NULL, purpose TEXT NOT NULL, marked INTEGER NOT NULL);
"""
_SCHEMA = _TABLES + records_stay("shown")


@dataclass(frozen=True)
class Desk:
    """The desk of one municipality; the file is opened for each call.

    Attributes:
        path: the file.
        key: of the node's stories.
        quote_key: 32 bytes under which quotes get names that nobody joins to a story.
    """

    path: Path
    key: StoryKey = field(repr=False)
    quote_key: bytes = field(repr=False)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Open the file for one transaction: all of the block happens, or nothing.

        Raises:
            Retryable: another process keeps the file locked.
            Fatal: the file cannot be used.
        """
        with closing(self._open()) as database, transaction(database, self.path):
            yield database

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Open the file to read.

        Raises:
            Retryable, Fatal: as `writing`.
        """
        with closing(self._open()) as database, errors_named(self.path):
            yield database

    def to_bring_out(self) -> list[tuple[str | int, ...]]:
        """Return what published tables and senders are to follow: the quotes' states, and the steps not told yet."""
        with self.reading() as database:
            states = database.execute("SELECT quote, stage, number, about IS NULL FROM quotes ORDER BY quote")
            untold = database.execute("SELECT hex(story), stage FROM steps WHERE NOT told ORDER BY story, stage")
            return [*states.fetchall(), *untold.fetchall()]

    def forget_all_but(self, stories: Collection[bytes]) -> None:
        """Forget steps, replies and approvals of all other stories; who saw a text stays on record.

        Raises:
            Retryable, Fatal: as `writing`.
        """
        with self.writing() as database:
            database.execute("CREATE TEMP TABLE held (story BLOB PRIMARY KEY)")
            database.executemany("INSERT INTO held VALUES (?)", [(story,) for story in stories])
            gone = "NOT IN (SELECT story FROM held)"
            database.execute(f"DELETE FROM steps WHERE story {gone}")
            database.execute(f"DELETE FROM replies WHERE story {gone}")
            database.execute(f"DELETE FROM approvals WHERE quote IN (SELECT quote FROM quotes WHERE story {gone})")

    def seal(self, story: bytes, what: str, text: str) -> str:
        """Seal a text about a story; `what` it is there is bound to it."""
        return self.key.seal_one(text, story, f"desk/{what}")

    def opened(self, story: bytes, what: str, sealed: str) -> str:
        """Open a text that was sealed for this story and place.

        Raises:
            Fatal: it was not, or under another key.
        """
        return self.key.open_one(sealed, story, f"desk/{what}")

    def _open(self) -> sqlite3.Connection:
        database = open_database(self.path, _SCHEMA, durable=True)
        database.execute("PRAGMA secure_delete = ON")  # what is taken back leaves no sealed bytes in free pages
        return database


def open_desk(network: Network, municipality: str) -> Desk:
    """Open the desk of a municipality.

    Raises:
        NotAllowed: it is no municipality, or its keys are not on this machine.
        Fatal: there is no such participant, or a key is damaged.
    """
    if network.directory.get(municipality).kind != "municipality":
        raise NotAllowed(
            f"{municipality} is no municipality.",
            "Stories are read and answered where they are kept: in the node of the municipality that they are about.",
            "Name a municipality.",
        )
    keys = network.keys(municipality)
    home = network.home.participant(municipality)
    return Desk(home.stories, StoryKey.create(home.story_key), keys.release)
