"""In a browser the story of a mirror has a place as large as the figure's, on a screen, a tablet and a telephone."""

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from services.indicators import load_catalogue
from services.mirror.page import page
from services.mirror.reading import read
from tests.mirror_figures import TOWN, asking, figure, hidden, pattern, quote
from tests.unit.test_mirror_stories import NAMES, POINT, TODAY

WIDTHS = (1100, 760, 420)
SAME = 0.5
"""CSS pixels by which two lengths may differ by rounding."""
LINE = 10
"""CSS pixels that a line of text is at least high."""
LONG = "Navertelde woorden die langer zijn dan een mens gewoonlijk in één adem vertelt. " * 30
BOXES = """
[...document.querySelectorAll(".pair")].map(pair => [...pair.children].map(cell => {
  const box = cell.getBoundingClientRect(), head = cell.querySelector("h3").getBoundingClientRect();
  return {id: pair.parentElement.id, kind: cell.tagName, left: box.left, right: box.right, width: box.width,
          height: box.height, text: head.height, hidden: Math.max(cell.scrollHeight - cell.clientHeight, 0)};
}))
"""


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every indicator of the catalogue: with a short story, a very long one or an invitation; some without a chart."""
    entries = load_catalogue().items()
    figures = [
        hidden(name, "2025") if number % 5 == 0 else figure(name, "2025") for number, (name, _) in enumerate(entries)
    ]
    stories = [
        quote("debt_counselling"),
        quote("payment_arrears", "lang", words=LONG),
        quote("income_support", "elders", municipality="gm0344"),
        quote("youth_support", "zonder-effect", effects=[]),
        quote("other", "zonder-cijfer"),
    ]
    folder = tmp_path_factory.mktemp("mirror")
    reading = read(asking(folder, figures, stories=stories, patterns=[pattern("debt_counselling")]), TOWN)
    path = folder / "mirror.html"
    path.write_text(page(reading, NAMES, TODAY, [POINT]), "utf-8")
    return path


def boxes(browser: Browser, mirror: Path, width: int) -> list[list[dict[str, Any]]]:
    """Figure and story of each section, measured; the page fetches nothing and is no wider than the window."""
    opened = browser.new_page(viewport={"width": width, "height": 1200})
    asked: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(mirror.as_uri())
    found: list[list[dict[str, Any]]] = opened.evaluate(BOXES)
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    opened.close()
    return found


def smaller(browser: Browser, mirror: Path, width: int) -> list[str]:
    """Sections whose story has a smaller place than the figure, does not fit in it, or stands beyond the edge."""
    pairs = boxes(browser, mirror, width)
    assert len(pairs) == len(load_catalogue()) + 1
    wrong = []
    for one, other in pairs:
        assert (one["kind"], other["kind"]) == ("FIGURE", "ASIDE")
        assert min(one["text"], other["text"]) > LINE, "words take no place: the browser has no font"
        assert min(one["width"], one["height"]) > LINE
        fits = other["width"] >= one["width"] - SAME and other["height"] >= one["height"] - SAME
        if not fits or one["hidden"] or other["hidden"] or not 0 <= other["left"] < other["right"] <= width:
            wrong.append(one["id"])
    return wrong


@pytest.mark.parametrize("width", WIDTHS)
def test_the_story_of_every_indicator_has_a_place_as_large_as_the_figure(
    browser: Browser, mirror: Path, width: int
) -> None:
    assert smaller(browser, mirror, width) == []


def test_they_stand_beside_each_other_on_a_screen_and_under_each_other_on_a_telephone(
    browser: Browser, mirror: Path
) -> None:
    wide, *narrow = (boxes(browser, mirror, width) for width in WIDTHS)
    assert all(one["right"] <= other["left"] for one, other in wide)
    assert all(abs(one["left"] - other["left"]) <= SAME for pairs in narrow for one, other in pairs)


def test_the_measure_sees_a_story_that_is_smaller(browser: Browser, mirror: Path, tmp_path: Path) -> None:
    text = mirror.read_text("utf-8")
    for width, rule, worse in (
        (760, "grid-auto-rows: 1fr; ", ""),
        (1100, "minmax(0, 1fr) minmax(0, 1fr);", "minmax(0, 2fr) minmax(0, 1fr);"),
    ):
        assert text.count(rule) == 1
        path = tmp_path / f"{width}.html"
        path.write_text(text.replace(rule, worse), "utf-8")
        ET.parse(path)  # noqa: S314 - our own page
        assert smaller(browser, path, width) != []
