"""Analysts: users of Trino who are no participants, let in and out by the operator."""

import os
import secrets
from pathlib import Path

from services.access import PASSWORD_BYTES
from services.errors import Fatal, NotAllowed, Rejected
from services.federation.access import ANALYST, OPERATOR, PARTICIPANT
from services.federation.trino_files import TrinoFiles
from services.federation.users import ROUNDS_CHOSEN, ROUNDS_GENERATED, UserFiles, check_analyst
from services.network import Network


def add_analyst(network: Network, name: str, password: str | None, file: Path | None = None) -> bool:
    """Let an analyst in; one that is there gets this password.

    Args:
        network: the network; its operator's files are on this machine.
        name: of the user.
        password: that a person chose; None to make one.
        file: new file for the password that is made.

    Returns:
        Whether a password was made.

    Raises:
        Rejected: the name cannot be an analyst's, or the password is too short.
        Fatal: the file is there already.
        NotAllowed: the network has no Trino, or it is not kept on this machine.
    """
    files = _files(network)
    made = password is None
    chosen = secrets.token_urlsafe(PASSWORD_BYTES) if password is None else password
    check_analyst(name, chosen)
    if made:
        _write_new(file or Path(f"{name}.password"), chosen)
    files.add_many(ANALYST, {name: chosen}, rounds=ROUNDS_GENERATED if made else ROUNDS_CHOSEN)
    return made


def remove_analyst(network: Network, name: str) -> None:
    """Let an analyst in no longer.

    Raises:
        Rejected: there is no such analyst.
        NotAllowed: as `add_analyst`.
    """
    files = _files(network)
    if files.role_of(name) != ANALYST:
        raise Rejected(
            f"There is no analyst {name}.",
            "Participants are withdrawn with `spiegelnet node remove`.",
            "`spiegelnet user list` tells who there is.",
        )
    files.remove(name)


def users(network: Network) -> list[tuple[str, str]]:
    """Return everybody who may log in, with the role, by name.

    Raises:
        NotAllowed: as `add_analyst`.
    """
    files = _files(network)
    return sorted((user, role) for role in (ANALYST, PARTICIPANT, OPERATOR) for user in files.users(role))


def _files(network: Network) -> UserFiles:
    files = TrinoFiles.of(network.home).users
    if network.settings.sql.server is None or not files.passwords.exists():
        raise NotAllowed(
            "The users of Trino are not kept on this machine.",
            "The network has no Trino, or others run it, or it was never started.",
            "`spiegelnet up` starts it; where others run it, ask them.",
        )
    return files


def _write_new(path: Path, password: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Fatal(f"{path} is there already.", "A password is not written over a file.", "Name a new file.") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(password + "\n")
