"""The commands that start and stop the servers of the network on one machine."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from infra import schedule_commands
from infra.maven import Progress
from infra.options import ServersHomeOption
from services.cli.console import err, out, print_json, table
from services.cli.options import JsonOption
from services.cli.servers import told_by
from services.config import Settings
from services.errors import Fatal
from services.home import Home

if TYPE_CHECKING:  # slow imports that --help does not need
    from infra.states import ServerState

TOLD_BYTES = 10 << 20
"""Outside a terminal a line is printed for files of at least this size."""


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(epilog="Example: spiegelnet up --home /srv/spiegelnet --network participants.toml")(up)
    app.command(epilog="Example: spiegelnet down --home /srv/spiegelnet")(down)
    schedule_commands.register(app)
    told_by(_states)


def _states(home: Home, settings: Settings) -> "list[ServerState]":
    """How servers are, for `spiegelnet status` and `metrics`."""
    from infra.states import states  # noqa: PLC0415 - help is quick

    return states(home, settings)


def up(
    home: ServersHomeOption,
    network: Annotated[
        Path | None,
        typer.Option(help="TOML file with the participants; a new home without it gets the sample network."),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(help="A server to leave out: postgresql, kafka, key-services, trino or airflow."),
    ] = None,
    json: JsonOption = False,  # noqa: FBT002 - a flag
) -> None:
    """Start the servers of the network on this machine; makes the network when there is none. May be run again."""
    from infra import stack  # noqa: PLC0415 - help is quick
    from infra.states import states  # noqa: PLC0415

    began = time.monotonic()

    def say(text: str) -> None:
        if not json:
            out().print(f"[{time.monotonic() - began:5.1f} s] {text}", markup=False)

    names = _chosen(without or [])
    place, settings = _network(home, network)
    with _downloads(said=not json) as progress:
        started = stack.up(place, settings, names=names, say=say, progress=progress)
    stack.make_known(place, settings, names, say)
    found = states(place, settings)
    if json:
        print_json({"home": str(home), "started": [server.name for server in started], "servers": _plain(found)})
        return
    _show(place, found)


def down(home: ServersHomeOption, json: JsonOption = False) -> None:  # noqa: FBT002 - a flag
    """End all servers that `spiegelnet up` started in this home; what they hold stays."""
    from infra import stack  # noqa: PLC0415 - help is quick

    ended = stack.down(Home(home).require())
    if json:
        print_json({"home": str(home), "ended": [server.name for server in ended]})
        return
    names = ", ".join(server.name for server in ended)
    out().print(f"Ended: {names}." if ended else "No server ran here.", markup=False)


def _chosen(without: list[str]) -> list[str]:
    from infra.stack import NAMES  # noqa: PLC0415 - help is quick

    unknown = sorted(set(without) - set(NAMES))
    if unknown:
        raise Fatal(f"{unknown[0]} is not a server of the network.", todo=f"Name one of: {', '.join(NAMES)}.")
    return [name for name in NAMES if name not in without]


def _network(root: Path, members_file: Path | None) -> tuple[Home, Settings]:
    """Open the network in `root`; make it when there is none, and add members that a file names."""
    from services.config import load_settings  # noqa: PLC0415 - help is quick
    from services.setup import create_network, members_from, require_servers, sample_members  # noqa: PLC0415

    home = Home(root)
    require_servers(home)
    if members_file is not None or not home.directory.exists():
        create_network(root, members_from(members_file) if members_file else sample_members(), servers=True)
    return home, load_settings(root)


@contextmanager
def _downloads(*, said: bool) -> Iterator[Progress]:
    """Show a bar for each download on a terminal, else a line for each large one."""
    console = err()
    shown: dict[str, TaskID] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Bars(*columns, console=console, transient=True, disable=not (said and console.is_terminal)) as bars:

        def step(name: str, done: int, total: int) -> None:
            if name not in shown:
                shown[name] = bars.add_task(name, total=total)
                if said and not console.is_terminal and total >= TOLD_BYTES:
                    console.print(f"downloading {name}, {total >> 20} MiB", markup=False)
            bars.update(shown[name], completed=done, visible=done < total)

        yield step


def _show(home: Home, found: "list[ServerState]") -> None:
    """Say what answers where, where passwords are, and what can be done next; no password itself."""
    rows = [
        (item.name, item.version, item.address, "yes" if item.healthy else "no", item.pid, item.log or "elsewhere")
        for item in found
    ]
    table("Servers", ["server", "version", "address", "answers", "process", "log"], rows)
    lines = [
        f"Certificate by which clients know them: {home.ca}",
        f"Passwords, a file for each participant: {home.participant('ID').access}; user name: its id",
        f"Passwords of the operator: {home.operator}",
    ]
    if any(item.name == "airflow" for item in found):
        lines.append(f"Password of Airflow's user operator: {home.servers / 'airflow' / 'passwords.json'}")
    command = "demo" if not home.address_reference.exists() else "status"
    lines.append(f"Next: spiegelnet {command} --home {home.root}")
    if any(item.name == "airflow" and item.healthy for item in found):
        lines.append(f"To let months run by themselves: spiegelnet schedule on --home {home.root}")
    for line in lines:
        out().print(line, markup=False, soft_wrap=True)


def _plain(found: "list[ServerState]") -> list[dict[str, object]]:
    """Return states as JSON takes them."""
    return [{**asdict(item), "log": item.log and str(item.log)} for item in found]
