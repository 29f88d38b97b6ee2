"""What rules may ask about the words and answers of a story, found while they are still open."""

from typing import Final

import polars as pl

from connectors.identifiers import found
from connectors.story_fields import SLUG, SUM_TOLERANCE
from services.registry import EventType
from services.stories.text import text_fields

IDENTIFIERS, IN_FORM = "identifiers", "answers_in_form"
NO_IDENTIFIER: Final = "none"


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
    # the texts of all fields in one column: what is sought costs the same for few texts as for many
    kinds = pl.concat([frame[name] for name in names]).to_frame("text").select(found(pl.col("text"))).to_series()
    by_field = [kinds.slice(number * frame.height, frame.height) for number in range(len(names))]
    frame = frame.with_columns(pl.coalesce(*by_field, pl.lit(NO_IDENTIFIER)).alias(IDENTIFIERS))
    if "answers" not in frame.columns:
        return frame
    return frame.with_columns(pl.col("answers").list.eval(_in_form()).list.all().alias(IN_FORM))


def _in_form() -> pl.Expr:
    """Whether an answer is one: a place between 0 and 1, three weights that sum to 1, or a choice; Boolean.

    Questions and choices are named by ids: an answer is no place for words.
    """
    named = pl.element().struct["question"].str.contains(SLUG)
    first, second, third, choice = (pl.element().struct[name] for name in ("first", "second", "third", "choice"))
    weights = (first, second, third)
    within = pl.all_horizontal(weight.is_between(0, 1) for weight in weights)
    triad = within & ((first + second + third - 1).abs() <= SUM_TOLERANCE) & choice.is_null()
    alone = second.is_null() & third.is_null()
    dyad = first.is_between(0, 1) & alone & choice.is_null()
    plain = choice.str.contains(SLUG) & first.is_null() & alone
    return named & pl.any_horizontal(kind.fill_null(value=False) for kind in (triad, dyad, plain))
