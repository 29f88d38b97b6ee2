"""A question in SQL, put to the engine that this network has: Trino in a network of servers, DuckDB on one machine."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

import pyarrow as pa

from services.access import Access
from services.errors import Fatal, NotAllowed
from services.federation.access import OPERATOR
from services.federation.surface import query as ask_duckdb
from services.federation.trino_client import TrinoUser
from services.federation.trino_client import query as ask_trino
from services.network import Network
from services.sql_nodes import operator_of
from services.surface import open_published

Engine = Literal["duckdb", "trino"]
Ask = Callable[[str], pa.Table]
"""Answers one SELECT."""


def ask(
    root: Path, sql: str, engine: Engine | None = None, user: str | None = None, password_file: Path | None = None
) -> pa.Table:
    """Answer one SELECT as a user typed it; see `asking`.

    Raises:
        SpiegelnetError: as `asking`, and as the engine's `query`.
    """
    return asking(root, engine, user, password_file)(sql)


def asking(root: Path, engine: Engine | None = None, user: str | None = None, password_file: Path | None = None) -> Ask:
    """Return what answers one SELECT after another; on one machine all of them on the tables as they are now.

    Args:
        root: the network's home.
        engine: which is to answer; without it Trino where `[sql] server` names one, else DuckDB.
        user: who asks Trino; without it the operator where the servers' passwords are on this machine, else the
            participant whose passwords are.
        password_file: of a user whose password is not in this home; its first line is the password.

    Raises:
        Fatal: DuckDB knows no users, or a file cannot be used.
        NotAllowed: it is not clear who asks Trino, or the password is not here.
    """
    network = Network.open(root)
    if (engine or ("trino" if network.settings.sql.server else "duckdb")) == "trino":
        return partial(ask_trino, _user(network, user, password_file))
    if user or password_file:
        raise Fatal("DuckDB knows no users.", "It answers who owns this folder.", "Leave --as out, or ask Trino.")
    return partial(ask_duckdb, open_published(root))


def _user(network: Network, name: str | None, password_file: Path | None) -> TrinoUser:
    operator = network.home.operator.exists()
    if name == OPERATOR or (name is None and operator):
        return operator_of(network)
    server = network.settings.sql.server
    if server is None:
        return operator_of(network)  # tells that there is no Trino
    chosen = name or _only_participant(network)
    if password_file:
        password = _first_line(password_file)
    elif chosen in network.directory.participants:
        password = Access.load(network.home.participant(chosen).access).sql
    else:
        raise NotAllowed(
            f"The password of {chosen} is not on this machine.",
            "It is no participant whose passwords are in this home.",
            "Name the file that holds it with --password-file.",
        )
    return TrinoUser(server, chosen, password, network.home.ca)


def _only_participant(network: Network) -> str:
    here = [item for item in network.directory.participants if network.home.participant(item).access.exists()]
    if len(here) != 1:
        raise NotAllowed(
            "It is not clear who asks.",
            f"The passwords of {len(here)} participants are on this machine.",
            "Name one with --as.",
        )
    return here[0]


def _first_line(path: Path) -> str:
    lines = path.read_text("utf-8").splitlines()
    if not lines or not lines[0]:
        raise Fatal(f"{path} holds no password.", "Its first line is empty.", "Write the password there.")
    return lines[0]
