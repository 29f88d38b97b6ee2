"""A mirror as a reader sees it: figure and story stand side by side in boxes of one size, on a desk and in a hand."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from services.indicators import load_catalogue
from services.mirror.page import page as mirror
from services.mirror.reading import read
from tests.mirror_figures import TOWN, asking, figure

DESK, HAND = 1100, 420
MEASURED = """
sections => sections.map(section => {
  const box = part => { const found = section.querySelector(part).getBoundingClientRect();
                        return {x: found.x, y: found.y, width: found.width, height: found.height}; };
  return {id: section.id, figure: box('.pair > figure'), story: box('.pair > .story'),
          words: section.querySelector('.pair > .story').textContent.trim().length};
})
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mirror")
    rows = [
        figure(item.id, "2025-12" if item.release_period == "month" else "2025") for item in load_catalogue().values()
    ]
    found = folder / "mirror.html"
    found.write_text(mirror(read(asking(folder, rows), TOWN), {TOWN: "Den Haag"}, dt.date(2026, 2, 1)), "utf-8")
    return found


@pytest.fixture(params=[DESK, HAND], ids=["desk", "hand"])
def shown(request: pytest.FixtureRequest, browser: Browser, file: Path) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": request.param, "height": 900})
    opened.goto(file.as_uri())
    yield opened
    opened.close()


def test_every_indicator_has_a_story_in_a_box_as_large_as_its_figure(shown: Page) -> None:
    found = shown.locator("section.indicator").evaluate_all(MEASURED)
    assert {item["id"] for item in found} == {*load_catalogue()}
    for item in found:
        assert item["story"]["width"] == pytest.approx(item["figure"]["width"], abs=1), item["id"]
        assert item["story"]["height"] >= item["figure"]["height"] - 1, item["id"]
        assert item["words"] > 100, item["id"]


def test_figure_and_story_stand_beside_each_other_where_there_is_room_and_else_under_each_other(shown: Page) -> None:
    wide = shown.viewport_size is not None and shown.viewport_size["width"] == DESK
    for item in shown.locator("section.indicator").evaluate_all(MEASURED):
        assert (item["story"]["y"] == pytest.approx(item["figure"]["y"], abs=1)) == wide, item["id"]
        assert (item["story"]["x"] == pytest.approx(item["figure"]["x"], abs=1)) != wide, item["id"]


def test_nothing_is_wider_than_the_page_and_nothing_is_fetched(shown: Page) -> None:
    asked: list[str] = []
    shown.on("request", lambda request: asked.append(request.url))
    shown.reload()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert shown.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
