"""Answers beside the questions: one to a question that was not asked says nothing to anybody, and is refused."""

from collections.abc import Set as AbstractSet

import polars as pl


def as_asked(answers: AbstractSet[str]) -> pl.Expr:
    """Whether all answers of a story are to questions that were asked, each as it asks; Boolean.

    Args:
        answers: all that there can be: `StoryPoint.answers`, or none at all.
    """
    second, first, choice = (pl.element().struct[name] for name in ("second", "first", "choice"))
    kind = (
        pl.when(second.is_not_null()).then(pl.lit("triad"))
        .when(first.is_not_null()).then(pl.lit("dyad"))
        .otherwise(pl.lit("choice"))
    )  # fmt: skip
    named = pl.concat_str(pl.element().struct["question"], kind, choice.fill_null(""), separator="|")
    return pl.col("answers").list.eval(named.is_in(sorted(answers))).list.all()
