"""A participant's own record of its tasks: when each kind ran last, how it ended, and what it asked of key services.

Short-lived processes write it, one row per kind of task, so that `status` and `metrics` can tell of them later. It
holds no value; of an error it has the sentences that the user was shown.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection

from services.errors import SpiegelnetError
from services.keyservice.counted import Asked
from services.sqlite import errors_named, open_database, transaction

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tasks (
    task TEXT PRIMARY KEY, started_us INTEGER, ended_us INTEGER, succeeded_us INTEGER, failing_since_us INTEGER,
    error_group TEXT, what TEXT, why TEXT, todo TEXT,
    succeeded INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0, seconds REAL NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS asked (
    service TEXT NOT NULL, outcome TEXT NOT NULL, requests INTEGER NOT NULL, elements INTEGER NOT NULL,
    PRIMARY KEY (service, outcome)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS waiting (what TEXT PRIMARY KEY, since_us INTEGER NOT NULL);
"""
_COLUMNS = "task, started_us, ended_us, succeeded_us, failing_since_us, error_group, what, why, todo"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class TaskRecord:
    """One kind of task of one participant.

    Attributes:
        task: its name: `send`, `collect`, `month`, …
        started: when it last began, UTC.
        ended: when it last ended, however; before `started` when that run was killed, or goes on.
        succeeded: when it last ended well.
        failing_since: of the first failure after that; None when the last run that ended did so well.
        group: of the last error, while it fails; likewise the following.
        what: what happened.
        why: the cause.
        todo: what to do.
        successes: runs that ended well, ever.
        failures: runs that failed, ever.
        seconds: that all runs took together.
    """

    task: str
    started: dt.datetime | None
    ended: dt.datetime | None
    succeeded: dt.datetime | None
    failing_since: dt.datetime | None
    group: str | None
    what: str | None
    why: str | None
    todo: str | None
    successes: int
    failures: int
    seconds: float


@dataclass(frozen=True)
class Ended:
    """How one run ended.

    Attributes:
        task: its name.
        at: when it ended, UTC.
        seconds: that it took.
        asked: what it asked of key services.
        waiting: parcels that wait for the broker now; None when that is not known.
    """

    task: str
    at: dt.datetime
    seconds: float
    asked: Asked
    waiting: int | None


@dataclass(frozen=True)
class RunRecord:
    """The file; opened for each call, so that any process may write it."""

    path: Path

    def begin(self, task: str, at: dt.datetime) -> None:
        """Note that a task begins."""
        with self._written() as database:
            database.execute(
                "INSERT INTO tasks (task, started_us) VALUES (?, ?)"
                " ON CONFLICT (task) DO UPDATE SET started_us = excluded.started_us",
                (task, _us(at)),
            )

    def succeed(self, ended: Ended) -> None:
        """Note that a task ended well."""
        task, at, seconds = ended.task, ended.at, ended.seconds
        with self._written() as database:
            database.execute(
                "UPDATE tasks SET ended_us = ?, succeeded_us = ?, failing_since_us = NULL, error_group = NULL,"
                " what = NULL, why = NULL, todo = NULL, succeeded = succeeded + 1, seconds = seconds + ?"
                " WHERE task = ?",
                (_us(at), _us(at), seconds, task),
            )
            _add_asked(database, ended.asked)
            _note_waiting(database, ended)

    def fail(self, ended: Ended, error: SpiegelnetError) -> None:
        """Note that a task failed, or that a part of it waits for a later run."""
        task, at, seconds = ended.task, ended.at, ended.seconds
        with self._written() as database:
            database.execute(
                "UPDATE tasks SET ended_us = ?, failing_since_us = coalesce(failing_since_us, ?), error_group = ?,"
                " what = ?, why = ?, todo = ?, failed = failed + 1, seconds = seconds + ? WHERE task = ?",
                (_us(at), _us(at), error.group, error.what, error.why, error.todo, seconds, task),
            )
            _add_asked(database, ended.asked)
            _note_waiting(database, ended)

    def tasks(self) -> list[TaskRecord]:
        """Return the kinds of tasks that ran, in alphabetical order."""
        with self._opened() as database:
            rows = database.execute(
                f"SELECT {_COLUMNS}, succeeded, failed, seconds FROM tasks ORDER BY task"
            ).fetchall()
        return [
            TaskRecord(task, _time(started), _time(ended), _time(succeeded), _time(failing), *rest)
            for task, started, ended, succeeded, failing, *rest in rows
        ]

    def asked(self) -> Asked:
        """Return what was asked of key services, ever."""
        found = Asked()
        with self._opened() as database:
            for service, outcome, requests, elements in database.execute("SELECT * FROM asked"):
                found.requests[service, outcome] = requests
                found.elements[service] += elements
        return found

    def waiting_since(self) -> dt.datetime | None:
        """Return since when parcels have waited for the broker, as far as a run has noted it."""
        with self._opened() as database:
            row = database.execute("SELECT since_us FROM waiting WHERE what = 'outbox'").fetchone()
        return _time(row[0]) if row else None

    @contextmanager
    def _opened(self) -> Iterator[Connection]:
        with closing(open_database(self.path, _SCHEMA, durable=False)) as database, errors_named(self.path):
            yield database

    @contextmanager
    def _written(self) -> Iterator[Connection]:
        with self._opened() as database, transaction(database, self.path):
            yield database


def _add_asked(database: Connection, asked: Asked) -> None:
    database.executemany(
        "INSERT INTO asked VALUES (?, ?, ?, ?) ON CONFLICT (service, outcome) DO UPDATE SET"
        " requests = requests + excluded.requests, elements = elements + excluded.elements",
        [
            (service, outcome, requests, asked.elements[service] if outcome == "answered" else 0)
            for (service, outcome), requests in asked.requests.items()
        ],
    )


def _note_waiting(database: Connection, ended: Ended) -> None:
    if ended.waiting:
        database.execute("INSERT OR IGNORE INTO waiting VALUES ('outbox', ?)", (_us(ended.at),))
    elif ended.waiting is not None:
        database.execute("DELETE FROM waiting WHERE what = 'outbox'")


def _us(at: dt.datetime) -> int:
    return (at - _EPOCH) // dt.timedelta(microseconds=1)


def _time(us: int | None) -> dt.datetime | None:
    return None if us is None else _EPOCH + dt.timedelta(microseconds=us)
