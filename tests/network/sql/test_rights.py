"""Everybody, everything, every verb: nothing is allowed that is not meant to be, and what is meant works.

A statement counts as refused only when Trino says that it is denied; one that fails for another reason proves nothing.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from trino.exceptions import TrinoQueryError

from services.federation.catalogs import published_catalog
from tests.network.sql import rights
from tests.network.sql.site import ANA, Site

DENIED = "PERMISSION_DENIED"
AT_ONCE = 3
"""Below what one user may ask at once."""


def outcomes(site: Site, user: str, statements: dict[str, str]) -> dict[str, str]:
    """Return the outcome of each statement, by its name."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda statement: site.outcome(user, statement), statements.values())
        return dict(zip(statements, found, strict=True))


def parts(table: str) -> dict[str, str]:
    return {"table": table, "schema": table.rpartition(".")[0], "catalog": table.partition(".")[0]}


@pytest.mark.parametrize("user", rights.USERS)
def test_a_user_selects_from_what_is_its_to_read_and_from_nothing_else(site: Site, user: str) -> None:
    asked = {table: f"SELECT count(*) FROM {table}" for table in rights.EVERY_TABLE}
    may = rights.MAY_SELECT[user]
    assert outcomes(site, user, asked) == {table: "allowed" if table in may else DENIED for table in asked}


@pytest.mark.parametrize("table", rights.CHANGED)
def test_nobody_changes_a_published_table_or_runs_its_procedures(site: Site, table: str) -> None:
    names = {**parts(table), "column": rights.CHANGED[table]}
    asked = {
        user: {verb: text.format(**names, user=user) for verb, text in rights.CHANGES.items()} for user in rights.USERS
    }
    before = rights.BEFORE_RIGHTS_OF_VIEWS if table == rights.VIEW else rights.BEFORE_RIGHTS_OF_TABLES
    expected = {verb: before.get(verb, (DENIED, ""))[0] for verb in rights.CHANGES}
    # all users at once: Trino tries for two seconds what it does not find, asleep between
    with ThreadPoolExecutor(len(asked)) as pool:
        found = dict(zip(asked, pool.map(lambda user: outcomes(site, user, asked[user]), asked), strict=True))
    assert found == dict.fromkeys(rights.USERS, expected)


@pytest.mark.parametrize("user", rights.USERS)
@pytest.mark.parametrize("schema", rights.SCHEMAS)
def test_nobody_makes_or_takes_away_anything_in_a_schema(site: Site, user: str, schema: str) -> None:
    names = {"schema": schema, "catalog": schema.partition(".")[0], "user": user}
    found = outcomes(site, user, {verb: text.format(**names) for verb, text in rights.IN_SCHEMA.items()})
    before_rights = {} if schema.endswith("vacant") else {"drop schema": "SCHEMA_NOT_EMPTY"}
    assert {verb: outcome for verb, outcome in found.items() if outcome != DENIED} == before_rights


@pytest.mark.parametrize("user", rights.USERS)
def test_statements_that_are_nobodys_are_refused(site: Site, user: str) -> None:
    asked = {statement: statement.format(user=user) for statement in rights.NOBODYS}
    found = outcomes(site, user, asked)
    assert found == {statement: rights.BEFORE_RIGHTS.get(statement, (DENIED, ""))[0] for statement in rights.NOBODYS}


@pytest.mark.parametrize("user", rights.READERS)
def test_statements_of_the_operator_are_refused_to_others(site: Site, user: str) -> None:
    asked = {statement: statement.format(catalog=settings(site)) for statement in rights.NOT_READERS}
    assert outcomes(site, user, asked) == dict.fromkeys(rights.NOT_READERS, DENIED)


def test_they_work_for_the_operator(site: Site) -> None:
    found = {text: site.outcome("operator", text.format(catalog=settings(site))) for text in rights.OPERATORS}
    assert found == dict.fromkeys(rights.OPERATORS, "allowed")


def settings(site: Site) -> str:
    """Settings of a catalog that would work."""
    server = site.network.settings.catalog.server or ""
    properties = published_catalog(server, "gm0664", site.home.participant("gm0664").root)
    return ", ".join(f"\"{name}\" = '{value}'" for name, value in properties.items())


@pytest.mark.parametrize("user", rights.USERS)
def test_statements_that_are_everybodys_are_answered(site: Site, user: str) -> None:
    found = outcomes(site, user, dict(zip(rights.EVERYBODYS, rights.EVERYBODYS, strict=True)))
    assert found == dict.fromkeys(rights.EVERYBODYS, "allowed")


