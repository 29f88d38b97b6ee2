"""Beside each figure of a mirror stands a story, or the question for one, in a place of the same size."""

import datetime as dt
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from services.indicators import load_catalogue
from services.mirror.page import page
from services.mirror.reading import read
from services.stories.wording import THEMES
from tests.mirror_figures import MULTIPLE, REACHED, SERIES, SIGNALS, TOWN, asking, figure, pattern, quote

TODAY = dt.date(2026, 2, 1)
NAMES = {"gm0344": "Utrecht", TOWN: "Den Haag"}
POINT = "Vertelpunt Duin"
CATALOGUE = load_catalogue()
EVERY = [figure(name, "2025-12" if entry.release_period == "month" else "2025") for name, entry in CATALOGUE.items()]
INVITED = "Hier is plaats voor een verhaal, even groot als het cijfer."


def made(folder: Path, points: tuple[str, ...] = (POINT,), **tables: object) -> ET.Element:
    reading = read(asking(folder, **tables), TOWN, takes_part=True)  # type: ignore[arg-type]  # as `asking` names them
    return ET.fromstring(page(reading, NAMES, TODAY, points))  # noqa: S314 - our own page


def words(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def pairs(tree: ET.Element) -> dict[str, ET.Element]:
    """The pair of each section, by its id."""
    found = {}
    for section in tree.iter("section"):
        inside = [item for item in section.iter("div") if item.get("class") == "pair"]
        if inside:
            (found[str(section.get("id"))],) = inside
    return found


def story_of(tree: ET.Element, name: str) -> str:
    return words(pairs(tree)[name][1])


def test_every_indicator_of_the_catalogue_has_a_story_or_an_invitation_beside_it(tmp_path: Path) -> None:
    themes = ("debt_counselling", "income_support", "household_help")
    tree = made(tmp_path, figures=EVERY, peers=[], stories=[quote(theme, f"van-{theme}") for theme in themes])
    found = pairs(tree)
    assert set(found) == set(CATALOGUE)
    for name, pair in found.items():
        assert [item.tag for item in pair] == ["figure", "aside"], "two cells of one grid, and nothing else in it"
        assert [item.get("class") for item in pair] == [None, "story"]
        assert [words(item[0]) for item in pair] == ["Het cijfer", "Het verhaal"]
        about = [theme for theme in CATALOGUE[name].themes if theme in themes]
        if about:
            assert [words(item) for item in pair.iter("blockquote")] == [f"Navertelde woorden van van-{about[0]}."]
            assert "Verzonnen voorbeeld" in words(pair[1])
            assert INVITED not in words(pair[1])
        else:
            assert not list(pair.iter("blockquote"))
            assert INVITED in words(pair[1])
            assert f"Vertel het bij {POINT}" in words(pair[1])
    told = {bool(list(pair.iter("blockquote"))) for pair in found.values()}
    assert told == {True, False}


def test_both_cells_of_a_pair_have_the_same_width_height_and_edge(tmp_path: Path) -> None:
    """What the style says of them; tests/browser measures it."""
    style = next(words(item) for item in made(tmp_path).iter("style"))
    rules = re.findall(r"([^{}]+)\{([^{}]*)\}", style)
    columns = [re.findall(r"grid-[a-z-]+: [^;]+", body) for name, body in rules if name.split()[-1] == ".pair"]
    assert columns == [
        ["grid-template-columns: minmax(0, 1fr) minmax(0, 1fr)", "grid-auto-rows: 1fr"],
        ["grid-template-columns: minmax(0, 1fr)"],
    ], "side by side, and on a small screen under each other, in rows that are all as high as the highest"
    sizes = re.compile(r"(?<![-\w])(width|height|max-height|max-width|align-self|display|order|float|font-size)\s*:")
    for name, body in rules:
        if re.search(r"\.story\s*$|aside\s*$|figure\s*$", name):
            assert not sizes.search(body), name


def test_a_story_tells_by_whom_when_about_what_and_what_it_brought(tmp_path: Path) -> None:
    told = quote("payment_arrears", role="volunteer", effects=["wanted:children", "unforeseen:teller"], made_up=False)
    text = story_of(made(tmp_path, stories=[told]), SIGNALS)
    assert (
        "Een vrijwilliger vertelde dit in het vierde kwartaal 2025, over betalingsachterstanden. Wat het bracht, "
        "volgens de verteller: gewenst voor kinderen en onvoorzien voor de verteller."
    ) in text
    assert "Navertelde woorden, door twee mensen nagelezen en met de verteller afgesproken." in text
    assert "Verzonnen voorbeeld" not in text


def test_of_several_stories_the_newest_stands_first_and_the_next_figure_gets_the_next_one(tmp_path: Path) -> None:
    figures = [figure(SIGNALS, "2025-12"), figure(MULTIPLE, "2025-12")]
    told = [
        quote("payment_arrears", "oud", period="2025-Q1"),
        quote("payment_arrears", "nieuw"),
        quote("payment_arrears", "midden", period="2025-Q3"),
    ]
    for number, order in enumerate((told, told[::-1])):
        folder = tmp_path / str(number)
        folder.mkdir()
        tree = made(folder, figures=figures, stories=order)
        found = [words(next(pair.iter("blockquote"))) for pair in pairs(tree).values()]
        assert found == ["Navertelde woorden van nieuw.", "Navertelde woorden van midden."]


@pytest.mark.parametrize("other", [{"uses": ["quote"]}, {"words": None}, {"municipality": "gm0001"}])
def test_no_story_is_shown_that_is_not_for_pages_is_withdrawn_or_of_a_stranger(
    tmp_path: Path, other: dict[str, object]
) -> None:
    told = [quote("payment_arrears", "niet-tonen", **other), quote("work")]
    tree = made(tmp_path, stories=told)
    assert "niet-tonen" not in words(tree)
    assert INVITED in story_of(tree, SIGNALS)


def test_a_story_of_a_peer_is_said_to_be_one_and_the_own_one_goes_before_it(tmp_path: Path) -> None:
    peers = quote("payment_arrears", "elders", municipality="gm0344")
    text = story_of(made(tmp_path, stories=[peers]), SIGNALS)
    assert "Een bewoner in Utrecht (gm0344), een evenknie, vertelde dit" in text
    assert "Van deze gemeente zelf is hierover nog geen verhaal gepubliceerd." in text
    assert f"Vertel het bij {POINT}" in text
    own = quote("payment_arrears", "hier", period="2024-Q1")
    text = story_of(made(tmp_path, stories=[peers, own]), SIGNALS)
    assert "Navertelde woorden van hier." in text
    assert "evenknie" not in text


def test_who_has_no_story_point_is_asked_all_the_same(tmp_path: Path) -> None:
    text = story_of(made(tmp_path, points=()), SIGNALS)
    assert (
        "Voor deze gemeente is er nog geen vertelpunt. Vraag een bewoner, een professional of een vrijwilliger" in text
    )


def test_a_theme_that_has_a_story_and_no_figure_gets_a_pair_too(tmp_path: Path) -> None:
    tree = made(tmp_path, figures=[SERIES[0]], stories=[quote("youth_support"), quote("payment_arrears", "q2")])
    assert set(pairs(tree)) == {SIGNALS, "verhaal-youth_support"}
    pair = pairs(tree)["verhaal-youth_support"]
    assert [item.tag for item in pair] == ["figure", "aside"]
    assert "er staat geen cijfer over deze gemeente in de spiegel" in words(pair[0])
    assert "Navertelde woorden van q1." in words(pair[1])
    ids = [item.get("id") for item in tree.iter() if item.get("id")]
    assert len(ids) == len(set(ids))


def test_how_many_told_stands_with_the_story_and_too_few_are_never_none(tmp_path: Path) -> None:
    theme = "payment_arrears"
    cells = [
        pattern(theme),
        pattern(theme, period="2025-Q3", numerator=90),
        pattern(theme, "signal", "long_wait", numerator=25),
        pattern(theme, "signal", "sent_on", status="suppressed", numerator=None),
        pattern(theme, "effect", "unwanted:total", numerator=30),
        pattern(theme, "effect", "unwanted:family", numerator=20),
        pattern(theme, municipality="gm0344", numerator=95),
        pattern("child_poverty", status="suppressed", numerator=None),
    ]
    tree = made(tmp_path, figures=[SERIES[0], figure(REACHED, "2025")], patterns=cells)
    assert (
        "In het vierde kwartaal 2025 vertelden ongeveer 35 mensen over betalingsachterstanden. Zij herkenden vooral: "
        "lang wachten (25). Wat het bracht: ongewenst voor het gezin (20)."
    ) in story_of(tree, SIGNALS)
    assert (
        "In het vierde kwartaal 2025 vertelden te weinig mensen over armoede bij kinderen om aantallen te tonen. Dat "
        "kan ook niemand geweest zijn."
    ) in story_of(tree, REACHED)
    assert "90" not in story_of(tree, SIGNALS)
    assert "95" not in story_of(tree, SIGNALS)


def test_patterns_under_embargo_keep_the_page_closed(tmp_path: Path) -> None:
    tree = made(tmp_path, figures=[SERIES[0]], patterns=[pattern("payment_arrears", public_from=dt.date(2026, 3, 1))])
    assert "tot 1 maart 2026 alleen voor de gemeente zelf" in words(tree)


def test_who_a_figure_misses_by_what_people_found_stands_with_what_its_definition_says(tmp_path: Path) -> None:
    found = [
        {
            "municipality": TOWN, "indicator": SIGNALS, "entry": 1, "who": "Mensen met een flexibel contract",
            "because": "zij betalen wisselend", "source": "session", "shared_on": TODAY,
        }
    ]  # fmt: skip
    tree = made(tmp_path, missing=found)
    told = {
        str(section.get("id")): next(item for item in section.iter("div") if item.get("class") == "misses")
        for section in tree.iter("section")
        if section.get("class") == "indicator"
    }
    items = [words(item) for item in told[SIGNALS].iter("li")]
    assert items == [
        *(" ".join(text.nl.split()) for text in CATALOGUE[SIGNALS].misses),
        "Mensen met een flexibel contract: zij betalen wisselend",
    ]
    assert len(list(told[MULTIPLE].iter("li"))) == len(CATALOGUE[MULTIPLE].misses)


def test_what_a_story_holds_cannot_become_markup(tmp_path: Path) -> None:
    bad = "x')</p><script>&"
    tree = made(
        tmp_path, stories=[quote("payment_arrears", title=bad, words=bad, role=bad, effects=[bad], period="2025-Q4")]
    )
    assert words(next(pairs(tree)[SIGNALS].iter("blockquote"))) == bad
    assert not list(tree.iter("script"))


def test_each_theme_of_an_indicator_has_a_dutch_word() -> None:
    assert {theme for entry in CATALOGUE.values() for theme in entry.themes} <= set(THEMES)
