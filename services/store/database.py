"""Participants at a PostgreSQL server: for each a role, and a database for the catalog of each of its warehouses.

A role may connect to its own two databases and to no other. Trino's roles may read the catalogs of those published
warehouses that the network may see; nobody but its owner comes near the catalog of a private one. What a database was
prepared for is written in its comment, so that doing it again asks once and changes nothing.
"""

import base64
import hashlib
import hmac
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, LiteralString, get_args

import psycopg
from psycopg import sql
from pyiceberg.catalog.sql import SqlCatalogBaseTable
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from services.access import Access, OperatorAccess
from services.directory import HUB
from services.errors import Fatal
from services.store.connections import SILENCE_SECONDS, explained
from services.store.warehouse import Database, WarehouseName

OPERATOR: Final = "postgres"
READER: Final = "trino"
"""Role that reads the catalogs of published warehouses."""
WRITER: Final = "trino_writer"
"""Role that also writes the catalog of what the hub publishes: the operator's views are there."""

_TRINO = (READER, WRITER)
_RESERVED = frozenset({OPERATOR, *_TRINO, "public", "none"})
_LONGEST_NAME = 63
_MOST_CONNECTIONS = 32
_PUBLISHED: WarehouseName = "published"
_AT_ONCE = 4
_WITHDRAWN = "spiegelnet catalog 1, withdrawn"


@dataclass(frozen=True)
class _Wanted:
    """One database: its owner, and what else may be done with its tables, by role."""

    owner: str
    rights: Mapping[str, LiteralString]

    @property
    def comment(self) -> str:
        """What it was prepared for."""
        return ", ".join(["spiegelnet catalog 1", *(f"{role}: {rights}" for role, rights in self.rights.items())])


def add_participants(
    server: str, operator: OperatorAccess, accesses: Collection[Access], published: Collection[str]
) -> list[str]:
    """Make roles and databases of participants, and bring passwords and rights to what is asked; again changes nothing.

    Args:
        server: `host:port` of PostgreSQL.
        operator: its superuser's password, and those of Trino's roles.
        accesses: participants with their passwords.
        published: ids of those whose published warehouse Trino reads.

    Returns:
        The roles and databases that were made or changed.

    Raises:
        Fatal: an id cannot be the name of a role.
        Retryable: PostgreSQL does not answer.
        NotAllowed: it does not take the operator's password.
    """
    for access in accesses:
        _require_usable(access.participant)
    with _connected(server, operator) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext('spiegelnet participants'))")  # one at a time does this
        _close_shared_databases(connection)
        passwords = {READER: operator.reader, WRITER: operator.writer}
        changed = _ensure_roles(connection, passwords | {item.participant: item.catalog for item in accesses})
        wanted = {name: item for access in accesses for name, item in _databases(access.participant, published)}
        present = _comments(connection, wanted)
        due = [name for name, item in wanted.items() if present.get(name) != item.comment]
        with ThreadPoolExecutor(_AT_ONCE) as pool:  # PostgreSQL mostly waits for the disk
            list(pool.map(lambda name: _ensure_database(server, operator, name, wanted[name], name in present), due))
    return [*changed, *due]


def withdraw_participant(server: str, operator: OperatorAccess, participant: str) -> None:
    """Close a participant's databases to it and to Trino, and end the connections of both; what is in them stays.

    Raises:
        Retryable: PostgreSQL does not answer.
        NotAllowed: it does not take the operator's password.
    """
    _require_usable(participant)
    with _connected(server, operator) as connection:
        if not _roles(connection, [participant]):
            return
        _run(connection, "ALTER ROLE {} NOLOGIN", sql.Identifier(participant))
        databases = list(_comments(connection, dict(_databases(participant, ()))))
        for name in databases:
            trino = map(sql.Identifier, _TRINO)
            _run(connection, "REVOKE ALL ON DATABASE {} FROM {}, {}", sql.Identifier(name), *trino)
            _run(connection, "COMMENT ON DATABASE {} IS {}", sql.Identifier(name), sql.Literal(_WITHDRAWN))
        # a right that is taken away ends no connection that was made with it
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE usename = %s OR (usename = ANY(%s) AND datname = ANY(%s))",
            [participant, list(_TRINO), databases],
        ).fetchall()


def _require_usable(participant: str) -> None:
    longest = max(len(name) for name, _ in _databases(participant, ()))
    if participant in _RESERVED or longest > _LONGEST_NAME:
        raise Fatal(
            f"{participant} cannot be the name of a role in PostgreSQL.",
            f"It is taken, or makes names of more than {_LONGEST_NAME} characters.",
            "Give the participant another id.",
        )


def _close_shared_databases(connection: psycopg.Connection) -> None:
    """Let participants connect to no database but their own: what one leaves in a shared one, another would find.

    The names of databases and roles, which are made of the directory's ids, are not hidden by it: PostgreSQL shows its
    lists of those, `pg_database` and `pg_roles`, in every database.
    """
    open_ones = connection.execute(
        "SELECT datname FROM pg_database WHERE datname IN ('postgres', 'template1')"
        " AND has_database_privilege('public', oid, 'CONNECT')"
    ).fetchall()
    for (name,) in open_ones:
        _run(connection, "REVOKE ALL ON DATABASE {} FROM PUBLIC", sql.Identifier(name))


