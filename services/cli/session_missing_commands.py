"""Who is missing from a figure: `session missing add`, `confirm`, `share`, `retract`, `list`."""

from typing import Annotated

import typer

from services.cli.console import out, print_json, table
from services.cli.options import HomeOption, JsonOption
from services.cli.session_options import ExplainOption, Municipality, ReviewerOption, records_of, show_shared

EntryArgument = Annotated[int, typer.Argument(help="Number of the entry.")]


def register(group: typer.Typer) -> None:
    """Add the commands to the group `session`."""
    missing = typer.Typer(
        help="Who is missing from a figure: a register per indicator, fed by sessions and stories.",
        no_args_is_help=True,
    )
    missing.command(
        "add",
        epilog="Example: spiegelnet session missing add gm0281 --indicator reached_share --group 'jonge ouders' "
        "--because 'Zij werken overdag.' --session 2026-02-10",
    )(add)
    missing.command("confirm", epilog='Example: spiegelnet session missing confirm gm0281 1 --as "A. Jansen"')(confirm)
    missing.command("share", epilog='Example: spiegelnet session missing share gm0281 1 --as "A. Jansen"')(share)
    missing.command("retract", epilog="Example: spiegelnet session missing retract gm0281 1")(retract)
    missing.command("list", epilog="Example: spiegelnet session missing list gm0281 --indicator reached_share")(
        list_missing
    )
    group.add_typer(missing, name="missing")


def add(
    municipality: Municipality,
    home: HomeOption,
    indicator: Annotated[str, typer.Option(help="Whose figure misses the group.")],
    group: Annotated[str, typer.Option(help="Who is missing.")],
    because: Annotated[str, typer.Option(help="Why the figure misses them.")],
    session: Annotated[str | None, typer.Option(help="Session in which it was said.")] = None,
    story: Annotated[str | None, typer.Option(help="Story or quote by which it was seen.")] = None,
) -> None:
    """Put a group that a figure misses on the register."""
    from services.sessions.missing import propose

    made = propose(records_of(home, municipality), indicator, group, because, session=session, story=story)
    out().print(f"Entry {made.number} is proposed; somebody has to confirm it.")


def confirm(municipality: Municipality, entry: EntryArgument, home: HomeOption, name: ReviewerOption) -> None:
    """Confirm an entry, having looked at what the figure counts."""
    from services.sessions.missing import confirm as confirm_entry

    made = confirm_entry(records_of(home, municipality), entry, name)
    out().print(f"Entry {made.number} is confirmed by {made.confirmed_by}.", markup=False)


def share(
    municipality: Municipality,
    entry: EntryArgument,
    home: HomeOption,
    reviewer: ReviewerOption,
    explain: ExplainOption = None,
) -> None:
    """Approve a confirmed entry as it stands. Approved by two different people it is shared with the network."""
    from services.sessions.publishing import share_missing

    show_shared(f"Entry {entry}", share_missing(records_of(home, municipality), entry, reviewer, explain or ()))


def retract(municipality: Municipality, entry: EntryArgument, home: HomeOption) -> None:
    """Take a shared entry back; nobody approves it any more, and it stays on the register."""
    from services.sessions.publishing import retract_missing

    retract_missing(records_of(home, municipality), entry)
    out().print(f"Entry {entry} is not shared.")


def list_missing(
    municipality: Municipality,
    home: HomeOption,
    indicator: Annotated[str | None, typer.Option(help="Only of this one.")] = None,
    json: JsonOption = False,
) -> None:
    """List who is missing from figures: what definitions say, and what sessions and stories added."""
    from services.sessions.missing import entries

    found = entries(records_of(home, municipality), indicator)
    if json:
        print_json([vars(item) for item in found])
        return
    rows = [
        (
            "" if item.number is None else str(item.number),
            item.indicator,
            item.who,
            item.because,
            item.source,
            "defined" if item.number is None else "confirmed" if item.confirmed_by else "proposed",
        )
        for item in found
    ]
    table(f"Missing from figures of {municipality}", ["entry", "indicator", "who", "because", "source", "state"], rows)
