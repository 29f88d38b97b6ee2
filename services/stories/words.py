"""What is asked of words before they are kept or leave, and by what words and ids are known."""

import hashlib
from collections.abc import Iterable
from typing import Final

LEAST_PREFIX: Final = 6
"""Digits of an id by which a story or quote may be named."""


def digest(text: str) -> str:
    """Return the SHA-256 (hex) of words, by which an approval holds for these words and no others."""
    return hashlib.sha256(text.encode()).hexdigest()


def begun_by(ids: Iterable[str], name: str) -> list[str]:
    """Return the ids (hex) that begin with what somebody typed; none for fewer than `LEAST_PREFIX` digits."""
    wanted = name.strip().lower()
    return [item for item in ids if len(wanted) >= LEAST_PREFIX and item.startswith(wanted)]


def identifier_in(text: str) -> str | None:
    """Return the kind of direct identifier (BSN, account, telephone, e-mail) in a text, or None."""
    import polars as pl  # noqa: PLC0415 - computing with it is for after a fork

    from connectors.identifiers import found  # noqa: PLC0415 - likewise

    kind: str | None = pl.DataFrame({"text": [text]}).select(found(pl.col("text"))).item()
    return kind
