"""What rules may ask about the words and answers of a story, found while they are still open."""

from typing import Final

import polars as pl

from connectors.identifiers import found
from services.registry import EventType
from services.stories.text import text_fields

IDENTIFIERS, IN_FORM = "identifiers", "answers_in_form"
NO_IDENTIFIER: Final = "none"
_SUM_TOLERANCE: Final = 0.02
"""By which three weights, each rounded to two decimals, may miss 1."""


def with_words(event_type: EventType, frame: pl.DataFrame) -> pl.DataFrame:
    """Add to events with words, for the rules of their contract, what is found in them.

    Args:
        event_type: of all events.
        frame: the events, their words open.

    Returns:
        With `identifiers`: which direct identifier a text holds, the first of `connectors.identifiers.FRIENDLY`, or
        `none`; and where there are answers `answers_in_form`, whether all of them are such. Other events as they are.
    """
    names = text_fields(event_type)
    if not names:
        return frame
    kinds = pl.coalesce(*(found(pl.col(name)) for name in names), pl.lit(NO_IDENTIFIER))
    frame = frame.with_columns(kinds.alias(IDENTIFIERS))
    if "answers" not in frame.columns:
        return frame
    return frame.with_columns(pl.col("answers").list.eval(_in_form()).list.all().alias(IN_FORM))


def _in_form() -> pl.Expr:
    """Whether an answer is one: a place between 0 and 1, three weights that sum to 1, or a choice; Boolean."""
    first, second, third, choice = (pl.element().struct[name] for name in ("first", "second", "third", "choice"))
    weights = (first, second, third)
    within = pl.all_horizontal(weight.is_between(0, 1) for weight in weights)
    triad = within & ((first + second + third - 1).abs() <= _SUM_TOLERANCE) & choice.is_null()
    alone = second.is_null() & third.is_null()
    dyad = first.is_between(0, 1) & alone & choice.is_null()
    plain = (choice.str.len_chars() > 0) & first.is_null() & alone
    return triad.fill_null(value=False) | dyad.fill_null(value=False) | plain.fill_null(value=False)
