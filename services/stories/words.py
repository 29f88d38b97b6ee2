"""What is asked of words before they are kept or leave: whether they name somebody, and by what they are known."""

import hashlib


def digest(text: str) -> str:
    """Return the SHA-256 (hex) of words, by which an approval holds for these words and no others."""
    return hashlib.sha256(text.encode()).hexdigest()


def identifier_in(text: str) -> str | None:
    """Return the kind of direct identifier (BSN, account, telephone, e-mail) in a text, or None."""
    import polars as pl  # noqa: PLC0415 - computing with it is for after a fork

    from connectors.identifiers import found  # noqa: PLC0415 - likewise

    kind: str | None = pl.DataFrame({"text": [text]}).select(found(pl.col("text"))).item()
    return kind
