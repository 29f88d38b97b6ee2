"""What the commands about sessions share: their arguments, and words that come from a file."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.stories_commands import text_of

if TYPE_CHECKING:  # slow imports that --help does not need
    from services.sessions.publishing import Shared
    from services.sessions.records import Records

DAY = "%Y-%m-%d"
STANDARD_INPUT = Path("-")

Municipality = Annotated[str, typer.Argument(help="Whose session, by CBS code, for example gm0281.")]
SessionArgument = Annotated[str, typer.Argument(help="The day on which it is held, for example 2026-02-10.")]
WordsOption = Annotated[Path, typer.Option(help="File with the words; - reads them from standard input.")]
ReviewerOption = Annotated[str, typer.Option("--as", help="Your name: two different people must approve.")]
ExplainOption = Annotated[
    list[str] | None,
    typer.Option(help="A marked word that is no person's name or place; more than once for several."),
]


def records_of(home: Path, municipality: str) -> "Records":
    """Open the sessions of a municipality.

    Raises:
        NotAllowed, Fatal: as `services.sessions.records.Records.of`.
    """
    from services.network import Network
    from services.sessions.records import Records

    return Records.of(Network.open(home), municipality)


def read_words(file: Path) -> str:
    """Read words of a file or of standard input; they are not typed on the command line, which shells remember.

    Raises:
        Fatal: the file cannot be read, or is no text.
    """
    return sys.stdin.read() if file == STANDARD_INPUT else text_of(file)


def show_shared(what: str, shared: "Shared") -> None:
    """Say whether words are shared now, and what they lack if not."""
    from services.cli.console import out

    console = out()
    if shared.released:
        console.print(f"{what} is shared: others see it in the published tables.")
        return
    console.print(f"{what} is not shared yet:")
    for reason in shared.reasons:
        console.print(f"  {reason}", markup=False, soft_wrap=True)
    for part in shared.unexplained:
        console.print(f'  Is this a person\'s name or place? If not: --explain "{part}"', markup=False, soft_wrap=True)
