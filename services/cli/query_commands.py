"""Asking: in SQL, and for the mirror of a municipality."""

import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from services.cli.console import out
from services.cli.options import HomeOption, JsonOption
from services.cli.private_sql import Asked, ask_privately, questions
from services.errors import Fatal
from services.status.sentences import number

if TYPE_CHECKING:  # a slow import that --help does not need
    from services.mirror import Written


class EngineName(Enum):
    """Who can answer."""

    duckdb = "duckdb"
    trino = "trino"


EngineOption = Annotated[
    EngineName | None, typer.Option(help="Who answers; without it Trino where the network has one, else DuckDB.")
]
UserOption = Annotated[str | None, typer.Option("--as", help="The user who asks Trino, for example gm0106.")]
PasswordOption = Annotated[
    Path | None, typer.Option(help="File with that user's password, when it is not in this home.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(epilog="Example: spiegelnet mirror gm0518 --out mirror.html")(mirror)
    app.command(
        epilog='Example: spiegelnet sql "select municipality, value, peer_median, compared from hub.benchmark.figures '
        "where period = '2025-12' and indicator = 'reached_share' order by municipality\""
    )(sql)


def sql(
    home: HomeOption,
    query: Annotated[
        str, typer.Argument(help="One SELECT over the published tables; - reads it from standard input.")
    ] = "",
    json: JsonOption = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    engine: EngineOption = None,
    user: UserOption = None,
    password_file: PasswordOption = None,
    private: Annotated[
        bool, typer.Option("--private", help="Ask a municipality's own events, where its keys are; is written down.")
    ] = False,
    participant: Annotated[str, typer.Option(help="With --private: whose events, for example gm0106.")] = "",
    purpose: Annotated[str, typer.Option(help="With --private: what the answer is needed for.")] = "",
    audit: Annotated[
        bool, typer.Option("--audit", help="With --private: list who asked, when, what for and what.")
    ] = False,
) -> None:
    """Ask the published tables in SQL. No query can read anything else."""
    from services.federation import render

    if json and csv:
        raise Fatal("--json and --csv cannot go together.", todo="Choose one.")
    if not query and not audit:
        raise typer.BadParameter("A SELECT is missing.", param_hint="QUERY")
    question = sys.stdin.read() if query == "-" else query
    named: Literal["duckdb", "trino"] | None = engine.value if engine else None
    if private:
        asked_of = Asked(participant, purpose, named, elsewhere=bool(user or password_file))
        answer = questions(home, asked_of) if audit else ask_privately(home, question, asked_of)
    elif participant or purpose or audit:
        raise Fatal("--participant, --purpose and --audit go with --private.", todo="Add it, or leave them out.")
    else:
        from services.asking import ask

        answer = ask(home, question, named, user, password_file)
    if json:
        sys.stdout.write(render.as_json(answer) + "\n")
    elif csv:
        sys.stdout.write(render.as_csv(answer))
    else:
        render.print_table(answer, out())


def mirror(
    municipality: Annotated[str, typer.Argument(help="Whose figures, by CBS code, for example gm0518.")],
    home: HomeOption,
    to: Annotated[
        Path | None, typer.Option("--out", help="The page to write; without it mirror-CODE.html in this folder.")
    ] = None,
    engine: EngineOption = None,
    user: UserOption = None,
    password_file: PasswordOption = None,
) -> None:
    """Write a municipality's figures beside its peers as one page in Dutch, to read and print without a network."""
    from services.asking import asking
    from services.mirror import write_mirror
    from services.network import Network

    network = Network.open(home)
    ask = asking(home, engine.value if engine else None, user, password_file)
    show_mirror(write_mirror(network, ask, municipality, to or Path(f"mirror-{municipality}.html")))


def show_mirror(written: "Written") -> None:
    """Say where a mirror is and what it shows."""
    console = out()
    told = f"{number(written.indicators, 'indicator')}, {number(written.figures, 'figure')}"
    told += f", {number(written.stories, 'indicator')} with a story of its own"
    if written.untold:
        told += f"; {written.untold:,} more are suppressed or missing, and said so"
    console.print(f"{written.path} shows {told}.", markup=False, soft_wrap=True)
    if written.closed_until:
        console.print(
            f"Some of them are under embargo: do not pass the page on before {written.closed_until}.", soft_wrap=True
        )
