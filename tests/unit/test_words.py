"""What the gate finds in the words of stories stands with the story and counts by the order of its fields."""

import polars as pl
import pytest

from services.receiving.words import with_words
from services.registry import load_registry
from tests.told_stories import told

STORY = load_registry().get("story")


def test_each_story_has_the_identifier_of_its_own_first_field_that_holds_one() -> None:
    told_ones = told([1, 2, 3]).with_columns(
        pl.Series("title", ["Bel 06 12345678", "Geen nummer", "Geen nummer"]),
        pl.Series("body", ["Mail mij op j@voorbeeld.nl", "Mail mij op j@voorbeeld.nl", "Niets"]),
        pl.Series("meaning", [None, "Bel 06 12345678", None], dtype=pl.String),
    )
    assert with_words(STORY, told_ones)["identifiers"].to_list() == ["phone", "email", "none"]


@pytest.mark.parametrize("stories", [0, 1])
def test_none_and_one_story_have_as_many_findings(stories: int) -> None:
    found = with_words(STORY, told([1]).head(stories))
    assert found["identifiers"].to_list() == ["none"] * stories
