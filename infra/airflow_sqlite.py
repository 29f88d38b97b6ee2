"""What Airflow does to one SQLite file from several processes and threads, done so that none of them fails the others.

Airflow 3.3 is written for a server of databases. On SQLite it meets two things that no patience helps against:

- A backfill reads and then writes within a savepoint, which begins as a read. When somebody else wrote in between,
  SQLite refuses at once. Airflow then removes the runs that it had made until then, and the scheduler ends by an error
  when it is at one of them. Here a savepoint begins by claiming the write: it waits for its turn, and all runs are made
  or none.
- The log of who asked for what is written on the event loop of the API server. That write waits while the request of a
  task has the database, and such a request commits by way of the loop: neither goes on until SQLite gives up, and the
  scheduler may do so first. Here a thread writes it.
"""

import asyncio
import functools
import importlib
from collections.abc import Callable, Coroutine
from typing import Any

from sqlalchemy import Connection, Engine, event

Write = Callable[..., Coroutine[Any, Any, None]]


def share_the_file() -> None:
    """Do both, for all connections and for all routes that are imported from now on.

    Raises:
        AttributeError: this version of Airflow makes its log by another name.
    """
    event.listen(Engine, "savepoint", claim_the_write)
    decorators: Any = importlib.import_module("airflow.api_fastapi.logging.decorators")
    made: Callable[[str | None], Write] = decorators.action_logging

    def action_logging(event: str | None = None) -> Write:
        return beside_the_loop(made(event))

    decorators.action_logging = action_logging


def claim_the_write(connection: Connection, _: str | None) -> None:
    """Begin the transaction of a savepoint, where it has none yet, as one that writes."""
    raw = connection.connection.dbapi_connection
    if connection.dialect.driver == "pysqlite" and raw is not None and not raw.in_transaction:
        raw.cursor().execute("BEGIN IMMEDIATE")


def beside_the_loop(write: Write) -> Write:
    """Return what writes in a thread, so that the loop goes on; the body of the request is read before."""

    @functools.wraps(write)  # FastAPI reads from it what the arguments are
    async def written(**arguments: Any) -> None:
        await arguments["request"].body()  # comes by the loop, and is kept: the thread does not wait for it
        await asyncio.to_thread(asyncio.run, write(**arguments))

    return written
