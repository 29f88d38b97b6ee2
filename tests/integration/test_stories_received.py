"""Stories from a story point's file to the municipality's node, with the newest consent."""

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl
import pytest

from services import tasks
from services.home import Home
from services.network import Network
from services.registry import load_registry
from services.stories.reading import stories, with_consent
from services.stories.text import PREFIX, StoryKey, opened_words
from tests.told_stories import STORY_POINT, TOWN, add_story_point, existing, told

OTHER = "gm0687"
DAY = dt.date(2026, 1, 5)


def sources(root: Path) -> Path:
    return Home(root).participant(STORY_POINT).sources


def test_stories_reach_the_municipality_that_they_are_about_and_open_with_its_key_only(
    at_stage: Callable[[str], Path],
) -> None:
    root = at_stage("empty")
    add_story_point(root)
    rows = [{}, {"Gemeente": OTHER, "Verteller": "T-2"}, {"Verteller": ""}, {"Gemeente": "gm0599"}]
    report = tasks.send(root, STORY_POINT, [existing(sources(root), rows)], ["2025-12"])
    assert dict(report.events) == {"story": 3}
    assert dict(report.refused) == {"receiver_unknown": 1}
    assert report.statements == 3, "it owes none and may make one"
    assert dict(tasks.receive(root, TOWN).verdicts) == {"accepted": 3}
    assert dict(tasks.receive(root, OTHER).verdicts) == {"accepted": 2}
    here, there = (stories(Network.open(root), town) for town in (TOWN, OTHER))
    assert (here.height, there.height) == (2, 1)
    assert here["teller"].null_count() == 1
    assert sorted(here["naming"]) == ["anonymous", "pseudonymous"]
    assert here["body"].str.starts_with(PREFIX).all()
    opened = opened_words(StoryKey.load(Home(root).participant(TOWN).story_key), load_registry().get("story"), here)
    assert set(opened["body"]) == {"Ik kreeg een brief die ik niet begreep. (Verzonnen verhaal.)"}
    assert opened["made_up"].all()


def test_a_municipality_keeps_its_own_stories_and_sends_none_about_another(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("empty")
    path = existing(Home(root).participant(TOWN).sources, [{}, {"Gemeente": OTHER}])
    report = tasks.send(root, TOWN, [path])
    assert (dict(report.events), dict(report.refused)) == ({"story": 1}, {"other_municipality": 1})
    assert dict(tasks.receive(root, TOWN).verdicts) == {"accepted": 1}


def test_no_month_waits_for_a_statement_of_a_story_point(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("received")
    add_story_point(root)
    owing = [item.id for item in Network.open(root).directory.senders_to(TOWN)]
    assert STORY_POINT not in owing
    assert TOWN in owing
    closed = tasks.month(root, TOWN, ["2025-10", "2025-11"], dt.date(2025, 12, 2))
    assert closed.municipality == TOWN


def test_the_newest_consent_of_the_same_sender_stands() -> None:
    frame = told([1, 2, 3]).with_columns(pl.lit("vp-a").alias("sent_by"), pl.lit(DAY).alias("received_on"))
    rows = [(1, ["count"], 1, "vp-a"), (1, [], 3, "vp-a"), (1, ["quote"], 2, "vp-a"), (2, [], 9, "vp-b")]
    found = with_consent(frame, changes(rows), corrections())
    assert found["uses"].to_list() == [[], ["count", "team"], ["count", "team"]]
    assert found.columns == frame.columns
    assert with_consent(frame, changes([]), corrections()).equals(frame)


@pytest.mark.parametrize(
    ("days", "corrected", "uses"),
    [
        (-1, True, ["count", "publish"]),
        (0, False, ["count", "publish"]),
        (0, True, ["count"]),
        (1, True, ["count"]),
        (1, False, ["count"]),
    ],
)
def test_a_story_that_comes_again_after_a_consent_narrows_it(days: int, uses: list[str], *, corrected: bool) -> None:
    day = DAY + dt.timedelta(days=days)
    frame = told([1]).with_columns(pl.lit("vp-a").alias("sent_by"), pl.lit(day).alias("received_on"))
    again = corrections(*[1] * corrected)
    found = with_consent(frame, changes([(1, ["count", "publish"], 1, "vp-a")]), again)
    assert found["uses"].to_list() == [uses]
    assert with_consent(frame, changes([(1, [], 1, "vp-a")]), again)["uses"].to_list() == [[]], "it never widens it"


def test_a_correction_that_allows_less_counts_after_a_consent(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("empty")
    add_story_point(root)
    folder = sources(root)
    tasks.send(root, STORY_POINT, [existing(folder, [{}])])
    tasks.consent(root, STORY_POINT, "V-1", ["count", "team", "publish"])
    tasks.receive(root, TOWN)
    tasks.take_back(root, STORY_POINT, existing(folder, [{"Toestemming": "Meetellen"}], "_nieuw"), corrected=True)
    tasks.receive(root, TOWN)
    assert stories(Network.open(root), TOWN)["uses"].to_list() == [["count"]]


def changes(rows: Sequence[tuple[int, list[str], int, str]]) -> pl.DataFrame:
    """Consents as (story, uses, number, sender), all received on `DAY`."""
    return pl.DataFrame(
        [(story.to_bytes(16, "big"), uses, number, sender, DAY) for story, uses, number, sender in rows],
        schema={
            "story": pl.Binary,
            "uses": pl.List(pl.String),
            "number": pl.Int32,
            "sent_by": pl.String,
            "received_on": pl.Date,
        },
        orient="row",
    )


def corrections(*stories: int) -> pl.DataFrame:
    """Corrections of these stories by `vp-a`."""
    rows = [(story.to_bytes(16, "big"), "story", "vp-a") for story in stories]
    schema = {"corrected": pl.Binary, "event_type": pl.String, "sent_by": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")
