"""Participants at the servers of the network: made known there, withdrawn, listed."""

from typing import Annotated

import typer

from services.cli.console import err, out, print_json, table
from services.cli.options import HomeOption, JsonOption


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(help="Participants at the servers of the network: add, remove, list.", no_args_is_help=True)
    group.command("add", epilog="Example: spiegelnet node add gm0106 es-lichtkade")(add)
    group.command("remove", epilog="Example: spiegelnet node remove gm0106")(remove)
    group.command("list", epilog="Example: spiegelnet node list")(list_nodes)
    app.add_typer(group, name="node")


def add(
    participants: Annotated[list[str], typer.Argument(help="Of the directory, for example gm0106.")],
    home: HomeOption,
    json: JsonOption = False,
) -> None:
    """Make participants known to broker, databases and Trino while these run. Doing it again changes nothing."""
    from services.network import Network
    from services.node import add_participants

    report = add_participants(Network.open(home), participants, lambda step: err().print(f"{step} …"))
    if json:
        print_json(vars(report))
        return
    if not report.servers:
        _tell_no_servers()
        return
    out().print(f"Known at the servers: {', '.join(report.participants)}.")
    _tell_changes(report.catalogs, report.views)


def remove(
    participant: Annotated[str, typer.Argument(help="For example gm0106.")], home: HomeOption, json: JsonOption = False
) -> None:
    """Withdraw a participant: its catalog, users and rights go, its data stay. `node add` takes it in again."""
    from services.network import Network
    from services.node import remove_participant

    report = remove_participant(Network.open(home), participant)
    if json:
        print_json(vars(report))
        return
    if not report.servers:
        _tell_no_servers()
        return
    out().print(f"{participant} is withdrawn; its topic, tables and files are as they were.")
    _tell_changes([], report.views)


def list_nodes(home: HomeOption, json: JsonOption = False) -> None:
    """List participants, and whether the servers know them."""
    from services.network import Network
    from services.sql_nodes import states

    found = states(Network.open(home))
    if json:
        print_json([vars(state) for state in found])
        return
    rows = [(item.participant, item.kind, item.region, item.user, item.catalog) for item in found]
    table("Participants", ["participant", "kind", "region", "user at Trino", "catalog"], rows)


def _tell_no_servers() -> None:
    out().print(
        "This network has no servers, so nothing was done: whoever is in the directory takes part. For servers make a "
        "network in a new home with `spiegelnet init --servers`; its spiegelnet.toml names them.",
        markup=False,
    )


def _tell_changes(catalogs: list[str], views: list[str]) -> None:
    if catalogs:
        out().print(f"Catalogs made: {', '.join(catalogs)}.")
    if views:
        out().print(f"Views made anew: {', '.join(f'hub.{view}' for view in views)}.")
