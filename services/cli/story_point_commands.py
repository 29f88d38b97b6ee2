"""Commands of a story point: its form, a told story, a change of consent, and what came of its stories."""

import json as json_text
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.console import out, print_json, table
from services.cli.options import HomeOption, JsonOption
from services.errors import Fatal

if TYPE_CHECKING:  # slow imports that --help does not need
    from services.directory import Participant
    from services.network import Network

StoryPoint = Annotated[str, typer.Argument(help="Who collects the stories, for example vp-twente.")]


def register(stories_app: typer.Typer) -> None:
    """Add the commands to `spiegelnet stories`."""
    stories_app.command(epilog="Example: spiegelnet stories form vp-twente --out formulier.html")(form)
    stories_app.command(epilog="Example: spiegelnet stories tell vp-twente formulier.json")(tell)
    stories_app.command(epilog="Example: spiegelnet stories consent vp-twente --story VP-1a2b --uses count,team")(
        consent
    )
    stories_app.command(epilog="Example: spiegelnet stories heard vp-twente")(heard)


def form(
    story_point: StoryPoint,
    target: Annotated[
        Path, typer.Option("--out", help="formulier.html to read and print, or formulier.json to fill in.")
    ],
    home: HomeOption,
) -> None:
    """Write the empty form of a story point, with its own questions (vertelpunt.yaml in its sources)."""
    from services.stories.points.form import STANDARD, page, template
    from services.stories.points.questions import load_point

    network, participant = _opened(home, story_point)
    point = load_point(network.home.participant(story_point).sources) or STANDARD
    if target.suffix not in (".html", ".json"):
        raise Fatal(f"{target.name} is neither a page nor a form to fill in.", todo="Name it .html or .json.")
    if target.suffix == ".html":
        text = page(point, participant.name)
    else:
        text = json_text.dumps(template(point, participant.serves), ensure_ascii=False, indent=1) + "\n"
    target.write_text(text, "utf-8")
    out().print(f"Wrote the form of {participant.name} to {target}.", soft_wrap=True)


def tell(
    story_point: StoryPoint,
    filled: Annotated[Path, typer.Argument(help="The form, filled in, as JSON.")],
    home: HomeOption,
    json: JsonOption = False,
) -> None:
    """Take in one story: look through its form, and put it where the next `spiegelnet send` finds it."""
    from services.stories.points.telling import take_in

    network, participant = _opened(home, story_point)
    sources = network.home.participant(story_point).sources
    told = take_in(sources, participant.serves, filled, network.today())
    if json:
        print_json({"number": told.number, "municipality": told.municipality, "file": told.path.name})
        return
    out().print(
        f"Bedankt voor uw verhaal. Het heeft nummer {told.number}. Bewaar dat nummer: daarmee kunt u vragen wat ervan "
        "kwam, veranderen wat ermee mag, of het terugnemen.",
        soft_wrap=True,
    )


def consent(
    story_point: StoryPoint,
    story: Annotated[str, typer.Option("--story", help="Number of the story, as its teller was given it.")],
    uses: Annotated[str, typer.Option("--uses", help="All that is allowed now: of count,team,quote,publish; or none.")],
    home: HomeOption,
    json: JsonOption = False,
) -> None:
    """Change what may be done with a story; it stands at once in the place of what was allowed before."""
    from services.tasks import consent as pass_on

    asked = [use.strip() for use in uses.split(",") if use.strip() and use.strip() != "none"]
    changed, waits = pass_on(home, story_point, story, asked)
    if json:
        print_json({"story": changed.number, "receiver": changed.receiver, "uses": list(changed.uses)})
    else:
        allowed = ", ".join(changed.uses) or "nothing"
        out().print(
            f"Told {changed.receiver} that of story {changed.number} this is allowed: {allowed}.", soft_wrap=True
        )
    if waits:
        raise waits[0]


def heard(story_point: StoryPoint, home: HomeOption, json: JsonOption = False) -> None:
    """List what came of the stories of a story point, to be told back to their tellers."""
    from services.network import Network
    from services.stories.responses import heard as what_came

    network = Network.open(home)
    network.directory.get(story_point)
    found = what_came(network, story_point)
    rows = [(item.number or "–", item.municipality, item.stage, item.said_on, item.message or "") for item in found]
    heads = ["story", "municipality", "stage", "said on", "message"]
    if json:
        names = ("story", "municipality", "stage", "said_on", "message")
        print_json(
            [dict(zip(names, (item.number, *row[1:]), strict=True)) for item, row in zip(found, rows, strict=True)]
        )
        return
    table(f"What came of the stories of {story_point}", heads, rows, caption="Tell it back to who told the story.")


def _opened(home: Path, story_point: str) -> tuple["Network", "Participant"]:
    from services.network import Network

    network = Network.open(home)
    participant = network.directory.get(story_point)
    if "story" not in participant.may_send:
        raise Fatal(
            f"{story_point} tells no stories.",
            "Its kind of participant is no sender of stories.",
            "Name a story point, a municipality, a care provider or a foundation.",
        )
    return network, participant
