"""What a cell of a story source means: words of a teller, and what the teller says about them.

Stories are the one source of which free text is read: it is what they are. The words go to the municipality that the
story is about and nowhere else; no address and no district is read beside them.
"""

from collections.abc import Mapping
from typing import Final

import polars as pl

from connectors.bsn import holds_bsn
from connectors.codes_stories import NAMINGS
from connectors.fields import Check, Field
from connectors.identifiers import REMEDY, found

LONGEST_TITLE: Final = 200
LONGEST_TEXT: Final = 20_000
SEPARATOR: Final = r"\s*,\s*"
MONTH: Final = r"^(20[0-9]{2}-(?:0[1-9]|1[0-2]))(?:-01 00:00:00)?$"
"""Of a workbook a month may come as the first of it."""
DAYS: Final = {
    "%d-%m-%Y": r"^[0-9]{1,2}-[0-9]{1,2}-20[0-9]{2}$",
    "%Y-%m-%d": r"^20[0-9]{2}-[0-9]{2}-[0-9]{2}(?: 00:00:00)?$",
}
TOWN: Final = r"^(?:gm)?([0-9]{3,4})$"
SLUG: Final = r"^[a-z][a-z0-9_]{0,59}$"
"""How questions and choices are named, so that no answer can be a text of its own."""
YEARS_BACK: Final = 2
SUM_TOLERANCE: Final = 0.02
"""By which three weights, each rounded to two decimals, may miss 1."""


def words(name: str, column: str, most: int = LONGEST_TEXT, *, optional: bool = False) -> Field:
    """Words of the teller as they stand, of at most so many signs; String."""
    text, kind_found = pl.col(column), f"_found_{name}"
    marks = (found(text).alias(kind_found),)
    long = Check(text.str.len_chars() > most, column, "too_long", f"Tell it in at most {most} signs.")
    held = tuple(
        Check(pl.col(kind_found) == kind, column, f"{kind}_in_text", f"{remedy} The story is told as well without it.")
        for kind, remedy in REMEDY.items()
    )
    if optional:
        return Field(name, text, (), (column,), (long, *held), marks)
    missing = Check(text.is_null(), column, "missing", "Fill in this cell: without words it is no story.")
    return Field(name, text, (column,), (), (missing, long, *held), marks)


def teller(number: str, naming: str) -> tuple[Field, Field]:
    """The sender's own number of the teller, and how the teller is known.

    Of who is anonymous a number is not kept, also where the source has one. Without the column `naming`, who has a
    number is known by a made-up name.
    """
    known = (
        pl.col(naming)
        .str.to_lowercase()
        .replace_strict({text.lower(): code for text, code in NAMINGS.items()}, default=None, return_dtype=pl.String)
    )
    usual = pl.when(pl.col(number).is_null()).then(pl.lit("anonymous")).otherwise(pl.lit("pseudonymous"))
    value = pl.when(pl.col(naming).is_null()).then(usual).otherwise(known)
    unknown = Check(value.is_null(), naming, "unknown_code", f"Use one of: {', '.join(NAMINGS)}.")
    nobody = Check(
        (value != "anonymous") & pl.col(number).is_null(),
        number,
        "missing",
        "Fill in your own number of the teller, or write that the story is anonymous.",
    )
    bsn = Check(
        holds_bsn(pl.col(number)), number, "bsn_in_field", "Take the BSN out: give tellers numbers of your own."
    )
    key = pl.when(value != "anonymous").then(pl.col(number))
    return (
        Field("teller_key", key, (number,), (), (bsn,)),
        Field("naming", value, (), (naming,), (unknown, nobody)),
    )


def told_day(column: str) -> Field:
    """The day on which it was told, as text or as the date cell of a workbook; Date."""
    text = pl.col(column)
    parsed = [
        pl.when(text.str.contains(shape)).then(text.str.slice(0, 10)).str.to_date(form, strict=False)
        for form, shape in DAYS.items()
    ]
    value = pl.coalesce(parsed)
    missing = Check(text.is_null(), column, "missing", "Fill in the day on which it was told.")
    wrong = Check(value.is_null(), column, "not_a_date", "Write the date as 31-12-2026.")
    return Field("told_on", value, (column,), (), (missing, wrong))


