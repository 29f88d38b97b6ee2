"""`spiegelnet pattern`: is what somebody heard a pattern, and what stands beside it; all from published tables."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.console import out, print_json, table
from services.cli.options import HomeOption, JsonOption
from services.errors import Fatal

if TYPE_CHECKING:  # slow imports that --help does not need
    from services.network import Network
    from services.stories.patterns.question import Answers
    from services.stories.patterns.words import Candidates

Municipality = Annotated[str, typer.Argument(help="Whose stories, by CBS code, for example gm0153.")]
Themes = Annotated[
    list[str] | None, typer.Option("--theme", help="A theme, for example debt_counselling; more than once.")
]
_ASK = "Example: spiegelnet pattern ask gm0153 --theme debt_counselling --signal long_wait --heard 3"


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(help="Patterns in stories: ask, list, and what stands beside them.", no_args_is_help=True)
    group.command("ask", epilog=_ASK)(ask_pattern)
    group.command("list", epilog="Example: spiegelnet pattern list gm0153")(list_patterns)
    group.command("page", epilog="Example: spiegelnet pattern page gm0153 --out patterns.html")(page)
    group.command("warm", epilog="Example: spiegelnet pattern warm gm0153 --theme debt_counselling")(warm)
    group.command("reach", epilog="Example: spiegelnet pattern reach gm0153")(reach)
    app.add_typer(group, name="pattern")


def ask_pattern(
    municipality: Municipality,
    home: HomeOption,
    theme: Themes = None,
    signal: Annotated[
        list[str] | None,
        typer.Option(
            help="A signification: a signal, unwanted:children, an uncertainty, a consideration; more than once."
        ),
    ] = None,
    words: Annotated[str, typer.Option(help="The story in a few words; codes are sought that fit, and shown.")] = "",
    period: Annotated[str | None, typer.Option(help="A quarter, 2025-Q4; without it the newest.")] = None,
    heard: Annotated[
        int | None, typer.Option(help="How often you heard it; said again, and counted for nothing.")
    ] = None,
    inside: Annotated[
        bool, typer.Option("--inside", help="Seek codes in the municipality's own stories too, where its keys are.")
    ] = False,
    purpose: Annotated[str, typer.Option(help="With --inside: what it is needed for; is written down.")] = "",
    to: Annotated[Path | None, typer.Option("--out", help="Write the answer as a page in Dutch too.")] = None,
    json: JsonOption = False,
) -> None:
    """Say whether a story is a pattern: yes, not shown or too few, with counts beside what is expected."""
    from services.asking import asking
    from services.network import Network
    from services.stories.patterns.page import write_answer
    from services.stories.patterns.question import Asked, answer

    if inside and not words:
        raise Fatal("--inside seeks codes for words.", todo='Say them: --words "lang wachten op hulp".')
    network, ask = Network.open(home), asking(home)
    themes, meanings = tuple(theme or ()), tuple(signal or ())
    if words:
        found = _candidates(home, municipality, words, purpose if inside else None)
        themes, meanings = themes or found.themes, meanings or found.significations
        if not themes and not meanings:
            raise Fatal("No theme or signification fits these words.", "", "Name them with --theme and --signal.")
    answers = answer(ask, Asked(municipality, themes, meanings, period, heard))
    if to:
        write_answer(network, answers, to)
    if json:
        print_json(_as_json(answers))
        return
    _show(answers, by_words=bool(words), network=network)


def _candidates(home: Path, municipality: str, words: str, purpose: str | None) -> "Candidates":
    """Codes for words: sought in the code lists and published quotes, and with a purpose in own stories too."""
    from services.asking import asking
    from services.network import Network
    from services.stories.patterns.reading import quotes, searched
    from services.stories.patterns.words import candidates

    if purpose is None:
        return candidates(words, searched(quotes(asking(home), municipality)))
    from services.stories.patterns.inside import candidates_inside

    return candidates_inside(Network.open(home), municipality, words, purpose)


def _show(answers: "Answers", *, by_words: bool, network: "Network") -> None:
    from services.pages.wording import number, period_text
    from services.stories.patterns.codes import THEMES, title_of
    from services.stories.patterns.page import closed_until
    from services.stories.patterns.wording import (
        HOW_COUNTED,
        MANY_AT_ONCE,
        STATUS,
        VERDICTS,
        heard_sentence,
        peers_sentence,
        sentences,
    )

    console = out()

    def say(text: str) -> None:
        if text:
            console.print(text, markup=False, soft_wrap=True)

    if by_words:
        codes = [*answers.asked.themes, *answers.asked.significations]
        say(f"Codes that were taken for these words: {', '.join(codes)}. Name others with --theme and --signal.")
    say(heard_sentence(answers.asked.heard))
    for item in answers.answers:
        say(f"{THEMES[item.theme]}, “{title_of(item.signification)}”: {VERDICTS[item.judgement.verdict]}")
        for line in [*sentences(answers, item), peers_sentence(item)]:
            say(f"  {line}" if line else "")
    for theme, quoted in answers.quotes.items():
        for figure in answers.figures[theme]:
            value = f"{number(figure.value, 1)} {figure.unit}"
            shown = STATUS.get(figure.status, figure.status) if figure.value is None else value
            median = "" if figure.peer_median is None else f" (evenknieën: {number(figure.peer_median, 1)})"
            say(f"Cijfer: {figure.title}, {period_text(figure.period)}: {shown}{median}")
        for quote in quoted:
            say(f"Verhaal: {quote.title}. {quote.words}{' (Verzonnen verhaal.)' if quote.made_up else ''}")
    say(MANY_AT_ONCE if len(answers.answers) > 1 else "")
    say(HOW_COUNTED)
    until = closed_until([answers.quarter], network.today())
    if until:
        say(f"These counts are under embargo: do not pass them on before {until}.")


def _as_json(answers: "Answers") -> dict[str, object]:
    def share(found: object) -> object:
        return vars(found) if found else None

    return {
        "municipality": answers.asked.municipality,
        "period": answers.quarter.period,
        "public_from": answers.quarter.public_from,
        "heard": answers.asked.heard,
        "answers": [
            {
                "theme": item.theme,
                "signification": item.signification,
                "told": item.told,
                "meant": item.meant,
                "verdict": item.judgement.verdict,
                "share": share(item.judgement.share),
                "expected": share(item.judgement.expected),
                "peers": share(item.peers),
            }
            for item in answers.answers
        ],
        "figures": {theme: [vars(item) for item in items] for theme, items in answers.figures.items()},
        "quotes": {theme: [vars(item) for item in items] for theme, items in answers.quotes.items()},
    }


def list_patterns(municipality: Municipality, home: HomeOption, json: JsonOption = False) -> None:
    """List the published counts of a municipality's stories by quarter and theme; ratings are on the page only."""
    from services.asking import asking
    from services.stories.patterns.reading import quarters

    rows = [
        (quarter.period, theme, cell.kind, code, cell.count)
        for quarter in quarters(asking(home), [municipality]).get(municipality, [])
        for (theme, code), cell in sorted(quarter.cells.items())
        if cell.count is not None and cell.kind != "rating"
    ]
    columns = ("period", "theme", "kind", "signification", "tellers")
    if json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    table(
        "Patterns", columns, rows, caption="All other counts have fewer than ten tellers, or none, and are not shown."
    )


