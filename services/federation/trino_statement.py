"""One statement that reads, as a user typed it. Trino decides about rights; this only spares a user from a slip."""

import sqlglot
from sqlglot import TokenType
from sqlglot.errors import TokenError

from services.errors import NotAllowed, Rejected

_READS = frozenset(
    {
        TokenType.SELECT,
        TokenType.WITH,
        TokenType.VALUES,
        TokenType.TABLE,
        TokenType.SHOW,
        TokenType.DESCRIBE,
        TokenType.DESC,
    }
)


def single_read(sql: str) -> str:
    """Return the statement without the semicolon behind it.

    Raises:
        Rejected: there is none, or more than one, or a quote is not closed.
        NotAllowed: it is another kind of statement.
    """
    try:
        tokens = sqlglot.tokenize(sql, read="trino")
    except TokenError:
        raise Rejected("The query is not valid SQL.", "A quote or a comment is not closed.", "Close it.") from None
    ends = [token.start for token in tokens if token.token_type == TokenType.SEMICOLON]
    words = [token for token in tokens if token.token_type != TokenType.SEMICOLON]
    behind = [token for token in words if ends and token.start > ends[0]]
    if not words or behind:
        number = "no statement" if not words else "more than one statement"
        raise Rejected(f"There is {number} in the query.", "One is answered at a time.", "Send one SELECT.")
    first = next((token for token in words if token.token_type != TokenType.L_PAREN), words[0])
    if first.token_type not in _READS:
        raise NotAllowed(
            "Only SELECT is answered.",
            "The SQL surface is read only.",
            "Write a SELECT, or SHOW TABLES FROM hub.benchmark, or DESCRIBE of a table.",
        )
    return sql[: ends[0]] if ends else sql
