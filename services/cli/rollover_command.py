"""The command by which a sender makes the pseudonyms of a new epoch known."""

from typing import Annotated

import typer

from services.cli.console import counted, out, print_json, table
from services.cli.options import HomeOption, JsonOption
from services.errors import Fatal


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog="Example: spiegelnet rollover es-lichtkade")(rollover)


def rollover(
    participants: Annotated[list[str], typer.Argument(help="Who sends, for example es-lichtkade.")],
    home: HomeOption,
    since: Annotated[
        str | None,
        typer.Option(help="Take all its addresses for sent in this earlier year too: when its outbox was lost."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Tell receivers by which pseudonyms of this year known addresses go; the first send of a year does so too."""
    from services.tasks import rollover as roll_over_now

    if len(participants) > 1 and since is not None:
        raise Fatal("--since is for one participant at a time.", todo="Name the one that lost its outbox.")
    done = []
    for participant in participants:
        with counted(f"rollover {participant}") as progress:
            done.append(roll_over_now(home, participant, since=since, progress=progress))
    if json:
        print_json(
            [
                {"participant": item.participant, "epoch": item.epoch, "addresses": dict(item.addresses)}
                | {"parcels": item.parcels}
                for item, _ in done
            ]
        )
    else:
        rows = [(item.participant, receiver, pairs) for item, _ in done for receiver, pairs in item.addresses.items()]
        table(f"New pseudonyms of {done[0][0].epoch}", ["sender", "receiver", "addresses"], rows)
        if not rows:
            out().print("Nothing is due: receivers know all addresses of the last 13 months by this year's pseudonyms.")
    for _, waits in done:
        if waits:
            raise waits[0]
