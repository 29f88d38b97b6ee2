"""Made-up stories of the sample network: a campaign that looks back over two years, and what is told after it.

In two municipalities so many people tell that patterns can be counted; elsewhere a few do, and in two nobody does. In
the municipality that the demo shows, stories of debt counselling speak of waiting and of letters nobody understands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

import numpy as np

from services.samples.chance import chance
from services.samples.network import SampleNetwork, StoryPoint
from services.samples.tales import Tale, identifying_sentences, tales, tales_with_names

CAMPAIGNS: Final[Mapping[str, Mapping[str, int]]] = {
    "gm0153": {
        "debt_counselling": 54, "household_help": 36, "energy": 8, "income_support": 8, "child_poverty": 8,
        "youth_support": 6, "guidance": 5, "housing": 4, "payment_arrears": 4, "work": 3, "other": 2,
    },
    "gm0687": {
        "household_help": 38, "income_support": 16, "energy": 12, "child_poverty": 12, "debt_counselling": 12,
        "guidance": 6, "youth_support": 6, "housing": 5, "payment_arrears": 3, "work": 1, "other": 1,
    },
}  # fmt: skip
"""Where many tell in the last quarter of the campaign, and how many about what."""
LOUD: Final = "gm0153"
"""Where debt counselling is told of as below."""
LOUD_THEME: Final = "debt_counselling"
LOUD_SIGNALS: Final = frozenset({"long_wait", "unclear_letter"})
LOUDER, QUIETER = 3.0, 0.2
"""How much likelier a tale is for each such signal in it, there, and with any of them elsewhere."""
SILENT: Final = frozenset({"gm0221", "gm0981"})
FEW: Final = (8, 15)
"""From and below: how many tell elsewhere, too few to count."""
BEGINS: Final = date(2024, 1, 8)
CAMPAIGN: Final = date(2025, 10, 1)
ENDS: Final = date(2025, 12, 22)
FALLS_SILENT: Final = date(2025, 12, 1)
"""From when nothing is told where there is no campaign, so that the last month brings stories to few."""
BEFORE: Final = 0.1
"""Share told before the campaign, where there is one."""
ANONYMOUS: Final = 0.12
AGAIN: Final = 0.05
"""Share told by who has told before."""
RATED: Final = 0.55
LOOK_BACK: Final = 22
"""Months at most between what happened and the telling."""
USES: Final = (
    (("count", "team", "quote", "publish"), 0.72),
    (("count", "team", "quote"), 0.08),
    (("count", "team"), 0.08),
    (("count",), 0.07),
    (("team", "quote", "publish"), 0.05),
)
"""What tellers allow, and which share of them."""
NAMED_STORIES: Final = 10
CONTINUING: Final = 2.0
"""Stories that a month after the campaign brings on average, where there was one."""


@dataclass(frozen=True)
class Story:
    """One telling, under the story point's own keys; codes as the event type `story` has them.

    Attributes:
        key: of the story.
        tale: what it tells.
        municipality: which it is about.
        teller: key of who tells it; None for anonymous.
        body: the words.
        told_on: the day.
        happened_in: month, `2024-05`.
        rating: 1 to 5 or None.
        uses: what the teller allows.
    """

    key: str
    tale: Tale
    municipality: str
    teller: str | None
    body: str
    told_on: date
    happened_in: str
    rating: int | None
    uses: tuple[str, ...]


def make_stories(network: SampleNetwork, last: date, seed: int) -> dict[str, list[Story]]:
    """Tell the stories that there are at the end of a month; those of earlier months are the same whatever the month.

    Args:
        network: for its story points.
        last: first day of the month.
        seed: of all chance.

    Returns:
        Stories by story point, in the order in which they were told.
    """
    end = (last + timedelta(days=31)).replace(day=1)
    told: set[str] = set()
    return {
        point.id: sorted(
            (item for item in _of_point(point, last, seed, told) if item.told_on < end),
            key=lambda item: (item.told_on, item.key),
        )
        for point in network.story_points
    }


def identifying(story: Story) -> bool:
    """Whether its text holds a direct identifier, so that a source must refuse it."""
    return story.body.endswith(identifying_sentences())


def _of_point(point: StoryPoint, last: date, seed: int, told: set[str]) -> list[Story]:
    stories = [item for place in point.municipalities for item in _campaign(place, seed, told)]
    return [*stories, *(item for place in point.municipalities for item in _after(place, last, seed, told))]


def _campaign(place: str, seed: int, told: set[str]) -> list[Story]:
    """Stories of the two years up to the end of the campaign; some name somebody, some hold a direct identifier."""
    if place in SILENT:
        return []
    rng = chance(seed, "stories", place)
    known = tales()
    if place in CAMPAIGNS:
        chosen = [_drawn(known, place, theme, rng) for theme, count in CAMPAIGNS[place].items() for _ in range(count)]
    else:
        themes = list(dict.fromkeys(item.theme for item in known))
        count = int(rng.integers(*FEW))
        chosen = [_drawn(known, place, themes[int(at)], rng) for at in rng.integers(len(themes), size=count)]
    if place == LOUD:
        named = tales_with_names()
        chosen += [named[at % len(named)] for at in range(NAMED_STORIES)]
    days = [_day(place, rng) for _ in chosen]
    stories = _told(place, "", chosen, days, rng, told)
    if place != LOUD:
        return stories
    beside = [_drawn(known, place, "household_help", rng) for _ in identifying_sentences()]
    refused = _told(place, "X", beside, [_day(place, rng) for _ in beside], rng, told)
    sentences = identifying_sentences()
    return stories + [replace(item, body=f"{item.body} {text}") for item, text in zip(refused, sentences, strict=True)]


def _after(place: str, last: date, seed: int, told: set[str]) -> list[Story]:
    """What is told in the months after the campaign."""
    if place not in CAMPAIGNS:
        return []
    stories: list[Story] = []
    month = (ENDS + timedelta(days=31)).replace(day=1)
    while month <= last:
        rng = chance(seed, "stories", place, month)
        themes = [str(item) for item in rng.choice(list(CAMPAIGNS[place]), int(rng.poisson(CONTINUING)))]
        days = [month + timedelta(days=int(day)) for day in rng.integers(0, 28, len(themes))]
        chosen = [_drawn(tales(), place, theme, rng) for theme in themes]
        stories += _told(place, f"{month:%y%m}", chosen, days, rng, told)
        month = (month + timedelta(days=31)).replace(day=1)
    return stories


def _drawn(known: Sequence[Tale], place: str, theme: str, rng: np.random.Generator) -> Tale:
    """A tale of a theme; of the loud theme those that make it loud mostly in one place, and seldom elsewhere."""
    about = [item for item in known if item.theme == theme]
    weights = np.ones(len(about))
    if theme == LOUD_THEME:
        loud = np.array([len(LOUD_SIGNALS & set(item.signals)) for item in about])
        weights = np.maximum(LOUDER * loud, 1) if place == LOUD else np.where(loud, QUIETER, 1.0)
    return about[int(rng.choice(len(about), p=weights / weights.sum()))]


def _day(place: str, rng: np.random.Generator) -> date:
    if place in CAMPAIGNS and rng.random() >= BEFORE:
        return CAMPAIGN + timedelta(days=int(rng.integers((ENDS - CAMPAIGN).days)))
    return BEGINS + timedelta(days=int(rng.integers((FALLS_SILENT - BEGINS).days)))


def _told(
    place: str, batch: str, chosen: Sequence[Tale], days: Sequence[date], rng: np.random.Generator, told: set[str]
) -> list[Story]:
    """A telling of each tale, in words that nobody has used yet."""
    stories: list[Story] = []
    for number, (tale, day) in enumerate(zip(chosen, days, strict=True), 1):
        body = tale.told(rng)
        while body in told:
            body = tale.told(rng)
        told.add(body)
        own = f"{place[2:]}{batch}-{number:03d}"
        again = f"T{place[2:]}{batch}-{max(1, number - 1):03d}" if rng.random() < AGAIN else f"T{own}"
        teller = None if rng.random() < ANONYMOUS else again
        back = int(rng.integers(LOOK_BACK))
        months = day.year * 12 + day.month - 1 - back
        happened = f"{months // 12}-{months % 12 + 1:02d}"
        uses = USES[int(rng.choice(len(USES), p=[share for _, share in USES]))][0]
        stories.append(Story(f"V{own}", tale, place, teller, body, day, happened, _rating(tale, rng), uses))
    return stories


def _rating(tale: Tale, rng: np.random.Generator) -> int | None:
    """Stars of a resident for the support: more where only wanted things came of it."""
    drawn, at = rng.random(), int(rng.integers(0, 2))
    if drawn >= RATED or tale.role != "resident":
        return None
    kinds = {effect for effect, _ in tale.effects}
    return (2 if "unwanted" in kinds and "wanted" in kinds else 1 if "unwanted" in kinds else 4) + at
