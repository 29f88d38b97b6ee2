"""Iceberg tables: made, appended to, replaced in part; each call one commit that happens wholly or not at all."""

from collections.abc import Collection, Mapping
from functools import reduce
from typing import NoReturn

import polars as pl
import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    CommitStateUnknownException,
    NamespaceAlreadyExistsError,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.expressions import And, BooleanExpression, In
from pyiceberg.table import Table
from pyiceberg.table.refs import MAIN_BRANCH
from sqlalchemy.exc import OperationalError

from services.errors import Fatal, Retryable
from services.store.snapshots import scan

PROPERTIES = {
    # With retries pyiceberg would append anew on top of another writer's commit, and move its offset back.
    "commit.retry.num-retries": "0",
    "commit.manifest-merge.enabled": "true",
    "write.parquet.compression-codec": "zstd",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "10",
}
MAX_SNAPSHOTS = 30
"""A commit costs 0.5 ms more for each snapshot that the table remembers."""
KEPT_SNAPSHOTS = 5


def load_table(catalog: SqlCatalog, identifier: str) -> Table | None:
    """Return a table as it is now, or None when there is none of that name (`namespace.table`)."""
    try:
        return catalog.load_table(identifier)
    except NoSuchTableError:
        return None


def ensure_table(catalog: SqlCatalog, identifier: str, schema: pa.Schema) -> Table:
    """Return a table as it is now; make it, and its namespace, when it is not there yet."""
    if table := load_table(catalog, identifier):
        return table
    try:
        catalog.create_namespace_if_not_exists(identifier.partition(".")[0])
        return catalog.create_table(identifier, schema, properties=PROPERTIES)
    except (TableAlreadyExistsError, NamespaceAlreadyExistsError):  # another process was first
        return catalog.load_table(identifier)


def append(
    table: Table, rows: pa.Table, properties: Mapping[str, str], summary: Mapping[str, str] | None = None
) -> None:
    """Append `rows` (none is allowed) and set `properties` of the table, both or neither.

    Args:
        table: as loaded before the rows were made; a commit by another since then makes this one fail.
        rows: columns by name as in the table, in any order; types are cast.
        properties: of the table.
        summary: properties of the new snapshot.

    Raises:
        Retryable: another process committed in between, or holds the catalog.
    """
    try:
        with table.transaction() as changes:
            changes.append(fitted(rows, table), snapshot_properties=dict(summary or {}))
            changes.set_properties(dict(properties))
    except CommitFailedException as error:
        _overtaken(table, error)
    except (CommitStateUnknownException, OperationalError) as error:
        if not _took_place(table, properties):
            _overtaken(table, error)
    _forget_snapshots(table)


def replace_rows(table: Table, rows: pl.DataFrame, key: Mapping[str, Collection[str]]) -> bool:
    """Put `rows` in the place of all rows whose columns hold the values of `key`; doing it again changes nothing.

    Args:
        table: the table.
        rows: columns by name as in the table; every row holds values of `key`.
        key: by column the values whose rows are replaced, as `{"period": ["2025-11", "2025-12"]}`; empty: all rows.

    Returns:
        Whether anything was changed; rows that are there already make no new snapshot.

    Raises:
        Fatal: a row lies outside the key, so that it would come again at each run.
        Retryable: another process committed in between, or holds the catalog.
    """
    inside = pl.all_horizontal([pl.col(column).is_in(list(values)) for column, values in key.items()] or [pl.lit(True)])  # noqa: FBT003
    if not rows.select(inside.fill_null(value=False).all()).item() and rows.height:
        raise Fatal(
            f"Rows for {'.'.join(table.name())} lie outside what they replace ({', '.join(key)}).",
            "They would be there twice after a second run.",
            "This is a fault of the software: please report it.",
        )
    new = fitted(rows.to_arrow(), table)
    present = scan(table).filter(inside).collect()
    if _same(present, pl.DataFrame(new)):
        return False
    if present.is_empty():
        append(table, new, {})
        return True
    try:
        table.overwrite(new, overwrite_filter=_filter(key))
    except (CommitFailedException, CommitStateUnknownException, OperationalError) as error:
        _overtaken(table, error)
    _forget_snapshots(table)
    return True


def keep_snapshot(table: Table, name: str) -> int | None:
    """Keep the newest snapshot for good, under `name` unless it is kept already, and return its id.

    A name once given stays where it is.

    Returns:
        The snapshot's id, or None for a table without snapshots.

    Raises:
        Retryable: another process committed in between, or holds the catalog.
    """
    known = table.metadata.refs.get(name)
    snapshot = table.current_snapshot()
    if known or snapshot is None:
        return known.snapshot_id if known else None
    if any(ref.snapshot_id == snapshot.snapshot_id for kept, ref in table.metadata.refs.items() if kept != MAIN_BRANCH):
        return snapshot.snapshot_id  # nothing has come since it was kept under another name
    try:
        table.manage_snapshots().create_tag(snapshot.snapshot_id, name).commit()
    except (CommitFailedException, CommitStateUnknownException, OperationalError) as error:
        _overtaken(table, error)
    return snapshot.snapshot_id


def fitted(rows: pa.Table, table: Table) -> pa.Table:
    """Put columns in the table's order and types."""
    schema = table.schema().as_arrow()
    return rows.select(schema.names).cast(schema)


def _filter(key: Mapping[str, Collection[str]]) -> BooleanExpression | str:
    parts: list[BooleanExpression] = [In(term=column, literals=set(values)) for column, values in key.items()]
    return reduce(And, parts) if parts else "true"


def _same(present: pl.DataFrame, new: pl.DataFrame) -> bool:
    if present.height != new.height:
        return False
    columns = new.columns
    hashes = [frame.select(columns).hash_rows(seed=0).sort() for frame in (present, new)]
    return bool((hashes[0] == hashes[1]).all())


def _took_place(table: Table, properties: Mapping[str, str]) -> bool:
    """Compare after a commit of unknown outcome: `properties` hold a value that only this commit could have set."""
    try:
        now = table.refresh().properties
    except OperationalError:  # not known either: the next run starts from what it finds
        return False
    return all(now.get(key) == value for key, value in properties.items())


def _forget_snapshots(table: Table) -> None:
    """Let go of old snapshots that no release has kept; their files stay. If it fails, the next commit tries."""
    held = {ref.snapshot_id for ref in table.metadata.refs.values()}
    free = [item for item in table.metadata.snapshots if item.snapshot_id not in held]
    if len(free) <= MAX_SNAPSHOTS:
        return
    old = sorted(free, key=lambda item: item.sequence_number or 0)[: len(free) - KEPT_SNAPSHOTS]
    try:
        table.maintenance.expire_snapshots().by_ids([item.snapshot_id for item in old]).commit()
    except (CommitFailedException, CommitStateUnknownException, OperationalError):
        table.refresh()


def _overtaken(table: Table, error: Exception) -> NoReturn:
    raise Retryable(
        f"Table {'.'.join(table.name())} was changed by another process in between.",
        f"The commit ended in {type(error).__name__}; nothing of it was stored.",
        "Run the command again.",
    ) from error
