"""Upkeep of one participant's store: look whether it is whole, remove what is too old, join small files, free the disk.

Each step may be ended anywhere and run again, and beside a running intake: who commits first wins, the other tries
again. Nothing is removed while a file is damaged, so that what is left can be put together with a copy.
"""

import datetime as dt
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table
from pyiceberg.table.refs import MAIN_BRANCH

from services.errors import Retryable
from services.network import Network
from services.receiving.collecting import open_node
from services.retention import Removed, remove_expired
from services.sqlite import require_whole
from services.store.commits import refreshed
from services.store.compaction import LEAST_FILES, compact
from services.store.events import project
from services.store.intake import TABLE, types_of
from services.store.node import NodeStore
from services.store.snapshots import sequence_number
from services.store.sweeping import GRACE, require_files_whole, sweep, tables_of
from services.store.tables import forget

At = Callable[[str], None]
_TRIES = 3
_PAUSE = 0.5


@dataclass
class UpkeepReport:
    """What upkeep found and did at one participant.

    Attributes:
        participant: its id.
        checked: files that were compared with their checksums.
        removed: what was kept long enough.
        joined: small files joined, by table.
        forgotten: snapshots let go of.
        files: removed, since no table had named them for a day.
        freed: their bytes.
        waiting: files that no table names, not yet for a day.
    """

    participant: str
    checked: int = 0
    removed: Removed = field(default_factory=Removed)
    joined: Counter[str] = field(default_factory=Counter)
    forgotten: int = 0
    files: int = 0
    freed: int = 0
    waiting: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """What was done, in numbers."""
        return {
            "checked": self.checked,
            "events": self.removed.events.total(),
            "snapshots": self.removed.snapshots,
            "closes": len(self.removed.closes),
            "refused": self.removed.refused,
            "sent": self.removed.sent,
            "used": self.removed.used,
            "pseudonyms": self.removed.pseudonyms,
            "joined": self.joined.total(),
            "forgotten": self.forgotten,
            "files": self.files,
            "freed": self.freed,
            "waiting": self.waiting,
        }


def maintain(
    network: Network,
    participant: str,
    now: dt.datetime,
    at: At = lambda _: None,
    *,
    least: int = LEAST_FILES,
) -> UpkeepReport:
    """Do all upkeep of one participant.

    Args:
        network: the network.
        participant: whose store.
        now: UTC; what is too old is so at this moment.
        at: called with the name of each step before it, for tests that end the process there.
        least: small files of one table that are worth to be joined.

    Raises:
        Fatal: a file is damaged; it is named, and nothing was removed.
        Retryable: the catalog is away, or others commit all the time.
    """
    report = UpkeepReport(participant)
    node = open_node(network, participant)
    warehouses = [node.catalog]
    if (node.root / "published").exists():
        warehouses.append(node.published())
    at("check files")
    _check_files(network, participant)
    report.checked = sum(require_files_whole(tables_of(catalog)) for catalog in warehouses)
    _tried(lambda: _remove(network, participant, node, now, report, at))
    at("join files")
    _tried(lambda: project(node.catalog, network.registry, at, catch_up=True))
    for catalog in warehouses:
        for table in tables_of(catalog):
            _tried(lambda table=table: _join(table, least, report))  # type: ignore[misc]
            _tried(lambda table=table: _forget(table, now, report))  # type: ignore[misc]
        at("remove files")
        _sweep(catalog, now, report)
    return report


def _tried(step: Callable[[], None]) -> None:
    """Do a step again when another process was ahead of it."""
    for left in reversed(range(_TRIES)):
        try:
            return step()
        except Retryable:
            if not left:
                raise
        time.sleep(_PAUSE)
    return None


def _check_files(network: Network, participant: str) -> None:
    for path in sorted(network.home.participant(participant).root.glob("*.sqlite")):
        require_whole(path)


def _remove(
    network: Network, participant: str, node: NodeStore, now: dt.datetime, report: UpkeepReport, at: At
) -> None:
    found = remove_expired(network, participant, node, now.date(), at)
    report.removed.events = report.removed.events | found.events  # a second try counts what the first did not finish
    report.removed.closes = sorted({*report.removed.closes, *found.closes})
    for name in ("snapshots", "refused", "sent", "used", "pseudonyms"):
        setattr(report.removed, name, getattr(report.removed, name) + getattr(found, name))


def _join(table: Table, least: int, report: UpkeepReport) -> None:
    refreshed(table)
    name = ".".join(table.name())
    if name != TABLE:
        if joined := compact(table, least=least):
            report.joined[name] += joined
        return
    kept = [ref.snapshot_id for known, ref in table.metadata.refs.items() if known != MAIN_BRANCH]
    # what came after a close must be told from what came before it
    if joined := compact(table, [sequence_number(table, item) for item in kept], types_of, least=least):
        report.joined[name] += joined


def _forget(table: Table, now: dt.datetime, report: UpkeepReport) -> None:
    refreshed(table)
    held = {ref.snapshot_id for ref in table.metadata.refs.values()}
    before = (now - GRACE).timestamp() * 1000
    old = [
        item.snapshot_id
        for item in table.metadata.snapshots
        if item.snapshot_id not in held and item.timestamp_ms < before
    ]
    if old:
        forget(table, old)
        report.forgotten += len(old)


def _sweep(catalog: SqlCatalog, now: dt.datetime, report: UpkeepReport) -> None:
    swept = sweep(catalog, tables_of(catalog), now)
    report.files += swept.removed
    report.freed += swept.freed
    report.waiting += swept.waiting
