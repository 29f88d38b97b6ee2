"""Asking in SQL."""

import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from services.cli.console import out
from services.cli.options import HomeOption, JsonOption
from services.errors import Fatal


class EngineName(Enum):
    """Who can answer."""

    duckdb = "duckdb"
    trino = "trino"


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(
        epilog='Example: spiegelnet sql "select municipality, value, peer_median, compared from hub.benchmark.figures '
        "where period = '2025-12' and indicator = 'reached_share' order by municipality\""
    )(sql)


def sql(
    query: Annotated[str, typer.Argument(help="One SELECT over the published tables; - reads it from standard input.")],
    home: HomeOption,
    json: JsonOption = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    engine: Annotated[
        EngineName | None, typer.Option(help="Who answers; without it Trino where the network has one, else DuckDB.")
    ] = None,
    user: Annotated[str | None, typer.Option("--as", help="The user who asks Trino, for example gm0106.")] = None,
    password_file: Annotated[
        Path | None, typer.Option(help="File with that user's password, when it is not in this home.")
    ] = None,
) -> None:
    """Ask the published tables in SQL. No query can read anything else."""
    from services.asking import ask
    from services.federation import render

    if json and csv:
        raise Fatal("--json and --csv cannot go together.", todo="Choose one.")
    question = sys.stdin.read() if query == "-" else query
    answer = ask(home, question, engine.value if engine else None, user, password_file)
    if json:
        sys.stdout.write(render.as_json(answer) + "\n")
    elif csv:
        sys.stdout.write(render.as_csv(answer))
    else:
        render.print_table(answer, out())
