"""The agenda of a session, what its report tells, and how the day and place of a figure decide what is on it."""

import json
from dataclasses import replace
from datetime import date
from functools import partial

import pytest

from services.asking import Ask
from services.errors import Fatal
from services.indicators import load_catalogue
from services.indicators.periods import period_of
from services.registry import load_registry
from services.sessions.agenda import figure_items
from services.sessions.model import Action, AgendaFigure, AgendaStory, Item
from services.sessions.telling import action_told, paired
from services.stories.wording import ROLES, THEMES, effect_text
from services.stories.wording import SIGNALS as SIGNALS_OF_STORIES
from tests.mirror_figures import SIGNALS, TOWN, asking, figure, hidden, peer

YEARLY = "supply_stops_per_1000_households"


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    figures = [
        figure(SIGNALS, "2025-11"), figure(SIGNALS, "2025-12", value=7.5, release_id="newer"),
        hidden("multiple_signals_share", "2025-12"), figure(YEARLY, "2025", release_id="of the year"),
    ]  # fmt: skip
    return asking(tmp_path_factory.mktemp("agenda"), figures, [peer("gm0599", 2), peer("gm0344", 1)])


def items(ask: Ask, period: str, *indicators: str) -> list[AgendaFigure]:
    found = figure_items(ask, TOWN, period_of(period), indicators, {"gm0344": "Utrecht"})
    assert [item.kind for item in found] == ["figure"] * len(found)
    return [item.about for item in found if isinstance(item.about, AgendaFigure)]


def test_a_figure_is_copied_with_its_definition_doubts_peers_and_release(ask: Ask) -> None:
    (found,) = items(ask, "2025-12", SIGNALS)
    entry = load_catalogue()[SIGNALS]
    assert (found.value, found.period, found.release_id, found.public_from) == (7.5, "2025-12", "newer", "2026-01-01")
    assert found.misses == [text.nl for text in entry.misses]
    assert found.does_not_say == [text.nl for text in entry.does_not_say]
    assert found.themes == list(entry.themes)
    assert found.peers == ["Utrecht", "gm0599"], "in alphabetical order, a code where no name is known"
    assert found.sentences[0].startswith("Over december 2025 is het cijfer 7,50")
    assert any(sentence.startswith("Dekking over december 2025: 63 %") for sentence in found.sentences)


def test_what_is_not_shown_is_on_the_agenda_as_such(ask: Ask) -> None:
    (found,) = items(ask, "2025-12", "multiple_signals_share")
    assert (found.value, found.status) == (None, "suppressed")
    assert "is onderdrukt" in found.sentences[0]


def test_of_a_yearly_indicator_the_year_that_holds_the_month_is_taken(ask: Ask) -> None:
    found = items(ask, "2025-12", YEARLY, SIGNALS)
    assert [(item.period, item.release_id) for item in found] == [("2025", "of the year"), ("2025-12", "newer")]
    with pytest.raises(Fatal, match="no figure of supply_stops_per_1000_households over 2024-12"):
        items(ask, "2024-12", YEARLY)


def test_an_indicator_that_is_named_twice_is_there_once(ask: Ask) -> None:
    assert len(items(ask, "2025-12", SIGNALS, SIGNALS)) == 1


def test_an_agenda_survives_its_file(ask: Ask) -> None:
    for found in items(ask, "2025-12", SIGNALS, YEARLY):
        assert AgendaFigure(**json.loads(json.dumps(vars(found)))) == found


def test_a_figure_stands_beside_a_story_of_its_theme_and_what_is_alone_says_so(ask: Ask) -> None:
    first, second = items(ask, "2025-12", SIGNALS, "multiple_signals_share")
    first = replace(first, themes=["payment_arrears"])
    second = replace(second, themes=["payment_arrears", "housing"])
    agenda = [
        Item("f1", first), Item("f2", second), Item("s1", AgendaStory("s1", "housing", "2025-Q4")),
        Item("s2", AgendaStory("s2", "work", "2025-Q4")),
    ]  # fmt: skip
    pairs = paired([{"id": item.id} for item in agenda], agenda)
    ids = [tuple(side and side["id"] for side in (pair["figure"], pair["story"])) for pair in pairs]
    assert ids == [("f1", None), ("f2", "s1"), (None, "s2")]


def test_an_action_is_late_from_the_day_after_the_one_it_was_due() -> None:
    action = Action(1, "2026-01-20", None, "Bellen.", "hc-huis", date(2026, 2, 1), "open", "", None)
    late = partial(action_told, action, {"hc-huis": "Het Huis"})
    assert [late(date(2026, 2, day))["late"] for day in (1, 2)] == [False, True]
    assert late()["owner"] == "Het Huis"
    done = replace(action, state="done", outcome="Gedaan.", closed_on=date(2026, 2, 3))
    assert not action_told(done, {}, date(2026, 3, 1))["late"]


def symbols(name: str) -> set[str]:
    """Return the symbols of an enum anywhere in the schema of a story."""

    def inside(part: object) -> set[str]:
        if isinstance(part, dict):
            own = set(part["symbols"]) if part.get("name") == name and "symbols" in part else set()
            return own.union(*(inside(value) for value in part.values()))
        return set().union(*(inside(item) for item in part)) if isinstance(part, list) else set()

    found = inside(load_registry().get("story").schema)
    assert found, name
    return found


@pytest.mark.parametrize(("words", "name"), [(THEMES, "Theme"), (ROLES, "TellerRole"), (SIGNALS_OF_STORIES, "Signal")])
def test_every_code_of_a_story_has_its_dutch_word(words: dict[str, str], name: str) -> None:
    assert set(words) == symbols(name)


@pytest.mark.parametrize("kind", sorted(symbols("Effect")))
@pytest.mark.parametrize("felt_by", sorted(symbols("EffectOn")))
def test_every_effect_is_told_in_dutch_with_whom_it_touched(kind: str, felt_by: str) -> None:
    assert " voor " in effect_text(f"{kind}:{felt_by}")
