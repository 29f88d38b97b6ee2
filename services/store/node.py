"""A participant's private store, opened: its tables, its log of parcels and what it knows to judge events by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table

from services.home import ParticipantHome
from services.store.intake import Position, open_intake, position
from services.store.ledger import Ledger, brought_up
from services.store.parcels import ParcelLog
from services.store.warehouse import Database, open_warehouse
from services.stories.text import StoryKey


@dataclass
class NodeStore:
    """The private store of one participant.

    Attributes:
        participant: its id.
        root: its folder; the warehouse is `root/private`.
        key: 32 bytes under which quarantined and held events are sealed.
        parcels: what became of each message.
        sender_kinds: kind of every participant by id, as rules may ask for it.
        database: holds the catalogs of its warehouses; None for files beside them.
    """

    participant: str
    root: Path
    key: bytes = field(repr=False)
    parcels: ParcelLog
    sender_kinds: Mapping[str, str]
    database: Database | None = None
    _ledger: Ledger | None = None

    @cached_property
    def catalog(self) -> SqlCatalog:
        """The private warehouse; opened at first use, so that a store may be handed to another process before."""
        return open_warehouse(self.root, "private", self.database)

    @cached_property
    def story_key(self) -> StoryKey:
        """The key for words that it receives; made at first use where a home of before has none."""
        return StoryKey.create(ParticipantHome(self.root).story_key)

    def published(self) -> SqlCatalog:
        """Open the published warehouse."""
        return open_warehouse(self.root, "published", self.database)

    def intake(self) -> tuple[Table, Ledger]:
        """Return the table `intake` as it is now, and its ledger up to the same commit."""
        table = open_intake(self.catalog)
        self._ledger = brought_up(self._ledger, table)
        return table, self._ledger

    def position(self) -> Position | None:
        """Return up to where this participant's topic was read and stored; None before the first message."""
        return position(open_intake(self.catalog))
