"""The page of a municipality's stories: quotes by theme, in order of the alphabet, and no numbers."""

import datetime as dt
import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from connectors.codes_stories import EFFECTS, FELT_BY, ROLES, THEMES
from services.registry import load_registry
from services.stories.desk.about import About
from services.stories.desk.page import CAME, page, told
from services.stories.desk.quotes import PUBLISHED, Quote
from services.stories.desk.stages import STAGES


def quote(number: int, theme: str, *, title: str = "Rust", made_up: bool = False, **changes: Any) -> Quote:
    about = About(theme, None, "resident", "2025-Q4", ("wanted:teller", "unforeseen:children"), made_up)
    day = dt.date(2026, 1, number)
    name = f"{number:032x}"
    return Quote(
        name, b"s", about, title, "Eerste regel.\nTweede regel.", {}, day, day, PUBLISHED, 1, day, {}, **changes
    )


def text_of(html: str) -> str:
    body = ET.fromstring(html).find("body")  # noqa: S314 - our own page
    assert body is not None
    return " ".join("".join(body.itertext()).split())


def test_quotes_stand_by_theme_in_order_of_the_alphabet_each_with_what_came_of_it() -> None:
    shown = [
        told(quote(1, "work"), "outcome"),
        told(quote(2, "energy", title="Koud"), "read"),
        told(quote(3, "work"), "read"),
    ]
    html = page("Almelo", shown)
    assert [part.split("</h2>")[0] for part in html.split('id="thema-')[1:]] == ['1">Energie', '2">Werk']
    text = text_of(html)
    assert "Koud Eerste regel. Tweede regel. Verteld door een inwoner, in het vierde kwartaal 2025." in text
    assert "gewenst (verteller) onvoorzien (kinderen) De gemeente las dit verhaal." in text
    assert "De verteller hoorde wat ervan kwam." in text
    assert "Verzonnen" not in text


def test_made_up_quotes_say_so() -> None:
    text = text_of(page("Almelo", [told(quote(1, "work", made_up=True), "read")]))
    assert "Verzonnen verhaal." in text
    assert "Voorbeeld." in text


def test_a_title_cannot_write_html() -> None:
    html = page("Almelo", [told(quote(1, "work", title="<script>alert(1)</script>"), "read")])
    assert "<script" not in html
    assert "<script>alert(1)</script>" in text_of(html)


def test_no_number_is_on_it_that_could_be_subtracted_from_one_of_another_day() -> None:
    shown = [told(quote(1, "work"), "read"), told(quote(2, "work"), "outcome")]
    for quotes in ([], shown):
        text = text_of(page("Almelo", quotes))
        assert re.findall(r"[0-9]+", text) == ["2025"] * len(quotes), "the year of each quote and nothing else"


@pytest.mark.parametrize(
    ("codes", "enum"), [(THEMES, "Theme"), (ROLES, "TellerRole"), (EFFECTS, "Effect"), (FELT_BY, "EffectOn")]
)
def test_every_code_of_a_story_has_a_word(codes: dict[str, str], enum: str) -> None:
    schema = str(load_registry().get("story").schema)
    symbols = schema.split(f"'name': '{enum}', 'symbols': [")[1].split("]", maxsplit=1)[0]
    assert sorted(codes.values()) == sorted(item.strip(" '") for item in symbols.split(","))


def test_every_stage_has_a_sentence() -> None:
    assert set(CAME) == set(STAGES)
