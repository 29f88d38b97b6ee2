"""The page of a municipality's stories: its published quotes by theme, and what came of each.

It tells no numbers: a page may be written on any day, and two counts of one matter can be subtracted from each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment

from connectors.codes_stories import EFFECTS, FELT_BY, ROLES, THEMES
from services.pages import environment
from services.stories.desk.acting import at_desk
from services.stories.desk.quotes import PUBLISHED, Quote, quotes
from services.stories.desk.stages import ANSWERED, MADE, OUTCOME, PLANNED, READ, RECEIVED, steps

CAME: Final[Mapping[str, str]] = {
    RECEIVED: "De gemeente ontving dit verhaal.",
    READ: "De gemeente las dit verhaal.",
    ANSWERED: "De gemeente antwoordde de verteller.",
    PLANNED: "De gemeente wil naar aanleiding hiervan iets veranderen.",
    MADE: "De gemeente veranderde naar aanleiding hiervan iets.",
    OUTCOME: "De verteller hoorde wat ervan kwam.",
}


@dataclass(frozen=True)
class Told:
    """A quote as the page shows it.

    Attributes:
        quote: what was published.
        role: of the teller, in Dutch.
        effects: in Dutch.
        came: what came of it, in a sentence.
    """

    quote: Quote
    role: str
    effects: tuple[str, ...]
    came: str


def write_page(root: Path, municipality: str, path: Path) -> int:
    """Write the page of a municipality; what stood at `path` is replaced. Return how many quotes are on it.

    Args:
        root: the network's home.
        municipality: with its keys on this machine.
        path: of the page.

    Raises:
        NotAllowed, Retryable, Fatal: as `at_desk`.
        OSError: the file cannot be written.
    """
    here = at_desk(root, municipality)
    shown = [item for item in quotes(here.desk) if item.stage == PUBLISHED and item.about]
    last = {step.story: step.stage for step in steps(here.desk)}
    name = here.network.directory.get(municipality).name
    text = page(name, [told(item, last.get(item.story, RECEIVED)) for item in shown])
    path.write_text(text, "utf-8")
    return len(shown)


def told(quote: Quote, stage: str) -> Told:
    """Say a quote's codes in Dutch."""
    about = quote.about
    if about is None:
        raise ValueError("a quote that is published has what it is about")
    effects = tuple(_effect(item) for item in about.effects)
    return Told(quote, _DUTCH[about.role].lower(), effects, CAME[stage])


def page(name: str, shown: list[Told]) -> str:
    """Return the page as HTML.

    Args:
        name: of the municipality.
        shown: its published quotes.
    """
    by_theme: dict[str, list[Told]] = {}
    for item in sorted(shown, key=lambda item: (item.quote.since, item.quote.quote), reverse=True):
        if item.quote.about:
            by_theme.setdefault(_DUTCH[item.quote.about.theme], []).append(item)
    made_up = [item.quote.about.made_up for item in shown if item.quote.about]
    template = _environment().get_template("verhalen.html")
    return template.render(name=name, themes=sorted(by_theme.items()), made_up=any(made_up))


def _effect(code: str) -> str:
    effect, _, felt_by = code.partition(":")
    return f"{_DUTCH[effect].lower()} ({_DUTCH[felt_by].lower()})"


@cache
def _environment() -> Environment:
    return environment("services.stories.desk")


_DUTCH: Final = {code: dutch for codes in (THEMES, ROLES, EFFECTS, FELT_BY) for dutch, code in codes.items()}