def _databases(participant: str, published: Collection[str]) -> Iterator[tuple[str, _Wanted]]:
    names: tuple[WarehouseName, ...] = get_args(WarehouseName)
    for warehouse in names:
        rights: dict[str, LiteralString] = {}
        if warehouse == _PUBLISHED and participant in published:
            rights[READER] = "SELECT"
            if participant == HUB:
                rights[WRITER] = "SELECT, INSERT, UPDATE, DELETE"
        yield Database("", participant, "").name(warehouse), _Wanted(participant, rights)


def _ensure_roles(connection: psycopg.Connection, passwords: Mapping[str, str]) -> list[str]:
    """Make roles, let them log in, and set the passwords that are not the present ones."""
    present = _roles(connection, list(passwords))
    changed = []
    for role, password in passwords.items():
        may_log_in, verifier = present.get(role, (False, None))
        if may_log_in and verifier and _fits(verifier, password):
            continue
        made = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode("ascii")
        action: LiteralString = "ALTER" if role in present else "CREATE"
        options: LiteralString = f" ROLE {{}} LOGIN CONNECTION LIMIT {_MOST_CONNECTIONS} PASSWORD {{}}"
        if role in _TRINO:  # two connections for every catalog that Trino has
            options = " ROLE {} LOGIN PASSWORD {}"
        _run(connection, action + options, sql.Identifier(role), sql.Literal(made))
        changed.append(role)
    return changed


def _ensure_database(server: str, operator: OperatorAccess, name: str, wanted: _Wanted, exists: bool) -> None:  # noqa: FBT001
    database, owner = sql.Identifier(name), sql.Identifier(wanted.owner)
    with _connected(server, operator) as connection:
        if not exists:
            _run(connection, "CREATE DATABASE {} OWNER {}", database, owner)
        with _connected(server, operator, name) as inside, inside.transaction():
            _make_tables(inside, wanted)
        with connection.transaction():
            _run(connection, "REVOKE ALL ON DATABASE {} FROM PUBLIC, {}, {}", database, *map(sql.Identifier, _TRINO))
            for role in wanted.rights:
                _run(connection, "GRANT CONNECT ON DATABASE {} TO {}", database, sql.Identifier(role))
            _run(connection, "COMMENT ON DATABASE {} IS {}", database, sql.Literal(wanted.comment))


def _make_tables(inside: psycopg.Connection, wanted: _Wanted) -> None:
    """Make pyiceberg's tables, which are its owner's, and say who else may do what with them."""
    _run(inside, "REVOKE ALL ON SCHEMA public FROM PUBLIC")
    _run(inside, "SET ROLE {}", sql.Identifier(wanted.owner))
    for table in SqlCatalogBaseTable.metadata.sorted_tables:
        made = CreateTable(table, if_not_exists=True).compile(dialect=postgresql.dialect())  # type: ignore[no-untyped-call]
        inside.execute(str(made).encode())
    _run(inside, "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}, {}", *map(sql.Identifier, _TRINO))
    for role, rights in wanted.rights.items():
        _run(inside, "GRANT USAGE ON SCHEMA public TO {}", sql.Identifier(role))
        _run(inside, f"GRANT {rights} ON ALL TABLES IN SCHEMA public TO {{}}", sql.Identifier(role))


def _roles(connection: psycopg.Connection, names: Collection[str]) -> dict[str, tuple[bool, str | None]]:
    """Return by role whether it may log in, and what its password is checked by."""
    rows = connection.execute(
        "SELECT rolname, rolcanlogin, rolpassword FROM pg_authid WHERE rolname = ANY(%s)", [list(names)]
    )
    return {name: (may_log_in, verifier) for name, may_log_in, verifier in rows}


def _comments(connection: psycopg.Connection, wanted: Mapping[str, object]) -> dict[str, str | None]:
    """Return the comments of those databases that are there."""
    rows = connection.execute(
        "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = ANY(%s)", [list(wanted)]
    )
    return dict(rows.fetchall())


def _fits(verifier: str, password: str) -> bool:
    """Say whether PostgreSQL would take this password (RFC 5802; `SCRAM-SHA-256$rounds:salt$StoredKey:ServerKey`)."""
    try:
        _, rounds_salt, keys = verifier.split("$")
        rounds, salt = rounds_salt.split(":")
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(rounds))
        stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
        return hmac.compare_digest(base64.b64encode(stored).decode("ascii"), keys.split(":")[0])
    except ValueError:  # of another kind
        return False


@contextmanager
def _connected(server: str, operator: OperatorAccess, database: str = "postgres") -> Iterator[psycopg.Connection]:
    """Connect as the operator."""
    host, _, port = server.rpartition(":")
    try:
        with psycopg.connect(
            host=host,
            port=int(port),
            user=OPERATOR,
            password=operator.catalog,
            dbname=database,
            autocommit=True,
            connect_timeout=SILENCE_SECONDS,
            application_name="spiegelnet",
        ) as connection:
            yield connection
    except psycopg.OperationalError as error:
        raise explained(f"{database} at {server}", OPERATOR, str(error)) from error


def _run(connection: psycopg.Connection, statement: LiteralString, *parts: sql.Composable) -> None:
    connection.execute(sql.SQL(statement).format(*parts))
