"""Users, objects and verbs, and by hand which of them may meet. Whatever stands nowhere here is to be refused."""

from itertools import product

from tests.network.sql.site import ANA
from tests.small_network import MUNICIPALITIES

READERS = (ANA, "gm0664", "es-stroom")
OPERATOR = "operator"
USERS = (*READERS, OPERATOR)
OF_HUB = (
    *("benchmark.figures", "benchmark.peers", "benchmark.indicators", "benchmark.periods", "benchmark.stories"),
    *("benchmark.patterns", "network.cells"),
)
OF_NODE = tuple(
    f"published.{name}" for name in ("cells", "quality", "patterns", "stories", "sessions", "actions", "missing")
)
HIDDEN = ("files", "snapshots", "history", "manifests", "partitions", "refs", "properties", "metadata_log_entries",
          "all_entries", "entries", "all_manifests")  # fmt: skip
VIEW = "hub.network.region_pv29"

PUBLISHED = [
    *(f"hub.{name}" for name in OF_HUB),
    VIEW,
    *(f"{node}.{name}" for node, name in product(MUNICIPALITIES, OF_NODE)),
]
"""What everybody reads (rows under embargo left out)."""
SECRETS = [
    *(f'gm0664.published."cells${name}"' for name in HIDDEN),
    *(f'hub.benchmark."figures${name}"' for name in HIDDEN),
    *(f'hub.network."cells${name}"' for name in ("files", "snapshots")),
    *(f"hub_writer.{name}" for name in OF_HUB),
    *(f'hub_writer.benchmark."figures${name}"' for name in ("files", "snapshots")),
]
"""What nobody reads, the operator included."""
OPERATORS_OWN = ["hub_writer.network.region_pv29"]
SYSTEM = [f"system.runtime.{name}" for name in ("queries", "nodes", "tasks", "transactions")] + [
    f"system.metadata.{name}"
    for name in ("catalogs", "table_properties", "column_properties", "schema_properties", "materialized_views",
                 "analyze_properties", "materialized_view_properties")
]  # fmt: skip
FOR_CLIENTS = ["system.metadata.table_comments"] + [
    f"system.jdbc.{name}"
    for name in ("attributes", "catalogs", "columns", "procedure_columns", "procedures", "pseudo_columns", "schemas",
                 "super_tables", "super_types", "table_types", "tables", "types", "udts")
]  # fmt: skip
INFORMATION = [
    f"{catalog}.information_schema.{name}"
    for catalog, name in product(("hub", "gm0664"), ("tables", "columns", "views", "schemata", "table_privileges"))
]
"""Of what its reader may see; what stands in them has a test of its own."""

MAY_SELECT: dict[str, set[str]] = {
    **{name: {*PUBLISHED, *FOR_CLIENTS, *INFORMATION} for name in READERS},
    OPERATOR: {*PUBLISHED, *FOR_CLIENTS, *INFORMATION, *OPERATORS_OWN, *SYSTEM},
}
EVERY_TABLE = [*PUBLISHED, *SECRETS, *OPERATORS_OWN, *SYSTEM, *FOR_CLIENTS, *INFORMATION]

