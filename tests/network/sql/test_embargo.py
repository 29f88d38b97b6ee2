"""Rows under embargo are seen by their own municipality and the operator, and by nobody else in any way."""

import datetime as dt
import json
from itertools import product

import pytest

from services.federation.tables import CELLS, HUB_TABLES, NODE_TABLES
from tests.network.sql.site import (
    ANA,
    DAY,
    EARLIER_NODE,
    EVE,
    FIRST_DAY,
    NEVER,
    SECRET,
    SECRETS,
    UNDER_EMBARGO,
    Site,
)
from tests.small_network import MUNICIPALITIES

HUBS = [f"hub.{name}" for name, columns in HUB_TABLES.items() if "public_from" in columns] + ["hub.network.region_pv29"]
EMBARGOED = [table for table, columns in NODE_TABLES.items() if "public_from" in columns]
NODES = [f"{node}.{table}" for node, table in product(MUNICIPALITIES, EMBARGOED)]
READERS = (ANA, *MUNICIPALITIES, "es-stroom", "hub", "cbs")
EARLIER_CELLS = f"{EARLIER_NODE}.published.cells"
"""A table that was there before rows of different days were in different files."""
VALUE_ERRORS = ("DIVISION_BY_ZERO", "INVALID_FUNCTION_ARGUMENT")
KEPT_BACK = f"period IN ('{EVE}', '{UNDER_EMBARGO}', '{NEVER}')"


@pytest.fixture(autouse=True)
def _same_day() -> None:
    """Leave out what would be asked after midnight: rows of tomorrow are open then, as they are to be."""
    if dt.datetime.now(dt.UTC).date() != DAY:
        pytest.skip("the day on which the rows were made is over")


def kept_back(site: Site, name: str, table: str) -> int:
    [[found]] = site.rows(name, f"SELECT count(*) FROM {table} WHERE {KEPT_BACK}")
    return int(found)


@pytest.mark.parametrize("table", [*HUBS, *NODES])
def test_a_row_under_embargo_is_seen_by_its_owner_and_the_operator_only(site: Site, table: str) -> None:
    everything = kept_back(site, "operator", table)
    assert everything > 0
    found = {name: kept_back(site, name, table) for name in READERS}
    owner = table.partition(".")[0]
    assert found == {name: everything if name == owner in MUNICIPALITIES else 0 for name in READERS}


@pytest.mark.parametrize("table", [*HUBS, *NODES])
def test_rows_whose_day_has_come_are_seen_by_everybody(site: Site, table: str) -> None:
    open_rows = f"SELECT count(*) FROM {table} WHERE NOT {KEPT_BACK}"
    expected = site.rows("operator", open_rows)
    assert {name: site.rows(name, open_rows) for name in READERS} == dict.fromkeys(READERS, expected)
    assert site.rows(ANA, f"SELECT count(*) FROM {table} WHERE period = '{FIRST_DAY}'") != [[0]], "of today"


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_a_clients_time_zone_does_not_move_the_day(site: Site, zone: str) -> None:
    asked = site.rows(
        ANA, "SELECT current_timezone(), current_date = CAST(at_timezone(now(), 'UTC') AS date)", timezone=zone
    )
    assert asked == [["UTC", True]]
    question = f"SELECT DISTINCT period FROM hub.network.cells WHERE period >= '{FIRST_DAY}'"
    assert site.rows(ANA, question, timezone=zone) == [[FIRST_DAY]], "of today, and not of tomorrow"


ATTACKS = [
    "SELECT count(*) FROM {table} WHERE 1 / ({column} - {secret}) > 0",
    "SELECT max(1 / ({column} - {secret})) FROM {table}",
    "SELECT count(*) FROM {table} c JOIN (VALUES {secret}) AS v (x) ON 1 / (c.{column} - v.x) > 0",
    "SELECT count(*) FROM {table} WHERE period = '{period}' AND element_at(ARRAY[1], {column} - {secret}) = 1",
    "SELECT count(*) FROM {table} WHERE period = '{eve}' AND 1 / ({column} - {secret}) > 0",
]


def secret_of(table: str) -> str:
    """Return the column that holds the secret."""
    columns = {**HUB_TABLES, **NODE_TABLES}.get(table.partition(".")[2], NODE_TABLES[CELLS])
    return next(column for column in SECRETS if column in columns)


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("table", [*HUBS, "gm0664.published.cells", EARLIER_CELLS, "gm0664.published.quality"])
def test_a_condition_that_fails_on_the_hidden_number_does_not_fail(site: Site, table: str, attack: str) -> None:
    """If conditions of the reader came before the embargo, an error would tell the number."""
    names = {"table": table, "column": secret_of(table), "period": UNDER_EMBARGO, "eve": EVE, "secret": SECRET}
    statement = attack.format(**names)
    assert site.outcome(ANA, statement) == "allowed"
    assert site.outcome("operator", statement) in VALUE_ERRORS, "the attack would work on rows that are seen"


def processed(site: Site, name: str, statement: str) -> int:
    """Return the rows that Trino says it has read for a query; every client is told."""
    cursor = site.connection(site.user(name)).cursor()
    cursor.execute(statement).fetchall()
    return int(cursor.stats["processedRows"])


@pytest.mark.parametrize("table", [*HUBS, *NODES])
def test_the_statistics_of_a_query_do_not_tell_of_hidden_rows(site: Site, table: str) -> None:
    """With rows of both kinds in one file, its largest number would decide whether it is read."""
    attack = f"FROM {table} WHERE {secret_of(table)} >= {SECRET}"
    statement = f"SELECT count(*) {attack}"
    assert processed(site, ANA, statement) == 0
    assert processed(site, "operator", statement) > 0, "the attack would work on rows that are seen"
    told = site.rows(ANA, f"EXPLAIN ANALYZE VERBOSE SELECT * {attack}")[0][0]
    assert "Input: 0 rows" in told


@pytest.mark.parametrize("table", [*HUBS, *NODES])
def test_statistics_of_a_table_are_told_to_nobody(site: Site, table: str) -> None:
    found = site.rows(ANA, f"SHOW STATS FOR {table}")
    assert all(value is None for row in found for value in row[1:])
    plan = json.loads(site.rows(ANA, f"EXPLAIN (TYPE IO, FORMAT JSON) SELECT * FROM {table}")[0][0])
    assert str(SECRET) not in json.dumps(plan)


def test_an_older_version_of_a_table_keeps_rows_back_too(site: Site) -> None:
    statement = (
        f"SELECT count(*) FROM gm0664.published.cells FOR TIMESTAMP AS OF now() - INTERVAL '1' SECOND WHERE {KEPT_BACK}"
    )
    assert site.rows(ANA, statement) == [[0]]
    assert site.rows("gm0664", statement) != [[0]]


def test_a_table_of_an_earlier_version_cannot_be_asked_for_as_it_was(site: Site) -> None:
    """Its snapshots of then had rows of all days in one file; the files that list them are still on the disk."""
    folder = site.home.participant(EARLIER_NODE).root / "published" / "published" / "cells" / "metadata"
    snapshots = {path.name.split("-")[1] for path in folder.glob("snap-*.avro")}
    asked = {item: f"SELECT count(*) FROM {EARLIER_CELLS} FOR VERSION AS OF {item}" for item in snapshots}
    for name in (ANA, "operator"):
        found = {item: site.outcome(name, statement) for item, statement in asked.items()}
        assert len(found) > 2
        assert list(found.values()).count("allowed") == 1, "the newest one only"
