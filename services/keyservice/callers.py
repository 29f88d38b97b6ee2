"""Who may ask a key service: participants, known by a token of which the service keeps the hash only.

A participant has one secret and makes of it a token for each service. So what one service sees of a caller is of no use
at the other: who runs one of them cannot ask the other in a participant's name, and it takes both to make a pseudonym.
"""

import fcntl
import hmac
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from services.access import Access
from services.errors import Fatal
from services.home import Home

SERVICES = ("a", "b")
"""Names of the two key services; their ids are `ks-a` and `ks-b`."""

_TOKEN_LABEL = b"spiegelnet/key-service-token/v1"
_FORMAT = "spiegelnet/callers/v1"


def service_id(name: str) -> str:
    """Return the id of a key service, as it stands in messages."""
    return f"ks-{name}"


def token_for(access: Access, service: str) -> str:
    """Return the token that a participant shows to one key service (its id), 64 hex digits."""
    label = _TOKEN_LABEL + b"".join(
        bytes([len(part)]) + part for part in (access.participant.encode(), service.encode())
    )
    return hmac.digest(access.key_service.encode(), label, "sha256").hex()


def callers_file(home: Home, name: str) -> Path:
    """Return where the callers of a key service (`a` or `b`) are written down, for the service to read."""
    return home.servers / f"key-service-{name}" / "callers.json"


def add(home: Home, participants: Iterable[Access]) -> None:
    """Let participants ask both key services; running services know them at once. Again, it changes nothing."""
    known = list(participants)
    for name in SERVICES:
        with _changed(callers_file(home, name)) as callers:
            for access in known:
                callers[access.participant] = _hash(token_for(access, service_id(name)))


def remove(home: Home, participants: Iterable[str]) -> None:
    """Refuse participants (ids) at both key services from now on."""
    gone = set(participants)
    for name in SERVICES:
        with _changed(callers_file(home, name)) as callers:
            for participant in gone & set(callers):
                del callers[participant]


@dataclass
class Callers:
    """The callers of one key service, read anew whenever their file has changed."""

    path: Path
    _stamp: tuple[int, int, int] | None = None
    _by_hash: dict[str, str] = field(default_factory=dict)

    def of(self, token: str) -> str | None:
        """Return whose token it is, None when nobody's.

        The token is looked up by its hash, so how long it takes tells nothing of any token.

        Raises:
            Fatal: the file is damaged.
        """
        self._refresh()
        return self._by_hash.get(_hash(token))

    def _refresh(self) -> None:
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            self._stamp, self._by_hash = None, {}
            return
        stamp = stat.st_mtime_ns, stat.st_ino, stat.st_size
        if stamp != self._stamp:
            self._by_hash = {value: participant for participant, value in _read(self.path).items()}
            self._stamp = stamp


@contextmanager
def _changed(path: Path) -> Iterator[dict[str, str]]:
    """Yield the hashes by participant, and put what was made of them in the file's place; one process at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = _read(path) if path.exists() else {}
        after = dict(before)
        yield after
        if after == before and path.exists():
            return
        draft = path.with_suffix(".new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"format": _FORMAT, "callers": dict(sorted(after.items()))}, file, indent=1)
        draft.rename(path)


def _read(path: Path) -> dict[str, str]:
    try:
        content = json.loads(path.read_text("utf-8"))
        return {_FORMAT: dict(content["callers"])}[content["format"]]
    except (ValueError, KeyError, TypeError):
        raise Fatal(
            f"The callers of a key service, {path}, cannot be read.",
            "The file is not as it was written.",
            "Restore it from a copy, or remove it and let `spiegelnet up` write it anew.",
        ) from None


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
