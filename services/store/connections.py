"""Connections to the databases that hold catalogs, and what their errors mean.

A process keeps one idle connection for each of the few catalogs that it used last: many nodes on one machine together
stay far below what a PostgreSQL server allows. A connection is tried before it is used, and given up when the network
has been silent for some seconds, so that a cut line is an error and no endless wait.
"""

import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.exc import DBAPIError

from services.errors import Fatal, NotAllowed, Retryable, SpiegelnetError
from services.sqlite import meaning

MOST_CATALOGS = 4
"""Catalogs of which one process keeps a connection."""
SILENCE_SECONDS = 10

_ARGUMENTS = {
    "application_name": "spiegelnet",
    "connect_timeout": SILENCE_SECONDS,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": SILENCE_SECONDS * 1000,
    "options": "-c lock_timeout=10s -c statement_timeout=30s",
}
_NOT_ALLOWED = ("authentication failed", "permission denied", "not permitted to log in", "no pg_hba.conf entry")
_NOT_THERE = "does not exist"

_engines: OrderedDict[tuple[int, URL], Engine] = OrderedDict()
"""By process (a connection must not cross a fork) and address, the one used last at the end."""


def engine(url: URL) -> Engine:
    """Return this process's connections to a PostgreSQL database; those to the one not used for longest are closed."""
    key = (os.getpid(), url)
    if key not in _engines:
        _engines[key] = create_engine(
            url, pool_size=1, max_overflow=2, pool_pre_ping=True, pool_recycle=1800, connect_args=_ARGUMENTS
        )
    _engines.move_to_end(key)
    while len(_engines) > MOST_CATALOGS:
        (process, _), oldest = _engines.popitem(last=False)
        oldest.dispose(close=process == os.getpid())
    return _engines[key]


@contextmanager
def errors_named(to: Engine) -> Iterator[None]:
    """Turn errors of a catalog's database into ours, which name it and what to do."""
    try:
        yield
    except DBAPIError as error:
        raise reason(to, error) from error
    except UnicodeDecodeError as error:  # SQLite quotes a damaged name in its error, and Python cannot read that
        raise meaning(Path(str(to.url.database)), error) from None


def reason(to: Engine, error: DBAPIError) -> SpiegelnetError:
    """Say what an error of a catalog's database means; nothing is taken from its text, which may quote a value."""
    if to.dialect.name == "sqlite":
        return meaning(Path(str(to.url.database)), error.orig)
    return explained(f"{to.url.database} at {to.url.host}:{to.url.port}", str(to.url.username), str(error.orig))


def explained(database: str, user: str, text: str) -> SpiegelnetError:
    """Say what PostgreSQL's or its client's text about a connection means.

    Args:
        database: the database and its server, for the reader.
        user: who connected.
        text: of the error; nothing of it is shown.
    """
    if any(part in text for part in _NOT_ALLOWED):
        return NotAllowed(
            f"The database {database} is not open to {user}.",
            "PostgreSQL knows no such user with this password, or has withdrawn its rights.",
            "Ask the network's operator: `spiegelnet node add` makes a participant's present password known.",
        )
    if "FATAL" in text and _NOT_THERE in text:
        return Fatal(
            f"There is no database {database}.",
            "No participant of this name was added at this server.",
            "Ask the network's operator to run `spiegelnet node add` for it.",
        )
    return Retryable(
        f"The database {database} does not answer.",
        "PostgreSQL is away, starts or stops, has no connection left, or the network between is cut.",
        "Look at `spiegelnet status`; `spiegelnet up` starts the servers of one machine. Then run the command again.",
    )
