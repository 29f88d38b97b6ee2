"""Judging single events: the first `fail` rule that a row breaks, and the `warn` rules that it breaks."""

from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from services.contracts import Rule
from services.registry import EventType, Registry

if TYPE_CHECKING:
    from services.gate.suite import Suite

FAIL = "fail"
ERROR = "error:"
"""Prefix of the rule under which events are held because the rule itself could not be run on them."""

JUDGED = pl.Schema({"_row": pl.Int64, "rule": pl.String, "error": pl.String, "warned": pl.String})


def gate(event_type: EventType, frame: pl.DataFrame) -> pl.DataFrame:
    """Judge events of one type and version by the row rules of its contract.

    Args:
        event_type: whose contract holds the rules.
        frame: the event's columns, `_row` (Int64, unique) and what rules may compare them with: `received_on` (Date),
            `received_by`, `sender` and `sender_kind` (String).

    Returns:
        One row per row of `frame`, in its order: `_row`; `rule`, the first `fail` rule that it breaks, in the
        contract's order, or null; `error`, `error:<rule>` for all rows when a rule could not be run, or null;
        `warned`, the `warn` rules that it breaks, joined by commas, or null.
    """
    rules = event_type.contract.row_rules
    if not rules or not frame.height:
        return frame.select("_row").match_to_schema(JUDGED, missing_columns="insert")
    suite = _suite(event_type)
    known = frame.select(column for column in suite.columns if column in frame.columns).to_pandas()
    known.index = frame["_row"].to_numpy()
    found = suite.failing(known)
    errors = [rule.id for rule in rules if found[rule.id] is None]
    rows = frame.select("_row", pl.lit(f"{ERROR}{errors[0]}" if errors else None, dtype=pl.String).alias("error"))
    if any(found.values()):
        rows = rows.join(_first(found, rules), on="_row", how="left", maintain_order="left").join(
            _all(found, rules), on="_row", how="left", maintain_order="left"
        )
    return rows.match_to_schema(JUDGED, missing_columns="insert")


def prepare_suites(registry: Registry) -> None:
    """Prepare the suites of all contracts, so that processes forked from this one need not.

    Raises:
        Fatal: a contract's rule cannot be run; its id is named.
    """
    for event_type in registry.types.values():
        _suite(event_type)


def _first(found: dict[str, list[int] | None], rules: tuple[Rule, ...]) -> pl.DataFrame:
    return _broken(found, rules, fail=True).unique("_row", keep="first", maintain_order=True)


def _all(found: dict[str, list[int] | None], rules: tuple[Rule, ...]) -> pl.DataFrame:
    broken = _broken(found, rules, fail=False).group_by("_row", maintain_order=True)
    return broken.agg(pl.col("rule").str.join(",").alias("warned"))


def _broken(found: dict[str, list[int] | None], rules: tuple[Rule, ...], *, fail: bool) -> pl.DataFrame:
    """Columns `_row` and `rule`, in the order of the rules."""
    schema = pl.Schema({"_row": pl.Int64, "rule": pl.String})
    parts = [
        pl.DataFrame({"_row": rows, "rule": [rule.id] * len(rows)}, schema=schema)
        for rule in rules
        if (rule.severity == FAIL) == fail and (rows := found[rule.id])
    ]
    return pl.concat(parts) if parts else schema.to_frame()


def _dates(event_type: EventType) -> frozenset[str]:
    dated = {field.name for field in event_type.arrow_schema if pa.types.is_date(field.type)}
    return frozenset(dated | {"received_on"})


_SUITES: dict[tuple[str, int], tuple[tuple[Rule, ...], "Suite"]] = {}


def _suite(event_type: EventType) -> "Suite":
    """Prepare a suite once per process and contract."""
    # Great Expectations takes seconds to import: only a process that gates pays for it.
    from services.gate.suite import prepare  # noqa: PLC0415

    key, rules = (event_type.name, event_type.version), event_type.contract.row_rules
    known = _SUITES.get(key)
    if known is None or known[0] != rules:
        known = (rules, prepare(rules, _dates(event_type)))
        _SUITES[key] = known
    return known[1]
