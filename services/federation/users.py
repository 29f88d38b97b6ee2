"""The users of Trino: a file of passwords, of which only hashes are kept, and a file of groups, which are the roles.

Trino looks at both files each second.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path

from services.errors import Fatal, Rejected

ROUNDS_GENERATED = 8
"""The least that Trino takes: nobody guesses 24 random bytes, and each check costs each client 15 ms."""
ROUNDS_CHOSEN = 12
LEAST_LENGTH = 12
"""Characters of a password that a person chose."""
MOST_LENGTH = 72
"""Bytes that bcrypt looks at."""

# An id of the directory has no dot, so that no analyst is in the way of who takes part later
_NAME = re.compile(r"(?=[^.]+\.)[a-z][a-z0-9._-]{1,62}[a-z0-9]")


@dataclass(frozen=True)
class UserFiles:
    """The two files, in a folder that the operator alone may read."""

    folder: Path

    @property
    def passwords(self) -> Path:
        """Lines of `user:hash`."""
        return self.folder / "passwords"

    @property
    def groups(self) -> Path:
        """Lines of `role:user,user`."""
        return self.folder / "groups"

    def role_of(self, user: str) -> str | None:
        """Return a user's role; None when there is no such user."""
        return next((role for role, users in self._read_groups().items() if user in users), None)

    def users(self, role: str) -> list[str]:
        """Return the users of a role, by name."""
        return sorted(self._read_groups().get(role, set()))

    def add_many(self, role: str, passwords: Mapping[str, str], *, rounds: int = ROUNDS_GENERATED) -> list[str]:
        """Let users in with these passwords; those that are in with the same ones are left alone.

        Returns:
            Users that were not there before, or had another password.

        Raises:
            Rejected: a user is there with another role.
        """
        with self._locked():
            hashes, groups = self._read_passwords(), self._read_groups()
            for user in passwords:
                other = next((name for name, users in groups.items() if user in users and name != role), None)
                if other:
                    raise Rejected(
                        f"There is a user {user} already.", f"Its role is {other}.", "Take it out, or use another name."
                    )
            new = _hashed(passwords, hashes, rounds)
            groups[role] = groups.get(role, set()) | set(passwords)
            self._write(hashes | new, groups)
        return sorted(new)

    def remove(self, user: str) -> bool:
        """Let a user in no longer; return whether it was in."""
        with self._locked():
            hashes, groups = self._read_passwords(), self._read_groups()
            found = hashes.pop(user, None) is not None
            self._write(hashes, {role: users - {user} for role, users in groups.items()})
        return found

    def _read_passwords(self) -> dict[str, str]:
        return dict(line.split(":", 1) for line in _lines(self.passwords))

    def _read_groups(self) -> dict[str, set[str]]:
        parts = (line.split(":", 1) for line in _lines(self.groups))
        return {role: {user for user in users.split(",") if user} for role, users in parts}

    def _write(self, hashes: Mapping[str, str], groups: Mapping[str, Iterable[str]]) -> None:
        # roles first: who leaves has none left while the password still counts
        roles = {role: sorted(users) for role, users in sorted(groups.items()) if set(users)}
        write_text(self.groups, "".join(f"{role}:{','.join(users)}\n" for role, users in roles.items()))
        write_text(self.passwords, "".join(f"{user}:{text}\n" for user, text in sorted(hashes.items())))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one process at a time read and write: two commands at once would lose a user."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / "lock").open("a") as lock:
            flock(lock, LOCK_EX)
            yield


def check_analyst(name: str, password: str) -> None:
    """Check a new analyst's name and a password that a person chose.

    Raises:
        Rejected: the name cannot be one, or the password is too short or too long.
    """
    if not _NAME.fullmatch(name):
        raise Rejected(
            f"{name!r} cannot be a user's name.",
            "Names are 3 to 64 small letters, digits, dots, - and _, begin with a letter, and have a dot, as no "
            "participant's id has.",
            "Choose another, such as j.jansen.",
        )
    if len(password) < LEAST_LENGTH or len(password.encode()) > MOST_LENGTH:
        raise Rejected(
            "The password is too short or too long.",
            f"It needs {LEAST_LENGTH} characters and may be {MOST_LENGTH} bytes.",
            "Give another, or let one be made with --password-file.",
        )


def write_text(path: Path, text: str) -> bool:
    """Write a file of the operator's, whole or not at all; return whether it is another one now."""
    if path.exists() and path.read_text("utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.rename(path)
    return True


def _hashed(passwords: Mapping[str, str], known: Mapping[str, str], rounds: int) -> dict[str, str]:
    """Hash the passwords that are not known yet; bcrypt lets other threads run meanwhile."""
    try:
        import bcrypt  # noqa: PLC0415 - a package of the servers
    except ImportError:
        raise Fatal(
            "The package bcrypt is not installed.",
            "It belongs to the servers, which not everybody runs.",
            "Install the servers' packages: `pip install 'spiegelnet[servers]'`.",
        ) from None

    def new_hash(user: str) -> str | None:
        password = passwords[user].encode()
        if user in known and bcrypt.checkpw(password, known[user].replace("$2y$", "$2b$", 1).encode()):
            return None
        # Trino reads the mark 2y only, of the same kind of hash
        return bcrypt.hashpw(password, bcrypt.gensalt(rounds)).decode().replace("$2b$", "$2y$", 1)

    with ThreadPoolExecutor() as pool:
        found = dict(zip(passwords, pool.map(new_hash, passwords), strict=True))
    return {user: text for user, text in found.items() if text is not None}


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines() if path.exists() else []
