"""Asking in SQL."""

import sys
from typing import Annotated

import typer

from services.cli.console import out
from services.cli.options import HomeOption, JsonOption
from services.errors import Fatal


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
) -> None:
    """Ask the published tables in SQL; SHOW ALL TABLES lists them. No query can read anything else."""
    from services.federation import render
    from services.federation.surface import query as ask
    from services.surface import open_published

    if json and csv:
        raise Fatal("--json and --csv cannot go together.", todo="Choose one.")
    answer = ask(open_published(home), sys.stdin.read() if query == "-" else query)
    if json:
        sys.stdout.write(render.as_json(answer) + "\n")
    elif csv:
        sys.stdout.write(render.as_csv(answer))
    else:
        render.print_table(answer, out())
