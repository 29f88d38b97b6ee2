"""What a teller said a story means, in Dutch words: codes, and answers under their questions."""

import datetime as dt
from pathlib import Path
from shutil import copyfile
from types import SimpleNamespace
from typing import Any, cast

import pytest

from connectors.codes_stories import CONSIDERATIONS, EFFECTS, FELT_BY, SIGNALS, UNCERTAINTIES
from services.network import Network
from services.stories import wording
from services.stories.desk.meaning import meant
from services.stories.desk.showing import show
from services.stories.points.questions import load_point
from tests.stories_told import desk_in, story

EXAMPLE = Path(__file__).parents[2] / "docs/examples/vertelpunt.yaml"
TRIAD = {"question": "wie_hielp", "first": 0.2, "second": 0.5, "third": 0.3, "choice": None}
DYAD = {"question": "hoe_snel", "first": 0.25, "second": None, "third": None, "choice": None}
CHOICE = {"question": "weet_u", "first": None, "second": None, "third": None, "choice": "een_beetje"}
NOTHING: dict[str, Any] = {
    "signals": [], "effects": [], "uncertainties": [], "considerations": [], "rating": None, "answers": [],
}  # fmt: skip


def test_what_was_not_given_is_left_out() -> None:
    assert meant(NOTHING) == []
    assert meant({**NOTHING, "rating": 4}) == [("waardering", "4 van 5")]


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        (wording.SIGNALS, SIGNALS),
        (wording.UNCERTAINTIES, UNCERTAINTIES),
        (wording.CONSIDERATIONS, CONSIDERATIONS),
    ],
)
def test_every_code_has_its_dutch_words(words: dict[str, str], codes: dict[str, str]) -> None:
    assert set(words) == set(codes.values())


@pytest.mark.parametrize("effect", EFFECTS.values())
@pytest.mark.parametrize("felt_by", FELT_BY.values())
def test_an_effect_says_on_whom(effect: str, felt_by: str) -> None:
    [(heading, text)] = meant({**NOTHING, "effects": [{"effect": effect, "felt_by": felt_by}]})
    assert (heading, " voor " in text, ":" in text) == ("effecten", True, False)


def test_answers_stand_under_their_questions_where_these_are_known() -> None:
    point = load_point(EXAMPLE.parent)
    told = {**NOTHING, "answers": [TRIAD, DYAD, CHOICE]}
    assert meant(told, point) == [
        ("Wie hielp u het meest?", "Familie of vrienden 0,20; De gemeente 0,50; Iemand anders 0,30"),
        ("Hoe snel kwam er hulp?", "0,25 van 0 (Veel te laat) tot 1 (Meteen)"),
        ("Weet u bij wie u nu terecht kunt?", "Een beetje"),
    ]
    assert meant(told) == [
        ("wie hielp", "eerste 0,20; tweede 0,50; derde 0,30"),
        ("hoe snel", "0,25 van 0 (de ene kant) tot 1 (de andere kant)"),
        ("weet u", "een beetje"),
    ]


@pytest.mark.parametrize(("sender", "heading"), [("gm0106", "Hoe snel kwam er hulp?"), ("vp-huis", "hoe snel")])
def test_the_questions_of_others_are_not_looked_for(tmp_path: Path, sender: str, heading: str) -> None:
    copyfile(EXAMPLE, tmp_path / EXAMPLE.name)

    home = SimpleNamespace(participant=lambda _: SimpleNamespace(sources=tmp_path))
    now = dt.datetime(2026, 1, 10, 9, tzinfo=dt.UTC)
    network = cast(Network, SimpleNamespace(now=lambda: now, home=home))
    desk = desk_in(tmp_path)
    found = show(network, desk, story(desk, sent_by=sender, answers=[DYAD]), "Noor", "to read it", None)
    assert [name for name, _ in found.meant] == ["effecten", heading]
