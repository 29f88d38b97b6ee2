"""What a cell's text means: each field of an event out of a column of a source, or the reason why not."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from connectors.bsn import holds_bsn

DATE_SHAPES: Final = {
    "%d-%m-%Y": (r"^[0-9]{1,2}-[0-9]{1,2}-(19|20)[0-9]{2}$", "31-12-2026"),
    "%Y-%m-%d": (r"^(19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}$", "2026-12-31"),
    "%Y%m%d": (r"^(19|20)[0-9]{6}$", "20261231"),
    "%Y-%m-%d 00:00:00": (r"^(19|20)[0-9]{2}-[0-9]{2}-[0-9]{2} 00:00:00$", "a date cell"),
}
"""The shape a date must have beside being one, since a two-digit year would pass as a year of the first century."""

_NUMBERS: Final = {
    ",": (r"^(-?)((?:[0-9]{1,3}(?:\.[0-9]{3})+)|[0-9]{1,9})(?:,([0-9]{1,2}))?$", "1234,56"),
    ".": (r"^(-?)([0-9]{1,9})(?:\.([0-9]+))?$", "1234.56"),
}


@dataclass(frozen=True)
class Check:
    """A row fails where `bad` is true: `reason` is a code, `remedy` says what to do, neither holds a value."""

    bad: pl.Expr
    field: str
    reason: str
    remedy: str


@dataclass(frozen=True)
class Field:
    """A field of an event: its value out of the named columns, and the checks in the order in which they speak.

    `marks` are columns that several of its checks ask, so that they are computed once.
    """

    name: str
    value: pl.Expr
    required: tuple[str, ...]
    optional: tuple[str, ...]
    checks: tuple[Check, ...]
    marks: tuple[pl.Expr, ...] = ()


def constant(name: str, value: str) -> Field:
    """A field that is the same for every row of the source."""
    return Field(name, pl.lit(value, pl.String), (), (), ())


def unknown(name: str, kind: type[pl.DataType] = pl.String) -> Field:
    """An optional field of which the source says nothing."""
    return Field(name, pl.lit(None, kind), (), (), ())


def amount(name: str, column: str, decimal: str, *, optional: bool = False) -> Field:
    """Euros with cents, rounded to whole euros, half up (-12,50 becomes -12); Int32.

    Negative and very high amounts pass: the contract at the receiver judges them. `decimal` is `,` (dots may mark
    thousands) or `.`.
    """
    shape, example = _NUMBERS[decimal]
    parts = pl.col(column).str.extract_groups(shape)
    whole = parts.struct.field("2").str.replace_all(".", "", literal=True).cast(pl.Int64, strict=False)
    cents = (parts.struct.field("3").fill_null("") + pl.lit("00")).str.slice(0, 2).cast(pl.Int64)
    sign = pl.when(parts.struct.field("1") == "-").then(-1).otherwise(1)
    euros = (sign * (whole * 100 + cents) + 50).floordiv(100)
    value = pl.when(euros.is_between(-(2**31), 2**31 - 1)).then(euros).cast(pl.Int32)
    return _parsed(name, column, value, ("not_an_amount", f"Write the amount as {example}."), optional=optional)


def date(name: str, column: str, shape: str, *, optional: bool = False) -> Field:
    """A date in one of `DATE_SHAPES`; Date."""
    pattern, example = DATE_SHAPES[shape]
    text = pl.col(column)
    value = pl.when(text.str.contains(pattern)).then(text).str.to_date(shape, strict=False)
    return _parsed(name, column, value, ("not_a_date", f"Write the date as {example}."), optional=optional)


def last_day(name: str, column: str, shape: str, started: Field) -> Field:
    """The last day of what may still run, not before the first; Date.

    The column must be there: without it all that ended would still run.
    """
    field = date(name, column, shape, optional=True)
    before = Check(field.value < started.value, column, "ends_before_start", "Mend the first or the last day.")
    return replace(field, required=(column,), optional=(), checks=(*field.checks, before))


def code(name: str, column: str, codes: Mapping[str, str], *, optional: bool = False) -> Field:
    """A code out of a list, upper or lower case; String."""
    value = _replaced(column, codes, pl.String)
    allowed = ", ".join(f"'{known}'" for known in codes)
    return _parsed(name, column, value, ("unknown_code", f"Use one of: {allowed}."), optional=optional)


def flag(name: str, column: str, codes: Mapping[str, bool]) -> Field:
    """Yes or no, empty is null; Boolean."""
    value = _replaced(column, {known: str(meaning) for known, meaning in codes.items()}, pl.String) == "True"
    allowed = ", ".join(f"'{known}'" for known in codes)
    return _parsed(name, column, value, ("unknown_code", f"Use one of: {allowed}, or leave it empty."), optional=True)


def key(column: str, *, optional: bool = False) -> Field:
    """The source's own key of a row, as `source_key`; String.

    With `optional` the column may be absent (then file and row are the key); where it is there, each row must have one.
    """
    text = pl.col(column)
    missing = Check(text.is_null(), column, "missing", "Fill in the source's own number of this row.")
    bsn = Check(holds_bsn(text), column, "bsn_in_field", "Take the BSN out: this column travels, if only as a hash.")
    if optional:
        return Field("source_key", text, (), (column,), (bsn,))
    return Field("source_key", text, (column,), (), (missing, bsn))


def _replaced(column: str, codes: Mapping[str, str], kind: type[pl.DataType]) -> pl.Expr:
    known = {text.lower(): meaning for text, meaning in codes.items()}
    return pl.col(column).str.to_lowercase().replace_strict(known, default=None, return_dtype=kind)


def _parsed(name: str, column: str, value: pl.Expr, wrong: tuple[str, str], *, optional: bool) -> Field:
    text = pl.col(column)
    reason, remedy = wrong
    unread = Check(text.is_not_null() & value.is_null(), column, reason, remedy)
    if optional:
        return Field(name, value, (), (column,), (unread,))
    missing = Check(text.is_null(), column, "missing", "Fill in this cell.")
    return Field(name, value, (column,), (), (missing, unread))
