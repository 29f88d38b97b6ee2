"""What a connector is: it reads one kind of source file into columns of events, and says why a row cannot be one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

BATCH_ROWS: Final = 50_000
"""No batch holds more rows than this, so that memory does not grow with a file."""

REFUSED_SCHEMA: Final[dict[str, type[pl.DataType]]] = {
    "source_row": pl.Int64,
    "field": pl.String,
    "reason": pl.String,
    "remedy": pl.String,
    "raw": pl.String,
}
"""Columns of `Batch.refused`. `raw` is the row as it stood in the source: it may be stored encrypted only."""


class SourceError(Exception):
    """A file that cannot be read at all; a row that cannot be read is refused by itself instead.

    Attributes:
        what: what happened, with the file's name, never a value from it.
        why: the cause.
        todo: what the owner of the source can do.
    """

    def __init__(self, what: str, why: str, todo: str) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.todo = todo

    def __str__(self) -> str:
        return f"{self.what} {self.why} {self.todo}"

    def __reduce__(self) -> tuple[type["SourceError"], tuple[str, str, str]]:
        """Keep the three sentences when the error crosses from a worker process."""
        return type(self), (self.what, self.why, self.todo)


@dataclass(frozen=True)
class Batch:
    """Rows of one event type out of one file; `rows_read == rows.height + refused.height`, always.

    Attributes:
        event_type: name of the event type the rows are.
        rows: `source_row` (Int64, line or record in the file as an editor shows it, header included), `source_key`
            (String, the source's own key or null), for events at an address `household` (String `1234AB|10|A`),
            `postcode` (String) and `house_number` (Int64), then the event's fields in their final types, without what
            only the sender can fill in (event_id, address, municipality, district). An early_warning_case has
            `signal_keys` (List of String, the source's keys of the signals it answers), a support_provision
            `provision_key` (String, the source's key whatever the state), an approach_reach `child_key` (String, the
            source's key of the child), a story `teller_key` (String, the source's key of the teller, or null) and the
            municipality that it is about.
        refused: rows that are no event, columns `REFUSED_SCHEMA`.
        first_row: `source_row` of the first record this batch was read from.
        rows_read: records read.
    """

    event_type: str
    rows: pl.DataFrame
    refused: pl.DataFrame
    first_row: int
    rows_read: int


@dataclass(frozen=True)
class Connector:
    """A source: which files it recognises, which events it makes of them.

    Attributes:
        name: short name, used in configuration.
        title: one line for a reader.
        event_types: event types that `read` may give.
        patterns: file name patterns (as in `fnmatch`, lower case) of the files it recognises.
        read: streams a file as batches; raises SourceError where the file as a whole cannot be read.
    """

    name: str
    title: str
    event_types: tuple[str, ...]
    patterns: tuple[str, ...]
    read: Callable[[Path], Iterator[Batch]]


def refused_rows(rows: list[tuple[int, str, str, str, str]]) -> pl.DataFrame:
    """A frame of refused rows out of (source_row, field, reason, remedy, raw)."""
    return pl.DataFrame(rows, schema=REFUSED_SCHEMA, orient="row")
