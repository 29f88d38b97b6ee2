"""A made-up review: two readers who do not exist tell some of the made-up stories on, as people at a desk would.

Each tale is told on once in the whole network. Everything goes through the desk's own functions, so what they refuse
is refused here too.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from services.samples.network import load_network
from services.samples.stories import CAMPAIGNS, LOUD, Story, identifying, make_stories

if TYPE_CHECKING:  # what computes is for after a fork
    from services.stories.desk.acting import AtDesk
    from services.stories.desk.publishing import Publishing

READERS: Final = ("Verzonnen lezer A", "Verzonnen lezer B")
HOW: Final = "Verzonnen: de navertelde woorden zijn voorgelezen en goed bevonden."
PURPOSE: Final = "made-up review"
NO_NAME: Final = "Gewoon woord, geen naam."
QUOTED: Final[Mapping[str, int]] = {LOUD: 16, "gm0687": 10}
QUOTED_ELSEWHERE: Final = 2
"""Stories of one municipality that are told on, as far as they may be."""
LAST: Final = dt.date(2025, 12, 1)


@dataclass(frozen=True)
class Review:
    """What the readers make of one story.

    Attributes:
        body: the story's words, by which it is found.
        title: above the quote.
        words: the story told on.
    """

    body: str
    title: str
    words: str


@cache
def reviews(seed: int) -> Mapping[str, Sequence[Review]]:
    """Choose which stories are told on, by municipality: of each theme one before any other, and no tale twice."""
    told = [item for stories in make_stories(load_network(), LAST, seed).values() for item in stories]
    found: dict[str, list[Review]] = {}
    used: set[str] = set()
    for place in sorted({item.municipality for item in told}, key=lambda code: (code != LOUD, code in CAMPAIGNS, code)):
        about = Counter[str]()
        chosen: list[Review] = []
        while len(chosen) < QUOTED.get(place, QUOTED_ELSEWHERE):
            left = [item for item in told if item.municipality == place and _may_be_told_on(item, used)]
            if not left:
                break
            story = min(left, key=lambda item: (about[item.tale.theme], -item.told_on.toordinal(), item.key))
            about[story.tale.theme] += 1
            used.add(story.tale.key)
            chosen.append(Review(story.body, story.tale.title, story.tale.retold or ""))
        found[place] = chosen
    return found


def _may_be_told_on(story: Story, used: set[str]) -> bool:
    """Say whether it is held at all, allowed and not told on yet; of a named provider a reply would be waited for."""
    tale = story.tale
    here = not identifying(story) and tale.provider is None and tale.key not in used
    return here and "publish" in story.uses and bool(tale.retold)


def review(here: "AtDesk", seed: int, marked_parts: Callable[[str], Sequence[str]]) -> "Publishing":
    """Let both readers tell on what they chose of the stories that a municipality holds, and publish it.

    Args:
        here: the municipality's desk.
        seed: of the samples.
        marked_parts: finds what has to be explained in a quote.

    Raises:
        NotAllowed, Rejected, Retryable, Fatal: as the desk's functions.
    """
    from services.stories.desk.publishing import publish  # noqa: PLC0415 - computing is for after a fork
    from services.stories.desk.quotes import approve, find_quote, note_agreed, propose, quotes  # noqa: PLC0415
    from services.stories.desk.showing import TEAM, show  # noqa: PLC0415

    known = {item.story for item in quotes(here.desk)}
    bodies = here.desk.key.open(here.stories["body"], here.stories["event_id"], "body").to_list()
    for chosen in reviews(seed).get(here.municipality, ()):
        if chosen.body not in bodies:
            continue
        story = here.stories.row(bodies.index(chosen.body), named=True)
        if story["event_id"] in known:
            continue
        name = propose(here.desk, story, chosen.title, chosen.words, here.today)
        quote = find_quote(here.desk, name)
        note_agreed(here.desk, quote, here.today, HOW, here.today)
        explained = dict.fromkeys(marked_parts(quote.text), NO_NAME)
        if TEAM in story["uses"]:
            show(here.network, here.desk, story, READERS[0], PURPOSE, None)
        for reader in READERS:
            approve(here.desk, quote, reader, here.network.now(), explained)
    return publish(here.desk, here.stories, marked_parts, here.today)
