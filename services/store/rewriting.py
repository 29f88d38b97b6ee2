"""Files of a table written anew, each row in its place: joined to fewer, or without rows that may be kept no longer.

A file that takes the place of others has the sequence number of the last of them, not that of the commit that writes
it. Iceberg has a field for that: the data sequence number, beside the file's own. So what reads "all that came since"
finds nothing new in it, also when all snapshots before are forgotten.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pyiceberg.expressions import AlwaysTrue
from pyiceberg.manifest import DataFile as IcebergFile
from pyiceberg.manifest import ManifestEntry, ManifestEntryStatus, ManifestFile
from pyiceberg.table import Transaction
from pyiceberg.table.refs import MAIN_BRANCH
from pyiceberg.table.snapshots import Operation, Snapshot
from pyiceberg.table.update.snapshot import ManageSnapshots, _OverwriteFiles

from services.store.snapshots import STANDS_AT, STANDS_FOR, DataFile, summary

STANDS_SINCE = "spiegelnet.stands-since"
"""Property of a snapshot in the place of a kept one: when that one was made, in milliseconds since 1970."""
_OURS = "spiegelnet."
_TEMPORARY = "spiegelnet-rewritten"
_LOWER_BOUNDS, _UPPER_BOUNDS = 10, 11
"""Places of the smallest and largest values of columns in the library's description of a file."""


@dataclass(frozen=True)
class Replacement:
    """Some files of a table, and what comes in their place.

    Attributes:
        gone: files, in order; no other file's rows came in between.
        made: new files with the rows that stay; none when none stays.
    """

    gone: tuple[DataFile, ...]
    made: tuple[IcebergFile, ...]


def replace_files(
    changes: Transaction,
    replaced: Iterable[Replacement],
    properties: Mapping[str, str],
    *,
    branch: str = MAIN_BRANCH,
) -> None:
    """Stage a snapshot with some files replaced; files that its branch does not have are not looked for.

    Args:
        changes: of the table.
        replaced: all `gone` files are in the branch's newest snapshot.
        properties: of the new snapshot.
        branch: which the new snapshot continues.
    """
    table = changes._table  # noqa: SLF001 - a transaction has no other way to its files
    rewrite = _Rewrite(Operation.OVERWRITE, changes, table.io, branch=branch, snapshot_properties=dict(properties))
    rewrite.delete_by_predicate(AlwaysTrue())
    for item in replaced:
        for file in item.gone:
            rewrite.delete_data_file(file.stored)
        for made in item.made:
            rewrite.append_data_file(made)
            rewrite.sequences[made.file_path] = item.gone[-1].sequence
    rewrite.commit()


def replace_kept(changes: Transaction, name: str, snapshot: Snapshot, replaced: Iterable[Replacement]) -> None:
    """Stage a snapshot in the place of one that is kept under `name`; it is found by the id of the first one.

    Args:
        changes: of the table.
        name: under which the snapshot is kept.
        snapshot: the one that is kept now.
        replaced: all `gone` files are in it.
    """
    origin = {
        STANDS_FOR: str(snapshot.snapshot_id),
        STANDS_AT: str(snapshot.sequence_number),
        STANDS_SINCE: str(snapshot.timestamp_ms),
    }
    ManageSnapshots(changes).create_branch(snapshot.snapshot_id, _TEMPORARY).commit()
    replace_files(changes, replaced, origin | carried(snapshot), branch=_TEMPORARY)
    made = changes.table_metadata.refs[_TEMPORARY].snapshot_id
    ManageSnapshots(changes).remove_branch(_TEMPORARY).create_tag(made, name).commit()


def carried(snapshot: Snapshot | None) -> dict[str, str]:
    """Return our own properties of a snapshot, which one with the same rows keeps."""
    properties = summary(snapshot) if snapshot else {}
    return {key: value for key, value in properties.items() if key.startswith(_OURS)}


class _Rewrite(_OverwriteFiles):
    """As pyiceberg overwrites files, but with a data sequence number for each new file."""

    sequences: dict[str, int]

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.sequences = {}

    def _manifests(self) -> list[ManifestFile]:
        removed, kept = [_without_bounds(entry) for entry in self._deleted_entries()], self._existing_manifests()
        added = [
            ManifestEntry.from_args(
                status=ManifestEntryStatus.ADDED,
                snapshot_id=self.snapshot_id,
                sequence_number=self.sequences[file.file_path],
                data_file=file,
            )
            for file in self._added_data_files
        ]
        return [*self._written(added), *self._written(removed), *kept]

    def _written(self, entries: list[ManifestEntry]) -> list[ManifestFile]:
        """Write manifests, one for each way in which files are set apart by a column's value."""
        made = []
        for number in sorted({entry.data_file.spec_id for entry in entries}):
            with self.new_manifest_writer(self.spec(number)) as writer:
                for entry in entries:
                    if entry.data_file.spec_id == number:
                        writer.add_entry(entry)
            made.append(writer.to_manifest_file())
        return made


def _without_bounds(entry: ManifestEntry) -> ManifestEntry:
    """Return the entry of a file that goes without its columns' bounds: they are values that are to be gone too."""
    file = IcebergFile(*(entry.data_file[place] for place in range(len(entry.data_file))))
    file.spec_id = entry.data_file.spec_id
    file[_LOWER_BOUNDS] = file[_UPPER_BOUNDS] = None
    return ManifestEntry.from_args(
        status=entry.status,
        snapshot_id=entry.snapshot_id,
        sequence_number=entry.sequence_number,
        file_sequence_number=entry.file_sequence_number,
        data_file=file,
    )
