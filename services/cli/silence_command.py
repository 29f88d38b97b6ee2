"""`spiegelnet stories silence`: about what, and by whom, nothing was told for months; inside the node only."""

from typing import Annotated

import typer

from services.cli.console import out, print_json, table
from services.cli.options import HomeOption, JsonOption


def register(stories_app: typer.Typer) -> None:
    """Add the command to those about stories."""
    stories_app.command("silence", epilog="Example: spiegelnet stories silence gm0153")(silence)


def silence(
    municipality: Annotated[str, typer.Argument(help="Whose node, for example gm0153.")],
    home: HomeOption,
    json: JsonOption = False,
) -> None:
    """Ask kindly after themes and groups that told nothing for three months: in months, never in counts."""
    from services.network import Network
    from services.stories.reading import stories
    from services.stories.silence import silences

    network = Network.open(home)
    network.require_keys(municipality)
    found = silences(stories(network, municipality), network.directory, municipality, network.today())
    if json:
        print_json([{**vars(item), "question": item.question} for item in found])
        return
    rows = [(item.kind, item.name, item.last, item.months) for item in found]
    table("Months since the last story", ("kind", "about or by", "last told", "months"), rows)
    for item in found:
        if item.question:
            out().print(item.question, markup=False, soft_wrap=True)
