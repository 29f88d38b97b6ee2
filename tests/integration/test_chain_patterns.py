"""Stories through the chain into patterns: from a story point's file to the node's table, and to the hub's."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from services import tasks
from services.cli.reports import month_json, show_months
from services.closing import ClosingReport
from services.month import MonthReport
from services.stories.patterns.codes import grid
from tests.network_state import events, published, rows_of
from tests.small_network import AFTER
from tests.told_patterns import TOWN, consent, story, tell, tell_more

pytestmark = pytest.mark.xdist_group("network")

QUARTER = "2025-Q4"
AtStage = Callable[[str], Path]


def numbers(frame: pl.DataFrame) -> dict[tuple[str, str], int]:
    shown = frame.filter(pl.col("status") == "published")
    return {(theme, code): count for theme, code, count in shown.select("theme", "signification", "numerator").rows()}


def told(root: Path) -> None:
    """35 known tellers on housing, of whom 25 waited long; 12 on energy, 5 of whom said too late, too few to show."""
    rows = [story(item, "Wonen", "Lang wachten" if item < 25 else "") for item in range(35)]
    rows += [story(100 + item, "Wonen", "Lang wachten", teller=f"T-{item}") for item in range(20)]
    rows += [story(200 + item, "Energie", "Te laat" if item < 5 else "") for item in range(12)]
    rows += [story(300 + item, "Energie", uses="Team") for item in range(30)]
    tell(root, rows)


def test_stories_become_patterns_of_their_quarter_at_the_node_and_at_the_hub(at_stage: AtStage) -> None:
    root = at_stage("received")
    told(root)
    report = tasks.month(root, TOWN, ["2025-12"], AFTER)
    assert report.patterns == {"published": 5, "suppressed": len(grid()) - 5}
    found = published(root, TOWN)["published.patterns"]
    assert {*found["period"]} == {QUARTER}
    shown = numbers(found)
    counted = {
        ("housing", "total"): 35,
        ("housing", "long_wait"): 25,
        ("energy", "total"): 12,
        ("total", "total"): 47,
        ("total", "long_wait"): 25,
    }
    assert shown.keys() == counted.keys()
    for cell, tellers in counted.items():
        assert shown[cell] in range(tellers - 6, tellers + 7), "perturbed by at most 4, rounded to 5"
    assert {*found.filter(status="published")["denominator"]} == {*found["denominator"].drop_nulls()} != set()
    tasks.benchmark(root)
    at_hub = published(root, "hub")["benchmark.patterns"]
    assert rows_of(at_hub.select(found.columns)) == rows_of(found)
    assert not published(root, "hub")["benchmark.figures"].filter(indicator="story_pattern").height


def test_a_quarter_that_closed_stands_and_a_teller_who_said_no_before_is_not_in_it(at_stage: AtStage) -> None:
    root = at_stage("received")
    told(root)
    waited = events(root, TOWN, "story").filter(pl.col("signals").list.contains("long_wait"))
    tellers = waited["teller"].unique().sort().to_list()[:17]
    stories = waited.filter(pl.col("teller").is_in(tellers))["event_id"].to_list()
    consent(root, stories, ["team"], 1)
    tasks.month(root, TOWN, ["2025-12"], AFTER)
    found = published(root, TOWN)["published.patterns"]
    assert ("housing", "long_wait") not in numbers(found), "8 of 25 tellers are left"
    assert numbers(found)["housing", "total"] in range(12, 25), "18 of 35"
    consent(root, stories, ["count"], 2)
    again = tasks.month(root, TOWN, ["2025-12"], AFTER)
    assert (again.parcels, again.stands) == (0, [])
    assert published(root, TOWN)["published.patterns"].equals(found)


def test_who_says_no_after_one_quarter_is_not_in_the_next_and_what_was_released_stands(at_stage: AtStage) -> None:
    """Thirty tellers told in both quarters; 21 of them say no in between, for all that they told."""
    root = at_stage("received")
    before = [story(item, "Wonen", teller=f"T-{item}", told="10-08-2025") for item in range(30)]
    tell(root, before + [story(100 + item, "Wonen", teller=f"T-{item}") for item in range(30)])
    tasks.month(root, TOWN, ["2025-09"], AFTER)
    first = published(root, TOWN)["published.patterns"]
    assert {*first["period"]} == {"2025-Q3"}
    assert numbers(first)["housing", "total"] in range(24, 37)
    told_both = events(root, TOWN, "story")
    tellers = told_both["teller"].unique().sort().to_list()[:21]
    no = told_both.filter(pl.col("teller").is_in(tellers))["event_id"].to_list()
    assert len(no) == 42
    consent(root, no, [], 1)
    tasks.month(root, TOWN, ["2025-12"], AFTER)
    both = published(root, TOWN)["published.patterns"]
    assert numbers(both.filter(period=QUARTER)) == {}, "9 of 30 tellers are left"
    assert rows_of(both.filter(period="2025-Q3")) == rows_of(first)
    again = tasks.month(root, TOWN, ["2025-09", "2025-12"], AFTER)
    assert (again.parcels, again.stands, again.lost) == (0, [], [])
    tasks.benchmark(root)
    at_hub = published(root, "hub")["benchmark.patterns"]
    assert rows_of(at_hub.select(both.columns)) == rows_of(both)


def test_what_comes_after_its_quarter_was_closed_is_in_no_count_and_the_node_is_told_so(
    at_stage: AtStage, capsys: pytest.CaptureFixture[str]
) -> None:
    root = at_stage("received")
    never_closed = [story(item, "Wonen", told="10-02-2025") for item in range(3)]
    tell(root, never_closed + [story(10 + item, "Wonen", told="10-08-2025") for item in range(15)])
    september = tasks.month(root, TOWN, ["2025-09"], AFTER)
    first = published(root, TOWN)["published.patterns"]
    assert said(september, capsys) == "some"
    late = [story(100 + item, "Wonen", told="10-08-2025") for item in range(12)]
    later = [story(200 + item, "Energie") for item in range(14)]
    only_read = [story(300 + item, "Wonen", told="10-08-2025", uses="Team") for item in range(5)]
    tell_more(root, [*late, *later, *only_read], "2026-01")
    december = tasks.month(root, TOWN, ["2025-12"], AFTER)
    assert said(december, capsys) == "15"
    both = published(root, TOWN)["published.patterns"]
    assert rows_of(both.filter(period="2025-Q3")) == rows_of(first)
    assert numbers(both.filter(period=QUARTER)).keys() == {("energy", "total"), ("total", "total")}
    assert said(tasks.month(root, TOWN, ["2025-12"], AFTER), capsys) == "15"


def said(report: MonthReport, capsys: pytest.CaptureFixture[str]) -> str:
    """How many stories came too late, as people and programs read it."""
    result = ClosingReport(report.periods, [report])
    capsys.readouterr()
    show_months(result)
    number = month_json(result)["nodes"][0]["stories_too_late"]
    assert f"{TOWN}: {number} of the stories that may be counted are in no pattern" in capsys.readouterr().out
    return str(number)


def test_a_node_without_stories_publishes_and_tells_nothing(at_stage: AtStage) -> None:
    root = at_stage("received")
    report = tasks.month(root, TOWN, ["2025-12"], AFTER)
    assert not report.patterns
    assert "published.patterns" not in published(root, TOWN)
    tasks.benchmark(root)
    assert published(root, "hub")["benchmark.patterns"].is_empty()


def test_one_teller_without_a_name_who_tells_forty_times_makes_no_pattern(at_stage: AtStage) -> None:
    root = at_stage("received")
    tell(root, [story(item, "Wonen", "Lang wachten", teller="") for item in range(40)])
    assert events(root, TOWN, "story").height == 40
    assert tasks.month(root, TOWN, ["2025-12"], AFTER).patterns == {"suppressed": len(grid())}
    assert published(root, TOWN)["published.patterns"]["numerator"].is_null().all()
