"""Marking with deduce beside our own rules: it finds at least what they find alone, and loads in seconds."""

from time import perf_counter

from services.stories.marking import load_marker
from tests.attack.marking_corpus import measured


def test_with_deduce_nothing_is_missed_that_the_rules_alone_find() -> None:
    alone = measured(load_marker())
    begun = perf_counter()
    both = measured(load_marker(deduce=True))
    assert perf_counter() - begun < 60
    assert all(both.covered[key] >= alone.covered[key] for key in alone.spans)
    assert both.covered["name", "all"] > alone.covered["name", "all"]
    assert both.falsely_marked <= 1 / 16
