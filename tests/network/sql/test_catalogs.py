"""Catalogs come and go while Trino runs and stay over a restart; none is on a private warehouse."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import process, trino
from services.config import SqlNode
from services.errors import NotAllowed, Retryable
from services.federation.catalogs import published_catalog, stored_properties
from services.network import Network
from services.node import add_everybody, add_participants, remove_participant, withdrawn
from services.sql_nodes import states
from services.store.snapshots import scan
from services.store.tables import load_table
from services.store.warehouse import open_warehouse
from tests.network import homes
from tests.network.sql.site import ANA, Site, until
from tests.small_network import MUNICIPALITIES

ALL = {*MUNICIPALITIES, "hub", "hub_writer"}
REGION = "SELECT DISTINCT municipality FROM hub.network.region_pv29"


def catalogs(site: Site) -> set[str]:
    return {name for (name,) in site.rows("operator", "SHOW CATALOGS")} - {"system"}


def region(site: Site, name: str = ANA) -> set[str]:
    return {code for (code,) in site.rows(name, REGION)}


@pytest.fixture
def leaver(site: Site) -> Iterator[str]:
    """A municipality that takes part again after the test."""
    yield "gm0715"
    add_participants(site.network, ["gm0715"])
    until(lambda: site.outcome("gm0715", "SELECT 1") == "allowed")


def test_no_catalog_is_on_a_private_warehouse(site: Site) -> None:
    assert catalogs(site) == ALL
    kept = {path.stem: path.read_text() for path in site.files.catalogs.iterdir() if path.suffix == ".properties"}
    assert set(kept) == ALL
    for name, text in kept.items():
        owner = "hub" if name == "hub_writer" else name
        (url,) = [line for line in text.splitlines() if "connection-url" in line]
        assert url.endswith(f"/{owner}_published")
        (folder,) = [line for line in text.splitlines() if line.startswith("local.location")]
        assert folder.endswith(f"/participants/{owner}")
        assert "iceberg.jdbc-catalog.catalog-name=published" in text
        assert "_private" not in text


def test_no_password_stands_in_a_file_of_trino(site: Site) -> None:
    secrets = [site.user(name).password for name in (*MUNICIPALITIES, "operator", "es-stroom")]
    secrets += [line.split('"')[3] for line in site.home.operator.read_text().splitlines() if line.count('"') == 4]
    text = b"".join(path.read_bytes() for path in site.files.folder.rglob("*") if path.is_file())
    assert [number for number, secret in enumerate(secrets) if secret.encode() in text] == []


def test_the_operator_itself_cannot_make_a_catalog_that_reads_a_private_warehouse(site: Site) -> None:
    good = published_catalog(str(site.network.settings.catalog.server), "gm0664", site.home.participant("gm0664").root)
    bad = {key: value.replace("_published", "_private") for key, value in good.items()}
    bad["iceberg.jdbc-catalog.catalog-name"] = "private"
    settings = ", ".join(f"\"{key}\" = '{value}'" for key, value in bad.items())
    made = site.outcome("operator", f"CREATE CATALOG sneaky USING iceberg WITH ({settings})")
    try:
        assert made != "allowed" or site.outcome("operator", "SHOW SCHEMAS FROM sneaky") != "allowed"
    finally:
        site.outcome("operator", "DROP CATALOG IF EXISTS sneaky")


def test_doing_it_again_changes_nothing(site: Site) -> None:
    again = add_everybody(site.network)
    assert (again.users, again.catalogs, again.views) == ([], [], [])
    found = {state.participant: (state.user, state.catalog) for state in states(site.network)}
    assert found["gm0664"] == (True, "gm0664")
    assert found["es-stroom"] == (True, None)


def test_a_table_of_an_earlier_version_gets_its_columns_before_a_view_reads_them(site: Site) -> None:
    """Also when another node is added: the view of its region reads the tables of all."""
    table = load_table(site.warehouse("gm0715"), "published.cells")
    assert table
    rows = scan(table).collect()
    with table.update_schema(allow_incompatible_changes=True) as change:
        change.delete_column("coverage")
    question = "SELECT coverage FROM gm0715.published.cells"
    try:
        assert add_participants(site.network, ["gm0664"]).views == []
        assert site.outcome("operator", question) == "COLUMN_NOT_FOUND", "no view is made, so nobody else is looked at"
        site.rows("operator", "DROP VIEW hub_writer.network.region_pv29")
        assert add_participants(site.network, ["gm0664"]).views == ["network.region_pv29"]
        assert region(site) == set(MUNICIPALITIES)
    finally:
        for content in (rows.clear(), rows):  # the files that are there hold the column under another number
            site.replace("gm0715", "published.cells", content)
        add_participants(site.network, ["gm0715"])


def test_a_municipality_leaves_while_its_catalog_is_asked_and_comes_back(site: Site, leaver: str) -> None:
    rows = 20_000
    running = site.connection(site.user(ANA)).cursor()
    wide = f"SELECT c.period, repeat('x', 3000) FROM {leaver}.published.cells AS c, TABLE(sequence(1, {rows}))"
    running.execute(f"{wide} WHERE c.period = '2025-11' LIMIT {rows}")
    assert len(running.fetchmany(1)) == 1
    own_files = sorted(path for path in site.home.participant(leaver).root.rglob("*.parquet"))

    report = remove_participant(site.network, leaver)
    assert report.views == ["network.region_pv29"]
    assert len(running.fetchall()) == rows - 1, "a query that runs ends well"
    assert catalogs(site) == ALL - {leaver}
    assert not (site.files.catalogs / f"{leaver}.properties").exists()
    assert region(site) == {"gm0664", "gm0687"}
    until(lambda: "401" in site.outcome(leaver, "SELECT 1"))
    until(lambda: site.outcome(ANA, f"SELECT * FROM {leaver}.published.cells") != "allowed")
    with pytest.raises((NotAllowed, Retryable)):
        open_warehouse(site.home.participant(leaver).root, "published", site.network.database(leaver))
    assert sorted(path for path in site.home.participant(leaver).root.rglob("*.parquet")) == own_files
    assert withdrawn(site.network) == {leaver}
    assert leaver not in add_everybody(site.network).participants, "who left does not come back by itself"

    back = add_participants(site.network, [leaver])
    assert (back.catalogs, back.users, back.views) == ([leaver], [leaver], ["network.region_pv29"])
    until(lambda: site.outcome(leaver, f"SELECT * FROM {leaver}.published.cells") == "allowed")
    until(lambda: site.outcome(ANA, f"SELECT * FROM {leaver}.published.cells") == "allowed")
    assert region(site) == set(MUNICIPALITIES)


def elsewhere(site: Site, node: str, server: str, warehouse: Path) -> Network:
    """Give the network with settings by which a node publishes at a server and in a folder of its own."""
    nodes = {node: SqlNode(catalog_server=server, warehouse=warehouse)}
    settings = site.network.settings
    sql = settings.sql.model_copy(update={"nodes": nodes})
    return Network(site.home, settings.model_copy(update={"sql": sql}))


def test_a_node_that_publishes_on_another_machine_is_read_there_or_has_no_catalog(site: Site, leaver: str) -> None:
    server = str(site.network.settings.catalog.server).replace("localhost", "127.0.0.1")
    question = f"SELECT count(*) FROM {leaver}.published.cells"
    before = site.rows(leaver, question)
    with homes.open_folder() as folder:
        shutil.copytree(site.home.participant(leaver).root / "published", folder / "published")
        there = elsewhere(site, leaver, server, folder / "published")
        assert add_participants(there, [leaver]).catalogs == [leaver]
        kept = stored_properties(site.files.catalogs, leaver)
        assert kept["iceberg.jdbc-catalog.connection-url"] == f"jdbc:postgresql://{server}/{leaver}_published"
        assert kept["local.location"] == str(folder)
        until(lambda: site.outcome(leaver, question) == "allowed")
        assert site.rows(leaver, question) == before
        assert region(site) == set(MUNICIPALITIES)
        for wrong in (
            elsewhere(site, leaver, server, folder / "none" / "published"),
            elsewhere(site, leaver, "127.0.0.1:1", folder / "published"),
        ):
            with pytest.raises(Retryable, match=f"cannot read what {leaver} publishes") as caught:
                add_participants(wrong, [leaver])
            assert f"[sql.nodes.{leaver}]" in caught.value.todo
            assert catalogs(site) == ALL - {leaver}
            assert region(site) == set(MUNICIPALITIES) - {leaver}


def test_who_publishes_nobody_knows_where_is_named_when_everybody_is_made_known(site: Site, leaver: str) -> None:
    keys = site.home.participant(leaver).keys
    keys.rename(keys.with_suffix(".away"))
    try:
        remove_participant(site.network, leaver)
        (site.home.servers / "withdrawn").unlink()
        report = add_everybody(site.network)
        assert (report.unread, report.users) == ([leaver], [leaver])
        assert catalogs(site) == ALL - {leaver}
    finally:
        keys.with_suffix(".away").rename(keys)


def test_catalogs_users_and_views_stay_over_a_restart(site: Site) -> None:
    before = region(site, "operator"), site.rows(ANA, "SELECT count(*) FROM hub.benchmark.figures")
    server = trino.server(site.home, site.network.settings)
    assert process.stop(server)
    assert process.start(server)
    assert catalogs(site) == ALL
    assert (region(site, "operator"), site.rows(ANA, "SELECT count(*) FROM hub.benchmark.figures")) == before
    assert site.outcome(ANA, "DELETE FROM gm0664.published.cells") == "PERMISSION_DENIED"
    assert "401" in site.outcome("nobody", "SELECT 1")
