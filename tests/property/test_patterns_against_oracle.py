"""Patterns against a count in plain Python, on stories by chance: consents, anonymous tellers, several senders."""

import datetime as dt
import hashlib
import hmac
import random
from collections import defaultdict
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.disclosure import MIN_UNITS
from services.indicators import Reference
from services.stories.patterns.codes import grid
from services.stories.patterns.counting import COUNTED, allowed, count_patterns
from services.stories.patterns.releasing import pattern_release
from tests.story_frames import CONSENTED, consents_of, corrections_of, random_story, stories_of

KEY = b"r" * 32
POPULATION = [Reference("gm0518", "inhabitants", dt.date(2025, 1, 1), 2025, 568_419)]
QUARTERS = ["2025-Q3", "2025-Q4"]
Consents = list[tuple[int, str, list[str], int]]
Cell = tuple[str, ...]


def quarter(story: dict[str, Any]) -> str:
    return f"{story['told_on'].year}-Q{(story['told_on'].month - 1) // 3 + 1}"


def uses_of(number: int, story: dict[str, Any], consents: Consents) -> list[str]:
    uses, highest = story["uses"], -1
    for about, sender, said, change in consents:
        if about == number and sender == story["sent_by"] and change >= highest:
            uses, highest = said, change
    late = CONSENTED + dt.timedelta(days=number % 2)  # those of an even number were corrected
    if highest >= 0 and story.get("received_on", dt.date.min) >= late:
        return [use for use in uses if use in story["uses"]]
    return list(uses)


def may_count(rows: list[dict[str, Any]], consents: Consents) -> pl.DataFrame:
    corrected = [(number, str(story["sent_by"])) for number, story in enumerate(rows) if number % 2 == 0]
    return allowed(stories_of(rows), consents_of(consents), corrections_of(corrected))


def meanings(story: dict[str, Any]) -> set[tuple[str, str]]:
    found = {("total", "total")}
    found |= {("signal", item) for item in story["signals"]}
    found |= {("uncertainty", item) for item in story["uncertainties"]}
    found |= {("consideration", item) for item in story["considerations"]}
    for item in story["effects"]:
        found |= {("effect", f"{item['effect']}:{on}") for on in (item["felt_by"], "total")}
    if story["rating"]:
        found.add(("rating", str(story["rating"])))
    return found


def oracle(rows: list[dict[str, Any]], consents: Consents) -> dict[Cell, tuple[set[bytes], set[object]]]:
    """By cell the units, and what is counted: a teller once, an anonymous story each time."""
    cells: dict[Cell, tuple[set[bytes], set[object]]] = defaultdict(lambda: (set(), set()))
    for number, story in enumerate(rows):
        if "count" not in uses_of(number, story, consents) or quarter(story) not in QUARTERS:
            continue
        sender, teller = story["sent_by"], story["teller"]
        if teller is None:
            unit, counted = f"anonymous|{sender}|{quarter(story)}".encode(), (sender, number)
        else:
            unit, counted = sender.encode() + b"|" + teller, (sender, teller)
        for theme in (story["theme"], "total"):
            for meaning in meanings(story):
                units, values = cells[quarter(story), theme, *meaning]
                units.add(unit)
                values.add(counted)
    return cells


def key_of(units: set[bytes]) -> int:
    """The sum of the units' keys, each the last four bytes of the first eight of a keyed hash."""
    return sum(int.from_bytes(hmac.digest(KEY, unit, hashlib.sha256)[4:8], "big") for unit in units)


def world(seed: int, size: int) -> tuple[list[dict[str, Any]], Consents]:
    chance = random.Random(seed)
    senders = ["vp-one", "vp-two", "hc-home"][: chance.randrange(1, 4)]
    rows = [random_story(chance, max(1, size // 3), senders) for _ in range(size)]
    said = [["count"], [], ["team", "quote"], ["count", "publish"]]
    consents = [
        (chance.randrange(max(1, size)), chance.choice(senders), chance.choice(said), number)
        for number in range(size // 2)
    ]
    chance.shuffle(consents)
    return rows, consents


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.integers(0, 150))
def test_every_cell_is_what_plain_python_counts(seed: int, size: int) -> None:
    rows, consents = world(seed, size)
    expected = oracle(rows, consents)
    counts = count_patterns(may_count(rows, consents), QUARTERS, KEY)
    assert set(counts.select(COUNTED).iter_rows()) == {(item, *cell) for item in QUARTERS for cell in grid()}
    assert counts.height == len(QUARTERS) * len(grid())
    for *cell, value, units, key in counts.iter_rows():
        who, what = expected.get(tuple(cell), (set(), set()))
        assert (value, units, key) == (len(what), len(who), key_of(who)), cell


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.integers(0, 300))
def test_a_published_pattern_has_ten_units_and_lies_near_its_count(seed: int, size: int) -> None:
    rows, consents = world(seed, size)
    expected = oracle(rows, consents)
    counts = count_patterns(may_count(rows, consents), QUARTERS, KEY)
    released = pattern_release(counts, "gm0518", POPULATION)
    assert released.height == counts.height
    for row in released.iter_rows(named=True):
        who, what = expected.get(tuple(str(row[name]) for name in COUNTED), (set(), set()))
        assert (row["status"] == "published") == (len(who) >= MIN_UNITS), row
        if row["status"] == "published":
            assert row["numerator"] % 5 == 0
            assert abs(row["numerator"] - len(what)) <= 6
        else:
            assert row["numerator"] is None
            assert row["denominator"] is None


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_every_anonymous_story_that_may_count_is_in_its_theme_and_in_the_total(seed: int) -> None:
    rows, consents = world(seed, 120)
    for row in rows:
        row["teller"] = None
    stories = may_count(rows, consents)
    counts = count_patterns(stories, QUARTERS, KEY).filter(signification="total")
    for period in QUARTERS:
        of_period = counts.filter(period=period)
        whole = of_period.filter(theme="total")["value"].sum()
        assert whole == of_period["value"].sum() - whole
        assert whole == sum(quarter({"told_on": day}) == period for day in stories["told_on"])


def test_a_release_does_not_depend_on_the_order_of_the_stories() -> None:
    rows, _ = world(5, 200)
    stories = may_count(rows, [])
    made = [
        pattern_release(count_patterns(frame, QUARTERS, KEY), "gm0518", POPULATION)
        for frame in (stories, stories.reverse())
    ]
    assert made[0].equals(made[1])


@pytest.mark.parametrize("sender", ["vp-two", "gm0518"])
def test_nobody_but_its_sender_takes_a_story_out_of_the_count(sender: str) -> None:
    rows = [{"teller": bytes([index]) * 16} for index in range(12)]
    stories = stories_of(rows)
    for who, left in ((sender, 12), ("vp-one", 0)):
        consents = consents_of([(index, who, [], 9) for index in range(12)])
        assert allowed(stories, consents, corrections_of([])).height == left