def test_lists_of_tables_name_only_what_their_reader_may_see(site: Site) -> None:
    catalogs = {"gm0664", "gm0687", "gm0715", "hub", "system"}
    assert {name for (name,) in site.rows(ANA, "SHOW CATALOGS")} == catalogs
    seen = {
        tuple(row)
        for row in site.rows(
            ANA,
            "SELECT table_cat, table_schem, table_name FROM system.jdbc.tables"
            " WHERE table_schem <> 'information_schema' AND table_cat <> 'system'",
        )
    }
    assert seen == {tuple(table.split(".")) for table in rights.PUBLISHED}
    commented = site.rows(ANA, "SELECT DISTINCT catalog_name FROM system.metadata.table_comments")
    assert {name for (name,) in commented} == catalogs
    views = site.rows(ANA, "SELECT table_name FROM hub.information_schema.views WHERE table_schema = 'network'")
    assert views == [["region_pv29"]]


def test_a_user_sees_and_ends_its_own_queries_and_nobody_elses(site: Site) -> None:
    """As the protocol offers it beside SQL; the operator may end all."""
    cursor = site.connection(site.user("gm0664")).cursor()
    cursor.execute("SELECT repeat('x', 10000) FROM TABLE(sequence(1, 10000))")
    for name, status in ((ANA, 403), ("gm0687", 403), ("gm0664", 200)):
        assert site.request(name, "GET", f"/v1/query/{cursor.query_id}").status_code == status
        listed = {query["queryId"] for query in site.request(name, "GET", "/v1/query").json()}
        assert (cursor.query_id in listed) == (name == "gm0664")
    assert site.request(ANA, "DELETE", f"/v1/query/{cursor.query_id}").status_code == 403
    assert len(cursor.fetchmany(5)) == 5
    assert site.request("gm0664", "DELETE", f"/v1/query/{cursor.query_id}").status_code == 204
    with pytest.raises(TrinoQueryError):
        cursor.fetchall()


@pytest.mark.parametrize(
    "path", ["/v1/node", "/v1/thread", "/v1/jmx/mbean", "/v1/memory", "/v1/task", "/metrics", "/ui/api/query"]
)
def test_what_else_the_server_offers_is_closed_to_readers(site: Site, path: str) -> None:
    for name in (ANA, "gm0664"):
        assert site.request(name, "GET", path).status_code in (401, 403, 404), name
        assert site.request(name, "PUT", path, json="SHUTTING_DOWN").status_code in (401, 403, 404, 405), name


def test_nobody_acts_in_the_name_of_another(site: Site) -> None:
    for name in (ANA, "gm0664", "operator"):
        known = site.user(name)
        cursor = site.connection(known, user="gm0715").cursor()
        with pytest.raises(Exception, match=r"cannot impersonate|PERMISSION_DENIED|403"):
            cursor.execute("SELECT current_user").fetchall()


@pytest.mark.parametrize("name", ["nobody", "", "analyst", "trino", "OPERATOR", "gm0664 "])
def test_who_is_not_known_is_not_let_in(site: Site, name: str) -> None:
    assert "401" in site.outcome(name, "SELECT 1")


def test_a_password_of_another_or_none_opens_nothing(site: Site) -> None:
    for password in (site.user("gm0687").password, "", "x" * 60):
        cursor = site.connection(site.user("gm0664", password or " ")).cursor()
        with pytest.raises(Exception, match="401"):
            cursor.execute("SELECT 1")
    session = site.connection(site.user("gm0664"), auth=None)
    with pytest.raises(Exception, match="401"):
        session.cursor().execute("SELECT 1")


@pytest.mark.parametrize(
    "settings",
    [
        {"session_properties": {"query_max_memory": "1GB"}},
        {"roles": {"hub": "admin"}},
        {"extra_credential": [("a", "b")]},
    ],
)
def test_what_a_client_sends_beside_its_query_gives_no_more_rights(site: Site, settings: dict[str, object]) -> None:
    for table in ('gm0664.published."cells$files"', "hub_writer.network.cells"):
        assert site.outcome(ANA, f"SELECT count(*) FROM {table}", **settings) == DENIED


def test_a_setting_sent_with_a_query_is_refused(site: Site) -> None:
    assert site.outcome(ANA, "SELECT 1", session_properties={"query_max_run_time": "1d"}) == DENIED
