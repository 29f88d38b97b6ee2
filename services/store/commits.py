"""One commit to a table: it happens wholly or not at all, and where the answer was lost, the table is asked."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException, CommitStateUnknownException
from pyiceberg.table import Table, Transaction
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.update import ValidatableTableRequirement
from sqlalchemy.exc import DBAPIError

from services.errors import Fatal, Retryable, SpiegelnetError
from services.store.connections import errors_named, reason

PATIENCE_SECONDS = 15.0
"""How long the table is asked again after a commit of unknown outcome, while its catalog does not answer."""
_POLL = 0.25


@contextmanager
def commit(table: Table, at: Callable[[str], None] = lambda _: None) -> Iterator[Transaction]:
    """Make what is staged in the block one commit to the table as it was loaded.

    What the block stages must make a snapshot wherever it rests on what was read: only that fails when another process
    committed in between.

    Args:
        table: as loaded before; afterwards it is as committed.
        at: called with `commit` when the files are written and the catalog does not name them yet, for tests that end
            the process there.

    Raises:
        Retryable: another process committed in between, the catalog is away, or the disk is full; whether the commit
            happened is said where it could not be found out.
        NotAllowed, Fatal: the catalog is closed to this participant, or damaged.
    """
    changes = table.transaction()
    with errors_named(catalog_of(table).engine):
        yield changes
    at("commit")
    before = {snapshot.snapshot_id for snapshot in table.metadata.snapshots}
    made = {snapshot.snapshot_id for snapshot in changes.table_metadata.snapshots} - before
    try:
        changes.commit_transaction()
    except CommitFailedException as error:
        raise overtaken(table) from error
    except ValueError as error:  # a snapshot that it names was let go of in between
        raise overtaken(table) from error
    except (CommitStateUnknownException, DBAPIError) as error:
        if not _took_place(table, made, error):
            raise _explained(table, error) from error


class _SameRefs(ValidatableTableRequirement):
    """Every branch and every kept snapshot is what it was."""

    type: Literal["spiegelnet-same-refs"] = "spiegelnet-same-refs"
    refs: dict[str, int]

    def validate(self, base_metadata: TableMetadata | None) -> None:  # type: ignore[override]  # the library's name
        """Raise CommitFailedException when one has changed, came or went."""
        if base_metadata is None or self.refs != _refs(base_metadata):
            raise CommitFailedException("Requirement failed: a branch or a kept snapshot has changed")


def require_same_refs(changes: Transaction) -> None:
    """Let the commit fail also when another process kept a snapshot in between, which nothing else would notice."""
    required = _SameRefs(refs=_refs(changes.table_metadata))
    changes._stage((), (required,))  # type: ignore[arg-type]  # noqa: SLF001 - there is no other way to require something


def _refs(metadata: TableMetadata) -> dict[str, int]:
    return {name: ref.snapshot_id for name, ref in metadata.refs.items()}


def catalog_of(table: Table) -> SqlCatalog:
    """Return the catalog of a table; all of ours are in an SQL database."""
    catalog = table.catalog
    if not isinstance(catalog, SqlCatalog):
        raise Fatal(f"{'.'.join(table.name())} is in another kind of catalog.", todo="Open it with `open_warehouse`.")
    return catalog


def refreshed(table: Table) -> Table:
    """Return the table, brought to how it is now.

    Raises:
        Retryable, NotAllowed, Fatal: the catalog is away, closed to this participant, or damaged.
    """
    with errors_named(catalog_of(table).engine):
        return table.refresh()


def overtaken(table: Table) -> Retryable:
    """Return the error of a commit that another process was ahead of."""
    return Retryable(
        f"Table {'.'.join(table.name())} was changed by another process in between.",
        "Nothing of this commit was stored.",
        "Run the command again.",
    )


def _took_place(table: Table, made: set[int], error: Exception) -> bool:
    """Ask the table whether it has the snapshots that only this commit could make; their files are left where they are.

    Raises:
        Retryable: the catalog did not answer in time.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            refreshed(table)
            return bool(made) and made <= {snapshot.snapshot_id for snapshot in table.metadata.snapshots}
        except Retryable:
            if time.monotonic() > deadline:
                raise Retryable(
                    f"Whether the last commit to table {'.'.join(table.name())} took place is not known.",
                    f"Its catalog did not answer any more ({type(error).__name__}), nor for {PATIENCE_SECONDS:.0f} "
                    "seconds after that.",
                    "Run the command again when the catalog answers: it goes on from what is there, nothing is stored "
                    "twice.",
                ) from error
        time.sleep(_POLL)


def _explained(table: Table, error: Exception) -> SpiegelnetError:
    if isinstance(error, DBAPIError):
        found = reason(catalog_of(table).engine, error)
        if not isinstance(found, Retryable):
            return found
        return Retryable(found.what, f"{found.why} Nothing of this commit was stored.", found.todo)
    return overtaken(table)
