"""`spiegelnet stories`: what is done with stories, from telling them to what came of them."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from services.cli.console import out, print_json, table
from services.cli.options import HomeOption, JsonOption
from services.errors import Fatal

if TYPE_CHECKING:  # slow imports that --help does not need
    from services.stories.desk.acting import AtDesk

Municipality = Annotated[str, typer.Argument(help="Whose stories, for example gm0106.")]
Story = Annotated[str, typer.Argument(help="Id of the story, or its first six or more digits.")]
Who = Annotated[str, typer.Option("--as", help="Who does this, by name.")]
Message = Annotated[Path, typer.Option("--message", help="File with what the teller is told, in Dutch.")]
Result = TypeVar("Result")

stories_app = typer.Typer(
    help="Stories: list, show, read, answer, what came of them; quotes that leave with consent.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = stories_app
    group.command("list", epilog="Example: spiegelnet stories list gm0106")(list_stories)
    group.command("show", epilog='Example: spiegelnet stories show gm0106 3fa9c1 --as "Noor" --purpose "answer it"')(
        show
    )
    group.command("shown", epilog="Example: spiegelnet stories shown gm0106")(shown)
    group.command("read", epilog='Example: spiegelnet stories read gm0106 3fa9c1 --as "Noor"')(read)
    for name, does in (("answer", answer), ("plan", plan), ("made", made), ("outcome", outcome)):
        example = f'Example: spiegelnet stories {name} gm0106 3fa9c1 --as "Noor" --message bericht.txt'
        group.command(name, epilog=example)(does)
    group.command("ask-provider", epilog='Example: spiegelnet stories ask-provider gm0106 3fa9c1 --as "Noor"')(ask)
    group.command("reply", epilog="Example: spiegelnet stories reply gm0106 3fa9c1 --text reactie.txt")(reply)
    app.add_typer(group, name="stories")


def list_stories(municipality: Municipality, home: HomeOption, json: JsonOption = False) -> None:
    """List the stories of a municipality: how far each is and how long it waits. No text."""
    from services.stories.desk.acting import at_desk
    from services.stories.desk.showing import standing

    here = at_desk(home, municipality)
    found = standing(here.desk, here.stories, here.today)
    if json:
        print_json([vars(item) for item in found])
        return
    table(
        f"Stories of {municipality}",
        ["story", "theme", "told on", "stage", "days waiting", "uses", "provider's reply"],
        [
            (
                item.story[:8],
                item.theme,
                item.told_on.isoformat(),
                item.stage,
                item.waiting,
                ", ".join(item.uses),
                item.reply,
            )
            for item in found
        ],
        caption=f"{len(found)} stories; --json gives whole ids.",
    )


def show(
    municipality: Municipality,
    story: Story,
    home: HomeOption,
    who: Who,
    purpose: Annotated[str, typer.Option(help="What the text is needed for; it is written down.")],
    unmarked: Annotated[bool, typer.Option("--unmarked", help="Show names and places too.")] = False,
) -> None:
    """Show a story and what it means to its teller, names and places marked, where the team may see it."""
    from services.stories.desk.acting import at_desk
    from services.stories.desk.showing import show as look

    here = at_desk(home, municipality)
    found = look(here.network, here.desk, here.story(story), who, purpose, None if unmarked else _marking())
    console = out()
    for field, text in found.texts.items():
        console.print(f"{field}:\n{text}\n", markup=False, soft_wrap=True)
    for heading, text in found.meant:
        console.print(f"{heading}: {text}", markup=False, soft_wrap=True)
    note = "Marked by a machine, which misses some: the text still tells about a person." if found.marked else ""
    console.print(f"This look was written down. {note}".strip(), markup=False)


def shown(municipality: Municipality, home: HomeOption, json: JsonOption = False) -> None:
    """List who saw the text of which story, when and what for."""
    from services.stories.desk.acting import at_desk
    from services.stories.desk.showing import showings

    names = ["at", "user", "who", "story", "purpose", "marked"]
    found = showings(at_desk(home, municipality).desk)
    if json:
        print_json([dict(zip(names, row, strict=True)) for row in found])
        return
    table(f"Who saw stories of {municipality}", names, found)


def read(municipality: Municipality, story: Story, home: HomeOption, who: Who) -> None:
    """Note that a person read a story; its teller is told."""
    _step(home, municipality, story, "read", who, None)


def answer(municipality: Municipality, story: Story, home: HomeOption, who: Who, message: Message) -> None:
    """Answer the teller of a story that was read."""
    _step(home, municipality, story, "answered", who, message)


def plan(municipality: Municipality, story: Story, home: HomeOption, who: Who, message: Message) -> None:
    """Tell the teller of a change that is planned."""
    _step(home, municipality, story, "change_planned", who, message)


def made(municipality: Municipality, story: Story, home: HomeOption, who: Who, message: Message) -> None:
    """Tell the teller of a change that was made."""
    _step(home, municipality, story, "change_made", who, message)


def outcome(municipality: Municipality, story: Story, home: HomeOption, who: Who, message: Message) -> None:
    """Tell the teller what came of it, also when nothing did, and why."""
    _step(home, municipality, story, "outcome", who, message)


def ask(municipality: Municipality, story: Story, home: HomeOption, who: Who) -> None:
    """Note that the provider that a story names was asked for its reply; it has seven days."""
    from services.stories.desk.replies import ask_provider

    def do(here: "AtDesk") -> str:
        row = here.story(story)
        if row["provider"] is None:
            raise Fatal("This story names no provider.", todo="Nobody has to be asked.")
        return ask_provider(here.desk, row["event_id"], who, here.today).isoformat()

    out().print(f"Noted. The provider may reply until {acted(home, municipality, do)}.")


def reply(
    municipality: Municipality,
    story: Story,
    home: HomeOption,
    text: Annotated[Path, typer.Option("--text", help="File with the provider's reply.")],
) -> None:
    """Keep a provider's reply beside the story."""
    from services.stories.desk.replies import note_reply

    words = text_of(text)
    acted(home, municipality, lambda here: note_reply(here.desk, here.story(story)["event_id"], words, here.today))
    out().print("The reply is kept, sealed.")


def acted(home: Path, municipality: str, do: "Callable[[AtDesk], Result]") -> "Result":
    """Do something at the desk.

    Raises:
        SpiegelnetError: as `services.stories.desk.acting.act`, or parcels wait for the broker.
    """
    from services.stories.desk.acting import act

    result, waits = act(home, municipality, do)
    if waits:
        raise waits[0]
    return result


def text_of(path: Path) -> str:
    """Read a file of text.

    Raises:
        Fatal: it cannot be read.
    """
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Fatal(f"{path} cannot be read.", f"{reason}.", "Name a file with the text.") from None


def _step(home: Path, municipality: str, story: str, stage: str, who: str, message: Path | None) -> None:
    from services.stories.desk.stages import take_step

    words = None if message is None else text_of(message)
    acted(
        home,
        municipality,
        lambda here: take_step(here.desk, here.story(story)["event_id"], stage, who, here.today, words),
    )
    out().print("Noted, and told to who sent the story.")


def _marking() -> "Callable[[str], str]":
    from services.stories.marking import marked, whole_marker

    return lambda text: marked(text, whole_marker().marks(text))
