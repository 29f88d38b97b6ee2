"""Grid operators: use of energy by range of postcodes, which each publishes as open data once a year.

Text with `,` and a decimal point, a file per kind of energy and year; both stand in its name (`coteq_gas_2019.csv`).
The operators order their columns differently and have some of their own, so columns are found by name. A row is a range
of postcodes with at least ten connections; its figures are those of 1 January, its use that of the year before.
Streets, cities and codes of areas are in the file and are not read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from connectors.base import Batch, Connector, SourceError
from connectors.fields import Check
from connectors.readers import Block, Dialect, csv_blocks
from connectors.table import batch_of, sift

DIALECT: Final = Dialect(separator=",")
OPERATORS: Final = {"coteq": "Coteq", "westland-infra": "Westland Infra"}
"""By the beginning of the file's name; a further operator publishes the same columns and needs a line here only."""
TRAITS: Final = {"electricity": "electricity_use_kwh", "gas": "gas_use_m3"}
FROM, TO, UNITS, USE = "zipcode_from", "zipcode_to", "num_connections", "annual_consume"
IN_USE, NET_USE = "perc_of_active_connections", "delivery_perc"
POSTCODE: Final = r"^[1-9][0-9]{3}[A-Z]{2}$"
COUNT: Final = r"^[0-9]{1,9}$"
NUMBER: Final = r"^-?[0-9]{1,9}(\.[0-9]+)?$"
NAME: Final = re.compile(rf"({'|'.join(OPERATORS)})_({'|'.join(TRAITS)})_(20[0-9]{{2}})(?![0-9])")


@dataclass(frozen=True)
class Edition:
    """What the name of a file tells: operator, kind of energy, year of the publication."""

    operator: str
    energy: str
    year: int


def read(path: Path) -> Iterator[Batch]:
    """Stream one file, a row per range of postcodes.

    Raises:
        SourceError: its name tells no year, or it lacks a column.
    """
    told = NAME.match(path.name.lower())
    if told is None:
        raise SourceError(
            f"{path.name} cannot be dated.",
            "The name of the file tells operator, kind of energy and year, and nothing in it does.",
            "Name it as coteq_gas_2019.csv.",
        )
    edition = Edition(told[1], told[2], int(told[3]))
    for block in csv_blocks(path, DIALECT, (FROM, TO, UNITS, USE), (IN_USE, NET_USE)):
        batch = _batch(block, edition)
        if batch.rows_read:
            yield batch


def _batch(block: Block, edition: Edition) -> Batch:
    """Rows whose range and figures can be read; a range that comes twice is refused but for the first."""
    codes = [pl.col(name).str.replace_all(" ", "", literal=True).str.to_uppercase() for name in (FROM, TO)]
    good, refused = sift(block.cells.with_columns(codes), CHECKS)
    named = pl.lit(f"{edition.operator}|{edition.energy}|{edition.year}")
    operator = OPERATORS[edition.operator]
    rows = good.select(
        "source_row",
        pl.concat_str(named, pl.col(FROM, TO), separator="|").alias("source_key"),
        pl.col(FROM).alias("postcode_from"),
        pl.col(TO).alias("postcode_to"),
        pl.lit(date(edition.year, 1, 1)).alias("reference_date"),
        pl.lit(TRAITS[edition.energy]).alias("trait"),
        pl.col(USE).cast(pl.Float64).alias("value"),
        pl.col(UNITS).cast(pl.Int32).alias("units"),
        pl.col(IN_USE).cast(pl.Float64).alias("in_use_pct"),
        pl.col(NET_USE).cast(pl.Float64).alias("net_use_pct"),
        pl.lit(f"{operator}, use of small consumers of {edition.energy}, {edition.year}").alias("source"),
    )
    return batch_of("household_context", block, rows, refused)


def _checks() -> tuple[Check, ...]:
    code, number = "Write the postcode as 1234AB.", "Write a number with a decimal point."
    needed = [Check(pl.col(name).is_null(), name, "missing", "Fill in this cell.") for name in (FROM, TO, UNITS, USE)]
    return (
        *needed,
        *(Check(~pl.col(name).str.contains(POSTCODE), name, "not_a_postcode", code) for name in (FROM, TO)),
        Check(
            pl.col(FROM) > pl.col(TO), f"{FROM}, {TO}", "range_reversed", "Write the first postcode before the last."
        ),
        Check(~pl.col(UNITS).str.contains(COUNT), UNITS, "not_a_number", "Write a whole number."),
        *(Check(~pl.col(name).str.contains(NUMBER), name, "not_a_number", number) for name in (USE, IN_USE, NET_USE)),
        Check(
            ~pl.struct(FROM, TO).is_first_distinct(),
            f"{FROM}, {TO}",
            "double_row",
            "This range of postcodes came before: leave one row of it.",
        ),
    )


CHECKS: Final = _checks()

CONNECTOR: Final = Connector(
    name="grid_operator",
    title="Grid operators: use of electricity and gas by range of postcodes (open data)",
    event_types=("household_context",),
    patterns=tuple(f"{operator}_{energy}_20*.csv" for operator in OPERATORS for energy in TRAITS),
    read=read,
)
