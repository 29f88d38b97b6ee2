"""What catalogue SQL may not say, since Trino and DuckDB would answer differently or a rerun would differ."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import sqlglot
from sqlglot import Token, TokenType, exp
from sqlglot.errors import SqlglotError

VIEWS: Final = Path(__file__).with_name("views")
"""Folder of the catalogue's views, a file of SQL each."""
TABLES: Final = frozenset({"periods", *(path.stem for path in VIEWS.glob("*.sql"))})
COLUMNS: Final = ("period", "unit", "district")

_UNSIZED_ARE_SAFE: Final = frozenset(
    {exp.DType.DATE, exp.DType.BIGINT, exp.DType.INT, exp.DType.DOUBLE, exp.DType.BOOLEAN}
)
_CLOCK_OR_CHANCE: Final = frozenset(
    {
        "now",
        "current_date",
        "current_time",
        "current_timestamp",
        "localtime",
        "localtimestamp",
        "random",
        "rand",
        "uuid",
    }
)
_LOOKS_LIKE_A_DATE: Final = re.compile(r"\d{4}-\d{2}")


def lint_sql(sql: str, split_by: str | None = None) -> list[str]:
    """Problems of one catalogue statement, in words; empty when it may load.

    A catalogue statement is a single SELECT in Trino's dialect over `periods` and the views, giving exactly the
    columns `period, unit, district`, and behind them the dimension (`split_by`) of an indicator that has one.
    """
    columns = (*COLUMNS, split_by) if split_by else COLUMNS
    return lint_dialect(sql) or [*_shape_problems(sqlglot.parse_one(sql, read="trino"), columns)]


def lint_dialect(sql: str) -> list[str]:
    """Problems of any SQL of ours that must give the same rows on both engines; views pass this too."""
    try:
        statements = sqlglot.parse(sql, read="trino")
        tokens = sqlglot.tokenize(sql, read="trino")
    except SqlglotError:
        return ["does not parse as Trino SQL"]
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        return ["must be one SELECT statement"]
    return [*dict.fromkeys([*_token_problems(tokens), *_literal_problems(statements[0])])]


def _token_problems(tokens: list[Token]) -> Iterator[str]:
    """Refusals by what is written: the parser would already have rewritten some of it."""
    for token in tokens:
        if token.token_type is TokenType.STRING:
            continue
        word = token.text.lower()
        if token.token_type in (TokenType.SLASH, TokenType.DIV):
            yield "division is refused: integer division differs between the engines; divide in Python"
        elif token.token_type is TokenType.DCOLON:
            yield "`::` is refused: it is not Trino SQL; write CAST(… AS …)"
        elif word.startswith("approx_"):
            yield "approx_ functions are refused: each engine estimates otherwise; count exactly"
        elif word == "format_datetime":
            yield "format_datetime is refused: the engines read its pattern otherwise; join `periods` instead"
        elif word in _CLOCK_OR_CHANCE:
            yield f"{word} is refused: the same month must give the same figure whenever it is run"


def _literal_problems(statement: exp.Expr) -> Iterator[str]:
    """Casts that leave the size to the engine, and texts that an engine would have to guess to be dates."""
    for cast in statement.find_all(exp.Cast):
        if not cast.to.expressions and cast.to.this not in _UNSIZED_ARE_SAFE:
            yield f"untyped cast: {cast.to.sql('trino')} has another size per engine; write it, as in DECIMAL(18, 4)"
    for literal in statement.find_all(exp.Literal):
        text = literal.is_string and _LOOKS_LIKE_A_DATE.match(str(literal.this))
        if text and not isinstance(literal.parent, exp.Cast):
            yield "untyped date: write DATE '2025-01-01', or join `periods`"


def _shape_problems(statement: exp.Expr, columns: tuple[str, ...]) -> Iterator[str]:
    """A statement over other tables, or with other columns, would slip past the release."""
    own = {cte.alias for cte in statement.find_all(exp.CTE)}
    for table in statement.find_all(exp.Table):
        if table.db or table.name not in TABLES | own:
            yield f"table {table.name} is not one of {', '.join(sorted(TABLES))}"
    if isinstance(statement, exp.Query) and tuple(statement.named_selects) != columns:
        yield f"must give exactly the columns {', '.join(columns)}"
