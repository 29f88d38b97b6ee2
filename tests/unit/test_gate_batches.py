"""Batch rules at their boundaries."""

import polars as pl
import pytest

from services.contracts import BATCH_RULES, Rule
from services.errors import Fatal
from services.gate.batches import hold


def _rule(kind: str, **kwargs: float) -> Rule:
    return Rule(f"rule_{kind}", "hold", kind, kwargs, None, "")


def _held(rules: list[Rule], *deliveries: tuple[int, int, int]) -> list[str | None]:
    frame = pl.DataFrame(deliveries, schema=["events", "quarantined", "repeated"], orient="row")
    return hold(rules, frame)["hold"].to_list()


def test_the_allowed_share_is_allowed_and_the_next_event_is_not() -> None:
    rule = _rule("max_share_quarantined", share=0.2, min_events=50)
    assert _held([rule], (50, 10, 0), (50, 11, 0), (49, 49, 0)) == [None, "rule_max_share_quarantined", None]


def test_repeats_are_counted_apart_from_quarantined_events() -> None:
    rule = _rule("max_share_duplicate", share=0.5, min_events=2)
    assert _held([rule], (4, 4, 2), (4, 0, 3)) == [None, "rule_max_share_duplicate"]


def test_a_delivery_of_the_largest_size_passes() -> None:
    assert _held([_rule("max_events", events=10)], (10, 0, 0), (11, 0, 0)) == [None, "rule_max_events"]


def test_of_several_broken_rules_the_first_in_the_contract_is_named() -> None:
    rules = [_rule("max_events", events=1), _rule("max_share_quarantined", share=0.1, min_events=1)]
    assert _held(rules, (10, 10, 0)) == ["rule_max_events"]
    assert _held(rules[::-1], (10, 10, 0)) == ["rule_max_share_quarantined"]


def test_a_contract_without_batch_rules_holds_nothing() -> None:
    assert _held([], (10, 10, 10)) == [None]


@pytest.mark.parametrize("rule", [_rule("max_shoes", events=1), _rule("max_events", size=1)])
def test_an_unknown_rule_or_a_missing_argument_is_refused_by_name(rule: Rule) -> None:
    with pytest.raises(Fatal, match=rule.id):
        _held([rule], (1, 0, 0))


def test_every_batch_rule_that_a_contract_may_name_can_be_run() -> None:
    kwargs = {"share": 0.5, "min_events": 1, "events": 1}
    assert _held([_rule(kind, **kwargs) for kind in BATCH_RULES], (1, 0, 0)) == [None]
