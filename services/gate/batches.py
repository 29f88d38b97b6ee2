"""Judging whole deliveries: rules that hold a delivery, so that a person looks before it counts."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl

from services.contracts import Rule
from services.errors import Fatal


def _share(of: str) -> Callable[[Mapping[str, Any]], pl.Expr]:
    def broken(kwargs: Mapping[str, Any]) -> pl.Expr:
        enough = pl.col("events") >= pl.lit(kwargs.get("min_events", 1))
        return enough & (pl.col(of) > pl.lit(kwargs["share"]) * pl.col("events"))

    return broken


_RULES: Mapping[str, Callable[[Mapping[str, Any]], pl.Expr]] = {
    "max_share_quarantined": _share("quarantined"),
    "max_share_duplicate": _share("repeated"),
    "max_events": lambda kwargs: pl.col("events") > kwargs["events"],
}


def hold(rules: Sequence[Rule], deliveries: pl.DataFrame) -> pl.DataFrame:
    """Say which deliveries break a batch rule.

    Args:
        rules: the batch rules of a contract, in its order.
        deliveries: one row per delivery with what came of it so far: `events`, `quarantined` and `repeated`, that is
            events that were in the same delivery before. Events that came in another delivery are harmless: a mended
            file is sent again as a whole.

    Returns:
        `deliveries` with `hold` (String): id of the first rule that is broken, or null.

    Raises:
        Fatal: a rule is not known, or lacks an argument; its id is named.
    """
    if not rules:
        return deliveries.with_columns(pl.lit(None, dtype=pl.String).alias("hold"))
    broken = [pl.when(_expression(rule)).then(pl.lit(rule.id)) for rule in rules]
    return deliveries.with_columns(pl.coalesce(broken).alias("hold"))


def _expression(rule: Rule) -> pl.Expr:
    try:
        return _RULES[rule.expectation](rule.kwargs)
    except KeyError as missing:
        raise Fatal(
            f"Batch rule {rule.id} cannot be run: {missing} is not there.",
            f"Known are {', '.join(sorted(_RULES))}, with their arguments.",
            "Mend the rule in its contract.",
        ) from None
