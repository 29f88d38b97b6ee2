"""A contract's row rules as Great Expectations expectations, prepared once and run on many frames.

Running a suite through `Batch.validate` costs some 10 ms a rule whatever the number of rows, nearly all of it for
building the graph of metrics anew. That graph depends on the rules only, so it is kept here, and resolved on each
frame with Great Expectations' own engine: the rules, their metrics and the failing rows are the library's. Rules with
the same row condition share one look for the rows that meet it; Great Expectations would look three times for each
rule. A test compares the outcome with that of `Batch.validate` on the same suite.
"""

import datetime as dt
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
from great_expectations.expectations.registry import get_expectation_impl
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.metrics_calculator import MetricsCalculator
from great_expectations.validator.validation_graph import ValidationGraph

from services.contracts import Rule
from services.errors import Fatal

# Its messages quote the values that an expectation met.
logging.getLogger("great_expectations").setLevel(logging.CRITICAL + 1)

_RESULT = {"result_format": {"result_format": "COMPLETE", "include_unexpected_rows": False}}
_COLUMN_ARGUMENTS = ("column", "column_A", "column_B", "column_list")
_WORD = re.compile(r"[A-Za-z_]\w*")
_BATCH = "frame"
_CONDITION = "row_condition"


@dataclass(frozen=True)
class Check:
    """One row rule and the two metrics that tell how many rows break it, and which."""

    rule: Rule
    columns: tuple[str, ...]
    count: MetricConfiguration
    rows: MetricConfiguration


@dataclass(frozen=True)
class Part:
    """Rules with the same row condition (a pandas query), or with none."""

    condition: str | None
    checks: tuple[Check, ...]
    counts: ValidationGraph


@dataclass(frozen=True)
class Suite:
    """The row rules of one contract, ready to run.

    Attributes:
        parts: the rules by row condition.
        columns: all columns that a rule names (and words of its conditions).
    """

    parts: tuple[Part, ...]
    columns: tuple[str, ...]
    _engine: PandasExecutionEngine
    _calculator: MetricsCalculator

    def failing(self, frame: pd.DataFrame) -> dict[str, list[int] | None]:
        """Run every rule on `frame`, whose index holds the rows' keys.

        Returns:
            By rule id the keys of the rows that break it; None when the rule could not be run on this frame.
        """
        found: dict[str, list[int] | None] = {}
        for part in self.parts:
            found |= self._failing(part, frame)
        return found

    def _failing(self, part: Part, frame: pd.DataFrame) -> dict[str, list[int] | None]:
        try:
            rows = frame if part.condition is None else frame.query(part.condition)
        except Exception:  # noqa: BLE001 - pandas raises many kinds; each means that the condition cannot be asked
            return dict.fromkeys((check.rule.id for check in part.checks), None)
        if rows.empty:
            return {check.rule.id: [] for check in part.checks}
        self._engine.load_batch_data(_BATCH, rows)
        counts, _ = part.counts.resolve(runtime_configuration=_RESULT, show_progress_bars=False)
        broken = [check for check in part.checks if counts.get(check.count.id, 0)]
        graph = self._calculator.build_metric_dependency_graph([check.rows for check in broken], _RESULT)
        keys, _ = graph.resolve(runtime_configuration=_RESULT, show_progress_bars=False)
        return {check.rule.id: _keys(check, counts, keys) for check in part.checks}


def _keys(check: Check, counts: Mapping[Any, Any], rows: Mapping[Any, Any]) -> list[int] | None:
    """A metric that raised is absent from what was resolved, and so are those that depend on it."""
    if check.count.id not in counts:
        return None
    if not counts[check.count.id]:
        return []
    found = rows.get(check.rows.id)
    return None if found is None else [int(key) for key in found]


def prepare(rules: Sequence[Rule], dates: frozenset[str]) -> Suite:
    """Build a suite.

    Args:
        rules: a contract's row rules.
        dates: columns that hold dates; bounds for them may be written as `2015-01-01`.

    Raises:
        Fatal: a rule is not a row-level expectation, or its arguments are refused; its id is named.
    """
    # Without the cache of metrics: their ids are the same for every frame.
    engine = PandasExecutionEngine(caching=False)
    calculator = MetricsCalculator(execution_engine=engine, show_progress_bars=False)
    checks: dict[str | None, list[Check]] = {}
    for rule in rules:
        checks.setdefault(_condition(rule), []).append(_check(rule, engine, dates))
    parts = tuple(
        Part(
            condition,
            tuple(together),
            calculator.build_metric_dependency_graph([check.count for check in together], _RESULT),
        )
        for condition, together in checks.items()
    )
    columns = {column for part in parts for check in part.checks for column in check.columns}
    return Suite(parts, tuple(sorted(columns)), engine, calculator)


def _condition(rule: Rule) -> str | None:
    """The pandas query of a rule's row condition.

    Raises:
        Fatal: the condition is of another form; the rule's id is named.
    """
    condition = rule.kwargs.get(_CONDITION)
    if condition is None:
        return None
    if not isinstance(condition, Mapping) or condition.get("type") != "pass_through":
        raise _refused(rule, "its row_condition is no pass_through filter")
    return str(condition["pass_through_filter"])


def _check(rule: Rule, engine: PandasExecutionEngine, dates: frozenset[str]) -> Check:
    kwargs = {
        key: _moment(value) if rule.column in dates else value
        for key, value in rule.kwargs.items()
        if key != _CONDITION
    }
    try:
        implementation: Any = get_expectation_impl(rule.expectation)
        expectation = implementation(**kwargs)
        needs = expectation.get_validation_dependencies(execution_engine=engine, runtime_configuration=_RESULT)
        count = needs.metric_configurations[f"{expectation.map_metric}.unexpected_count"]
        rows = needs.metric_configurations[f"{expectation.map_metric}.unexpected_index_list"]
    except Exception as error:  # noqa: BLE001 - the library raises some ten kinds; each means the rule cannot be run
        raise _refused(rule, type(error).__name__) from None
    if "mostly" in kwargs:
        raise _refused(rule, "mostly")
    return Check(rule, _columns(rule.kwargs), count, rows)


def _refused(rule: Rule, reason: str) -> Fatal:
    return Fatal(
        f"Quality rule {rule.id} cannot be run: {reason}.",
        f"{rule.expectation} must be an expectation about single rows, with the arguments it knows.",
        "Mend the rule in its contract.",
    )


def _columns(kwargs: Mapping[str, Any]) -> tuple[str, ...]:
    """Columns that a rule looks at; every word of its condition is taken for one, those that are none do no harm."""
    named = [kwargs[argument] for argument in _COLUMN_ARGUMENTS if argument in kwargs]
    looked_at = [column for name in named for column in ([name] if isinstance(name, str) else name)]
    return (*looked_at, *_WORD.findall(str(kwargs.get(_CONDITION, ""))))


def _moment(value: object) -> object:
    """A date as pandas compares it; other values as they are."""
    if isinstance(value, str):
        try:
            value = dt.date.fromisoformat(value)
        except ValueError:
            return value
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return dt.datetime(value.year, value.month, value.day)  # noqa: DTZ001 - dates have no zone
    return value
