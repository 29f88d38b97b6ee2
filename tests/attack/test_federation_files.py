"""A query cannot read a private file, nor write any file: not through the front door, and not past it.

Each attack is tried through `query`, as a user would, and once more on the bare connection, past the check of the
statement, so that the engine's own lock is seen to hold too. One attack is stopped by the first fence alone, which
is why a connection is handed to nothing that takes SQL from a user; its test says so.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.errors import NotAllowed, Rejected
from services.federation.surface import open_surface, query

CANARY = "canary-7431"


@dataclass(frozen=True)
class Place:
    """A surface over one published file, with private files beside it."""

    connection: duckdb.DuckDBPyConnection
    root: Path

    def fill(self, sql: str) -> str:
        """Put the paths of this place into an attack."""
        return sql.format(
            published=self.root / "published" / "cells.parquet",
            private=self.root / "private" / "events.parquet",
            beside=self.root / "published" / "private.parquet",
            text=self.root / "private" / "notes.txt",
            new=self.root / "published" / "new.parquet",
            root=self.root,
        )

    def files(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in sorted(self.root.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One for all attacks: each test sees that no file changed."""
    root = tmp_path_factory.mktemp("surface")
    canary = pa.table({"address": [CANARY]})
    for folder in ("published", "private"):
        (root / folder).mkdir()
    pq.write_table(pa.table({"period": ["2025-12"], "numerator": [25]}), root / "published" / "cells.parquet")
    pq.write_table(canary, root / "published" / "private.parquet")
    pq.write_table(canary, root / "private" / "events.parquet")
    (root / "private" / "notes.txt").write_text(CANARY)
    (root / "private" / "notes.json").write_text(f'{{"address": "{CANARY}"}}')
    duckdb.connect(str(root / "private" / "store.db")).execute(f"CREATE TABLE t AS SELECT '{CANARY}' a").close()
    connection = open_surface({}, {"gm0518": {"cells": [root / "published" / "cells.parquet"]}})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPIEGELNET_SECRET", CANARY)
        patch.chdir(root)
        yield Place(connection, root)
    connection.close()


READING = [
    "SELECT * FROM '{private}'",
    "SELECT * FROM '{beside}'",
    "SELECT * FROM read_parquet('{private}')",
    "SELECT * FROM read_parquet('{beside}')",
    "SELECT * FROM read_parquet(['{published}', '{private}'], union_by_name = true)",
    "SELECT * FROM parquet_scan('{private}')",
    "SELECT * FROM read_parquet('{root}/published/../private/events.parquet')",
    "SELECT * FROM read_parquet('{root}/*/*.parquet', union_by_name = true)",
    "SELECT * FROM read_parquet('file://{private}')",
    "SELECT * FROM 'private/events.parquet'",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('{text}')",
    "SELECT * FROM read_blob('{text}')",
    "SELECT * FROM read_json('{root}/private/notes.json')",
    "SELECT * FROM read_json_objects('{root}/private/notes.json')",
    "SELECT * FROM sniff_csv('{text}')",
    "SELECT * FROM glob('{root}/private/*')",
    "SELECT * FROM parquet_metadata('{private}')",
    "SELECT * FROM parquet_schema('{private}')",
    "SELECT * FROM parquet_kv_metadata('{private}')",
    "SELECT * FROM parquet_bloom_probe('{private}', 'address', 'x')",
    "SELECT * FROM read_duckdb('{root}/private/store.db')",
    "SELECT * FROM query('SELECT * FROM ''{private}''')",
    "SELECT * FROM query_table('{private}')",
    "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT * FROM read_text(''{text}'')'))",
    "SELECT getenv('SPIEGELNET_SECRET')",
    "SELECT * FROM 'https://example.org/x.parquet'",
    "SELECT * FROM read_parquet('s3://bucket/x.parquet')",
    "WITH x AS (SELECT * FROM read_text('{text}')) SELECT * FROM x",
    "SELECT (SELECT content FROM read_text('{text}')) FROM gm0518.published.cells",
    "SELECT * FROM gm0518.published.cells WHERE period IN (SELECT content FROM read_text('{text}'))",
    "SELECT 1 UNION ALL SELECT size FROM read_blob('{text}')",
    "SELECT * FROM secret_frame",
    "ATTACH '{root}/private/store.db' AS s",
    "ATTACH '{root}/private/store.db' AS s (READ_ONLY)",
    "IMPORT DATABASE '{root}/private'",
    "CREATE TABLE t AS SELECT * FROM read_text('{text}')",
    "CREATE VIEW v AS SELECT * FROM '{private}'",
    "DESCRIBE SELECT * FROM '{private}'",
    "SUMMARIZE SELECT * FROM '{private}'",
]
WRITING = [
    "COPY (SELECT 1 AS x) TO '{new}'",
    "COPY (SELECT 1 AS x) TO '{root}/out.csv' (FORMAT csv)",
    "COPY (SELECT 1 AS x) TO '{published}'",
    "COPY gm0518.published.cells TO '{root}/out.json'",
    "EXPLAIN ANALYZE COPY (SELECT 1 AS x) TO '{new}'",
    "EXPORT DATABASE '{root}/export'",
    "ATTACH '{root}/new.db' AS n",
    "PRAGMA profiling_output = '{root}/profile.json'",
    "SELECT * FROM enable_profiling(save_location := '{root}/profile.json')",
    "CALL enable_logging(storage := 'file', storage_path := '{root}/log.csv')",
    "SELECT * FROM enable_logging(storage := 'file', storage_path := '{root}/log.csv')",
    "CREATE PERSISTENT SECRET s (TYPE http, BEARER_TOKEN 'x')",
]
UNLOCKING = [
    "SET enable_external_access = true",
    "SET GLOBAL enable_external_access = true",
    "RESET enable_external_access",
    "SET lock_configuration = false",
    "SET allowed_paths = ['{private}']",
    "SET allowed_directories = ['/']",
    "SET temp_directory = '{root}'",
    "SET memory_limit = '1TB'",
    "SET python_enable_replacements = true",
    "PRAGMA enable_profiling = 'json'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{root}/private/evil.duckdb_extension'",
    "INSTALL '{root}/private/evil.duckdb_extension'",
]


