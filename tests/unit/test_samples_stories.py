"""The made-up stories: told apart, marked as made up, and told so that patterns follow from them and not everywhere."""

import re
from collections import Counter
from datetime import date
from functools import cache
from itertools import pairwise
from operator import attrgetter
from pathlib import Path

import pytest

from connectors import connector_for
from services.samples.network import load_network
from services.samples.stories import CAMPAIGN, CAMPAIGNS, SILENT, Story, identifying, make_stories
from services.samples.story_files import write_stories
from services.samples.tales import MADE_UP, Tale, tales, tales_with_names
from services.stories.points.asked import as_asked
from services.stories.points.questions import load_point
from services.stories.wording import THEMES

SEED = 2025
DECEMBER, JANUARY = date(2025, 12, 1), date(2026, 1, 1)
LEAST_TELLERS = 10
LONGEST_RUN = 7


@cache
def stories(last: date = DECEMBER) -> tuple[Story, ...]:
    return tuple(item for point in make_stories(load_network(), last, SEED).values() for item in point)


def told_here(municipality: str) -> list[Story]:
    return [item for item in stories() if item.municipality == municipality]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def runs(text: str) -> set[tuple[str, ...]]:
    found = words(text)
    return {tuple(found[at : at + LONGEST_RUN + 1]) for at in range(len(found) - LONGEST_RUN)}


def test_some_four_hundred_are_told_of_seventy_tales_and_no_two_in_the_same_words() -> None:
    assert 400 <= len(stories()) <= 470
    assert len({item.tale.key for item in stories()}) >= 70
    assert len({item.body for item in stories()}) == len(stories())
    assert {item.tale.theme for item in stories()} == set(THEMES)
    assert {item.tale.role for item in stories()} == {"resident", "professional", "volunteer"}


@pytest.mark.parametrize("own", [*tales(), *tales_with_names()], ids=attrgetter("key"))
def test_a_tale_is_four_sentences_or_more_and_is_told_on_in_other_words(own: Tale) -> None:
    plain = re.sub(r"\[([^|\]]*)[^\]]*\]", r"\1", own.body)
    assert "[" not in plain
    assert 4 <= len(re.findall(r"[.?!](?:\s|$)", plain)) <= 9
    if own.retold:
        every = re.split(r"[\[\]]", own.body)
        told = " ".join(part.split("|")[0] for part in every)
        assert not runs(own.retold) & (runs(told) | runs(own.meaning) | runs(own.title))
        assert len(words(own.retold)) > LONGEST_RUN


def test_no_two_tales_share_a_run_of_words() -> None:
    plain = {item.key: runs(re.sub(r"\[[^\]]*\]", " | ", item.body)) for item in tales()}
    for (one, these), (other, those) in pairwise(sorted(plain.items())):
        assert not these & those, (one, other)


def test_each_says_in_its_own_text_that_it_is_made_up() -> None:
    for item in stories():
        assert item.body.count(MADE_UP) == 1
        assert identifying(item) or item.body.endswith(MADE_UP)


def test_two_years_are_looked_back_on() -> None:
    assert min(item.told_on for item in stories()).year == 2024
    for item in stories():
        months = item.told_on.year * 12 + item.told_on.month
        year, month = map(int, item.happened_in.split("-"))
        assert 0 <= months - (year * 12 + month) < 24


def test_many_tell_where_a_campaign_is_few_elsewhere_and_nobody_in_two() -> None:
    told = Counter(item.municipality for item in stories())
    assert len(CAMPAIGNS) == 2
    for place in CAMPAIGNS:
        assert told[place] >= 110
    assert {item.id for item in load_network().municipalities} - set(told) == SILENT
    assert all(5 <= count <= 15 for place, count in told.items() if place not in CAMPAIGNS)


def tellers(municipality: str, theme: str | None, signal: str | None = None, effect: str | None = None) -> int:
    """Different known tellers of the last quarter who allow counting."""
    return len(
        {
            item.teller
            for item in told_here(municipality)
            if item.teller and "count" in item.uses and item.told_on >= CAMPAIGN
            if theme is None or item.tale.theme == theme
            if signal is None or signal in item.tale.signals
            if effect is None or effect in [":".join(pair) for pair in item.tale.effects]
        }
    )


