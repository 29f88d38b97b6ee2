"""SQLite files of our own state: all opened alike, and a locked file told apart from a broken one."""

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from services.errors import Fatal, Retryable

BUSY_SECONDS = 10.0
_VERSION = 1
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
        Retryable: another process kept the file locked for longer than `BUSY_SECONDS`.
        Fatal: the file is not one of ours, or of a newer version.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=True)
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
        Retryable: the file stayed locked.
        Fatal: the file is damaged or full.
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
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Retryable(
                f"{path.name} is locked by another process.",
                f"It did not come free within {BUSY_SECONDS:.0f} seconds.",
                "Run the command again when the other one has ended.",
            ) from error
        raise _broken(path, error) from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise _broken(path, error) from error


def require_whole(path: Path) -> None:
    """Look through the whole file for damage; one that is not there is whole.

    Raises:
        Retryable: the file stayed locked.
        Fatal: it is damaged; it is named.
    """
    if not path.exists():
        return
    with errors_named(path), closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
        if connection.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
            raise Fatal(
                f"{path} is damaged.",
                "Its pages do not fit together: it was cut off, or changed on the disk.",
                "Check the disk, and put the file back from a copy; what may be put back is said under backup.",
            )


def _broken(path: Path, error: Exception) -> Fatal:
    """SQLite's error by its name only: its text could quote a value, and may be damaged itself."""
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    return Fatal(f"{path} cannot be used.", f"SQLite says {name}.", "Check the disk and the file, or restore a copy.")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Readers and the writer do not block each other in WAL; SQLite does not wait for the lock this switch needs."""
    deadline = time.monotonic() + BUSY_SECONDS
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


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
