"""One household, one text: postcode, house number and addition as every source writes them, in one canonical form.

`1234 ab 10-A`, `1234AB 10 a`, `1234AB|10|A` and `1234AB 0010 A` are the household `1234AB|10|A`. House letter and
addition are one part, because sources put the one in the column of the other; signs and spaces within it mean nothing.
"""

from typing import Final

import polars as pl

PATTERN: Final = (
    r"^([1-9][0-9]{3})[ \t]*([A-Z]{2})"  # postcode
    r"[ \t|,;/_-]*0*([1-9][0-9]{0,4})"  # house number: at most five digits, as in the register of addresses
    r"([^0-9].*)?$"  # letter and addition
)
"""Of a form that needs no trying back and forth (one-pass), which makes it faster."""
SIGNS: Final = r"[ \t|,;/_.-]"
HOME: Final = pl.Struct({"household": pl.String, "postcode": pl.String, "house_number": pl.Int64})
MAX_ADDITION: Final = 6
"""Characters of letter and addition together: the register allows one letter and four signs."""


def household_id(
    postcode: str | pl.Expr, number: str | pl.Expr, letter: str | pl.Expr | None, addition: str | pl.Expr | None
) -> pl.Expr:
    """Households out of columns of text.

    Args:
        postcode: column name or expression; may hold the whole address where `number` is a null column.
        number: house number, with or without what follows it.
        letter: house letter, or None where the source has no such column.
        addition: addition to the house number, likewise.

    Returns:
        Struct of `household` String `1234AB|10|A`, `postcode` String, `house_number` Int64; all null where the text is
        no address.
    """
    parts = [_expr(part) for part in (postcode, number, letter, addition) if part is not None]
    return household_from_text(pl.concat_str(parts, separator=" ", ignore_nulls=True))


def household_from_text(text: pl.Expr) -> pl.Expr:
    """The same out of one text: postcode, number, letter and addition in that order."""
    return text.map_batches(_households, return_dtype=HOME)


def _households(texts: pl.Series) -> pl.Series:
    """In two steps, since an expression would find the groups anew for every part it takes of them."""
    plain = texts.str.replace_all("\u00a0", " ", literal=True).str.strip_chars().str.to_uppercase()
    found = plain.str.extract_groups(PATTERN).struct.unnest()
    found.columns = ["digits", "letters", "number", "rest"]
    parts = found.select(
        code=pl.col("digits") + pl.col("letters"),
        number=pl.col("number").cast(pl.Int64),
        addition=pl.col("rest").fill_null("").str.replace_all(SIGNS, ""),
    )
    fits = pl.col("code").is_not_null() & pl.col("addition").str.contains(rf"^[A-Z0-9]{{0,{MAX_ADDITION}}}$")
    whole = pl.concat_str("code", pl.col("number").cast(pl.String), "addition", separator="|")
    known = parts.with_columns(fits.alias("fits"), whole.alias("whole")).select(
        household=pl.when("fits").then("whole"),
        postcode=pl.when("fits").then("code"),
        house_number=pl.when("fits").then("number"),
    )
    return known.to_struct(texts.name)


def household(text: str) -> str | None:
    """Canonical form of one address written as text, or None where it is no address."""
    frame = pl.DataFrame({"text": [text]}, schema={"text": pl.String})
    value: str | None = frame.select(household_from_text(pl.col("text")).struct.field("household")).item()
    return value


def _expr(part: str | pl.Expr) -> pl.Expr:
    return pl.col(part) if isinstance(part, str) else part
