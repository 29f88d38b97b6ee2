"""Municipality: spells of social assistance out of its own administration, as text with `,` and dates `2026-12-31`.

The layout is that of the dummy data for the analysis of social assistance that VNG Realisatie published in 2019 for
municipalities to fill: no key, no address, codes and years of birth written as floating-point numbers (`14.0`). Spells
are told as their dates are, however long ago. The sex (`geslacht`) is not read; of the year of birth only its decade
travels. Which cause a code stands for differs by application and is in no published list, so codes stay codes.

Without a key, file and row are the key. An equal row in the same file is not refused: with a first day, a year of birth
and a few codes, chance alone makes some persons alike in all. It is marked (`repeats_row`), and the gate counts it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from connectors.base import Batch, Connector
from connectors.fields import Check, Field, code, date
from connectors.readers import Block, Dialect, csv_blocks
from connectors.table import batch_of, sift

DIALECT: Final = Dialect(separator=",")
DAY: Final = "%Y-%m-%d"
START, END = "startdatum", "einddatum"
HOUSEHOLD, CAUSE, BORN = "Omschrijving leefvorm", "Oorzaak bijstandsafhankelijkheid", "geboortejaar"
COLUMNS: Final = (START, END, CAUSE, HOUSEHOLD, BORN)
"""All must be in the header, though cells may be empty: without the column of last days every spell would still run."""

HOUSEHOLD_TYPES: Final = {
    "Alleenstaande": "single",
    "Alleenstaande ouder": "single_parent",
    "Gehuwd / Samenwonend": "couple",
    "Anders": "other",
}
CODE_SHAPE: Final = r"^([0-9]{1,2})(?:\.0+)?$"
YEAR_SHAPE: Final = r"^((?:19|20)[0-9]{2})(?:\.0+)?$"
YEARS_TOGETHER: Final = 10


def _whole(column: str, shape: str) -> pl.Expr:
    """The whole number in a text such as `14` or `14.0`; Int32, null where it is none."""
    return pl.col(column).str.extract(shape).cast(pl.Int32)


def _optional(name: str, column: str, value: pl.Expr, wrong: tuple[str, str]) -> Field:
    reason, remedy = wrong
    unread = Check(pl.col(column).is_not_null() & value.is_null(), column, reason, remedy)
    return Field(name, value, (), (column,), (unread,))


_YEAR: Final = _whole(BORN, YEAR_SHAPE)
STARTED: Final = date("started_on", START, DAY)
ENDED: Final = date("ended_on", END, DAY, optional=True)
FIELDS: Final = (
    STARTED,
    ENDED,
    _optional("cause_code", CAUSE, _whole(CAUSE, CODE_SHAPE), ("not_a_code", "Write the code as 14 or 14.0.")),
    code("household_type", HOUSEHOLD, HOUSEHOLD_TYPES, optional=True),
    _optional("birth_decade", BORN, _YEAR - _YEAR % YEARS_TOGETHER, ("not_a_year", "Write it as 1982 or 1982.0.")),
)
CHECKS: Final = (
    *(check for field in FIELDS for check in field.checks),
    Check(ENDED.value < STARTED.value, END, "ends_before_start", "Mend the first or the last day of this spell."),
)


def read(path: Path) -> Iterator[Batch]:
    """Stream one export; of each row that was read a hash is kept, 8 bytes, to know one that repeats it."""
    seen = pl.Series(dtype=pl.UInt64)
    for block in csv_blocks(path, DIALECT, COLUMNS):
        rows = block.cells["raw"].hash()
        repeats = ~rows.is_first_distinct() | rows.is_in(seen.implode())
        seen = pl.concat([seen, rows])
        batch = _batch(block, repeats)
        if batch.rows_read:
            yield batch


def _batch(block: Block, repeats: pl.Series) -> Batch:
    good, refused = sift(block.cells.with_columns(repeats.alias("repeats_row")), CHECKS)
    rows = good.select(
        "source_row",
        pl.lit(None, pl.String).alias("source_key"),
        *(field.value.alias(field.name) for field in FIELDS),
        "repeats_row",
    )
    return batch_of("assistance_spell", block, rows, refused)


CONNECTOR: Final = Connector(
    name="assistance_spells",
    title="Municipality: spells of social assistance",
    event_types=("assistance_spell",),
    patterns=("bijstand_spells*.csv", "dummy_bijstand_spells*.csv"),
    read=read,
)
