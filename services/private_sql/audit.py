"""The record of who asked a municipality's private events: when, what for, what, and what came of it.

A question is written down before it is looked at, and what came of it before its answer is handed out. Rows are added
and never changed: the file itself refuses that. Purpose and statement are sealed under the participant's own key,
since a person may have typed anything into them; the SHA-256 of the statement beside it lets anyone tell whether two
records are about the same one. Who owns the folder can remove the file, as anything else in it; keep a copy elsewhere
where that matters.
"""

import datetime as dt
import hashlib
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from services.privacy.sealing import open_bytes, seal_bytes
from services.sqlite import errors_named, open_database, records_stay, transaction

CONTEXT = b"spiegelnet/asked/v1"
PURPOSE_CONTEXT = b"spiegelnet/asked/v1/purpose"
ANSWERED = "answered"
NOT_ENDED = "not ended"

_TABLES = """
CREATE TABLE IF NOT EXISTS asked (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, who TEXT NOT NULL, purpose BLOB NOT NULL,
    statement BLOB NOT NULL, sha256 TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS ended (
    id INTEGER PRIMARY KEY REFERENCES asked (id), at TEXT NOT NULL, outcome TEXT NOT NULL, rows INTEGER);
"""
_SCHEMA = _TABLES + records_stay("asked", "ended")


@dataclass(frozen=True)
class Question:
    """One record.

    Attributes:
        id: its number.
        at: when it was asked, UTC, ISO 8601.
        who: the user of this machine who asked.
        purpose: what for, in that user's words.
        statement: as it was typed.
        sha256: of it, hex.
        outcome: `answered`; the group of the error that refused it; `stopped` by who asked; `fault`; or `not ended`
            where the process was ended before it could be said.
        rows: of the answer; None without one.
    """

    id: int
    at: str
    who: str
    purpose: str
    statement: str = field(repr=False)
    sha256: str
    outcome: str
    rows: int | None


@dataclass(frozen=True)
class Audit:
    """The file.

    Attributes:
        path: in the participant's folder.
        key: 32 bytes, under which purposes and statements are sealed.
    """

    path: Path
    key: bytes = field(repr=False)

    def begin(self, at: dt.datetime, who: str, purpose: str, statement: str) -> int:
        """Write down that a question is asked, and return its number.

        Raises:
            Retryable: another process keeps the file locked.
            Fatal: the file cannot be used.
        """
        text = statement.encode("utf-8", "surrogateescape")
        sealed, digest = seal_bytes(self.key, text, CONTEXT), hashlib.sha256(text).hexdigest()
        why = seal_bytes(self.key, purpose.encode("utf-8", "surrogateescape"), PURPOSE_CONTEXT)
        row = (at.isoformat(timespec="seconds"), who, why, sealed, digest)
        with closing(self._open()) as database, transaction(database, self.path):
            done = database.execute(
                "INSERT INTO asked (at, who, purpose, statement, sha256) VALUES (?, ?, ?, ?, ?)", row
            )
            return int(done.lastrowid or 0)

    def end(self, number: int, at: dt.datetime, outcome: str, rows: int | None = None) -> None:
        """Write down what came of a question.

        Raises:
            Retryable, Fatal: as `begin`.
        """
        row = (number, at.isoformat(timespec="seconds"), outcome, rows)
        with closing(self._open()) as database, transaction(database, self.path):
            database.execute("INSERT INTO ended VALUES (?, ?, ?, ?)", row)

    def questions(self) -> list[Question]:
        """Return all records, oldest first.

        Raises:
            Retryable, Fatal: as `begin`.
            Tampered: a statement is not as it was written, or was written under another key.
        """
        if not self.path.exists():
            return []
        with closing(self._open()) as database, errors_named(self.path):
            ended: Mapping[int, tuple[str, int | None]] = {
                number: (outcome, rows)
                for number, outcome, rows in database.execute("SELECT id, outcome, rows FROM ended")
            }
            found = database.execute("SELECT id, at, who, purpose, statement, sha256 FROM asked ORDER BY id").fetchall()
        return [
            Question(
                number,
                at,
                who,
                open_bytes(self.key, purpose, PURPOSE_CONTEXT).decode("utf-8", "replace"),
                open_bytes(self.key, sealed, CONTEXT).decode("utf-8", "replace"),
                digest,
                *ended.get(number, (NOT_ENDED, None)),
            )
            for number, at, who, purpose, sealed, digest in found
        ]

    def _open(self) -> sqlite3.Connection:
        return open_database(self.path, _SCHEMA, durable=True)
