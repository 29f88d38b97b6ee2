"""Quotes of stories that may be read in a session, as they are now: one whose teller thought better of it is gone."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.network import Network
from services.stories.desk.quotes import IN_TALKS, PUBLISHED
from services.stories.desk.quotes import quotes as at_desk
from services.stories.desk.records import open_desk


@dataclass(frozen=True)
class Quote:
    """A released paraphrase.

    Attributes:
        quote: its id.
        theme: of the story.
        role: of the teller.
        period: quarter in which the story was told.
        title, words: as released.
        effects: `wanted:family` and such.
        made_up: whether the story is one of sample data.
    """

    quote: str
    theme: str
    role: str
    period: str
    title: str
    words: str
    effects: tuple[str, ...]
    made_up: bool


def quotes(network: Network, municipality: str) -> Mapping[str, Quote]:
    """Return a municipality's released quotes by id: published ones, and those that may be quoted in a talk.

    Raises:
        NotAllowed: its keys are not on this machine.
        Retryable, Fatal: the file of its desk cannot be used.
    """
    if not network.home.participant(municipality).stories.exists():
        return {}
    found = {}
    for item in at_desk(open_desk(network, municipality)):
        if item.stage in (IN_TALKS, PUBLISHED) and item.about and item.title and item.words:
            about = item.about
            found[item.quote] = Quote(
                item.quote, about.theme, about.role, about.period, item.title, item.words, about.effects, about.made_up
            )
    return found
