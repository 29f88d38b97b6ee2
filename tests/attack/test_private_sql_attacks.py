"""Whoever asks a municipality's own events reads those, without pseudonyms, and nothing else; each try is written down.

Each attack is tried as a user would, and once more on the bare connection, past the check of the statement.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from services.asking import ask
from services.errors import Fatal, NotAllowed, Rejected
from services.home import Home
from services.network import Network
from services.private_sql import Private, ask_private, asked_before
from services.private_sql.surface import open_private
from services.surface import open_published
from tests.network_state import events
from tests.small_network import MUNICIPALITIES, Stages, copied

pytestmark = pytest.mark.xdist_group("network")

TOWN, OTHER = MUNICIPALITIES[:2]
SOURCE_TYPES = ("payment_arrears", "supply_stop_notice", "eviction_notice", "early_warning_case")


@dataclass(frozen=True)
class Place:
    """A network whose municipalities have received, and a locked connection on one's own events."""

    root: Path
    connection: duckdb.DuckDBPyConnection

    @property
    def private(self) -> Private:
        return Private(Network.open(self.root), TOWN)

    def fill(self, sql: str) -> str:
        """Put the paths of this place into an attack."""
        home = Home(self.root)
        own, other = (next((home.participant(item).root / "private").rglob("*.parquet")) for item in (TOWN, OTHER))
        typed = next((home.participant(TOWN).root / "private" / "events" / "payment_arrears").rglob("*.parquet"))
        keys, catalog = home.participant(TOWN).keys, home.participant(OTHER).root / "private" / "catalog.sqlite"
        return sql.format(own=own, other=other, typed=typed, keys=keys, catalog=catalog, root=self.root, town=TOWN)

    def files(self) -> dict[Path, bytes]:
        """All files but the record of questions and SQLite's own beside a database."""
        found = [path for path in sorted(self.root.rglob("*")) if path.is_file()]
        kept = [path for path in found if path.name != "asked.sqlite" and not path.name.endswith(("-wal", "-shm"))]
        return {path: _said(path) for path in kept}


def _said(path: Path) -> bytes:
    """What a file says; of a database what is in it, since SQLite moves pages out of the log whenever it likes."""
    if path.suffix != ".sqlite":
        return path.read_bytes()
    with closing(sqlite3.connect(path)) as database:
        return "\n".join(database.iterdump()).encode(errors="surrogateescape")


