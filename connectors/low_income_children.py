"""CBS: minor children in households with a low income per municipality, the table of low incomes by region.

The table is StatLine 85678NED (regions of 2023), as programs download it: a row per income line, duration, kind of
household, region and year, with codes and, in columns that end in `_label`, what they mean. Of it one number per
municipality and year is read: minor children (0 to 17 on 1 January of the year) in all private households below the
low-income line for at least one year. CBS gives it in thousands with one decimal, so in hundreds.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from connectors.base import Batch, Connector
from connectors.fields import Check
from connectors.readers import Block, Dialect, csv_blocks
from connectors.table import batch_of, sift

DIALECT: Final = Dialect(separator=",")
TRAIT: Final = "low_income_children"
VINTAGE: Final = 2023
"""Of the regions in table 85678NED."""
PUBLISHER: Final = "CBS, Laag en langdurig laag inkomen, regio (85678NED), CC BY 4.0"
REGION, PERIOD, CHILDREN, SOURCE = "RegioS", "Perioden", "MinderjarigeKinderen_3", "Bron"
"""`Bron` is no column of CBS: who makes a file of this form otherwise names itself in it."""
WANTED: Final = {
    "InkomensgrensHuishouden_label": "Inkomen tot lage-inkomensgrens",
    "DuurInkomenspositie_label": "Ten minste 1 jaar",
    "KenmerkenVanHuishoudens_label": "Particuliere huishoudens",
}
MUNICIPALITY: Final = r"^GM[0-9]{4}$"
OTHER_REGION: Final = r"^(NL[0-9]{2}|LD[0-9]{2}|PV[0-9]{2}|CR[0-9]{2})$"
YEAR: Final = r"^(20[0-9]{2})JJ00$"
NUMBER: Final = r"^[0-9]+(\.[0-9]+)?$"
NOBODY: Final = r"^0+(\.0+)?$"
THOUSAND: Final = 1000


def read(path: Path) -> Iterator[Batch]:
    """A row per municipality and year; other rows of the table are read and left out."""
    for block in csv_blocks(path, DIALECT, (*WANTED, REGION, PERIOD, CHILDREN), (SOURCE,)):
        yield _batch(block)


def _batch(block: Block) -> Batch:
    # CBS rounds to hundreds: a 0 is fewer than fifty, not nobody, and as a denominator it would show a numerator of 0
    unknown = pl.col(CHILDREN).fill_null(".").is_in([".", "-", "x"]) | pl.col(CHILDREN).str.contains(NOBODY)
    checks = [
        Check(~pl.col(REGION).fill_null("").str.contains(MUNICIPALITY), REGION, "unknown_area", "Use GM0003."),
        Check(~pl.col(PERIOD).fill_null("").str.contains(YEAR), PERIOD, "not_a_year", "Write the year as 2023JJ00."),
        Check(
            ~unknown & ~pl.col(CHILDREN).str.contains(NUMBER),
            CHILDREN,
            "not_a_number",
            "Write thousands with a decimal point, or leave it empty.",
        ),
    ]
    good, refused = sift(block.cells.filter(_asked_for()), checks)
    year = pl.col(PERIOD).str.extract(YEAR)
    area = pl.col(REGION).str.to_lowercase()
    rows = good.select(
        "source_row",
        pl.format("{}|{}|{}", year, area, pl.lit(TRAIT)).alias("source_key"),
        area.alias("area"),
        pl.lit("municipality").alias("area_kind"),
        pl.lit(VINTAGE, pl.Int32).alias("area_vintage"),
        pl.date(year.cast(pl.Int32), 1, 1).alias("reference_date"),
        pl.lit(TRAIT).alias("trait"),
        (pl.when(~unknown).then(CHILDREN).cast(pl.Float64) * THOUSAND).round().alias("value"),
        pl.coalesce(pl.col(SOURCE), pl.lit(PUBLISHER)).alias("source"),
    )
    return batch_of("population_reference", block, rows, refused)


def _asked_for() -> pl.Expr:
    """Whether a row is the number that is read, of a region that is no larger one."""
    words = [pl.col(column).fill_null("") == word for column, word in WANTED.items()]
    return pl.all_horizontal(words) & ~pl.col(REGION).fill_null("").str.contains(OTHER_REGION)


CONNECTOR: Final = Connector(
    name="low_income_children",
    title="CBS: minor children in households with a low income",
    event_types=("population_reference",),
    patterns=("85678ned*.csv",),
    read=read,
)
