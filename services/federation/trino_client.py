"""Asks Trino as one user: over HTTPS, known by the network's own certificate, whatever the environment says."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Timer
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from services.errors import Fatal, NotAllowed, Rejected, Retryable, SpiegelnetError
from services.federation.surface import BATCH_ROWS, MOST_BYTES, MOST_ROWS, SECONDS, too_large
from services.federation.tables import HUB, HUB_TABLES, NODE_TABLES
from services.federation.trino_refusals import user_error
from services.federation.trino_statement import single_read
from services.federation.trino_types import arrow_columns, arrow_schema

if TYPE_CHECKING:
    from trino.dbapi import Connection

T = TypeVar("T")
SOURCE = "spiegelnet"
FILES_SECONDS = 10.0
"""The longest that Trino takes to read users and rules that were changed; it looks each second, later under load."""
_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class TrinoUser:
    """Who asks, and where.

    Attributes:
        server: `host:port`.
        name: of the user; for a participant its id.
        password: of that user.
        ca: PEM file of the certificate by which the server is known.
        attempts: how often a request is sent while the server is away.
    """

    server: str
    name: str
    password: str = field(repr=False)
    ca: Path
    attempts: int = 3


def query(
    user: TrinoUser, sql: str, *, seconds: float = SECONDS, most_rows: int = MOST_ROWS, most_bytes: int = MOST_BYTES
) -> pa.Table:
    """Answer one statement that reads.

    Args:
        user: who asks.
        sql: one SELECT (also WITH, VALUES, TABLE, SHOW, DESCRIBE), as a user typed it.
        seconds: after which it is stopped.
        most_rows: above which the answer is refused rather than cut.
        most_bytes: likewise.

    Raises:
        Rejected: the query has a mistake, or asks too much.
        NotAllowed: it does more than read, reaches for what this user may not see, or the password is wrong.
        Retryable: Trino is away, or has too many of this user's queries.
        Fatal: the server is not the one of this network.
    """
    statement, stopped = single_read(sql), Event()
    with _connection(user) as connection:
        cursor = connection.cursor()
        clock = Timer(seconds, _stop, (cursor, stopped))
        clock.daemon = True
        clock.start()
        try:
            with _told(user, connection):
                return _answer(cursor.execute(statement), most_rows, most_bytes)
        except SpiegelnetError:
            if stopped.is_set():
                raise _too_long(seconds) from None
            raise
        finally:
            clock.cancel()
            _end(cursor)


def run(user: TrinoUser, statement: str) -> list[list[Any]]:
    """Carry out a statement of our own and return its rows; for the operator's commands, never for a user's text.

    Raises:
        SpiegelnetError: as `query`.
    """
    with _connection(user) as connection, _told(user, connection):
        return list(connection.cursor().execute(statement).fetchall())


def when_files_are_read(work: Callable[[], T], seconds: float = FILES_SECONDS) -> T:
    """Do what needs users or rules that were written a moment ago: again while it is not allowed, for so many seconds.

    Raises:
        NotAllowed: it still is not after that.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return work()
        except NotAllowed:
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL_SECONDS)


def _answer(cursor: Any, most_rows: int, most_bytes: int) -> pa.Table:
    schema = arrow_schema([(column.name, column.type_code) for column in cursor.description or ()])
    batches, rows, size = [], 0, 0
    while some := cursor.fetchmany(BATCH_ROWS):
        batches.append(arrow_columns(some, schema))
        rows, size = rows + len(some), size + batches[-1].nbytes
        if rows > most_rows or size > most_bytes:
            raise too_large(most_rows, most_bytes)
    return pa.Table.from_batches(batches, schema=schema)


@contextmanager
def _connection(user: TrinoUser) -> Iterator["Connection"]:
    from requests import Session  # noqa: PLC0415 - slow imports, where Trino is asked
    from trino.auth import BasicAuthentication  # noqa: PLC0415
    from trino.dbapi import connect  # noqa: PLC0415

    if not user.ca.exists():
        raise Fatal(
            f"The network's certificate is not at {user.ca}.",
            "Without it nobody can tell whether the server is the right one.",
            "`spiegelnet up` makes it; where others run the servers, ask them for ca.pem.",
        )
    session = Session()
    # Some machines name other certificates in the environment, and those would win over ours.
    session.trust_env = False
    session.verify = str(user.ca)
    host, _, port = user.server.rpartition(":")
    connection = connect(  # type: ignore[no-untyped-call]  # the client has no types
        host=host,
        port=int(port),
        user=user.name,
        auth=BasicAuthentication(user.name, user.password),
        http_scheme="https",
        http_session=session,
        source=SOURCE,
        max_attempts=user.attempts,
        # rows in the answer itself: what the network publishes is small
        encoding=None,
    )
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def _told(user: TrinoUser, connection: "Connection") -> Iterator[None]:
    """Let errors of the client come out as ours."""
    from requests import RequestException  # noqa: PLC0415 - as above
    from trino.exceptions import Error, HttpError, TrinoQueryError  # noqa: PLC0415

    try:
        yield
    except TrinoQueryError as error:
        raise user_error(error, lambda: _tables(connection)) from None
    except (Error, HttpError, RequestException) as error:
        raise _no_answer(user, str(error)) from None


def _no_answer(user: TrinoUser, text: str) -> SpiegelnetError:
    if "error 401" in text:
        return NotAllowed(
            f"Trino does not let {user.name} in.",
            "The name or the password is wrong, or it was taken out of the network.",
            "Ask the network's operator: `spiegelnet user add`, or `spiegelnet node add` for a participant.",
        )
    if "error 403" in text:
        return NotAllowed(f"Trino refuses {user.name}.", "This user has no role.", "Ask the network's operator.")
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return Fatal(
            f"The server at {user.server} is not the one of this network.",
            f"Its certificate does not come from {user.ca.name}.",
            f"Check [sql] server in spiegelnet.toml, and that {user.ca} is the network's own.",
        )
    return Retryable(
        f"Trino does not answer at {user.server}.",
        "It is not started, is starting, or is cut off.",
        "Look at `spiegelnet status`; `spiegelnet up` starts the servers of one machine. Then run again.",
    )


def _too_long(seconds: float) -> Rejected:
    return Rejected(
        f"The query was stopped after {seconds:g} seconds.", "That is the longest one may take.", "Ask for less."
    )


def _stop(cursor: Any, stopped: Event) -> None:
    stopped.set()
    _end(cursor)


def _end(cursor: Any) -> None:
    """Let go of a query that may still run; that it cannot be told so matters to nobody."""
    from requests import RequestException  # noqa: PLC0415 - as above
    from trino.exceptions import Error, HttpError  # noqa: PLC0415

    try:
        cursor.cancel()
    except (Error, HttpError, RequestException):
        return


def _tables(connection: "Connection") -> list[str]:
    """Names of the surface, as far as this user's catalogs go."""
    catalogs = [row[0] for row in connection.cursor().execute("SHOW CATALOGS").fetchall()]
    nodes = [f"{name}.{table}" for name in catalogs if name not in (HUB, "system") for table in NODE_TABLES]
    return sorted([*(f"{HUB}.{table}" for table in HUB_TABLES), *nodes])
