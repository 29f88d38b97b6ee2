"""CBS: what an area is like, from the key figures of districts and neighbourhoods: denominators and traits of peers.

`gemeenten_2017_*` and `gemeenten_2020_*` hold municipalities, `85984NED_2024_*` municipalities and districts. Their
headers differ, so each vintage lists the traits it has. Figures are those of 1 January of the vintage.
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
AREA: Final = r"^(GM[0-9]{4}|WK[0-9]{4}[0-9A-Z]{2})$"
NUMBER: Final = r"^-?[0-9]+(\.[0-9]+)?$"
UNKNOWN_FROM: Final = -99_990
"""CBS writes numbers such as -99997 for what is unknown or secret."""


@dataclass(frozen=True)
class Vintage:
    """A file of one year: its area column, what a cell of which column is, and how the source is named."""

    area: str
    traits: dict[str, str]
    source: str


VINTAGES: Final = {
    2017: Vintage(
        "id",
        {
            "inhabitants": "aant_inw", "households": "aantal_hh", "urbanity": "sted",
            "one_person_households_pct": "p_eenp_hh",
            "households_with_children_pct": "p_hh_m_k", "aged_65_plus_pct": "p_65_eo_jr",
        },
        "CBS/Kadaster, Wijk- en buurtkaart 2017, CC BY 4.0",
    ),
    2020: Vintage(
        "GM_CODE",
        {
            "inhabitants": "Aantal inwoners", "households": "Aantal huishoudens",
            "urbanity": "Stedelijkheid (1=zeer sterk stedelijk, 5=niet stedelijk)",
            "one_person_households_pct": "Eenpersoonshuishoudens (%)",
            "households_with_children_pct": "Huishoudens met kinderen (%)",
            "aged_65_plus_pct": "Personen 65 jaar en ouder (%)",
            "low_income_pct": "Huishoudens met een laag inkomen(%)",
            "owner_occupied_pct": "Koopwoningen (%)",
            "corporation_owned_pct": "Woningen in bezit woningcorporatie (%)",
        },
        "CBS/Kadaster, Kerncijfers wijken en buurten 2020, CC BY 4.0",
    ),
    2024: Vintage(
        "code",
        {"inhabitants": "AantalInwoners_5", "dwellings": "Woningvoorraad_35"},
        "CBS, Kerncijfers wijken en buurten 2024 (85984NED), CC BY 4.0",
    ),
}  # fmt: skip


def read(path: Path) -> Iterator[Batch]:
    """A row per area and trait.

    Raises:
        SourceError: the name of the file tells no vintage that is known.
    """
    told = re.findall(r"(?<![0-9])(20[0-9]{2})(?![0-9])", path.stem)
    vintage = VINTAGES.get(int(told[-1])) if told else None
    if vintage is None:
        why = f"Its name must hold one of the vintages {', '.join(str(year) for year in VINTAGES)}."
        raise SourceError(
            f"{path.name} has no known vintage.", why, "A new vintage: list its columns in this connector."
        )
    for block in csv_blocks(path, DIALECT, (vintage.area, *vintage.traits.values())):
        yield _batch(block, vintage, int(told[-1]))


def _batch(block: Block, vintage: Vintage, year: int) -> Batch:
    wrong = [
        (pl.col(column).is_not_null() & ~_missing(column) & ~pl.col(column).str.contains(NUMBER), column)
        for column in vintage.traits.values()
    ]
    checks = [
        Check(
            ~pl.col(vintage.area).fill_null("").str.contains(AREA),
            vintage.area,
            "unknown_area",
            "Use GM0003 or WK000300.",
        ),
        Check(
            ~pl.col(vintage.area).is_first_distinct(), vintage.area, "double_row", "This area came before: leave one."
        ),
        *(
            Check(bad, column, "not_a_number", "Write a number with a decimal point, or leave it empty.")
            for bad, column in wrong
        ),
    ]
    good, refused = sift(block.cells, checks)
    values = {
        trait: pl.when(~_missing(column)).then(column).cast(pl.Float64) for trait, column in vintage.traits.items()
    }
    area = pl.col(vintage.area)
    wide = good.select("source_row", area.str.to_lowercase().alias("area"), **values)
    long = wide.unpivot(index=["source_row", "area"], variable_name="trait", value_name="value")
    known = pl.when(pl.col("value") > UNKNOWN_FROM).then("value")
    kind = pl.when(pl.col("area").str.starts_with("gm")).then(pl.lit("municipality")).otherwise(pl.lit("district"))
    rows = long.select(
        "source_row",
        pl.format("{}|{}|{}", pl.lit(str(year)), pl.col("area"), pl.col("trait")).alias("source_key"),
        "area",
        kind.alias("area_kind"),
        pl.lit(year, pl.Int32).alias("area_vintage"),
        pl.lit(date(year, 1, 1)).alias("reference_date"),
        "trait",
        known.alias("value"),
        pl.lit(vintage.source).alias("source"),
    ).sort("source_row", maintain_order=True)
    return batch_of("population_reference", block, rows, refused)


def _missing(column: str) -> pl.Expr:
    return pl.col(column).is_in([".", "-", "x"])


CONNECTOR: Final = Connector(
    name="population_reference",
    title="CBS: inhabitants, households, dwellings and traits of areas",
    event_types=("population_reference",),
    patterns=("gemeenten_20*.csv", "85984ned_20*.csv"),
    read=read,
)
