"""Tables whose rows are in different files where a column differs, so that who may not see some comes near none."""

import polars as pl
from pyiceberg.table import Table
from pyiceberg.table.update.snapshot import ExpireSnapshots
from pyiceberg.transforms import IdentityTransform

from services.store.commits import commit, require_same_refs
from services.store.tables import fitted


def is_apart(table: Table, column: str) -> bool:
    """Say whether rows of which a column differs are in different files of a table."""
    return any(field.name == column for field in table.spec().fields)


def set_apart(table: Table, column: str, rows: pl.DataFrame) -> None:
    """Write a table anew with its rows apart by a column, and let go of every snapshot before it.

    Snapshots that are kept under a name stay; of published tables there are none. It is one commit: were the snapshots
    let go of by a second one, a process that ended in between would leave them to whoever asks for the table as it was.

    Args:
        table: as loaded before its rows were read; afterwards `is_apart`.
        column: of the table.
        rows: all rows that it is to hold, columns by name as in the table.

    Raises:
        Retryable, NotAllowed, Fatal: see `commit`.
    """
    with commit(table) as changes:
        require_same_refs(changes)
        with changes.update_spec() as spec:
            spec.add_field(column, IdentityTransform(), column)
        if table.metadata.snapshots:
            changes.overwrite(fitted(rows.to_arrow(), table), overwrite_filter="true")
            held = {ref.snapshot_id for ref in changes.table_metadata.refs.values()}
            others = [item.snapshot_id for item in changes.table_metadata.snapshots if item.snapshot_id not in held]
            ExpireSnapshots(changes).by_ids(others).commit()