CHANGES = {
    "insert": "INSERT INTO {table} SELECT * FROM {table}",
    "update": "UPDATE {table} SET {column} = NULL",
    "delete": "DELETE FROM {table}",
    "delete some": "DELETE FROM {table} WHERE {column} IS NULL",
    "truncate": "TRUNCATE TABLE {table}",
    "merge": "MERGE INTO {table} t USING (SELECT 1 AS x) s ON false WHEN MATCHED THEN DELETE",
    "drop table": "DROP TABLE {table}",
    "drop view": "DROP VIEW {table}",
    "rename": "ALTER TABLE {table} RENAME TO {schema}.taken",
    "add column": "ALTER TABLE {table} ADD COLUMN more integer",
    "drop column": "ALTER TABLE {table} DROP COLUMN {column}",
    "rename column": "ALTER TABLE {table} RENAME COLUMN {column} TO taken",
    "change type": "ALTER TABLE {table} ALTER COLUMN {column} SET DATA TYPE varchar(9)",
    "set properties": "ALTER TABLE {table} SET PROPERTIES format_version = 2",
    "set owner": 'ALTER TABLE {table} SET AUTHORIZATION "{user}"',
    "set owner of view": 'ALTER VIEW {table} SET AUTHORIZATION "{user}"',
    "comment": "COMMENT ON TABLE {table} IS 'taken'",
    "comment column": "COMMENT ON COLUMN {table}.{column} IS 'taken'",
    "analyze": "ANALYZE {table}",
    "grant": 'GRANT SELECT ON {table} TO USER "{user}"',
    "revoke": 'REVOKE SELECT ON {table} FROM USER "{user}"',
    "rename view": "ALTER VIEW {table} RENAME TO {schema}.taken",
    "replace view": "CREATE OR REPLACE VIEW {table} AS SELECT 1 AS x",
    "comment view": "COMMENT ON VIEW {table} IS 'taken'",
    "show create table": "SHOW CREATE TABLE {table}",
    "show create view": "SHOW CREATE VIEW {table}",
    **{
        f"execute {name}": f"ALTER TABLE {{table}} EXECUTE {call}"
        for name, call in {
            "optimize": "optimize",
            "optimize_manifests": "optimize_manifests",
            "expire_snapshots": "expire_snapshots(retention_threshold => '0s')",
            "remove_orphan_files": "remove_orphan_files(retention_threshold => '0s')",
            "drop_extended_stats": "drop_extended_stats",
            "rollback_to_snapshot": "rollback_to_snapshot(1)",
            "add_files": "add_files(location => 'local:///private', format => 'PARQUET')",
        }.items()
    },
}
"""Verbs that change a table or tell of its files; nobody may do any of them to a published table."""
CHANGED = {
    "hub.benchmark.figures": "value",
    "hub.network.cells": "numerator",
    "hub.network.region_pv29": "numerator",
    "gm0664.published.cells": "numerator",
    "gm0687.published.quality": "late",
    "hub_writer.benchmark.figures": "value",
    "hub_writer.network.cells": "numerator",
}
"""Tables, each with one of its columns."""

_IS_TABLE = "Trino looks for a view of that name before it looks at rights, and this is a table"
_IS_VIEW = "Trino does this to tables only, and looks what it is before it looks at rights"
_NO_SUCH_TABLE = "Trino looks for a table of that name, which the catalog does not have, before it looks at rights"
BEFORE_RIGHTS_OF_TABLES = {
    "drop view": ("GENERIC_USER_ERROR", _IS_TABLE),
    "rename view": ("TABLE_NOT_FOUND", _IS_TABLE),
    "comment view": ("TABLE_NOT_FOUND", _IS_TABLE),
    "set owner of view": ("TABLE_NOT_FOUND", _IS_TABLE),
    "show create view": ("NOT_SUPPORTED", _IS_TABLE),
}
"""By verb what a table answers instead of a refusal, and why that is no hole."""
BEFORE_RIGHTS_OF_VIEWS = {
    **dict.fromkeys(
        ("insert", "update", "delete", "delete some", "truncate", "merge", "set properties", "analyze",
         "show create table", *(verb for verb in CHANGES if verb.startswith("execute "))),
        ("NOT_SUPPORTED", _IS_VIEW),
    ),
    **dict.fromkeys(("drop table", "rename"), ("GENERIC_USER_ERROR", _IS_VIEW)),
    **dict.fromkeys(
        ("add column", "drop column", "rename column", "change type", "set owner"),
        ("GENERIC_INTERNAL_ERROR", _NO_SUCH_TABLE),
    ),
    "comment": ("TABLE_NOT_FOUND", _NO_SUCH_TABLE),
}  # fmt: skip
"""The same of a view; what can be done to views is refused for want of rights."""