def test_waiting_and_letters_are_a_pattern_of_debt_counselling_in_one_place() -> None:
    debts, all_else = tellers("gm0153", "debt_counselling"), tellers("gm0153", None)
    assert debts >= 40 * 0.75, "of at least forty that are told some are anonymous, or not to be counted"
    assert sum(item.tale.theme == "debt_counselling" for item in told_here("gm0153")) >= 40
    for signal in ("long_wait", "unclear_letter"):
        here = tellers("gm0153", "debt_counselling", signal)
        elsewhere = tellers("gm0153", None, signal) - here
        assert here >= LEAST_TELLERS
        assert here / debts > 4 * elsewhere / (all_else - debts)
    assert tellers("gm0153", "debt_counselling", "long_wait") > debts / 2
    assert tellers("gm0153", "debt_counselling", effect="unwanted:family") > debts / 2
    assert tellers("gm0153", "household_help") >= LEAST_TELLERS
    assert tellers("gm0687", "debt_counselling", "long_wait") < LEAST_TELLERS


def test_tellers_allow_different_things() -> None:
    allowed = Counter(item.uses for item in stories())
    assert allowed[("count", "team", "quote", "publish")] > len(stories()) / 2
    assert allowed[("count",)] > 0
    assert sum(count for uses, count in allowed.items() if "count" not in uses) > 0


def test_a_longer_run_begins_with_the_same_stories_and_adds_some() -> None:
    longer = stories(JANUARY)
    assert {item for item in longer if item.told_on < JANUARY} == set(stories())
    assert len(longer) > len(stories())
    assert all(item.municipality in CAMPAIGNS for item in longer if item.told_on >= JANUARY)


def test_sources_take_every_story_but_those_that_name_a_person_by_number(tmp_path: Path) -> None:
    written, planted = write_stories(tmp_path, load_network(), months=[date(2025, 11, 1), DECEMBER], seed=SEED)
    assert sum(written.values()) == len(stories())
    assert planted == {"identifier_in_story": 6}
    refused, accepted = [], []
    for name in written:
        path = tmp_path / name
        for batch in connector_for(path).read(path):
            refused += batch.refused["reason"].to_list()
            accepted += batch.rows.to_dicts()
    assert sorted(refused) == [
        "bsn_in_text", "email_in_text", "email_in_text", "iban_in_text", "phone_in_text", "phone_in_text",
    ]  # fmt: skip
    assert all(row["made_up"] for row in accepted)
    by_key = {row["source_key"]: row for row in accepted}
    for item in stories():
        if not identifying(item):
            row = by_key.pop(item.key)
            assert (row["municipality"], row["theme"], row["role"]) == (
                item.municipality, item.tale.theme, item.tale.role,
            )  # fmt: skip
            assert (row["body"], row["told_on"], row["rating"]) == (item.body, item.told_on, item.rating)
            assert set(row["signals"]) == set(item.tale.signals)
            assert {tuple(effect.values()) for effect in row["effects"]} == set(item.tale.effects)
            assert set(row["uses"]) == set(item.uses)
            assert row["approach"] == item.tale.approach
    assert by_key == {}


def test_one_story_point_asks_questions_of_its_own_and_its_forms_answer_just_these(tmp_path: Path) -> None:
    written, _ = write_stories(tmp_path, load_network(), months=[date(2025, 11, 1), DECEMBER], seed=SEED)
    assert [path.parent.name for path in tmp_path.rglob("vertelpunt.yaml")] == ["vp-twente"]
    point = load_point(tmp_path / "vp-twente")
    assert point is not None
    for name in written:
        for batch in connector_for(tmp_path / name).read(tmp_path / name):
            told = batch.rows["answers"]
            if name.startswith("vp-twente/"):
                assert batch.rows.select(as_asked(point.answers)).to_series().all()
                assert set(told.explode().drop_nulls().struct["question"]) == {"wie_hielp", "hoe_snel", "weet_u"}
            else:
                assert told.list.len().sum() == 0