@pytest.fixture(scope="module")
def place(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    root = copied(stages.received, tmp_path_factory.mktemp("private") / "home")
    connection = open_private(Network.open(root), TOWN)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        yield Place(root, connection)
    connection.close()


READING = [
    "SELECT * FROM '{typed}'",
    "SELECT address FROM read_parquet('{typed}')",
    "SELECT * FROM read_parquet('{own}')",
    "SELECT * FROM '{other}'",
    "SELECT * FROM read_parquet('{root}/participants/*/private/events/*/data/*.parquet')",
    "SELECT * FROM glob('{root}/participants/*')",
    "SELECT * FROM read_text('{keys}')",
    "SELECT * FROM read_json('{keys}')",
    "SELECT * FROM read_blob('{catalog}')",
    "SELECT * FROM sqlite_scan('{catalog}', 'iceberg_tables')",
    "SELECT * FROM parquet_metadata('{typed}')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT getenv('HOME')",
    "SELECT (SELECT content FROM read_text('{keys}')) FROM {town}.private.payment_arrears",
    "SELECT * FROM query('SELECT * FROM ''{typed}''')",
    "SELECT * FROM secret_frame",
    "ATTACH '{catalog}' AS s (TYPE sqlite)",
    "ATTACH '{catalog}' AS s (READ_ONLY)",
    "CREATE TABLE t AS SELECT * FROM '{typed}'",
]
WRITING = [
    "COPY {town}.private.payment_arrears TO '{root}/out.csv'",
    "COPY (SELECT 1 AS x) TO '{typed}' (USE_TMP_FILE false)",
    "EXPORT DATABASE '{root}/export'",
    "ATTACH '{root}/new.db' AS n",
    "PRAGMA profiling_output = '{root}/profile.json'",
    "CALL enable_logging(storage := 'file', storage_path := '{root}/log.csv')",
]
UNLOCKING = [
    "SET enable_external_access = true",
    "RESET enable_external_access",
    "SET lock_configuration = false",
    "SET allowed_paths = ['{typed}']",
    "SET allowed_directories = ['/']",
    "SET python_enable_replacements = true",
    "PRAGMA enable_profiling = 'json'",
    "INSTALL sqlite",
    "LOAD sqlite",
]
MINDING = [
    "DROP TABLE {town}.private.payment_arrears",
    "DELETE FROM {town}.private.payment_arrears",
    "UPDATE {town}.private.payment_arrears SET amount_eur = 0",
    "PRAGMA database_list",
    "CALL pragma_version()",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM arrow_scan(1::POINTER, 1::POINTER, 1::POINTER)",
    "PREPARE p AS SELECT 1",
]


@pytest.mark.parametrize("attack", READING + WRITING + UNLOCKING + MINDING)
def test_an_attack_on_private_events_is_refused_changes_nothing_and_is_written_down(place: Place, attack: str) -> None:
    secret_frame = pa.table({"address": ["canary"]})
    before, asked = place.files(), len(asked_before(place.private))
    with pytest.raises((NotAllowed, Rejected)) as refusal:
        ask_private(place.private, place.fill(attack), "test")
    if isinstance(refusal.value, Rejected):  # there is no such name; anything that exists is not allowed
        assert refusal.value.what.startswith(("There is no", "The query is not valid SQL")), attack
    assert place.files() == before
    assert secret_frame.num_rows == 1  # it stood in this frame, and was not found
    record = asked_before(place.private)[asked:]
    found = [(item.statement, item.outcome, item.rows) for item in record]
    assert found == [(place.fill(attack), refusal.value.group, None)]


@pytest.mark.parametrize("attack", READING + WRITING + UNLOCKING)
def test_an_attack_past_the_check_of_the_statement_is_refused_by_the_locked_engine(place: Place, attack: str) -> None:
    before = place.files()
    with pytest.raises(duckdb.Error):
        place.connection.execute(place.fill(attack)).fetchall()
    assert place.files() == before


def test_a_second_statement_cannot_hide_behind_a_private_select(place: Place) -> None:
    with pytest.raises(Rejected, match="2 statements"):
        ask_private(place.private, place.fill("SELECT 1; DROP TABLE {town}.private.payment_arrears"), "test")


def test_an_answer_is_to_be_read_and_not_a_copy_of_the_store(place: Place) -> None:
    with pytest.raises(Rejected, match="larger than 10,000 rows"):
        ask_private(place.private, "SELECT * FROM range(10001)", "test")
    assert ask_private(place.private, "SELECT * FROM range(10000)", "test").num_rows == 10_000
    with pytest.raises(Rejected, match="larger than"):
        ask_private(place.private, "SELECT repeat('x', 1000000) FROM range(30)", "test")
    packings = ("list(range)", "list({'a': [range]})", "map(list(range), list(range))", "string_agg(range::TEXT, ',')")
    for packed in packings:
        with pytest.raises(Rejected, match="of the answer has"):
            ask_private(place.private, f"SELECT {packed} FROM range(10001)", "test")
    assert ask_private(place.private, "SELECT list(range) FROM range(10000)", "test").num_rows == 1
    with pytest.raises(Rejected, match="more memory"):
        ask_private(place.private, "SELECT * FROM range(120000000) t(a) ORDER BY hash(a) DESC", "test")


def test_no_column_holds_a_pseudonym_or_names_an_event(place: Place) -> None:
    secret: set[str] = set()
    for name in SOURCE_TYPES:
        frame = events(place.root, TOWN, name)
        secret |= {form for item in frame["address"] for form in (item.hex(), item.decode("latin-1"))}
        for column in ("event_id", "in_delivery", "in_parcel"):
            secret |= {item.hex() for item in frame[column]}
    assert len(secret) > 100
    tables = [row["name"] for row in ask_private(place.private, "SHOW ALL TABLES", "test").to_pylist()]
    assert set(SOURCE_TYPES) <= set(tables)
    for name in tables:
        answer = ask_private(place.private, f"SELECT * FROM {TOWN}.private.{name}", "test")
        ids = {"early_warning_case": {"signals"}, "story": {"teller", "title", "body", "meaning", "provider"}}
        assert not ({"address", "event_id", "message"} | ids.get(name, set())) & set(answer.column_names)
        assert not [field for field in answer.schema if "binary" in str(field.type)]
        told = repr(answer.to_pylist())
        assert not [item for item in secret if item in told]


@pytest.mark.parametrize(("number", "column"), [("household", "address"), ("event", "event_id")])
def test_a_household_and_an_event_have_other_numbers_in_each_question(place: Place, number: str, column: str) -> None:
    sql = f"SELECT {number} FROM {TOWN}.private.payment_arrears"
    one, two = (ask_private(place.private, sql, "test")[number].to_pylist() for _ in range(2))
    assert len(one) == len(two) > 100
    assert one != two
    assert len(set(one)) == len(set(two)) == events(place.root, TOWN, "payment_arrears")[column].n_unique()


@pytest.mark.parametrize("purpose", ["", "  ", "\n", "x" * 501])
def test_without_a_purpose_there_is_no_answer(place: Place, purpose: str) -> None:
    before = len(asked_before(place.private))
    with pytest.raises(NotAllowed, match="purpose"):
        ask_private(place.private, "SELECT 1", purpose)
    assert len(asked_before(place.private)) == before


def test_only_where_the_keys_are_and_only_of_a_municipality(stages: Stages, tmp_path: Path) -> None:
    root = copied(stages.received, tmp_path / "home")
    network = Network.open(root)
    for name in ("hub", "es-stroom", "cbs"):
        with pytest.raises(NotAllowed, match="no municipality"):
            ask_private(Private(network, name), "SELECT 1", "test")
    with pytest.raises(Fatal, match="not in the directory"):
        ask_private(Private(network, f"../{TOWN}"), "SELECT 1", "test")
    Home(root).participant(TOWN).keys.unlink()
    with pytest.raises(NotAllowed, match="not on this machine"):
        ask_private(Private(network, TOWN), "SELECT 1", "test")
    with pytest.raises(NotAllowed, match="not on this machine"):
        asked_before(Private(network, TOWN))


def test_one_municipality_does_not_reach_the_events_of_another(place: Place) -> None:
    with pytest.raises(Rejected, match="There is no"):
        ask_private(place.private, f"SELECT * FROM {OTHER}.private.payment_arrears", "test")
    catalogs = {row["database"] for row in ask_private(place.private, "SHOW ALL TABLES", "test").to_pylist()}
    assert catalogs == {TOWN}


def test_the_surface_that_others_ask_knows_nothing_of_private_events(place: Place) -> None:
    tables = ask(place.root, "SHOW ALL TABLES").to_pylist()
    assert {row["schema"] for row in tables} <= {"benchmark", "network", "published"}
    with pytest.raises(Rejected, match="There is no"):
        ask(place.root, f"SELECT * FROM {TOWN}.private.payment_arrears")
    with pytest.raises(duckdb.Error):
        open_published(place.root).execute(place.fill("SELECT * FROM '{typed}'"))


def test_rows_stand_in_an_order_by_chance_so_that_two_answers_cannot_be_laid_beside_each_other(place: Place) -> None:
    asked = f"SELECT amount_eur, signalled_on, district FROM {TOWN}.private.payment_arrears"
    first, second = (ask_private(place.private, asked, "test").to_pylist() for _ in range(2))
    assert len(first) > 20
    assert first != second
    assert sorted(map(str, first)) == sorted(map(str, second))
