"""How much of what points to somebody is marked, on texts that were not written by who wrote the rules.

The rules were written without sight of these texts, but with that of their description; scores were looked at while
rules were tuned, never a text. What that means for the figures stands in tests/sources/marking/README.md.
"""

import pytest

from services.stories.marking import Mark, Marker, load_marker
from tests.attack.marking_corpus import Measured, measured


@pytest.fixture(scope="module")
def by_rule() -> Measured:
    return measured(load_marker())


def test_the_corpus_is_large_enough_in_each_class(by_rule: Measured) -> None:
    assert sum(by_rule.spans[kind, "all"] for kind in ("name", "address", "contact")) >= 300
    for kind in ("name", "address", "place", "contact"):
        assert by_rule.spans[kind, "all"] >= 120
        assert by_rule.spans[kind, "lower_case"] >= 50


@pytest.mark.parametrize("kind", ["name", "address", "contact"])
@pytest.mark.parametrize("group", ["all", "lower_case"])
def test_at_least_95_percent_of_names_addresses_and_contact_data_are_marked(
    by_rule: Measured, kind: str, group: str
) -> None:
    assert by_rule.recall(kind, group) >= 0.95


@pytest.mark.parametrize("origin", ["dutch", "non_dutch"])
def test_names_of_each_origin_are_marked_alike(by_rule: Measured, origin: str) -> None:
    assert by_rule.recall("name", origin) >= 0.95


@pytest.mark.parametrize(("group", "least"), [("all", 0.94), ("ordinary", 0.95), ("lower_case", 0.88)])
def test_places_are_marked_less_well_where_houses_bear_ordinary_words_as_names(
    by_rule: Measured, group: str, least: float
) -> None:
    """A house called by an ordinary word in small letters, without what it is, looks like any other word."""
    assert by_rule.recall("place", group) >= least


def test_marked_texts_stay_readable(by_rule: Measured) -> None:
    """At most one ordinary word in 16 is hidden, one in a sentence; of four words marked three are rightly so."""
    assert by_rule.falsely_marked <= 1 / 16
    assert by_rule.rightly_marked >= 0.75


class Everything(Marker):
    """Marks each text but its first 50 signs, or nothing where it has no second way to mark."""

    def marks(self, text: str) -> tuple[Mark, ...]:
        return (Mark(50, len(text), "name", "list"),) if self.clinical else ()


def test_the_measure_itself_tells_nothing_from_everything(by_rule: Measured) -> None:
    lists = load_marker().lexicon
    nothing, everything = measured(Everything(lists)), measured(Everything(lists, lambda _: iter(())))
    assert nothing.recall("name") == 0 == nothing.falsely_marked
    assert 0.5 < everything.recall("name") < 1
    assert everything.rightly_marked < 0.2 < by_rule.rightly_marked
