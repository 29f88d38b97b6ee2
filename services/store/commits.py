"""One commit to a table: it happens wholly or not at all, and where the answer was lost, the table is asked."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException, CommitStateUnknownException
from pyiceberg.table import Table, Transaction
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.update import TableUpdate, ValidatableTableRequirement
from sqlalchemy.exc import DBAPIError

from services.errors import Fatal, Retryable, SpiegelnetError
from services.store.connections import errors_named, reason

PATIENCE_SECONDS = 15.0
"""How long the table is asked again after a commit of unknown outcome, while its catalog does not answer."""
_POLL = 0.25


class Staging(Transaction):
    """A transaction that works out what it makes of the table once for each thing staged, not each time it is asked."""

    def __init__(self, table: Table) -> None:
        """Begin with the table as it was loaded."""
        super().__init__(table)
        self._made: tuple[tuple[TableUpdate, ...], TableMetadata] = (), table.metadata

    @property
    def table_metadata(self) -> TableMetadata:
        """What the table is to be."""
        if self._made[0] != self._updates:
            self._made = self._updates, super().table_metadata
        return self._made[1]


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
    changes = Staging(table)
    with errors_named(catalog_of(table).engine):
        yield changes
    at("commit")
    staged = _Staged(table.metadata_location, table.metadata, changes.table_metadata)
    try:
        changes.commit_transaction()
    except CommitFailedException as error:
        raise overtaken(table) from error
    except ValueError as error:  # a snapshot that it names was let go of in between
        if refreshed(table).metadata_location == staged.location:
            raise  # nobody was ahead: what was staged cannot be, however often it is tried
        raise overtaken(table) from error
    except (CommitStateUnknownException, DBAPIError) as error:
        if not _took_place(table, staged, error):
            raise _explained(table, error) from error


@dataclass(frozen=True)
class _Staged:
    """What a commit is to make of a table.

    Attributes:
        location: of the description that it rests on.
        before: that description.
        after: the description as it is to be.
    """

    location: str
    before: TableMetadata
    after: TableMetadata

    def found_in(self, table: Table) -> bool | None:
        """Say whether the commit took place, by the table as it is now; None when that cannot be told.

        Snapshots that only it could make tell it. Without any (columns, properties, kept and forgotten snapshots) the
        table is as it was, or as it was to be; when it is neither, others committed since, before or after this one.
        """
        if table.metadata_location == self.location:
            return False
        if made := _snapshots(self.after) - _snapshots(self.before):
            return made <= _snapshots(table.metadata)
        return True if _shape(table.metadata) == _shape(self.after) else None


def _snapshots(metadata: TableMetadata) -> set[int]:
    return {snapshot.snapshot_id for snapshot in metadata.snapshots}


def _shape(metadata: TableMetadata) -> tuple[object, ...]:
    return metadata.schema().as_struct(), metadata.properties, metadata.refs, _snapshots(metadata)


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
        Retryable, NotAllowed, Fatal: the catalog is away, closed to this participant, or damaged, or the table's
            description is.
    """
    catalog = catalog_of(table)
    try:
        with errors_named(catalog.engine):
            return table.refresh()
    except ValueError as error:  # a description of an earlier version, which has no checksum
        raise unreadable(catalog, ".".join(table.name()), error) from None


def unreadable(catalog: SqlCatalog, identifier: str, error: Exception) -> Fatal:
    """Return the error of a table whose description is not one."""
    return Fatal(
        f"The description of table {identifier} in {catalog.properties['warehouse']} cannot be read.",
        f"It is not as it was written ({type(error).__name__}).",
        "Check the disk, and put the warehouse's folder back from a copy.",
    )


def overtaken(table: Table) -> Retryable:
    """Return the error of a commit that another process was ahead of."""
    return Retryable(
        f"Table {'.'.join(table.name())} was changed by another process in between.",
        "Nothing of this commit was stored.",
        "Run the command again.",
    )


def _took_place(table: Table, staged: _Staged, error: Exception) -> bool:
    """Ask the table whether it has what the commit was to make; files are left where they are.

    Raises:
        Retryable: the catalog did not answer in time, or others have committed since and nothing tells it.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            found = staged.found_in(refreshed(table))
        except Retryable:
            if time.monotonic() > deadline:
                nor = f"nor for {PATIENCE_SECONDS:.0f} seconds after that"
                raise _not_known(
                    table, f"Its catalog did not answer any more ({type(error).__name__}), {nor}."
                ) from error
        else:
            if found is None:
                raise _not_known(
                    table, "Its answer was lost, and other processes have changed the table since."
                ) from error
            return found
        time.sleep(_POLL)


def _not_known(table: Table, why: str) -> Retryable:
    return Retryable(
        f"Whether the last commit to table {'.'.join(table.name())} took place is not known.",
        why,
        "Run the command again when the catalog answers: it goes on from what is there, nothing is stored twice.",
    )


def _explained(table: Table, error: Exception) -> SpiegelnetError:
    if isinstance(error, DBAPIError):
        found = reason(catalog_of(table).engine, error)
        if not isinstance(found, Retryable):
            return found
        return Retryable(found.what, f"{found.why} Nothing of this commit was stored.", found.todo)
    return overtaken(table)
