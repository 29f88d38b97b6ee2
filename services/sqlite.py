"""SQLite files of our own state: all opened alike, and a locked file told apart from a broken one."""

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from polars.exceptions import PolarsError

from services.disk import FULL, no_room
from services.errors import Fatal, Retryable

BUSY_SECONDS = 10.0
_VERSION = 1
_UNREADABLE = ("SQLITE_IOERR_READ", "SQLITE_IOERR_SHORT_READ", "SQLITE_IOERR_CORRUPTFS", "SQLITE_IOERR_DATA")
"""SQLite's errors of the disk that more room does not mend."""
_LOCKED = ("SQLITE_BUSY", "SQLITE_LOCKED")
_CLOSED = ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")
_SEND_AGAIN = (
    "Check the disk; remove outbox.sqlite and journal.sqlite of this participant, never put an old copy of them back, "
    "then send all its exports again and run its months again: what came counts once."
)
_OF_ONE_COPY = (
    "Check the disk; put private/, parcels.sqlite and replay.sqlite of this participant back from one copy: receiving "
    "goes on from there. Read about backup before."
)
_REMEDIES = {
    "outbox": _SEND_AGAIN,
    "journal": _SEND_AGAIN,
    "parcels": _OF_ONE_COPY,
    "replay": _OF_ONE_COPY,
    "pseudonyms": "Check the disk and remove the file: the key services are asked again and say the same.",
    "standing": "Check the disk and remove the file: it is counted anew.",
    "runs": "Check the disk and remove the file: only when tasks ran before is forgotten.",
    "stories": "Check the disk, and put the file back from a copy: nothing makes it again.",
    "catalog": "Check the disk, and put the warehouse's folder back from a copy; nothing of this step was stored.",
}
"""What to do about a damaged file, by its name. An old outbox would give out numbers twice, an old journal would call
files sent, or not sent, of which its outbox knows better."""
_NAMES = re.compile(r"CREATE (?:TABLE|INDEX) IF NOT EXISTS (\w+)")


def open_database(path: Path, schema: str, *, durable: bool, page_size: int = 4096) -> sqlite3.Connection:
    """Open `path`, create those of its tables that are not there yet, and return the connection.

    Several processes may open the same file, each with its own connection; a connection must not cross a fork.

    Args:
        path: the file; its folder is created when absent, the file is readable by its owner only.
        schema: `CREATE TABLE IF NOT EXISTS …` statements.
        durable: whether a commit must survive a power failure; if not, it survives the death of the process only.
        page_size: bytes; large pages suit files of large blobs. Only a new file takes it over.

    Raises:
        Retryable: another process kept the file locked for longer than `BUSY_SECONDS`, or the disk is full.
        Fatal: the file is not one of ours, damaged, closed to this user, or of a newer version.
    """
    _make(path)
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        with errors_named(path):
            connection.execute(f"PRAGMA page_size={page_size}")
            _switch_to_wal(connection)
            connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            _create(connection, schema, path)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection, path: Path) -> Iterator[sqlite3.Connection]:
    """Run the block as one write transaction: all of it happens, or nothing. Within another one it is part of that.

    Raises:
        Retryable: the file stayed locked, or the disk is full.
        Fatal: the file is damaged.
    """
    with errors_named(path):
        if connection.in_transaction:
            yield connection
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


@contextmanager
def errors_named(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours, which name the file and what to do."""
    try:
        yield
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise meaning(path, error) from None  # its text could quote a value


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn errors of reading, and of turning rows into what they stand for, into ours; see `errors_named`.

    Raises:
        Retryable: the file stayed locked.
        Fatal: the file is damaged; a changed byte may leave its pages whole and make another value.
    """
    try:
        with errors_named(path):
            yield
    except (TypeError, ValueError, OverflowError, OSError, PolarsError):
        raise damaged(path, "A row of it holds what nobody stored there.") from None  # it could quote a value


def meaning(path: Path, error: BaseException | None) -> Fatal | Retryable:
    """Say what SQLite's error about a file means, by the error's name only; its text could quote a value."""
    name = getattr(error, "sqlite_errorname", "SQLITE_CORRUPT")
    if _is_locked(error):
        return Retryable(
            f"{path.name} is locked by another process.",
            f"It did not come free within {BUSY_SECONDS:.0f} seconds.",
            "Run the command again when the other one has ended.",
        )
    if name.startswith("SQLITE_FULL") or (name.startswith("SQLITE_IOERR") and name not in _UNREADABLE):
        return no_room(path, f"The disk is full, or fails (SQLite says {name}).")
    if name.startswith(_CLOSED):
        return Fatal(
            f"{path} cannot be used.",
            f"SQLite says {name}.",
            "Check who may read and write the file and its folder, and that there is room on the disk.",
        )
    return Fatal(f"{path} cannot be used.", f"SQLite says {name}.", _remedy(path))


def damaged(path: Path, why: str) -> Fatal:
    """Return the error about a file in which something is not what was stored there."""
    return Fatal(f"{path} is damaged.", why, _remedy(path))


def require_whole(path: Path) -> None:
    """Look through the whole file for damage; one that is not there is whole.

    Raises:
        Retryable: the file stayed locked.
        Fatal: it is damaged; it is named, with what to do.
    """
    if not path.exists():
        return
    with errors_named(path), closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
        if connection.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
            raise damaged(path, "Its pages do not fit together: it was cut off, or changed on the disk.")


def records_stay(*tables: str) -> str:
    """Return the SQL by which rows of these tables, each with an `id`, can be added and never changed or removed."""
    verbs = [("UPDATE", ""), ("DELETE", "")]
    return "".join(
        f"CREATE TRIGGER IF NOT EXISTS {table}_{verb} BEFORE {verb} ON {table} {when}"
        " BEGIN SELECT RAISE(ABORT, 'records stay'); END;"
        for table in tables
        # REPLACE asks no trigger of DELETE
        for verb, when in (*verbs, ("INSERT", f"WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id)"))
    )


def _remedy(path: Path) -> str:
    default = "Check the disk, and put the file back from a copy; what may be put back is said under backup."
    return _REMEDIES.get(path.stem, default)


def _make(path: Path) -> None:
    """Make the file, for its owner only, and its folder."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
    except OSError as error:
        if error.errno in FULL:
            raise no_room(path) from error
        raise Fatal(
            f"{path} cannot be used.", f"{error.strerror}.", "Check who may read and write the file and its folder."
        ) from error


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Readers and the writer do not block each other in WAL; SQLite does not wait for the lock this switch needs."""
    deadline = time.monotonic() + BUSY_SECONDS
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if not _is_locked(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _is_locked(error: BaseException | None) -> bool:
    return getattr(error, "sqlite_errorname", "").startswith(_LOCKED)


def _create(connection: sqlite3.Connection, schema: str, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        connection.executescript(f"BEGIN IMMEDIATE; {schema}; PRAGMA user_version={_VERSION}; COMMIT")
    elif version == _VERSION:
        present = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if set(_NAMES.findall(schema)) - present:  # the file is of a version that did not have them yet
            connection.executescript(f"BEGIN IMMEDIATE; {schema}; COMMIT")
    else:
        raise Fatal(
            f"{path} has layout {version}, this version of Spiegelnet knows {_VERSION}.",
            "A newer version wrote it.",
            "Use that version.",
        )
