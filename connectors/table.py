"""Turns blocks of cells into batches of events, as a table of fields says: the heart of every tabular connector."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import polars as pl

from connectors.address import household_id
from connectors.base import Batch, refused_rows
from connectors.bsn import holds_bsn
from connectors.fields import Check, Field
from connectors.readers import Block


@dataclass(frozen=True)
class Address:
    """Columns of an address; letter and addition where the source has them."""

    postcode: str
    number: str
    letter: str | None = None
    addition: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that there are."""
        places = (self.postcode, self.number, self.letter, self.addition)
        return tuple(place for place in places if place)


@dataclass(frozen=True)
class Table:
    """How the columns of one kind of file become the fields of one event type.

    Attributes:
        event_type: name of the event type.
        key: the source's own key.
        address: where the household lives; None for events that are not about an address.
        fields: fields of the event, in the order of its schema.
    """

    event_type: str
    key: Field
    address: Address | None
    fields: tuple[Field, ...]

    @property
    def required(self) -> tuple[str, ...]:
        """Columns a file must have; no other column is ever read, free text least of all."""
        parts = [part for field in (self.key, *self.fields) for part in field.required]
        return tuple(dict.fromkeys([*parts, *(self.address.columns if self.address else ())]))

    @property
    def optional(self) -> tuple[str, ...]:
        """Columns a file may lack."""
        return tuple(part for field in (self.key, *self.fields) for part in field.optional)


def batches(table: Table, blocks: Iterable[Block]) -> Iterator[Batch]:
    """A batch per block; a row that fails a check is refused with the first reason."""
    place = table.address
    home = [household_id(place.postcode, place.number, place.letter, place.addition).alias("_home")] if place else []
    marks = [mark for field in table.fields for mark in field.marks]
    placed = _address_checks(place) if place else ()
    checks = (*table.key.checks, *placed, *(check for field in table.fields for check in field.checks))
    for block in blocks:
        rows, refused = sift(block.cells.with_columns(home + marks), checks)
        columns = [field.value.alias(field.name) for field in table.fields]
        own = [table.key.value.alias("source_key"), *([pl.col("_home")] if place else []), *columns]
        good = rows.select("source_row", *own)
        good = good.unnest("_home") if place else good
        batch = batch_of(table.event_type, block, good, refused)
        if batch.rows_read:
            yield batch


def batch_of(event_type: str, block: Block, rows: pl.DataFrame, refused: pl.DataFrame) -> Batch:
    """Put together what a block brought; what could not be taken apart is refused with what failed a check.

    Args:
        event_type: of the rows.
        block: what was read, in the order of the file.
        rows: events.
        refused: rows that failed a check.
    """
    every = pl.concat([block.broken, refused]).sort("source_row")
    firsts = [part["source_row"][0] for part in (block.cells, every) if part.height]
    return Batch(event_type, rows, every, min(firsts, default=2), rows.height + every.height)


def sift(frame: pl.DataFrame, checks: Iterable[Check]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows that pass all checks, and the others as refused rows with the first check that failed.

    Args:
        frame: has `source_row` and `raw`.
        checks: in the order in which they speak.
    """
    listed = tuple(checks)
    failing = [pl.when(check.bad).then(pl.lit(at, pl.Int32)) for at, check in enumerate(listed)]
    marked = frame.with_columns(pl.coalesce(*failing, pl.lit(None, pl.Int32)).alias("_failed"))
    passed = marked.filter(pl.col("_failed").is_null()).drop("_failed")
    if passed.height == frame.height:
        return passed, refused_rows([])
    texts = pl.DataFrame(
        {
            "_failed": pl.Series(range(len(listed)), dtype=pl.Int32),
            "field": pl.Series([check.field for check in listed], dtype=pl.String),
            "reason": pl.Series([check.reason for check in listed], dtype=pl.String),
            "remedy": pl.Series([check.remedy for check in listed], dtype=pl.String),
        }
    )
    failed = marked.filter(pl.col("_failed").is_not_null()).select("source_row", "_failed", "raw")
    refused = failed.join(texts, on="_failed", how="left", maintain_order="left")
    return passed, refused.select("source_row", "field", "reason", "remedy", "raw")


def _address_checks(place: Address) -> tuple[Check, ...]:
    postcode, number = pl.col(place.postcode), pl.col(place.number)
    home = pl.col("_home").struct.field("household")
    extra = [part for part in (place.number, place.letter, place.addition) if part]
    apart = pl.concat_str(extra, separator="|", ignore_nulls=True)  # no number is read across the line between two
    field = f"{place.postcode}, {place.number}"
    return (
        Check(holds_bsn(apart), field, "bsn_in_field", "Take the BSN out."),
        Check(postcode.is_null() | number.is_null(), field, "missing_address", "Fill in postcode and house number."),
        Check(
            home.is_null(),
            field,
            "unreadable_address",
            "Write the postcode as 1234AB and the house number as 10, with letter or addition after it: 10 A.",
        ),
    )
