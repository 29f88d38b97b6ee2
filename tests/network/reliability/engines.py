"""The engines under a site: those of one machine, or Kafka and PostgreSQL, with a proxy before each."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from services.config import CONFIG_FILE
from services.setup import Member, create_network

Rows = list[tuple[object, ...]]
Catalogs = dict[str, dict[str, Rows]]
"""Rows of the tables of catalogs, by database and table."""


class Engines(Protocol):
    """What a site needs of its engines."""

    @property
    def versions(self) -> str:
        """Names and versions, for the table of results."""

    def configure(self, root: Path) -> None:
        """Write the configuration of a home on these engines."""

    def join(self, root: Path, members: Sequence[Member]) -> None:
        """Add participants to a home's directory, and make them known to the servers."""

    def keep_catalogs(self, root: Path, participant: str) -> Catalogs:
        """Return what a participant's catalogs hold, where they are not in its folder."""

    def restore_catalogs(self, root: Path, participant: str, kept: Catalogs) -> None:
        """Put back what `keep_catalogs` returned."""


MACHINE = "[machine]\nworkers = 1\n[gate]\nrows = 1000\n"


class Embedded:
    """The engines of one machine: files."""

    versions = "SQLite"

    @contextmanager
    def started(self, root: Path) -> Iterator["Embedded"]:
        """Prepare a home in `root`."""
        self.configure(root)
        yield self

    def configure(self, root: Path) -> None:
        """Write the configuration."""
        root.mkdir(parents=True, exist_ok=True)
        (root / CONFIG_FILE).write_text(MACHINE, "utf-8")

    def join(self, root: Path, members: Sequence[Member]) -> None:
        """Add participants to a home's directory."""
        create_network(root, members)

    def keep_catalogs(self, root: Path, participant: str) -> Catalogs:
        """Nothing: they are in the participant's folder."""
        del root, participant
        return {}

    def restore_catalogs(self, root: Path, participant: str, kept: Catalogs) -> None:
        """Nothing: they are in the participant's folder."""
        del root, participant, kept