def municipality(column: str) -> Field:
    """The municipality that the story is about, by its CBS code; String."""
    code = pl.col(column).str.to_lowercase().str.extract(TOWN)
    missing = Check(pl.col(column).is_null(), column, "missing", "Fill in the municipality's CBS code.")
    unread = Check(code.is_null(), column, "not_a_municipality", "Write the municipality by its CBS code: gm0518.")
    return Field("municipality", "gm" + code.str.zfill(4), (column,), (), (missing, unread))


def happened(column: str, told_on: Field) -> Field:
    """The month in which it happened, at most two years before it is told, empty is null; String."""
    text, value = pl.col(column), pl.col(column).str.extract(MONTH)
    year, of_year = told_on.value.dt.year() - YEARS_BACK, told_on.value.dt.strftime("-%m")
    checks = (
        Check(
            text.is_not_null() & value.is_null(),
            column,
            "not_a_month",
            "Write the month as 2024-05, or leave it empty.",
        ),
        Check(value > told_on.value.dt.strftime("%Y-%m"), column, "not_yet", "Mend the month or the day of telling."),
        Check(
            value < year.cast(pl.String) + of_year, column, "too_long_ago", "A campaign looks back two years, no more."
        ),
    )
    return Field("happened_in", value, (), (column,), checks)


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


def answers(column: str) -> Field:
    """Answers to own questions as `wie_hielp=0,2/0,5/0,3; hoe_snel=0,7; weet_u=ja`, empty for none; List of Struct."""
    text = pl.col(column).fill_null("").str.strip_chars("; ")
    pairs = pl.when(text == "").then(pl.lit([], pl.List(pl.String))).otherwise(text.str.split(";"))
    value = pairs.list.eval(_answer())
    empty = pl.all_horizontal(pl.element().struct[name].is_null() for name in ("first", "choice"))
    broken = pl.element().struct["question"].is_null() | empty
    remedy = "Write it as 'wie_hielp=0,2/0,5/0,3; hoe_snel=0,7; weet_u=ja', each part as its question asks."
    unread = Check(value.list.eval(broken).list.any(), column, "not_an_answer", remedy)
    return Field("answers", value, (), (column,), (unread,))


def _answer() -> pl.Expr:
    """One answer: a question and three weights, a place, or a choice; what is none of these has neither."""
    question, told = (pl.element().str.splitn("=", 2).struct[at].str.strip_chars() for at in (0, 1))
    numbers = [told.str.replace_all(",", ".").str.splitn("/", 4).struct[at].str.strip_chars() for at in range(4)]
    first, second, third = (number.cast(pl.Float64, strict=False) for number in numbers[:3])
    triad = first.is_between(0, 1) & second.is_between(0, 1) & third.is_between(0, 1) & numbers[3].is_null()
    triad = triad & ((first + second + third - 1).abs() <= SUM_TOLERANCE)
    dyad = first.is_between(0, 1) & numbers[1].is_null()
    return pl.struct(
        pl.when(question.str.contains(SLUG)).then(question).alias("question"),
        pl.when(triad | dyad).then(first).alias("first"),
        pl.when(triad).then(second).alias("second"),
        pl.when(triad).then(third).alias("third"),
        pl.when(told.str.contains(SLUG)).then(told).alias("choice"),
    )


def _parts(column: str) -> pl.Expr:
    text = pl.col(column).fill_null("").str.replace_all(SEPARATOR, ",").str.strip_chars(", ")
    return pl.when(text == "").then(pl.lit([], pl.List(pl.String))).otherwise(text.str.split(","))


def _coded(text: pl.Expr, known: Mapping[str, str]) -> pl.Expr:
    lower = {item.lower(): code for item, code in known.items()}
    return text.str.to_lowercase().replace_strict(lower, default=None, return_dtype=pl.String)
