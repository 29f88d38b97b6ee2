"""How the network stands."""

from dataclasses import asdict
from typing import Annotated

import typer

from services.cli.console import out, print_json, progress, table
from services.cli.options import HomeOption, JsonOption
from services.errors import Fatal


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog="Example: spiegelnet status gm0106 --month 2025-12")(status)


def status(
    home: HomeOption,
    participants: Annotated[list[str] | None, typer.Argument(help="Of whom; without names of everybody.")] = None,
    month: Annotated[str | None, typer.Option(help="Month of the delivery statements; else the newest.")] = None,
    json: JsonOption = False,
) -> None:
    """Show conservation per sender, refused parcels, what waits, and who has not made a delivery statement."""
    from services.network import Network
    from services.status import COUNTS, participant_status

    network = Network.open(home)
    chosen = participants or sorted(network.directory.participants)
    with progress("status", len(chosen)) as step:
        found = []
        for participant in chosen:
            found.append(participant_status(home, participant, month))
            step()
    if json:
        print_json([{**asdict(item), "balanced": item.balanced} for item in found])
    else:
        _show(found, COUNTS, detailed=bool(participants))
    if not all(item.balanced for item in found):
        raise Fatal(
            "Events of opened parcels and verdicts are not as many.",
            "Conservation is broken at: " + ", ".join(item.participant for item in found if not item.balanced),
            "Stop receiving there and restore the store from a copy; this is a fault worth reporting.",
        )


def _show(found: list, counts: tuple[str, ...], *, detailed: bool) -> None:  # type: ignore[type-arg]
    rows = [
        (
            item.participant,
            item.name,
            *(sum(sender[name] for sender in item.senders) for name in counts),
            "yes" if item.balanced else "NO",
            sum(item.refused.values()),
            item.unread,
            item.waiting,
            item.gaps,
            item.closed,
            ", ".join(item.owing) or "–",
        )
        for item in found
    ]
    heads = [
        "participant",
        "name",
        *counts,
        "balanced",
        "refused parcels",
        "unread",
        "to send",
        "gaps",
        "closed",
        "no statement of",
    ]
    table(
        "Events received", heads, rows, caption="opened = accepted + quarantined + held + duplicate, per sender and day"
    )
    if detailed:
        for item in found:
            lines = [
                (sender["sender"], *(sender[name] for name in counts), sender["balanced"]) for sender in item.senders
            ]
            table(f"{item.participant}, per sender", ["sender", *counts, "balanced"], lines)
            for reason, parcels in sorted(item.refused.items()):
                out().print(f"  {parcels} parcels not opened: {reason}")
