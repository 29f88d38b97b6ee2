"""The made-up review tells on what may be told on, each tale once, and one of every theme in the place shown."""

from collections import Counter

from services.samples.network import load_network
from services.samples.reviews import LAST, reviews
from services.samples.stories import LOUD, SILENT, identifying, make_stories
from services.samples.tales import MADE_UP
from services.stories.wording import THEMES

SEED = 2025
LEAST = 45


def test_stories_of_every_place_that_has_some_are_told_on_and_all_themes_in_the_shown_one() -> None:
    stories = {item.body: item for point in make_stories(load_network(), LAST, SEED).values() for item in point}
    chosen = reviews(SEED)
    assert set(chosen) == {item.id for item in load_network().municipalities} - SILENT
    assert all(chosen.values())
    every = [(place, stories[review.body], review) for place, found in chosen.items() for review in found]
    assert len(every) >= LEAST
    assert all(story.municipality == place for place, story, _ in every)
    assert {story.tale.theme for place, story, _ in every if place == LOUD} == set(THEMES)
    assert max(Counter(story.tale.key for _, story, _ in every).values()) == 1
    for _, story, review in every:
        assert "publish" in story.uses
        assert not identifying(story)
        assert story.tale.provider is None, "a provider has seven days to reply"
        assert (review.title, review.words) == (story.tale.title, story.tale.retold)
        assert MADE_UP not in review.words
