"""CBS: the national work-and-income benchmark per municipality (Participatiewet), one file a year.

A file has a row per age group and area. Headers drift between years (`Instromers_4`, `Instroom_4`), so columns are
found by what they mean. `20150` is all ages, `90100` up to the pension age: outflow to work and re-integration are of
these. Counts are rounded to tens by CBS and shares to halves; a figure derived from the counts goes on where it lies
within one point of the share that CBS publishes beside it, else it is missing with the reason. What CBS released passes
as it is.

The year stands in the column `Perioden` where there is one, else in the name of the file. Areas are those of that year;
inhabitants and recipients are those of its last day (CBS, explanation with tables 83450NED and 83747NED).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import add
from pathlib import Path
from typing import Final

import polars as pl

from connectors.base import Batch, Connector, SourceError, refused_rows
from connectors.fields import Check
from connectors.readers import Dialect, csv_blocks, csv_header
from connectors.table import sift

DIALECT: Final = Dialect(separator=",")
TABLES: Final = {2015: "83450NED", 2016: "83747NED"}
ALL_AGES, TO_PENSION = "20150", "90100"
TOLERANCE: Final = 1.0
"""Points between a derived and a published figure."""

MEANINGS: Final = {
    "age": r"^leeftijd",
    "area": r"^regio",
    "inhabitants": r"^inwoners",
    "recipients": r"^bijstandsontvangers",
    "density": r"^bijstandsdichtheid",
    "inflow": r"^instro",
    "outflow": r"^uitstro(?!.*werk)",
    "to_work": r"^uitstro.*werk",
    "reintegrating": r"^personenmetbijstandenre",
    "reintegration": r"^bijstand(s)?ontvangersmetre",
}
"""What a header means, without case and number; of two that mean the same, the first is a count, the second a share."""


@dataclass(frozen=True)
class Indicator:
    """A figure: its counts, the share CBS publishes, and the age group of the denominator."""

    id: str
    numerator: str
    denominator: tuple[str, ...]
    published: str
    age: str
    factor: int


INDICATORS: Final = (
    Indicator("assistance_per_1000", "recipients", ("inhabitants",), "density", ALL_AGES, 1000),
    Indicator("assistance_inflow", "inflow", ("recipients", "outflow"), "inflow_share", ALL_AGES, 100),
    Indicator("assistance_outflow", "outflow", ("recipients", "outflow"), "outflow_share", ALL_AGES, 100),
    Indicator("outflow_to_work", "to_work", ("recipients", "outflow"), "to_work_share", TO_PENSION, 100),
    Indicator("reintegration_share", "reintegrating", ("recipients",), "reintegration", TO_PENSION, 100),
)
NUMBER: Final = r"^-?[0-9]+(\.[0-9]+)?$"
AREA: Final = r"^(NL01|PV[0-9]{2}|GM[0-9]{4})$"
KINDS: Final = {"NL": "country", "PV": "province", "GM": "municipality"}


def read(path: Path) -> Iterator[Batch]:
    """The indicators of country, provinces and municipalities; other regions in the file are passed over.

    Raises:
        SourceError: the file tells no year, or has no columns for age and area.
    """
    header = csv_header(path, DIALECT)
    columns = _columns(header)
    if absent := [name for name in ("age", "area") if name not in columns]:
        why = f"No column means {' or '.join(absent)}."
        raise SourceError(f"{path.name} is no work-and-income benchmark.", why, "Take the table from CBS StatLine.")
    periods = [name for name in header if name.lower().startswith("perioden")][:1]
    blocks = list(csv_blocks(path, DIALECT, tuple(columns.values()), periods))
    cells = pl.concat([block.cells for block in blocks]).rename({column: name for name, column in columns.items()})
    year = _year(path, cells[periods[0]] if periods else None)
    numbers = [name for name in columns if name not in {"age", "area"}]
    good, refused = sift(_asked(cells), _checks(columns, numbers))
    good = good.with_columns(pl.when(pl.col(name) != ".").then(pl.col(name)).cast(pl.Float64) for name in numbers)
    observations, lacking = [], []
    for indicator in INDICATORS:
        if absent := [name for name in (indicator.numerator, *indicator.denominator) if name not in columns]:
            remedy = f"No column means {' or '.join(absent)}: teach the connector the new header."
            lacking.append((1, indicator.id, "column_not_found", remedy, ",".join(header)))
        else:
            observations.append(_observations(good, indicator, year))
    rows = pl.concat(observations) if observations else _observations(good[:0], INDICATORS[0], year)[:0]
    refused = pl.concat([*(block.broken for block in blocks), refused, refused_rows(lacking)]).sort("source_row")
    yield Batch("indicator_observation", rows, refused, 2, rows.height + refused.height)


def _columns(header: tuple[str, ...]) -> dict[str, str]:
    """Meaning to header; the second header of one meaning is `<meaning>_share`."""
    found: dict[str, str] = {}
    for name in header:
        for meaning, pattern in MEANINGS.items():
            if re.match(pattern, name.lower()):
                key = meaning if meaning not in found else f"{meaning}_share"
                found.setdefault(key, name)
    return found


def _year(path: Path, periods: pl.Series | None) -> int:
    in_name = re.findall(r"(?<![0-9])(20[0-9]{2})(?![0-9])", path.stem)
    told = periods.str.extract(r"^(20[0-9]{2})(?:JJ00)?$").unique().to_list() if periods is not None else in_name[-1:]
    if len(told) != 1 or told[0] is None or (in_name and in_name[-1] != told[0]):
        why = "Column 'Perioden' and the name of the file together tell not one year."
        raise SourceError(f"{path.name} cannot be dated.", why, "Name the file after its year, one year a file.")
    return int(told[0])


def _asked(cells: pl.DataFrame) -> pl.DataFrame:
    """Rows of the areas and age groups that indicators ask for, and those whose area looks like one but is none."""
    area = pl.col("area").fill_null("")
    return cells.filter(area.str.contains("^(NL|PV|GM)") & pl.col("age").is_in([ALL_AGES, TO_PENSION]))


def _checks(columns: dict[str, str], numbers: list[str]) -> list[Check]:
    malformed = ~pl.col("area").str.contains(AREA)
    double = ~pl.struct("age", "area").is_first_distinct()
    texts = [
        (columns[name], pl.col(name).is_not_null() & (pl.col(name) != ".") & ~pl.col(name).str.contains(NUMBER))
        for name in numbers
    ]
    return [
        Check(malformed, columns["area"], "unknown_area", "Use codes as NL01, PV20, GM0003."),
        Check(double, columns["area"], "double_row", "This area and age group came before: leave one."),
        *(
            Check(bad, column, "not_a_number", "Write a number with a decimal point, or '.' for none.")
            for column, bad in texts
        ),
    ]


def _observations(rows: pl.DataFrame, indicator: Indicator, year: int) -> pl.DataFrame:
    """One indicator of every area, with the reason where the figure is missing."""
    areas = rows.filter(pl.col("age") == ALL_AGES).select("source_row", "area")
    counts = (pl.col(name) for name in indicator.denominator)
    published = pl.col(indicator.published) if indicator.published in rows.columns else pl.lit(None, pl.Float64)
    wanted = rows.filter(pl.col("age") == indicator.age).select(
        "area",
        numerator=pl.col(indicator.numerator).cast(pl.Int64),
        denominator=reduce(add, counts).cast(pl.Int64),
        published_value=published,
        has_row=pl.lit(value=True),
    )
    missing = _missing(indicator)
    known = areas.join(wanted, on="area", how="left", maintain_order="left").with_columns(missing.alias("reason"))
    release = f"cbs-{TABLES.get(year, f'participatiewet-{year}')}"
    is_known = pl.col("reason").is_null()
    return known.select(
        "source_row",
        pl.format("{}|{}|{}", pl.lit(str(year)), pl.col("area"), pl.lit(indicator.id)).alias("source_key"),
        pl.lit(str(year)).alias("period"),
        pl.lit("year").alias("period_kind"),
        pl.col("area").str.to_lowercase(),
        pl.col("area").str.slice(0, 2).replace_strict(KINDS, return_dtype=pl.String).alias("area_kind"),
        pl.lit(year, pl.Int32).alias("area_vintage"),
        pl.lit(indicator.id).alias("indicator"),
        pl.lit(1, pl.Int32).alias("definition_version"),
        pl.lit("total").alias("dimension"),
        pl.lit("total").alias("dimension_value"),
        pl.lit("person").alias("unit_kind"),
        pl.when(is_known).then("numerator").alias("numerator"),
        pl.when(is_known).then("denominator").alias("denominator"),
        pl.when(is_known).then(pl.lit(date(year, 12, 31))).alias("denominator_date"),
        pl.when(is_known).then(pl.lit("published")).otherwise(pl.lit("missing")).alias("status"),
        "reason",
        pl.lit(None, pl.Float64).alias("coverage"),
        "published_value",
        pl.lit(release).alias("release_id"),
    )


def _missing(indicator: Indicator) -> pl.Expr:
    """Why a figure cannot go on, null where it can.

    Where the counts, each up to 5 off, can explain the difference with the published share, they are too coarse for so
    small an area. Where they cannot, CBS counted the people of the year otherwise than recipients plus outflow (as it
    does for some dozens of figures a year), or the columns are not what they seem.
    """
    numerator, denominator, published = pl.col("numerator"), pl.col("denominator"), pl.col("published_value")
    off = (numerator / denominator * indicator.factor - published).abs()
    least, most = denominator - 5 * len(indicator.denominator), denominator + 5 * len(indicator.denominator)
    low = (numerator - 5) / most * indicator.factor - 0.25
    high = (numerator + 5) / least * indicator.factor + 0.25
    explained = (least <= 0) | published.is_between(low, high)
    return (
        pl.when(pl.col("has_row").is_null()).then(pl.lit("no_row_for_age_group"))
        .when(numerator.is_null() | denominator.is_null()).then(pl.lit("not_published_by_source"))
        .when(published.is_null()).then(pl.lit("no_published_figure_to_check"))
        .when(denominator <= 0).then(pl.lit("denominator_is_zero"))
        .when((off > TOLERANCE) & explained).then(pl.lit("counts_rounded_too_coarsely"))
        .when(off > TOLERANCE).then(pl.lit("differs_from_published_figure"))
    )  # fmt: skip


CONNECTOR: Final = Connector(
    name="cbs_work_income",
    title="CBS: work-and-income benchmark per municipality",
    event_types=("indicator_observation",),
    patterns=("participatiewet_benchmark*.csv",),
    read=read,
)
