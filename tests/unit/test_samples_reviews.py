"""The made-up review tells on what may be told on, each tale once, and one of every theme in the place shown."""

import datetime as dt
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from services.network import Network
from services.samples.network import load_network
from services.samples.reviews import LAST, PURPOSE, READERS, review, reviews
from services.samples.stories import LOUD, SILENT, identifying, make_stories
from services.samples.tales import MADE_UP
from services.stories.desk.acting import AtDesk
from services.stories.desk.showing import showings
from services.stories.wording import THEMES
from tests.stories_told import desk_in, frame, story

SEED = 2025
LEAST = 45


def test_stories_of_every_place_that_has_some_are_told_on_and_all_themes_in_the_shown_one() -> None:
    stories = {item.body: item for point in make_stories(load_network(), LAST, SEED).values() for item in point}
    chosen = reviews(SEED)
    assert set(chosen) == {item.id for item in load_network().municipalities} - SILENT
    assert all(chosen.values())
    every = [(place, stories[item.body], item) for place, found in chosen.items() for item in found]
    assert len(every) >= LEAST
    assert all(told.municipality == place for place, told, _ in every)
    assert {told.tale.theme for place, told, _ in every if place == LOUD} == set(THEMES)
    assert max(Counter(told.tale.key for _, told, _ in every).values()) == 1
    for _, told, retold in every:
        assert "publish" in told.uses
        assert not identifying(told)
        assert told.tale.provider is None, "a provider has seven days to reply"
        assert (retold.title, retold.words) == (told.tale.title, told.tale.retold)
        assert MADE_UP not in retold.words


def test_of_a_story_that_the_team_may_see_one_reader_is_shown_it_first(tmp_path: Path) -> None:
    desk, now = desk_in(tmp_path), dt.datetime(2026, 1, 10, 9, tzinfo=dt.UTC)
    network = cast(Network, SimpleNamespace(now=lambda: now, today=now.date))
    chosen = reviews(2025)["gm0153"][:2]
    allowed = (["team", "quote", "publish"], ["publish"])
    rows = [
        story(desk, item.title, body=item.body, uses=uses, municipality="gm0153")
        for item, uses in zip(chosen, allowed, strict=True)
    ]
    found = review(AtDesk(network, "gm0153", desk, frame(rows)), 2025, lambda _: ())
    assert (len(found.released), found.refused) == (2, {})
    [(_, _, who, shown, purpose, marked)] = showings(desk)
    assert (who, shown, purpose, marked) == (READERS[0], rows[0]["event_id"].hex(), PURPOSE, False)
