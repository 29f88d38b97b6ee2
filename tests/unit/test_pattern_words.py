"""From people's own words to codes: measured on questions of which somebody said what they are about."""

from pathlib import Path

import yaml

from services.stories.patterns.codes import ASKED_KINDS, SIGNIFICATIONS, THEMES, title_of
from services.stories.patterns.words import MOST_SIGNIFICATIONS, MOST_THEMES, Text, candidates

QUERIES = yaml.safe_load((Path(__file__).parents[1] / "pattern_queries.yaml").read_text("utf-8"))
SYNONYMS = yaml.safe_load(
    (Path(__file__).parents[2] / "services" / "stories" / "patterns" / "synonyms.yaml").read_text("utf-8")
)


def test_most_questions_find_their_theme_and_their_signal_in_the_code_list_alone() -> None:
    """docs/stories.md tells these numbers: the theme in 27 of 34, the signal in 16 of 19."""
    found = [(candidates(words), theme, signal) for words, theme, signal in QUERIES]
    assert len(found) == 34
    assert sum(theme in item.themes for item, theme, _ in found) == 27
    assert sum(signal in item.significations for item, _, signal in found if signal) == 16
    assert sum(signal is not None for _, _, signal in found) == 19


def test_every_title_finds_its_own_code() -> None:
    for theme, title in THEMES.items():
        assert theme in candidates(title).themes, theme
    for kind in ASKED_KINDS:
        for code, title in SIGNIFICATIONS[kind].items():
            if kind != "effect":
                assert code in candidates(title).significations, code
            assert title_of(code) == title


def test_synonyms_are_of_codes_that_exist() -> None:
    assert {*SYNONYMS} <= {*THEMES, *(code for kind in ASKED_KINDS for code in SIGNIFICATIONS[kind])}
    assert {*THEMES, *SIGNIFICATIONS["signal"]} <= {*SYNONYMS}


def test_a_told_text_helps_where_the_code_list_knows_nothing() -> None:
    told = [Text("De hond blafte de wijkagent weg.", "housing", ("trusted_person",))]
    assert candidates("blaffende honden").themes == ()
    found = candidates("blaffende honden", told)
    assert (found.themes, found.significations) == (("housing",), ("trusted_person",))


def test_few_codes_are_proposed_and_none_for_words_that_say_nothing() -> None:
    many = candidates(" ".join(" ".join(words) for words in SYNONYMS.values()))
    assert len(many.themes) <= MOST_THEMES
    assert len(many.significations) <= MOST_SIGNIFICATIONS
    for words in ("", "de het een", '") OR words:*', "--"):
        assert candidates(words) == candidates("")
    assert candidates("").themes == candidates("").significations == ()