def page(
    municipality: Municipality,
    home: HomeOption,
    to: Annotated[
        Path | None, typer.Option("--out", help="The page; without it patterns-CODE.html in this folder.")
    ] = None,
) -> None:
    """Write a municipality's patterns by theme, beside figures and stories, as one page in Dutch."""
    from services.asking import asking
    from services.network import Network
    from services.stories.patterns.page import write_patterns

    path = to or Path(f"patterns-{municipality}.html")
    shown = write_patterns(Network.open(home), asking(home), municipality, path)
    out().print(f"{path} shows the patterns of {shown} quarters.", markup=False, soft_wrap=True)


def warm(municipality: Municipality, home: HomeOption, theme: Themes = None, json: JsonOption = False) -> None:
    """Show what tellers say it did beside figures on volume, waiting and duration: side by side, never divided."""
    from services.asking import asking
    from services.stories.patterns.warm import warm_with_cold

    period, found = warm_with_cold(asking(home), municipality, theme or ())
    if json:
        cold = {item.theme: [{"kind": kind, **vars(figure)} for kind, figure in item.cold] for item in found}
        told = [{"theme": item.theme, "told": item.told, "effects": dict(item.effects)} for item in found]
        print_json({"period": period, "themes": [{**item, "cold": cold[str(item["theme"])]} for item in told]})
        return
    rows = [
        (
            item.theme,
            "; ".join(f"{code} {count}" for code, count in item.effects) or "too few to show",
            "; ".join(
                f"{kind}: {figure.indicator} {_value(figure.value, figure.status)}" for kind, figure in item.cold
            ),
        )
        for item in found
    ]
    caption = "Neither costs nor the workload of professionals are in the benchmark yet."
    table(f"Warm with cold {period}", ("theme", "effects, tellers", "figures"), rows, caption=caption)


def _value(value: float | None, status: str) -> str:
    return status if value is None else f"{value:.1f}"


def reach(municipality: Municipality, home: HomeOption, json: JsonOption = False) -> None:
    """Show per approach for children how many it reaches, beside the peers, and whether a story was told about it."""
    from services.asking import asking
    from services.stories.patterns.reach import TITLES, reaches

    found = reaches(asking(home), municipality)
    if json:
        print_json([{**vars(item), "quotes": [quote.title for quote in item.quotes]} for item in found])
        return
    rows = [
        (TITLES[item.approach], item.period, item.share, item.peer_median, item.status, len(item.quotes), item.said)
        for item in found
    ]
    columns = ("approach", "period", "reached, %", "peers' median", "status", "quotes", "said")
    table("Reach beside stories", columns, rows)
