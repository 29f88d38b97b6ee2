"""The files by which a running Trino is told who may do what; it looks at them each second."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from services.access import OperatorAccess
from services.federation.access import OPERATOR, as_file, resource_groups, rules
from services.federation.users import UserFiles, write_text
from services.home import Home


@dataclass(frozen=True)
class TrinoFiles:
    """Trino's folder on the operator's machine.

    Attributes:
        folder: `servers/trino`.
    """

    folder: Path

    @staticmethod
    def of(home: Home) -> "TrinoFiles":
        """Return the files of a home."""
        return TrinoFiles(home.servers.absolute() / "trino")

    @property
    def catalogs(self) -> Path:
        """Where Trino keeps the catalogs that were made while it ran."""
        return self.folder / "catalogs"

    @property
    def users(self) -> UserFiles:
        """Passwords and groups."""
        return UserFiles(self.folder / "access")

    @property
    def rules(self) -> Path:
        """Who may do what."""
        return self.folder / "access" / "rules.json"

    @property
    def resource_groups(self) -> Path:
        """How many queries at once; read at the start only."""
        return self.folder / "access" / "resource-groups.json"

    def set_nodes(self, nodes: Collection[str]) -> bool:
        """Write the rules for these nodes; return whether they are others than before."""
        return write_text(self.rules, as_file(rules(sorted(nodes))))


def prepare_access(files: TrinoFiles, access: OperatorAccess) -> None:
    """Write what Trino needs at its start; rules and users that are there stay, but for the operator's password."""
    files.catalogs.mkdir(parents=True, exist_ok=True, mode=0o700)
    files.users.add_many(OPERATOR, {OPERATOR: access.sql})
    write_text(files.resource_groups, as_file(resource_groups()))
    if not files.rules.exists():
        files.set_nodes([])
