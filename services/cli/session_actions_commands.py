"""Actions of sessions, and sharing: `session action …`, `session actions`, `session share`, `session retract`."""

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from services.cli.console import out, print_json, table
from services.cli.options import HomeOption, JsonOption
from services.cli.session_options import (
    DAY,
    ExplainOption,
    Municipality,
    ReviewerOption,
    SessionArgument,
    WordsOption,
    read_words,
    records_of,
    show_shared,
)
from services.errors import Fatal

ActionArgument = Annotated[int, typer.Argument(help="Number of the action.")]


def register(group: typer.Typer) -> None:
    """Add the commands to the group `session`."""
    single = typer.Typer(help="One action of a session: add, done, drop.", no_args_is_help=True)
    single.command(
        "add",
        epilog="Example: spiegelnet session action add gm0281 2026-02-10 --words words.txt --owner hc-rivierhoek "
        "--due 2026-05-01",
    )(add)
    single.command("done", epilog="Example: spiegelnet session action done gm0281 1 --words words.txt")(done)
    single.command("drop", epilog="Example: spiegelnet session action drop gm0281 1 --words words.txt")(drop)
    group.add_typer(single, name="action")
    group.command("actions", epilog="Example: spiegelnet session actions gm0281 --out actions.html")(list_actions)
    group.command("share", epilog='Example: spiegelnet session share gm0281 --conclusion 1 --as "A. Jansen"')(share)
    group.command("retract", epilog="Example: spiegelnet session retract gm0281 2026-02-10 --conclusion 1")(retract)


def add(
    municipality: Municipality,
    session: SessionArgument,
    home: HomeOption,
    words: WordsOption,
    owner: Annotated[str, typer.Option(help="Who does it: a person, a role, or a participant.")],
    due: Annotated[dt.datetime, typer.Option(formats=[DAY], help="By when.")],
    item: Annotated[str | None, typer.Option(help="Of the agenda; without it the session as a whole.")] = None,
) -> None:
    """Agree on an action, once all readings are in."""
    from services.sessions.outcomes import agree

    made = agree(records_of(home, municipality), session, read_words(words), owner, due.date(), item)
    out().print(f"Action {made.number} is agreed, due on {made.due_on}.")


def done(municipality: Municipality, action: ActionArgument, home: HomeOption, words: WordsOption) -> None:
    """Say that an action is done, and what came of it."""
    from services.sessions.outcomes import close_action

    made = close_action(records_of(home, municipality), action, read_words(words))
    out().print(f"Action {made.number} is {made.state}.")


def drop(municipality: Municipality, action: ActionArgument, home: HomeOption, words: WordsOption) -> None:
    """Say that an action will not be done, and why."""
    from services.sessions.outcomes import close_action

    made = close_action(records_of(home, municipality), action, read_words(words), dropped=True)
    out().print(f"Action {made.number} is {made.state}.")


def list_actions(
    municipality: Municipality,
    home: HomeOption,
    to: Annotated[Path | None, typer.Option("--out", help="Write them as a page in Dutch.")] = None,
    json: JsonOption = False,
) -> None:
    """List the actions of all sessions of a municipality."""
    from services.sessions.reading import actions
    from services.sessions.report import write_actions

    records = records_of(home, municipality)
    found = actions(records)
    if to is not None:
        write_actions(records.network, municipality, found, to)
        out().print(f"{to} lists {len(found)} actions.", markup=False, soft_wrap=True)
    elif json:
        print_json([vars(item) for item in found])
    else:
        rows = [
            (str(one.number), one.session, one.words, one.owner, one.due_on, one.state, one.outcome) for one in found
        ]
        names = ["action", "session", "what", "owner", "due", "state", "what came of it"]
        table(f"Actions of {municipality}", names, rows)


def share(
    municipality: Municipality,
    home: HomeOption,
    reviewer: ReviewerOption,
    conclusion: Annotated[int | None, typer.Option(help="Number of a conclusion.")] = None,
    action: Annotated[int | None, typer.Option(help="Number of an action; what came of it goes along.")] = None,
    explain: ExplainOption = None,
) -> None:
    """Approve a conclusion or action as it stands. Approved by two different people it is shared with the network."""
    from services.sessions.publishing import share_action, share_conclusion

    if (conclusion is None) == (action is None):
        raise Fatal("It is not clear what is approved.", todo="Name one: --conclusion 1, or --action 1.")
    records = records_of(home, municipality)
    if conclusion is not None:
        show_shared(f"Conclusion {conclusion}", share_conclusion(records, conclusion, reviewer, explain or ()))
    elif action is not None:
        show_shared(f"Action {action}", share_action(records, action, reviewer, explain or ()))


def retract(
    municipality: Municipality,
    session: SessionArgument,
    home: HomeOption,
    conclusion: Annotated[int | None, typer.Option(help="Number of a conclusion.")] = None,
    action: Annotated[int | None, typer.Option(help="Number of an action; what came of it goes along.")] = None,
) -> None:
    """Take a shared conclusion or action back; nobody approves it any more, and it stays in the node."""
    from services.sessions.publishing import retract_action, retract_conclusion

    if (conclusion is None) == (action is None):
        raise Fatal("It is not clear what is taken back.", todo="Name one: --conclusion 1, or --action 1.")
    records = records_of(home, municipality)
    if conclusion is not None:
        retract_conclusion(records, session, conclusion)
        out().print(f"Conclusion {conclusion} is not shared.")
    elif action is not None:
        retract_action(records, session, action)
        out().print(f"Action {action} is not shared.")