SCHEMAS = ("hub.benchmark", "hub.network", "hub.vacant", "gm0664.published", "gm0664.vacant", "hub_writer.benchmark")
"""Those called vacant hold nothing: Trino looks whether a schema is empty before it looks at rights."""
IN_SCHEMA = {
    "create table": "CREATE TABLE {schema}.taken (x integer)",
    "create table as": "CREATE TABLE {schema}.taken AS SELECT 1 AS x",
    "create view": "CREATE VIEW {schema}.taken AS SELECT 1 AS x",
    "create invoker view": "CREATE VIEW {schema}.taken SECURITY INVOKER AS SELECT * FROM hub.network.cells",
    "create materialized view": "CREATE MATERIALIZED VIEW {schema}.taken AS SELECT 1 AS x",
    "create function": "CREATE FUNCTION {schema}.taken(x bigint) RETURNS bigint RETURN x",
    "create schema": "CREATE SCHEMA {catalog}.taken",
    "drop schema": "DROP SCHEMA {schema}",
    "drop schema cascade": "DROP SCHEMA {schema} CASCADE",
    "rename schema": "ALTER SCHEMA {schema} RENAME TO other",
    "own schema": 'ALTER SCHEMA {schema} SET AUTHORIZATION "{user}"',
    "show create schema": "SHOW CREATE SCHEMA {schema}",
    "register table": "CALL {catalog}.system.register_table('benchmark', 'taken', 'local:///private')",
    "unregister table": "CALL {catalog}.system.unregister_table('benchmark', 'figures')",
    "rollback": "CALL {catalog}.system.rollback_to_snapshot('benchmark', 'figures', 1)",
    "table changes": "SELECT * FROM TABLE({catalog}.system.table_changes('benchmark', 'figures', 1, 2))",
}
NOBODYS = [
    "CREATE ROLE taken",
    "DROP ROLE taken",
    "CREATE ROLE taken IN hub",
    'GRANT taken TO USER "{user}"',
    "SET ROLE taken",
    "SET SESSION query_max_memory = '1GB'",
    "SET SESSION query_max_run_time = '1d'",
    "SET SESSION hub.projection_pushdown_enabled = false",
    "SET SESSION AUTHORIZATION 'gm0715'",
    "EXECUTE IMMEDIATE 'DELETE FROM hub.benchmark.figures'",
    "EXPLAIN ANALYZE DELETE FROM hub.benchmark.figures",
    "EXPLAIN ANALYZE SELECT * FROM hub_writer.benchmark.figures",
    'EXPLAIN SELECT * FROM gm0664.published."cells$files"',
    "DESCRIBE hub_writer.benchmark.figures",
    'SHOW COLUMNS FROM gm0664.published."cells$files"',
    "SHOW STATS FOR hub_writer.benchmark.figures",
    "WITH x AS (SELECT * FROM hub_writer.network.cells) SELECT * FROM hub.network.cells",
    "SELECT (SELECT count(*) FROM hub_writer.network.cells)",
    "CREATE VIEW hub.network.region_taken AS SELECT 1 AS x",
]
"""Statements that nobody may make."""
BEFORE_RIGHTS = dict.fromkeys(
    ('GRANT taken TO USER "{user}"', "SET ROLE taken"),
    ("ROLE_NOT_FOUND", "there is no role to take, and to make one is refused"),
)
"""Of them, those that Trino refuses before it looks at rights, and why that is no hole."""
OPERATORS = [
    "SELECT * FROM system.runtime.queries",
    "SHOW TABLES FROM system.runtime",
    "CREATE VIEW hub_writer.network.region_taken AS SELECT 1 AS x",
    "CREATE OR REPLACE VIEW hub_writer.network.region_taken AS SELECT 2 AS x",
    "COMMENT ON VIEW hub_writer.network.region_taken IS 'x'",
    "DROP VIEW hub_writer.network.region_taken",
    "CREATE CATALOG taken USING iceberg WITH ({catalog})",
    "DROP CATALOG taken",
]
"""Statements that the operator may make, in an order in which they work."""
NOT_READERS = [
    *OPERATORS[:3],
    "CREATE OR REPLACE VIEW hub_writer.network.region_pv29 AS SELECT 2 AS x",
    "COMMENT ON VIEW hub_writer.network.region_pv29 IS 'x'",
    "DROP VIEW hub_writer.network.region_pv29",
    "ALTER VIEW hub_writer.network.region_pv29 RENAME TO hub_writer.network.region_taken",
    "CREATE CATALOG taken USING iceberg WITH ({catalog})",
    "DROP CATALOG gm0715",
    "DROP CATALOG hub_writer",
    "CALL system.runtime.kill_query(query_id => '20200101_000000_00000_aaaaa', message => 'x')",
]
"""What of it there is already, so that nothing but a right is missing."""
EVERYBODYS = [
    "SELECT 1",
    "SHOW CATALOGS",
    "SHOW SCHEMAS FROM hub",
    "SHOW TABLES FROM hub.network",
    "SHOW TABLES FROM gm0664.published",
    "DESCRIBE hub.benchmark.figures",
    "SHOW COLUMNS FROM hub.network.region_pv29",
    "SHOW STATS FOR hub.benchmark.figures",
    "SHOW FUNCTIONS LIKE 'approx%'",
    "SHOW SESSION LIKE 'query_max%'",
    "EXPLAIN SELECT * FROM hub.benchmark.figures",
    "USE hub.benchmark",
    "SET TIME ZONE 'Europe/Amsterdam'",
    "PREPARE asked FROM SELECT 1",
    "EXECUTE IMMEDIATE 'SELECT 1'",
    "WITH FUNCTION more(x bigint) RETURNS bigint RETURN x + 1 SELECT more(1)",
    "SELECT * FROM TABLE(sequence(1, 3))",
    "SELECT f.value, i.title_nl FROM hub.benchmark.figures AS f JOIN hub.benchmark.indicators AS i USING (indicator)",
]
