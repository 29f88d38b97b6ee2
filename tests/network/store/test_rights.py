"""A participant's role comes to its own databases only; Trino's roles read what is published and nothing else."""

from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from services.access import Access
from services.errors import Fatal, NotAllowed
from services.home import Home
from services.store.database import READER, WRITER, add_participants, withdraw_participant
from services.store.warehouse import Database, open_warehouse
from tests.network.store.conftest import Server

VERBS = (
    "SELECT * FROM iceberg_tables",
    "SELECT * FROM iceberg_namespace_properties",
    "INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name) VALUES ('x', 'x', 'x')",
    "UPDATE iceberg_tables SET metadata_location = 'x'",
    "DELETE FROM iceberg_tables",
    "CREATE TABLE mine (a int)",
    "DROP TABLE iceberg_tables",
)
READS = VERBS[:2]
WRITES = VERBS[:5]


def allowed(server: Server, user: str, password: str, database: str) -> list[str]:
    """The verbs that a user may use in a database, each undone again; none when it may not even connect."""
    found = []
    try:
        connection = server.connect(user, password, database)
    except psycopg.OperationalError:
        return found
    with connection:
        for verb in VERBS:
            try:
                with connection.transaction(force_rollback=True):
                    connection.execute(verb.encode())
            except psycopg.errors.InsufficientPrivilege:
                continue
            found.append(verb)
    return found


def test_users_by_databases_by_verbs_and_no_unexpected_allow(server: Server, postgresql: Home) -> None:
    town, other = server.new("gm"), server.new("gm")
    partner = server.new("es", published=False)
    hub = Access.load(postgresql.participant("hub").access)  # tests that come after need its password to stay
    add_participants(server.address, server.operator, [hub], {"hub"})
    people = [town, other, partner, hub]
    users = {item.participant: item.catalog for item in people}
    users |= {READER: server.operator.reader, WRITER: server.operator.writer}
    expected = {
        (item.participant, f"{item.participant}_{part}"): list(VERBS)
        for item in people
        for part in ("private", "published")
    }
    expected |= {(READER, f"{item.participant}_published"): list(READS) for item in (town, other, hub)}
    expected[WRITER, "hub_published"] = list(WRITES)
    databases = [f"{item.participant}_{part}" for item in people for part in ("private", "published")]
    for user, password in users.items():
        for database in (*databases, "postgres", "template1"):
            found = allowed(server, user, password, database)
            assert found == expected.get((user, database), []), (user, database)


def test_doing_it_again_changes_nothing_and_asks_for_no_database(server: Server) -> None:
    accesses = [Access.generate(f"gm-again-{number}") for number in range(3)]
    ids = {item.participant for item in accesses}
    made = add_participants(server.address, server.operator, accesses, ids)
    assert {*made} >= ids | {f"{item}_{part}" for item in ids for part in ("private", "published")}
    assert add_participants(server.address, server.operator, accesses, ids) == []


def test_a_new_password_is_made_known_and_the_old_one_is_not_taken_any_more(server: Server) -> None:
    old = server.new()
    new = replace(old, catalog="another one")
    assert add_participants(server.address, server.operator, [new], {old.participant}) == [old.participant]
    server.connect(new.participant, new.catalog, f"{new.participant}_private").close()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        server.connect(old.participant, old.catalog, f"{old.participant}_private")


def test_the_server_never_has_a_password_in_the_clear(server: Server) -> None:
    access = server.new()
    with server.connect("postgres", server.operator.catalog, "postgres") as connection:
        (kept,) = connection.execute(
            "SELECT rolpassword FROM pg_authid WHERE rolname = %s", [access.participant]
        ).fetchone() or ("",)
    assert kept.startswith("SCRAM-SHA-256$4096:")


def test_what_a_participant_publishes_can_be_opened_to_trino_and_closed_again(server: Server) -> None:
    access = server.new(published=False)
    database = f"{access.participant}_published"
    assert allowed(server, READER, server.operator.reader, database) == []
    assert add_participants(server.address, server.operator, [access], {access.participant}) == [database]
    assert allowed(server, READER, server.operator.reader, database) == list(READS)
    assert add_participants(server.address, server.operator, [access], ()) == [database]
    assert allowed(server, READER, server.operator.reader, database) == []


def test_who_is_withdrawn_comes_to_nothing_and_finds_all_when_added_again(server: Server) -> None:
    access = server.new()
    private = f"{access.participant}_private"
    with server.connect(access.participant, access.catalog, private) as connection:
        connection.execute("INSERT INTO iceberg_namespace_properties VALUES ('private', 'a', 'exists', 'true')")
        withdraw_participant(server.address, server.operator, access.participant)
        with pytest.raises(psycopg.OperationalError):  # its connections are ended too
            connection.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        server.connect(access.participant, access.catalog, private)
    assert allowed(server, READER, server.operator.reader, f"{access.participant}_published") == []
    withdraw_participant(server.address, server.operator, "gm-nobody")
    add_participants(server.address, server.operator, [access], {access.participant})
    with server.connect(access.participant, access.catalog, private) as connection:
        assert connection.execute("SELECT count(*) FROM iceberg_namespace_properties").fetchone() == (1,)
    assert allowed(server, READER, server.operator.reader, f"{access.participant}_published") == list(READS)


def test_connections_of_trino_to_who_is_withdrawn_are_ended_and_those_to_others_go_on(server: Server) -> None:
    leaver, other = server.new(), server.new()
    reader = READER, server.operator.reader
    with (
        server.connect(*reader, f"{leaver.participant}_published") as to_leaver,
        server.connect(*reader, f"{other.participant}_published") as to_other,
        server.connect("postgres", server.operator.catalog, f"{leaver.participant}_published") as of_operator,
    ):
        for connection in (to_leaver, to_other):
            assert connection.execute("SELECT count(*) FROM iceberg_tables").fetchone() == (0,)
        withdraw_participant(server.address, server.operator, leaver.participant)
        with pytest.raises(psycopg.OperationalError):
            to_leaver.execute("SELECT 1")
        for connection in (to_other, of_operator):
            assert connection.execute("SELECT count(*) FROM iceberg_tables").fetchone() == (0,)


@pytest.mark.parametrize("name", ["postgres", "trino", "public", "g" * 60])
def test_a_name_that_would_take_over_a_role_is_refused(name: str, server: Server) -> None:
    with pytest.raises(Fatal, match=name):
        add_participants(server.address, server.operator, [Access.generate(name)], ())
    with pytest.raises(Fatal, match=name):
        withdraw_participant(server.address, server.operator, name)


def test_who_is_not_the_operator_adds_nobody(server: Server) -> None:
    wrong = replace(server.operator, catalog="wrong")
    with pytest.raises(NotAllowed, match="not open to postgres"):
        add_participants(server.address, wrong, [Access.generate("gm-x")], ())


def test_a_participant_opens_both_its_warehouses(server: Server, tmp_path: Path) -> None:
    access = server.new()
    for name in ("private", "published"):
        catalog = open_warehouse(tmp_path, name, Database(server.address, access.participant, access.catalog))
        assert catalog.list_namespaces() == []
        assert access.catalog not in str(catalog.properties)