@pytest.mark.parametrize("attack", READING + WRITING + UNLOCKING)
def test_an_attack_through_the_front_door_is_refused_and_changes_nothing(place: Place, attack: str) -> None:
    secret_frame = pa.table({"address": [CANARY]})
    before = place.files()
    with pytest.raises((NotAllowed, Rejected)) as refusal:
        query(place.connection, place.fill(attack))
    if isinstance(refusal.value, Rejected):  # there is no such name; anything that exists is not allowed
        assert refusal.value.what.startswith(("There is no", "The query is not valid SQL")), attack
    assert CANARY not in str(refusal.value)
    assert place.files() == before
    assert secret_frame.num_rows == 1  # it stood in this frame, and was not found


@pytest.mark.parametrize("attack", READING + WRITING + UNLOCKING)
def test_an_attack_past_the_check_of_the_statement_is_refused_by_the_engine(place: Place, attack: str) -> None:
    before = place.files()
    with pytest.raises(duckdb.Error) as refusal:
        place.connection.execute(place.fill(attack)).fetchall()
    assert CANARY not in str(refusal.value)
    assert place.files() == before


@pytest.mark.parametrize(
    "attack",
    [
        "COPY (SELECT 1 AS x) TO '{published}' (USE_TMP_FILE false)",
        "DROP VIEW gm0518.published.cells",
        "CREATE OR REPLACE VIEW gm0518.published.cells AS SELECT 1 AS numerator",
        "DETACH gm0518",
        "SELECT * FROM read_blob('{published}')",
        "SELECT * FROM glob('{published}')",
        "SELECT * FROM arrow_scan(1::POINTER, 1::POINTER, 1::POINTER)",
        "SELECT * FROM pandas_scan(1::POINTER)",
        "SELECT * FROM truncate_duckdb_logs()",
        "CREATE TABLE t AS SELECT 1",
        "PREPARE p AS SELECT 1",
        "SET VARIABLE a = 1",
        "CALL pragma_version()",
        "CHECKPOINT",
        "EXPLAIN ANALYZE SELECT 1",
    ],
)
def test_what_the_engine_would_allow_is_refused_by_the_check_of_the_statement(place: Place, attack: str) -> None:
    """DuckDB lets a COPY without a temporary file write over any path that it may read."""
    before = place.files()
    with pytest.raises(NotAllowed):
        query(place.connection, place.fill(attack))
    assert place.files() == before
    assert query(place.connection, "SELECT numerator FROM gm0518.published.cells").to_pylist() == [{"numerator": 25}]


def test_a_second_statement_cannot_hide_behind_a_select(place: Place) -> None:
    before = place.files()
    with pytest.raises(Rejected, match="2 statements"):
        query(place.connection, place.fill("SELECT 1; COPY (SELECT 1) TO '{published}' (USE_TMP_FILE false)"))
    assert place.files() == before


def test_a_sort_larger_than_memory_is_refused_and_spills_nothing(place: Place) -> None:
    before = place.files()
    with pytest.raises(Rejected, match="more memory"):
        query(place.connection, "SELECT * FROM range(120000000) t(a) ORDER BY hash(a) DESC")
    assert place.files() == before


def test_an_endless_query_is_stopped(place: Place) -> None:
    endless = "WITH RECURSIVE t AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM t) SELECT max(a) FROM t"
    with pytest.raises(Rejected, match=r"stopped after 0\.3 seconds"):
        query(place.connection, endless, seconds=0.3)
    assert query(place.connection, "SELECT 1 AS a").to_pylist() == [{"a": 1}]


def test_an_answer_too_large_is_refused_not_cut(place: Place) -> None:
    with pytest.raises(Rejected, match="larger than 1,000 rows"):
        query(place.connection, "SELECT * FROM range(1001)", most_rows=1000)
    assert query(place.connection, "SELECT * FROM range(1000)", most_rows=1000).num_rows == 1000
    with pytest.raises(Rejected, match="larger than"):
        query(place.connection, "SELECT repeat('x', 1000000) FROM range(30)", most_bytes=10_000_000)
