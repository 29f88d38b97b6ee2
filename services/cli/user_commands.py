"""Users of Trino who are no participants: analysts of the network."""

import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from services.cli.console import out, print_json, table
from services.cli.options import HomeOption, JsonOption


class Role(Enum):
    """Roles that can be given to a person."""

    analyst = "analyst"


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(help="Users of Trino who are no participants: add, remove, list.", no_args_is_help=True)
    group.command("add", epilog="Example: spiegelnet user add j.jansen --role analyst --password-file j.jansen.txt")(
        add
    )
    group.command("remove", epilog="Example: spiegelnet user remove j.jansen")(remove)
    group.command("list", epilog="Example: spiegelnet user list")(list_users)
    app.add_typer(group, name="user")


def add(
    name: Annotated[str, typer.Argument(help="Of the user, with a dot, for example j.jansen.")],
    home: HomeOption,
    role: Annotated[Role, typer.Option(help="What the user may do.")] = Role.analyst,
    password_file: Annotated[
        Path | None,
        typer.Option(
            help="New file that the password, made here, is written to. Without it one line of standard input."
        ),
    ] = None,
) -> None:
    """Let a user ask Trino. A user that is there gets the new password."""
    from services.network import Network
    from services.sql_users import add_analyst

    del role  # there is one
    given = None if password_file else sys.stdin.readline().rstrip("\n")
    made = add_analyst(Network.open(home), name, given, password_file)
    told = f" The password is in {password_file}." if made else ""
    out().print(f"{name} may ask as {Role.analyst.value} within a second or two.{told}")


def remove(name: Annotated[str, typer.Argument(help="Of the user.")], home: HomeOption) -> None:
    """Let a user in no longer; what it asks now is still answered."""
    from services.network import Network
    from services.sql_users import remove_analyst

    remove_analyst(Network.open(home), name)
    out().print(f"{name} is let in no longer.")


def list_users(home: HomeOption, json: JsonOption = False) -> None:
    """List users by role, participants included."""
    from services.network import Network
    from services.sql_users import users

    found = users(Network.open(home))
    if json:
        print_json([{"user": user, "role": role} for user, role in found])
    else:
        table("Users of Trino", ["user", "role"], found)
