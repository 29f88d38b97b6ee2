"""Takes records with quoted cells apart."""

import csv
from collections.abc import Sequence
from itertools import accumulate

import polars as pl
import pyarrow as pa


class Records:
    """Takes records apart, one by one, with one reader for all: to make a reader takes longer than to read a record."""

    def __init__(self, separator: str) -> None:
        """Take the character between cells."""
        self._separator = separator
        self._texts: list[str] = []
        self._reader = csv.reader(self, delimiter=separator, strict=True)

    def __iter__(self) -> "Records":
        return self

    def __next__(self) -> str:
        """Give the reader the text that it is to take apart; a record that goes on after it is broken."""
        if not self._texts:
            raise StopIteration
        return self._texts.pop()

    def cells(self, text: str) -> list[str]:
        """Return the cells of one record; none where its quotation marks are broken."""
        if '"' not in text:
            return text.split(self._separator)
        self._texts.append(text)
        try:
            return next(self._reader, [])
        except csv.Error:
            return []


def lists(name: str, rows: Sequence[Sequence[str]]) -> pl.Series:
    """Return a series of lists of texts; Polars alone would make a series of each list."""
    ends = pl.Series([0, *accumulate(len(row) for row in rows)], dtype=pl.Int64).to_arrow()
    texts = pl.Series([text for row in rows for text in row], dtype=pl.String).to_arrow()
    return pl.Series(name, pl.from_arrow(pa.LargeListArray.from_arrays(ends, texts)))
