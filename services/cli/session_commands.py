"""Duiding sessions: plan one, read in it, conclude, agree on actions, report; and who shares what of it."""

import datetime as dt
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import session_actions_commands, session_missing_commands
from services.cli.console import out, print_json, table
from services.cli.options import HomeOption, JsonOption
from services.cli.session_options import DAY, Municipality, SessionArgument, WordsOption, read_words, records_of
from services.errors import Fatal

if TYPE_CHECKING:  # slow imports that --help does not need
    from services.sessions.model import Session


class QuestionName(Enum):
    """The four questions."""

    recognise = "recognise"
    explain = "explain"
    think = "think"
    future = "future"


PartyOption = Annotated[str | None, typer.Option("--as", help="Who reads: a participant or a guest.")]
ItemOption = Annotated[str | None, typer.Option(help="Of the agenda; without it the session as a whole.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(
        help="Duiding sessions: figures and stories of a release read together, partners first.", no_args_is_help=True
    )
    example = 'session plan gm0281 --title "Bereik" --on 2026-02-10 --period 2025-12 --indicator reached_share'
    group.command("plan", epilog=f"Example: spiegelnet {example} --partner hc-rivierhoek")(plan)
    group.command("list", epilog="Example: spiegelnet session list gm0281")(list_sessions)
    group.command("show", epilog="Example: spiegelnet session show gm0281 2026-02-10 --as hc-rivierhoek")(show)
    group.command(
        "contribute",
        epilog="Example: spiegelnet session contribute gm0281 2026-02-10 --item reached_share --question explain "
        "--words words.txt --as hc-rivierhoek",
    )(contribute)
    group.command("ready", epilog="Example: spiegelnet session ready gm0281 2026-02-10 --as hc-rivierhoek")(ready)
    group.command(
        "away", epilog='Example: spiegelnet session away gm0281 2026-02-10 --party hc-rivierhoek --because "ziek"'
    )(away)
    group.command("conclude", epilog="Example: spiegelnet session conclude gm0281 2026-02-10 --words words.txt")(
        conclude
    )
    group.command("report", epilog="Example: spiegelnet session report gm0281 2026-02-10 --out report.pdf")(report)
    session_actions_commands.register(group)
    session_missing_commands.register(group)
    app.add_typer(group, name="session")


def plan(
    municipality: Municipality,
    home: HomeOption,
    title: Annotated[str, typer.Option(help="Of the session.")],
    on: Annotated[dt.datetime, typer.Option(formats=[DAY], help="The day on which it is held.")],
    period: Annotated[str, typer.Option(help="Month, quarter or year of the release, for example 2025-12.")],
    indicator: Annotated[
        list[str] | None, typer.Option(help="A figure on the agenda; more than once for several.")
    ] = None,
    quote: Annotated[
        list[str] | None, typer.Option(help="A story on the agenda, by its quote; more than once for several.")
    ] = None,
    owner: Annotated[
        str | None, typer.Option(help="Participant that asks the others to read; without it the municipality.")
    ] = None,
    partner: Annotated[
        list[str] | None, typer.Option(help="Participant invited to read; more than once for several.")
    ] = None,
    guest: Annotated[
        list[str] | None,
        typer.Option(help="Who else is invited, for example clientenraad; more than once for several."),
    ] = None,
) -> None:
    """Plan a session: its agenda keeps the figures as they are published now, and open actions come back on it."""
    from services.asking import asking
    from services.sessions.planning import Wanted
    from services.sessions.planning import plan as plan_session

    wanted = Wanted(
        title, on.date(), period, indicator or (), quote or (), owner, tuple(partner or ()), tuple(guest or ())
    )
    made = plan_session(records_of(home, municipality), asking(home), wanted)
    _show_agenda(made)


def list_sessions(municipality: Municipality, home: HomeOption, json: JsonOption = False) -> None:
    """List the sessions of a municipality."""
    from services.sessions.reading import sessions

    found = sessions(records_of(home, municipality))
    if json:
        print_json([_as_json(item) for item in found])
        return
    rows = [
        (item.id, item.title, item.period, item.owner, len(item.items), ", ".join(item.waited_for) or "nobody")
        for item in found
    ]
    table(f"Sessions of {municipality}", ["session", "title", "period", "owner", "items", "waits for"], rows)


def show(
    municipality: Municipality,
    session: SessionArgument,
    home: HomeOption,
    viewer: PartyOption = None,
    json: JsonOption = False,
) -> None:
    """Show the agenda of a session, and what may be seen of its readings and conclusions."""
    from services.sessions.reading import conclusions, load
    from services.sessions.readings import visible

    records = records_of(home, municipality)
    found = load(records, session)
    given, concluded = visible(records, found, viewer), conclusions(records, session)
    if json:
        told = {"contributions": [vars(item) for item in given], "conclusions": [vars(item) for item in concluded]}
        print_json({**_as_json(found), **told})
        return
    _show_agenda(found)
    if given:
        readings = [(item.item, item.question, item.party or "without name", item.words) for item in given]
        table("Readings", ["item", "question", "who", "words"], readings)
    if concluded:
        rows = [(str(item.number), item.item or "all", item.words) for item in concluded]
        table("Conclusions", ["number", "item", "words"], rows)


def contribute(
    municipality: Municipality,
    session: SessionArgument,
    home: HomeOption,
    item: Annotated[str, typer.Option(help="Of the agenda.")],
    question: Annotated[QuestionName, typer.Option(help="That the words answer.")],
    words: WordsOption,
    party: PartyOption = None,
    without_name: Annotated[
        bool, typer.Option("--without-name", help="Keep nothing of who gave it, and nothing of when.")
    ] = False,
) -> None:
    """Give what one reads in an item of the agenda."""
    from services.sessions.readings import FEWEST_FOR_NAMELESS
    from services.sessions.readings import contribute as give

    if (party is None) != without_name:
        raise Fatal("It is not clear whose words these are.", todo="Name who reads with --as, or say --without-name.")
    records = records_of(home, municipality)
    found = give(records, session, item, question.value, read_words(words), party)
    console = out()
    if party == found.owner:
        console.print(f"The words of {party} are kept, and hidden until all readings are in.")
        return
    if party is not None:
        console.print(f"The words of {party} are kept. When its reading is whole: spiegelnet session ready.")
        return
    console.print("The words are kept without a name, and shown when all readings are in.")
    if len(found.parties) + 1 < FEWEST_FOR_NAMELESS:
        console.print(
            f"Note: only {len(found.parties) + 1} parties read in this session, so it may be guessed whose they are.",
            soft_wrap=True,
        )


def ready(
    municipality: Municipality,
    session: SessionArgument,
    home: HomeOption,
    party: Annotated[str, typer.Option("--as", help="Whose reading is whole.")],
    nothing: Annotated[
        bool, typer.Option("--nothing-to-say", help="It has no words in its own name, and can give none after this.")
    ] = False,
) -> None:
    """Say that the reading of a partner is in. When all are, everybody sees everything."""
    from services.sessions.readings import nothing_to_say, reading_is_in

    note = nothing_to_say if nothing else reading_is_in
    _show_waiting(note(records_of(home, municipality), session, party))


def away(
    municipality: Municipality,
    session: SessionArgument,
    home: HomeOption,
    party: Annotated[str, typer.Option(help="Who did not come.")],
    because: Annotated[str, typer.Option(help="Why; it stands in the report.")],
) -> None:
    """Say, as owner, that a partner did not come, so that the session goes on without its reading."""
    from services.sessions.readings import did_not_come

    _show_waiting(did_not_come(records_of(home, municipality), session, party, because))


def conclude(
    municipality: Municipality,
    session: SessionArgument,
    home: HomeOption,
    words: WordsOption,
    item: ItemOption = None,
) -> None:
    """Write down a conclusion, once all readings are in."""
    from services.sessions.outcomes import conclude as write_down

    made = write_down(records_of(home, municipality), session, read_words(words), item)
    out().print(f"Conclusion {made.number} of {made.session} is written down.")


def report(
    municipality: Municipality,
    session: SessionArgument,
    home: HomeOption,
    to: Annotated[Path, typer.Option("--out", help="The file to write, .html or .pdf.")],
    viewer: PartyOption = None,
) -> None:
    """Write the report of a session in Dutch, as a page or a PDF."""
    from services.sessions.reading import load
    from services.sessions.report import write_report

    records = records_of(home, municipality)
    found = load(records, session)
    write_report(records, found, to, viewer)
    out().print(f"{to} tells the session of {session}.", markup=False, soft_wrap=True)
    if not found.is_opened:
        out().print(f"Its readings are not opened yet; it waits for {', '.join(found.waited_for)}.")


def _show_agenda(session: "Session") -> None:
    rows = [(item.id, item.kind) for item in session.items]
    table(f"Session {session.id}: {session.title}", ["item", "kind"], rows)
    _show_waiting(session)


def _show_waiting(session: "Session") -> None:
    if session.is_opened:
        out().print("All readings are in, or it was said who did not come: everybody sees everything.")
    else:
        out().print(f"Waits for the reading of {', '.join(session.waited_for)}.")


def _as_json(session: "Session") -> dict[str, object]:
    return {
        "session": session.id,
        "title": session.title,
        "held_on": session.held_on,
        "period": session.period,
        "owner": session.owner,
        "parties": [vars(item) for item in session.parties],
        "opened": session.is_opened,
        "items": [{"item": item.id, "kind": item.kind, **vars(item.about)} for item in session.items],
    }
