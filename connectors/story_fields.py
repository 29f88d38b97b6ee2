"""What a cell of a story source means: words of a teller, and what the teller says about them.

Stories are the one source of which free text is read: it is what they are. The words go to the municipality that the
story is about and nowhere else; no address and no district is read beside them.
"""

from collections.abc import Mapping
from typing import Final

import polars as pl

from connectors.fields import Check, Field

LONGEST_TITLE: Final = 200
LONGEST_TEXT: Final = 20_000
SEPARATOR: Final = r"\s*,\s*"
MONTH: Final = r"^20[0-9]{2}-(0[1-9]|1[0-2])$"
TOWN: Final = r"^(?:gm)?([0-9]{4})$"

EFFECT: Final = pl.Struct({"effect": pl.String, "felt_by": pl.String})
ANSWER: Final = pl.Struct(
    {"question": pl.String, "first": pl.Float64, "second": pl.Float64, "third": pl.Float64, "choice": pl.String}
)


def words(name: str, column: str, most: int = LONGEST_TEXT, *, optional: bool = False) -> Field:
    """Words of the teller as they stand, of at most so many signs; String."""
    text = pl.col(column)
    long = Check(text.str.len_chars() > most, column, "too_long", f"Tell it in at most {most} signs.")
    if optional:
        return Field(name, text, (), (column,), (long,))
    missing = Check(text.is_null(), column, "missing", "Fill in this cell: without words it is no story.")
    return Field(name, text, (column,), (), (missing, long))


def municipality(column: str) -> Field:
    """The municipality that the story is about, by its CBS code; String."""
    code = pl.col(column).str.to_lowercase().str.extract(TOWN)
    missing = Check(pl.col(column).is_null(), column, "missing", "Fill in the municipality's CBS code.")
    unread = Check(code.is_null(), column, "not_a_municipality", "Write the municipality by its CBS code: gm0518.")
    return Field("municipality", "gm" + code, (column,), (), (missing, unread))


def month(name: str, column: str) -> Field:
    """A month, empty is null; String."""
    text = pl.col(column)
    wrong = Check(~text.str.contains(MONTH), column, "not_a_month", "Write the month as 2024-05, or leave it empty.")
    return Field(name, pl.when(text.str.contains(MONTH)).then(text), (), (column,), (wrong,))


def rating(column: str) -> Field:
    """A rating from 1 to 5, empty is null; Int32."""
    value = pl.col(column).str.extract("^([1-5])$").cast(pl.Int32)
    wrong = Check(
        pl.col(column).is_not_null() & value.is_null(), column, "not_a_rating", "Write 1 to 5, or leave it empty."
    )
    return Field("rating", value, (), (column,), (wrong,))


def codes(name: str, column: str, known: Mapping[str, str], *, required: bool = False) -> Field:
    """Codes out of a list with commas between them, empty for none; List of String, each once.

    With `required` the column must be there: what is not asked is not allowed.
    """
    parts = _parts(column)
    coded = parts.list.eval(_coded(pl.element(), known))
    allowed = ", ".join(f"'{item}'" for item in known)
    unknown = Check(
        coded.list.eval(pl.element().is_null()).list.any(), column, "unknown_code", f"Use, with commas: {allowed}."
    )
    columns = (column,)
    return Field(
        name,
        coded.list.unique(maintain_order=True),
        columns if required else (),
        () if required else columns,
        (unknown,),
    )


def effects(column: str, known: Mapping[str, str], on: Mapping[str, str]) -> Field:
    """Effects as `Ongewenst: gezin` with commas between them, empty for none; List of Struct."""
    effect, felt_by = (pl.element().str.splitn(":", 2).struct[at].str.strip_chars() for at in (0, 1))
    pairs = _parts(column).list.eval(
        pl.struct(_coded(effect, known).alias("effect"), _coded(felt_by, on).alias("felt_by"))
    )
    broken = pl.element().struct["effect"].is_null() | pl.element().struct["felt_by"].is_null()
    remedy = f"Write it as 'Ongewenst: gezin'; effects: {', '.join(known)}; for: {', '.join(on)}."
    unknown = Check(pairs.list.eval(broken).list.any(), column, "unknown_code", remedy)
    return Field("effects", pairs, (), (column,), (unknown,))


def none_of(name: str, kind: pl.DataType) -> Field:
    """A list of which the source says nothing: always empty."""
    return Field(name, pl.lit([], pl.List(kind)), (), (), ())


def _parts(column: str) -> pl.Expr:
    text = pl.col(column).fill_null("").str.replace_all(SEPARATOR, ",").str.strip_chars(", ")
    return pl.when(text == "").then(pl.lit([], pl.List(pl.String))).otherwise(text.str.split(","))


def _coded(text: pl.Expr, known: Mapping[str, str]) -> pl.Expr:
    lower = {item.lower(): code for item, code in known.items()}
    return text.str.to_lowercase().replace_strict(lower, default=None, return_dtype=pl.String)
