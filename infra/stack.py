"""The servers of one network on this machine: which there are, started in their order, ended, and asked how they are.

A server runs here when the settings place it at localhost; one elsewhere is only looked for.
"""

import fcntl
import importlib
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from infra import artifacts
from infra.certificates import ensure_certificates
from infra.linux import available_mib
from infra.maven import Progress, quiet
from infra.process import Server, known, require_free, running, start, stop
from services.access import OperatorAccess
from services.config import Settings
from services.errors import Fatal, Retryable, SpiegelnetError
from services.home import Home
from services.places import Place, knock, places

NAMES = ("postgresql", "kafka", "key-services", "trino", "airflow")
"""What `up` can start and leave out; the two key services are one."""
AFTER = {"trino": ("postgresql",)}
"""Which servers are to answer before another is started; the rest begin together."""
SECTIONS = {"postgresql": "catalog", "kafka": "broker", "trino": "sql"}
"""In which section of the settings each server is to which participants are made known."""

Say = Callable[[str], None]


def servers(home: Home, settings: Settings, names: Collection[str] = NAMES) -> dict[str, list[Server]]:
    """Describe the servers that run on this machine, by name.

    Raises:
        Fatal: their packages are not installed, or the settings do not fit together.
    """
    wanted = {group for place in places(settings) if place.here and (group := _group(place)) in names}
    return {name: _describe(name, home, settings) for name in NAMES if name in wanted}


def _group(place: Place) -> str:
    """Return which of `NAMES` a server goes by."""
    return "key-services" if place.name.startswith("key-service-") else place.name


def _describe(name: str, home: Home, settings: Settings) -> list[Server]:
    # imported here: a command that needs one server does not wait for the imports of all
    module = importlib.import_module(f"infra.{name.replace('-', '_')}")
    return list(module.servers(home, settings)) if name == "key-services" else [module.server(home, settings)]


def up(
    home: Home,
    settings: Settings,
    *,
    names: Collection[str] = NAMES,
    say: Say = lambda _: None,
    progress: Progress = quiet,
    memory_mib: int | None = None,
) -> list[Server]:
    """Start the servers of this machine that do not run yet, and wait until all answer.

    Args:
        home: of the network.
        settings: where the servers are.
        names: which of `NAMES`.
        say: told what happens.
        progress: told of downloads.
        memory_mib: how much memory there is; None to ask the machine.

    Returns:
        Those that were started now.

    Raises:
        Fatal: a port is taken, memory is too little, a download failed, or a server did not start.
        Retryable: another command starts or ends them, or a server elsewhere does not answer.
    """
    with alone(home):
        found = servers(home, settings, names)
        missing = [server for group in found.values() for server in group if running(server) is None]
        _require_memory(missing, available_mib() if memory_mib is None else memory_mib)
        for server in missing:
            stop(server)  # what it left behind when it was killed
            require_free(server)
        _fetch(found, progress)
        OperatorAccess.load_or_create(home.operator)
        ensure_certificates(home)
        started = _start(found, say)
        for place in places(settings):
            if _group(place) in names and not place.here:
                require_answer(place)
        return started


def make_known(home: Home, settings: Settings, names: Collection[str] = NAMES, say: Say = lambda _: None) -> None:
    """Make everybody of the directory known at the servers; what was left out of the start is left out here.

    Raises:
        SpiegelnetError: as `services.node.add_participants`.
    """
    from services.network import Network  # noqa: PLC0415 - slow imports, after the servers have begun to start
    from services.node import add_everybody  # noqa: PLC0415

    absent = {
        section: getattr(settings, section).model_copy(update={"server": None})
        for name, section in SECTIONS.items()
        if name not in names
    }
    began = time.monotonic()
    report = add_everybody(Network(home, settings.model_copy(update=absent)))
    say(f"{len(report.participants)} participants are known at the servers after {time.monotonic() - began:.1f} s.")
    if report.unread:
        say(
            f"Trino does not read what {', '.join(report.unread)} publishes: the keys are on another machine, and "
            f"spiegelnet.toml has no section [sql.nodes.{report.unread[0]}]."
        )


def down(home: Home, say: Say = lambda _: None) -> list[Server]:
    """End all servers that were started in this home, those first that need others; return which were there.

    Raises:
        Fatal: a process does not end.
        Retryable: another command starts or ends them.
    """
    with alone(home):
        needed = {name for group in AFTER.values() for name in group}
        found = known(home.servers)
        ended: list[Server] = []
        for last in (False, True):
            group = [server for server in found if (server.name in needed) is last]
            with ThreadPoolExecutor(max(len(group), 1)) as pool:
                ran = list(pool.map(stop, group))
            ended += [server for server, was_there in zip(group, ran, strict=True) if was_there]
        for server in ended:
            say(f"{server.name} has ended.")
        return ended


def require_answer(place: Place) -> None:
    """Raise when nobody listens at the address of a server elsewhere.

    Raises:
        Retryable: nobody does.
    """
    try:
        knock(place)
    except OSError:
        raise Retryable(
            f"{place.name} at {place.address} does not answer.",
            "It is not on this machine, so it is not started from here.",
            "Ask those who run it, or mend the address in spiegelnet.toml.",
        ) from None


def _fetch(found: Collection[str], progress: Progress) -> None:
    """Have the software of those servers that are no Python packages, before any is started."""
    if "kafka" in found:
        artifacts.kafka_classpath(progress)
    if "trino" in found:
        artifacts.trino_home(progress)


def _start(found: dict[str, list[Server]], say: Say) -> list[Server]:
    """Start every server as soon as those that it needs answer; tell of each when it does."""
    futures: dict[str, list[Future[bool]]] = {}

    def begin(name: str, server: Server) -> bool:
        for needed in AFTER.get(name, ()):
            for future in futures.get(needed, []):
                future.result()
        began = time.monotonic()
        now = start(server)
        took = f" after {time.monotonic() - began:.1f} s" if now else ", as before"
        say(f"{server.name} answers at port {server.port}{took}.")
        return now

    flat = [(name, server) for name, group in found.items() for server in group]
    with ThreadPoolExecutor(max(len(flat), 1)) as pool:
        for name, server in flat:  # those that others need come first in NAMES
            futures.setdefault(name, []).append(pool.submit(begin, name, server))
    all_futures = [future for name in found for future in futures[name]]
    errors = [error for future in all_futures if (error := future.exception())]
    if errors:
        raise next((error for error in errors if isinstance(error, SpiegelnetError)), errors[0])
    return [server for (_, server), future in zip(flat, all_futures, strict=True) if future.result()]


def _require_memory(missing: Sequence[Server], free_mib: int) -> None:
    needed = sum(server.memory_mib for server in missing)
    if needed > free_mib:
        parts = ", ".join(f"{server.name} {server.memory_mib}" for server in missing)
        raise Fatal(
            f"There is too little memory: the servers need {needed} MiB, {free_mib} MiB are free.",
            f"In MiB: {parts}.",
            "End other programs, leave a server out with --without, or name one elsewhere in spiegelnet.toml.",
        )


@contextmanager
def alone(home: Home) -> Iterator[None]:
    """Let one command at a time start and end servers of a home; the kernel ends the claim of one that dies."""
    home.servers.mkdir(parents=True, exist_ok=True)
    with (home.servers / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Retryable(
                f"The servers of {home.root} are being started or ended.",
                "Another `spiegelnet up` or `spiegelnet down` is at work.",
                "Wait until it is done, and run the command again.",
            ) from None
        yield
