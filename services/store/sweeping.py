"""Files that no table names any more, removed when nobody can be reading them; and files that are named, looked at.

Letting go of a snapshot leaves its files where they are, and a command that was killed leaves files that never became
part of a table. A file is removed when no table named it a day ago and none does now: who began to read before has
ended, and who was writing then has committed. What is waiting to be removed stands in `unreferenced.json`.
"""

import datetime as dt
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.manifest import ManifestFile
from pyiceberg.table import Table

from services.errors import Fatal, SpiegelnetError
from services.store.connections import errors_named
from services.store.local_files import NAME, ROOT, path_of
from services.store.sums import described, is_sum, require_whole
from services.store.tables import load_table

GRACE = dt.timedelta(days=1)
_WAITING = "unreferenced.json"
_MOST_NAMED = 5


@dataclass(frozen=True)
class Swept:
    """What was removed, and what waits.

    Attributes:
        removed: files.
        freed: their bytes.
        waiting: files that no table names, not yet for a day.
    """

    removed: int
    freed: int
    waiting: int


def tables_of(catalog: SqlCatalog) -> list[Table]:
    """Open all tables of a warehouse.

    Raises:
        Retryable, Fatal: see `load_table`.
    """
    with errors_named(catalog.engine):
        names = [name for space in catalog.list_namespaces() for name in catalog.list_tables(space)]
    found = (load_table(catalog, ".".join(name)) for name in sorted(names))
    return [table for table in found if table is not None]


def require_files_whole(tables: Collection[Table]) -> int:
    """Compare every file that the tables name with its checksum.

    Returns:
        How many files there are.

    Raises:
        Fatal: some are damaged or missing; they are named.
    """
    named = {path for table in tables for path in _needed(table)}
    broken = [reason for path in sorted(named) if (reason := _damage(path))]
    if len(broken) > 1:
        rest = f" and {len(broken) - _MOST_NAMED} more" if len(broken) > _MOST_NAMED else ""
        raise Fatal(
            f"{len(broken)} files are damaged: {' '.join(item.what for item in broken[:_MOST_NAMED])}{rest}",
            "Their bytes are not those that were written, or they are gone.",
            broken[0].todo,
        )
    if broken:
        raise broken[0]
    return len(named)


def sweep(catalog: SqlCatalog, tables: Collection[Table], now: dt.datetime) -> Swept:
    """Remove the files of these tables that none of their snapshots has named for a day.

    Args:
        catalog: of the warehouse.
        tables: all of it, as they are now.
        now: UTC.

    Raises:
        Fatal: a file that describes a table is damaged; nothing was removed.
    """
    folder = Path(catalog.properties[ROOT]) / catalog.properties[NAME]
    named = {path for table in tables for path in (*_needed(table), *_former(table))}
    idle = {path for table in tables for path in present_files(table) if _owner(path) not in named}
    since = _waiting_since(folder)
    due = {path for path in idle if now - since.get(path, now) >= GRACE}
    freed = 0
    for path in due:
        with suppress(FileNotFoundError):  # a commit removes old descriptions itself
            freed += path.stat().st_size
            path.unlink()
    _write(folder, {path: since.get(path, now) for path in idle - due})
    return Swept(len(due), freed, len(idle - due))


def _former(table: Table) -> Iterator[Path]:
    """Yield the descriptions of the table before this one; commits remove the oldest."""
    for entry in table.metadata.metadata_log:
        yield path_of(entry.metadata_file, table.catalog.properties)


def _needed(table: Table) -> Iterator[Path]:
    """Yield every file that the table's description and its snapshots name, and the description itself.

    Raises:
        Fatal: a file that lists others is damaged.
    """
    properties = table.catalog.properties
    yield path_of(table.metadata_location, properties)
    manifests: dict[str, ManifestFile] = {}
    for snapshot in table.metadata.snapshots:
        yield path_of(snapshot.manifest_list, properties)
        manifests |= {manifest.manifest_path: manifest for manifest in snapshot.manifests(table.io)}
    for location, manifest in manifests.items():
        yield path_of(location, properties)
        for item in manifest.fetch_manifest_entry(table.io):
            yield path_of(item.data_file.file_path, properties)


def _damage(path: Path) -> SpiegelnetError | None:
    try:
        require_whole(path)
    except Fatal as reason:
        return reason
    return None


def unnamed_files(table: Table, present: Iterable[Path]) -> list[Path]:
    """Return those of a table's files that neither its description nor any of its snapshots names."""
    named = {*_needed(table), *_former(table)}
    return [path for path in present if _owner(path) not in named]


def present_files(table: Table) -> Iterator[Path]:
    """Yield all files in a table's folder."""
    home = path_of(table.location(), table.catalog.properties)
    for part in ("data", "metadata"):
        yield from (path for path in (home / part).rglob("*") if path.is_file())


def _owner(path: Path) -> Path:
    return described(path) if is_sum(path) else path


def _waiting_since(folder: Path) -> Mapping[Path, dt.datetime]:
    try:
        waiting = json.loads((folder / _WAITING).read_text("utf-8"))
        return {folder / name: dt.datetime.fromisoformat(since) for name, since in waiting.items()}
    except (FileNotFoundError, ValueError, AttributeError, TypeError):  # lost: they wait for a day again
        return {}


def _write(folder: Path, waiting: Mapping[Path, dt.datetime]) -> None:
    draft = folder / f"{_WAITING}.new"
    names = {str(path.relative_to(folder)): since.isoformat() for path, since in sorted(waiting.items())}
    draft.write_text(json.dumps(names, indent=0), "utf-8")
    draft.rename(folder / _WAITING)
