"""Iceberg tables: made, appended to, replaced in part; each call one commit that happens wholly or not at all."""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import reduce
from pathlib import Path

import polars as pl
import pyarrow as pa
from pydantic import ValidationError
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.expressions import And, BooleanExpression, In
from pyiceberg.io.pyarrow import _dataframe_to_data_files
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table
from pyiceberg.table.refs import MAIN_BRANCH
from pyiceberg.table.update.snapshot import ExpireSnapshots, ManageSnapshots
from pyiceberg.transforms import IdentityTransform
from sqlalchemy.exc import IntegrityError

from services.errors import Fatal, Retryable
from services.store.commits import commit, require_same_refs, unreadable
from services.store.connections import errors_named
from services.store.local_files import NAME, ROOT
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
_FIRST = "00000-"
"""Beginning of the name of a table's first description, before anything was committed to it."""


def load_table(catalog: SqlCatalog, identifier: str) -> Table | None:
    """Return a table as it is now, or None when there is none of that name (`namespace.table`).

    Raises:
        Retryable: the catalog is away or locked.
        Fatal: the catalog or the table's description is damaged, or the catalog has forgotten the table.
    """
    for again in (False, True):
        try:
            with errors_named(catalog.engine):
                return catalog.load_table(identifier)
        except NoSuchTableError:
            if not _has_commits(catalog, identifier):
                return None
            if again:
                raise _forgotten(catalog, identifier) from None
            # another process may have made it and committed at this moment: look again
        except (ValidationError, ValueError) as error:  # a description of an earlier version, which has no checksum
            raise unreadable(catalog, identifier, error) from None
    return None


def _has_commits(catalog: SqlCatalog, identifier: str) -> bool:
    """Say whether files of a table are there that something was committed to."""
    folder = Path(catalog.properties[ROOT], catalog.properties[NAME], *identifier.split("."), "metadata")
    return any(not path.name.startswith(_FIRST) for path in folder.glob("*.metadata.json"))


def _forgotten(catalog: SqlCatalog, identifier: str) -> Fatal:
    """Return the error of a table that would be made anew, and everything in it read again."""
    return Fatal(
        f"The catalog {catalog.engine.url.database} does not know table {identifier}, of which there are files.",
        "It was damaged, made anew, or put back from a copy that is older than the warehouse's folder.",
        "Put catalog and folder back from copies that belong together.",
    )


def ensure_table(catalog: SqlCatalog, identifier: str, schema: pa.Schema, apart: str | None = None) -> Table:
    """Return a table as it is now; make it, and its namespace, when it is not there yet.

    Columns of `schema` that a table of an earlier version lacks are added; its rows hold nothing in them.

    Args:
        catalog: of the warehouse.
        identifier: `namespace.table`.
        schema: its columns.
        apart: a column; rows of which it differs are in different files of a new table, so that who may not see some
            of its values needs to open none of their files. For one that is there already see `services.store.apart`.

    Raises:
        Retryable: another process changed the table in between, or the catalog is away or locked.
        Fatal: see `load_table`.
    """
    if table := load_table(catalog, identifier):
        return _with_columns(table, schema)
    location = "/".join((catalog.properties["warehouse"], *identifier.split(".")))  # the library would ask for it
    with errors_named(catalog.engine):
        # another process may be first
        with suppress(NamespaceAlreadyExistsError, IntegrityError):
            catalog.create_namespace_if_not_exists(identifier.partition(".")[0])
        with suppress(TableAlreadyExistsError, CommitFailedException):
            if apart is None:
                return catalog.create_table(identifier, schema, location, properties=PROPERTIES)
            with catalog.create_table_transaction(identifier, schema, location, properties=PROPERTIES) as new:
                new.update_spec().add_field(apart, IdentityTransform(), apart).commit()
        return catalog.load_table(identifier)


def _with_columns(table: Table, schema: pa.Schema) -> Table:
    missing = [field for field in schema if field.nullable and field.name not in table.schema().column_names]
    if missing:
        with commit(table) as changes, changes.update_schema() as change:
            change.union_by_name(pa.schema(missing))
    return table


def append(
    table: Table,
    rows: pa.Table,
    properties: Mapping[str, str],
    summary: Mapping[str, str] | None = None,
    at: Callable[[str], None] = lambda _: None,
) -> None:
    """Append `rows` (none is allowed) and set `properties` of the table, both or neither.

    Args:
        table: as loaded before the rows were made; a commit by another since then makes this one fail.
        rows: columns by name as in the table, in any order; types are cast.
        properties: of the table.
        summary: properties of the new snapshot.
        at: see `commit`.

    Raises:
        Retryable, NotAllowed, Fatal: see `commit`.
    """
    with commit(table, at) as changes:
        # as `Transaction.append`, which would compare columns that were fitted just now with the table's once more
        with changes.update_snapshot(dict(summary or {})).merge_append() as snapshot:
            for file in write_files(table, rows):
                snapshot.append_data_file(file)
        changes.set_properties(dict(properties))
    _forget_snapshots(table)


def write_files(table: Table, rows: pa.Table) -> tuple[DataFile, ...]:
    """Write rows as files of the table that are not part of it yet; none where there are no rows."""
    if not rows.num_rows:
        return ()
    files = tuple(_dataframe_to_data_files(table_metadata=table.metadata, df=fitted(rows, table), io=table.io))
    for file in files:
        file.spec_id = table.metadata.default_spec_id
    return files


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
        Retryable, NotAllowed, Fatal: see `commit`.
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
    with commit(table) as changes:
        changes.overwrite(new, overwrite_filter=_filter(key))
    _forget_snapshots(table)
    return True


def keep_snapshot(table: Table, name: str) -> int | None:
    """Keep the newest snapshot for good, under `name` unless it is kept already, and return its id.

    A name once given stays where it is.

    Returns:
        The snapshot's id, or None for a table without snapshots.

    Raises:
        Retryable, NotAllowed, Fatal: see `commit`.
    """
    known = table.metadata.refs.get(name)
    snapshot = table.current_snapshot()
    if known or snapshot is None:
        return known.snapshot_id if known else None
    if any(ref.snapshot_id == snapshot.snapshot_id for kept, ref in table.metadata.refs.items() if kept != MAIN_BRANCH):
        return snapshot.snapshot_id  # nothing has come since it was kept under another name
    with commit(table) as changes:
        ManageSnapshots(changes).create_tag(snapshot.snapshot_id, name).commit()
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
    hashes = [frame.select(new.columns).hash_rows(seed=0).sort() for frame in (present, new)]
    return bool((hashes[0] == hashes[1]).all())


def _forget_snapshots(table: Table) -> None:
    """Let go of old snapshots that no release has kept; their files stay. If it fails, the next commit tries."""
    held = {ref.snapshot_id for ref in table.metadata.refs.values()}
    free = [item for item in table.metadata.snapshots if item.snapshot_id not in held]
    if len(free) <= MAX_SNAPSHOTS:
        return
    old = sorted(free, key=lambda item: item.sequence_number or 0)[: len(free) - KEPT_SNAPSHOTS]
    with suppress(Retryable):
        forget(table, [item.snapshot_id for item in old])


def forget(table: Table, snapshot_ids: Collection[int]) -> None:
    """Let go of snapshots; those that are kept under a name stay. Their files stay too, see `services.store.sweeping`.

    Raises:
        Retryable, NotAllowed, Fatal: see `commit`.
    """
    with commit(table) as changes:
        require_same_refs(changes)
        ExpireSnapshots(changes).by_ids(list(snapshot_ids)).commit()
