"""User names and passwords at the servers of the network: a participant's own, and those of the network's operator."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from services.errors import Fatal, NotAllowed

PASSWORD_BYTES = 24


@dataclass(frozen=True)
class Access:
    """What one participant shows to the servers; at each its user name is its participant id.

    Attributes:
        participant: its id.
        broker: password at Kafka (SCRAM).
        catalog: password at PostgreSQL, where the catalogs of its warehouses are.
        sql: password at Trino.
        key_service: of which the token for each key service is made, see `services.keyservice.callers`.
    """

    participant: str
    broker: str = field(repr=False)
    catalog: str = field(repr=False)
    sql: str = field(repr=False)
    key_service: str = field(repr=False)

    @staticmethod
    def generate(participant: str) -> "Access":
        """Make passwords of 24 random bytes each."""
        return Access(participant, *(secrets.token_urlsafe(PASSWORD_BYTES) for _ in range(4)))

    @staticmethod
    def load(path: Path) -> "Access":
        """Read `access.json` of a participant.

        Raises:
            NotAllowed: it is not on this machine.
            Fatal: it is damaged.
        """
        if not path.exists():
            raise NotAllowed(
                f"The passwords of {path.parent.name} are not on this machine.",
                f"There is no {path.name} in its folder.",
                "Run the command where they are, or ask the network's operator for them.",
            )
        try:
            return Access(**json.loads(path.read_text("utf-8")))
        except (ValueError, TypeError):
            raise Fatal(f"{path} cannot be read.", "It is not as it was written.", "Restore it from a copy.") from None

    def save(self, path: Path) -> None:
        """Write the file, readable by its owner only."""
        _write(path, asdict(self))


@dataclass(frozen=True)
class OperatorAccess:
    """What the operator of the servers shows to them; in `servers/operator.json`, on the operator's machine only.

    Attributes:
        broker: password of Kafka's user `admin`.
        catalog: password of PostgreSQL's superuser `postgres`.
        reader: password of PostgreSQL's role `trino`, which reads the catalogs of published warehouses and no others.
        writer: password of PostgreSQL's role `trino_writer`, which also writes the catalog of what the hub publishes,
            for views.
        sql: password of Trino's user `operator`.
        internal: what Trino's coordinator and workers share.
    """

    broker: str = field(repr=False)
    catalog: str = field(repr=False)
    reader: str = field(repr=False)
    writer: str = field(repr=False)
    sql: str = field(repr=False)
    internal: str = field(repr=False)

    @staticmethod
    def load(path: Path) -> "OperatorAccess":
        """Read the operator's passwords.

        Raises:
            NotAllowed: they are not on this machine.
            Fatal: the file is damaged.
        """
        if not path.exists():
            raise NotAllowed(
                "The passwords of the servers' operator are not on this machine.",
                f"There is no {path}.",
                "`spiegelnet up` makes it; where others run the servers, ask them.",
            )
        try:
            return OperatorAccess(**json.loads(path.read_text("utf-8")))
        except (ValueError, TypeError):
            raise Fatal(f"{path} cannot be read.", "It is not as it was written.", "Restore it from a copy.") from None

    @staticmethod
    def load_or_create(path: Path) -> "OperatorAccess":
        """Read the operator's passwords; make them when there are none yet."""
        if not path.exists():
            made = OperatorAccess(*(secrets.token_urlsafe(PASSWORD_BYTES) for _ in fields(OperatorAccess)))
            _write(path, asdict(made))
        return OperatorAccess.load(path)


def _write(path: Path, content: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
    draft.rename(path)
