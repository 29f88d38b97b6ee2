"""`spiegelnet stories quote` and what follows: agreed with the teller, approved by two, published, taken back."""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.console import out, print_json, table
from services.cli.options import HomeOption, JsonOption
from services.cli.stories_commands import Municipality, Story, Who, acted, text_of
from services.errors import Rejected

if TYPE_CHECKING:  # slow imports that --help does not need
    from services.stories.desk.acting import AtDesk
    from services.stories.desk.publishing import Publishing

QuoteName = Annotated[str, typer.Argument(help="Name of the quote, or its first six or more digits.")]


def register(group: typer.Typer) -> None:
    """Add the commands to `spiegelnet stories`."""
    example = 'Example: spiegelnet stories quote gm0106 3fa9c1 --words citaat.txt --title "Eén vaste begeleider"'
    group.command("quote", epilog=example)(quote)
    example = 'Example: spiegelnet stories agreed gm0106 7b20d4 --on 2026-01-08 --how "read to the teller by telephone"'
    group.command("agreed", epilog=example)(agreed)
    group.command("approve", epilog='Example: spiegelnet stories approve gm0106 7b20d4 --as "Noor"')(approve)
    group.command("publish", epilog="Example: spiegelnet stories publish gm0106")(publish)
    group.command("retract", epilog="Example: spiegelnet stories retract gm0106 7b20d4")(retract)
    group.command("quotes", epilog="Example: spiegelnet stories quotes gm0106")(list_quotes)
    group.command("page", epilog="Example: spiegelnet stories page gm0106 --out verhalen.html")(page)


def quote(
    municipality: Municipality,
    story: Story,
    home: HomeOption,
    words: Annotated[Path, typer.Option("--words", help="File with the paraphrase, in Dutch.")],
    title: Annotated[str, typer.Option("--title", help="One line above it.")],
) -> None:
    """Propose a paraphrase of a story as a quote; it leaves after agreement and approval only."""
    from services.stories.desk.quotes import propose
    from services.stories.marking import marked_parts

    text = text_of(words)
    name = acted(home, municipality, lambda here: propose(here.desk, here.story(story), title, text, here.today))
    out().print(f"Quote {name} is proposed.")
    parts = marked_parts(f"{title}\n{text}")
    if parts:
        out().print(f"Marked in it, to be explained by a reviewer: {', '.join(parts)}.", markup=False, soft_wrap=True)


def agreed(
    municipality: Municipality,
    name: QuoteName,
    home: HomeOption,
    on: Annotated[dt.datetime, typer.Option("--on", formats=["%Y-%m-%d"], help="The day.")],
    how: Annotated[str, typer.Option("--how", help="How the teller agreed; kept sealed.")],
) -> None:
    """Note that the teller agreed to the words of a quote."""
    from services.stories.desk.quotes import find_quote, note_agreed

    acted(
        home,
        municipality,
        lambda here: note_agreed(here.desk, find_quote(here.desk, name), on.date(), how, here.today),
    )
    out().print("Noted.")


def approve(
    municipality: Municipality,
    name: QuoteName,
    home: HomeOption,
    who: Who,
    explain: Annotated[
        list[str] | None, typer.Option(help="A marked word and why it names nobody: WORD=why; repeat it.")
    ] = None,
) -> None:
    """Approve a quote as it stands, which is printed; two different people have to, one of whom saw the story."""
    from services.stories.desk.quotes import approve as note
    from services.stories.desk.quotes import find_quote
    from services.stories.marking import marked_parts

    reasons = dict(_explained(item) for item in explain or ())

    def do(here: "AtDesk") -> tuple[str, list[str]]:
        found = find_quote(here.desk, name)
        parts = marked_parts(found.text)
        _require_marked(reasons, parts)
        note(here.desk, found, who, here.network.now(), reasons)
        known = {word.casefold() for word in (*found.explained, *reasons)}
        return found.text, [part for part in parts if part.casefold() not in known]

    text, open_parts = acted(home, municipality, do)
    out().print(text, markup=False, soft_wrap=True)
    out().print("Approved as it stands.")
    if open_parts:
        out().print(
            f"Marked in it and not explained yet: {'; '.join(open_parts)}. Until then it does not leave.",
            markup=False,
            soft_wrap=True,
        )


def publish(municipality: Municipality, home: HomeOption, json: JsonOption = False) -> None:
    """Release the quotes that disclosure control lets through, and say what the others lack."""
    from services.stories.desk.publishing import publish as decide
    from services.stories.marking import marked_parts

    def do(here: "AtDesk") -> "Publishing":
        return decide(here.desk, here.stories, marked_parts, here.today)

    found = acted(home, municipality, do)
    if json:
        print_json({"released": found.released, "refused": found.refused})
        return
    rows = [(name, stage) for name, stage in found.released.items()]
    table(f"Quotes of {municipality} that leave", ["quote", "now"], rows)
    lacking = [(name, reason) for name, reasons in found.refused.items() for reason in reasons]
    table("Quotes that do not", ["quote", "what it lacks"], lacking)


def retract(municipality: Municipality, name: QuoteName, home: HomeOption) -> None:
    """Take a quote back: it leaves the published tables, here at once and at the hub when it next receives."""
    from services.stories.desk.quotes import WITHDRAWN, find_quote, set_stage

    def do(here: "AtDesk") -> None:
        found = find_quote(here.desk, name)
        if found.stage != WITHDRAWN:
            set_stage(here.desk, found, WITHDRAWN, here.today)

    acted(home, municipality, do)
    out().print("The quote is taken back, and its words are forgotten here.")


def list_quotes(municipality: Municipality, home: HomeOption, json: JsonOption = False) -> None:
    """List the quotes of a municipality with their words, for review and for talks inside the municipality."""
    from services.stories.desk.acting import at_desk
    from services.stories.desk.quotes import WITHDRAWN, quotes

    every = [item for item in quotes(at_desk(home, municipality).desk) if item.stage != WITHDRAWN]
    rows = [
        (
            item.quote,
            item.stage,
            item.title,
            item.words,
            item.proposed_on.isoformat(),
            item.agreed_on and item.agreed_on.isoformat(),
            [{"name": who, "user": approval.user} for who, approval in item.approvals.items()],
        )
        for item in every
    ]
    names = ["quote", "stage", "title", "words", "proposed on", "agreed on", "approved by"]
    if json:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    table(
        f"Quotes of {municipality}",
        names,
        [(row[0][:8], *row[1:6], ", ".join(item["name"] for item in row[6])) for row in rows],
    )


def page(
    municipality: Municipality,
    home: HomeOption,
    path: Annotated[Path, typer.Option("--out", help="Where the page is written.")],
) -> None:
    """Write the published quotes of a municipality, and what came of its stories, as one page to read and print."""
    from services.stories.desk.page import write_page

    written = write_page(home, municipality, path)
    out().print(f"{path} has {written} quotes.", soft_wrap=True)


def _require_marked(reasons: Mapping[str, str], parts: Sequence[str]) -> None:
    """Refuse to explain what is not marked: whoever reviews would think it done."""
    marked = {part.casefold() for part in parts}
    if any(word.casefold() not in marked for word in reasons):
        raise Rejected(
            "Something is explained that is not marked in this quote, as it stands.",
            todo="`approve` without --explain prints what is marked; explain each part whole, as it is written there.",
        )


def _explained(text: str) -> tuple[str, str]:
    word, sign, why = (part.strip() for part in text.partition("="))
    if not (word and sign and why):
        raise Rejected(
            "An explanation is a marked word, =, and why it names nobody.", todo='--explain "Roos=the flower"'
        )
    return word, why
