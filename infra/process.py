"""A server as a process of its own: started in its own session, known by its pid file, ended with all its children.

A pid file holds the pid, the moment at which the kernel started that process, and which boot of the machine that was,
so that a pid that was given to somebody else since is never taken for ours.
"""

import contextlib
import os
import pwd
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.linux import boot, session_members, started_at, works_in
from infra.logs import keep_small
from services.errors import Fatal, SpiegelnetError

STOP_SECONDS = 30.0
_POLL = 0.1
_ENDED = "ended"
"""In place of when a process started that was gone before we looked; what it had started is still its own."""


class NotReadyError(Exception):
    """The server does not answer yet; its text says what is missing."""


@dataclass(frozen=True)
class Server:
    """How one server is prepared, started and asked whether it is well.

    Attributes:
        name: as in `servers/<name>` and in messages.
        folder: its configuration, data, log and pid file.
        port: on localhost, by which its clients reach it; checked to be free before the start.
        own_ports: further ones that it takes for itself; checked too.
        command: program and arguments.
        ready: returns when the server answers as its clients need it; raises `NotReadyError` until then.
        prepare: makes whatever the first start needs; may be run again.
        environment: variables beside those of this process.
        memory_mib: what it takes, to be told before there is too little.
        start_seconds: the longest that a start may take.
        user: name of the user to run as; None for the caller's.
        version: of the software, for `status`.
        stop_signal: on which its first process ends in an orderly way.
    """

    name: str
    folder: Path
    port: int
    command: Sequence[str]
    ready: Callable[[], None]
    own_ports: Sequence[int] = ()
    prepare: Callable[[], None] = lambda: None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    memory_mib: int = 256
    start_seconds: float = 180.0
    user: str | None = None
    version: str = ""
    stop_signal: signal.Signals = signal.SIGTERM

    @property
    def log(self) -> Path:
        """What the server prints."""
        return self.folder / f"{self.name}.log"

    @property
    def pid_file(self) -> Path:
        """Its pid, and when the kernel started it."""
        return self.folder / f"{self.name}.pid"


@dataclass(frozen=True)
class _Record:
    """What a pid file holds."""

    pid: int
    started: str
    boot_id: str
    stop_signal: signal.Signals

    @staticmethod
    def of(pid: int, stop_signal: signal.Signals) -> "_Record":
        return _Record(pid, started_at(pid) or _ENDED, boot(), stop_signal)

    @staticmethod
    def read(path: Path) -> "_Record | None":
        try:
            pid, started, boot_id, stop_signal = path.read_text("ascii").split()
            return _Record(int(pid), started, boot_id, signal.Signals[stop_signal])
        except (OSError, ValueError, KeyError):
            return None

    def write(self, path: Path) -> None:
        path.write_text(f"{self.pid} {self.started} {self.boot_id} {self.stop_signal.name}", "ascii")


def known(folder: Path) -> list[Server]:
    """Return the servers with a pid file in a folder of servers, as far as ending them needs it."""
    files = sorted(folder.glob("*/*.pid"))
    return [Server(file.stem, file.parent, 0, (), lambda: None) for file in files if file.stem == file.parent.name]


def running(server: Server) -> int | None:
    """Return the pid of the server's process, or None when it does not run."""
    record = _Record.read(server.pid_file)
    return record.pid if record and record.boot_id == boot() and started_at(record.pid) == record.started else None


def start(server: Server) -> bool:
    """Start the server and wait until it answers; one that runs and answers already is left alone.

    Returns:
        Whether it was started now.

    Raises:
        Fatal: its port is taken, it ended, or it did not answer in time; the log is named.
    """
    if running(server):
        _await_ready(server)
        return False
    stop(server)  # what it left behind when it was killed
    require_free(server)
    server.folder.mkdir(parents=True, exist_ok=True)
    keep_small(server.log)
    server.prepare()
    with server.log.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - our own commands, no shell
            list(server.command),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=server.folder,
            env={**os.environ, **server.environment},
            start_new_session=True,
            user=server.user,
            group=pwd.getpwnam(server.user).pw_gid if server.user else None,
            extra_groups=[] if server.user else None,
        )
    _Record.of(process.pid, server.stop_signal).write(server.pid_file)
    _await_ready(server, process)
    return True


def stop(server: Server) -> bool:
    """End the server and everything it started; return whether there was something to end.

    Raises:
        Fatal: a process of its session outlives SIGKILL.
    """
    leader = running(server)
    record = _Record.read(server.pid_file)
    if leader is not None and record is not None:
        _send(leader, record.stop_signal)
        _gone(lambda: running(server) is not None)
    found = leader is not None
    for number in (signal.SIGTERM, signal.SIGKILL):
        for member in _left(server):
            found = True
            _send(member, number)
        if _gone(lambda: bool(_left(server))):
            server.pid_file.unlink(missing_ok=True)
            return found
    raise Fatal(
        f"{server.name} does not end.",
        f"Process {_left(server)} of it is still there.",
        "Look at it with ps, and end it by hand.",
    )


def _left(server: Server) -> list[int]:
    """Return the processes of the server's session.

    A session whose first process was killed is still the server's own while that pid is nobody's, in the same boot, and
    its processes work in the server's folder; else they are somebody else's.
    """
    record = _Record.read(server.pid_file)
    if record is None or record.boot_id != boot():
        return []
    if running(server) is not None:
        return session_members(record.pid)
    if started_at(record.pid) is not None:
        return []
    return [pid for pid in session_members(record.pid) if works_in(pid, server.folder)]


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def require_free(server: Server) -> None:
    """Raise when somebody else listens on one of the server's ports.

    Raises:
        Fatal: a port is taken.
    """
    for port in (server.port, *server.own_ports):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise Fatal(
                    f"Port {port}, where {server.name} should answer, is taken.",
                    "Another program listens there, or a server of another home does.",
                    "End it (`spiegelnet down` in that home), or give another port in spiegelnet.toml.",
                ) from None


def _gone(there: Callable[[], bool]) -> bool:
    """Wait until something is there no more; return whether it is gone."""
    deadline = time.monotonic() + STOP_SECONDS
    while there():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True


def _await_ready(server: Server, process: subprocess.Popen[bytes] | None = None) -> None:
    deadline = time.monotonic() + server.start_seconds
    while True:
        try:
            server.ready()
        except NotReadyError as reason:
            missing = str(reason)
        except SpiegelnetError:
            raise
        else:
            return
        if process is not None and process.poll() is not None:
            stop(server)  # what it had started by then
            raise Fatal(f"{server.name} ended at its start.", "It says why in its log.", f"Read {server.log}.")
        if time.monotonic() > deadline:
            raise Fatal(
                f"{server.name} did not answer within {server.start_seconds:.0f} seconds: {missing}.",
                "It is slow, or hangs.",
                f"Read {server.log}; `spiegelnet down` ends it.",
            )
        time.sleep(_POLL)
