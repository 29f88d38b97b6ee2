"""Children reached by approaches to poverty, as lists of municipalities: each tells of a year up to now.

They live at addresses that had a signal, so that no further pseudonyms are asked for; real ones live elsewhere too.
"""

import csv
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from services.samples.chance import chance
from services.samples.exports import deliveries, month_after, write_list
from services.samples.layouts import NOTE, Layout
from services.samples.network import DATA

LOW_INCOME: Final = "85678NED_voorbeeld.csv"
"""Made up, in the layout of CBS: how many children of each municipality live on a low income."""
APPROACHES: Final = {
    "Kindpakket": (0.7, 0.16), "Stichting Leergeld": (1.0, 0.14), "Jeugdfonds Sport & Cultuur": (0.9, 0.1),
    "Nationaal Fonds Kinderhulp": (0.5, 0.05), "Stichting Jarige Job": (0.7, 0.08), "Meedoenregeling": (0.4, 0.14),
    "Stadspas": (0.3, 0.14), "Andere aanpak": (0.5, 0.04),
}  # fmt: skip
"""Municipalities that have it, and of their children those it reaches, as shares; made up."""
THROUGHOUT: Final = ("Kindpakket", "Meedoenregeling", "Stadspas")
"""Those that run on; the others are given once."""
SPREAD: Final = 0.25
"""Of the logarithm of a municipality's reach; made up."""
CHILDREN_AT_HOME: Final = 2
FIRST_MONTHS: Final = 12
"""Children live where these had a signal, so that a longer run has the same ones."""

Bools = npt.NDArray[np.bool_]


@cache
def low_income_children() -> dict[str, int]:
    """How many there are, by municipality."""
    with (DATA / LOW_INCOME).open(newline="", encoding="utf-8") as file:
        told = [row for row in csv.DictReader(file) if row["InkomensgrensHuishouden_label"] != "Totaal"]
    return {row["RegioS"].lower(): round(1000 * float(row["MinderjarigeKinderen_3"])) for row in told}


def make_reaches(municipality: str, signals: pl.DataFrame, year: int, seed: int) -> pl.DataFrame:
    """Whom the approaches of one municipality reach in one year.

    Args:
        municipality: its id.
        signals: its signals, as `make_signals` gives them.
        year: which; children are the same in each.
        seed: of all chance.

    Returns:
        A row per child and approach: `municipality`, `home`, `month` (0), `number` (of the child), `birth_year`,
        `approach`, `started_on`, `ended_on` (null where it runs on).
    """
    rng = chance(seed, "approaches", municipality)
    homes = signals.filter(pl.col("month") < FIRST_MONTHS)["home"].unique().sort().to_numpy()
    every = rng.permutation(np.repeat(homes, CHILDREN_AT_HOME))[: low_income_children()[municipality]]
    born = rng.integers(2008, 2024, len(every))
    levels = _levels(chance(seed, "levels of approaches", municipality))
    drawn = chance(seed, "approaches", municipality, year)
    parts = []
    for approach, level in zip(APPROACHES, levels, strict=True):
        at = np.flatnonzero((drawn.random(len(every)) < level) & (born <= year))
        started = [date(year, 1, 1) + timedelta(days=int(day)) for day in drawn.integers(0, 365, len(at))]
        parts.append(
            pl.DataFrame(
                {
                    "home": every[at],
                    "number": at + 1,
                    "birth_year": born[at],
                    "approach": [approach] * len(at),
                    "started_on": started,
                    "ended_on": [None] * len(at) if approach in THROUGHOUT else started,
                },
                schema_overrides={"approach": pl.String, "started_on": pl.Date, "ended_on": pl.Date},
            )
        )
    return pl.concat(parts).with_columns(pl.lit(municipality).alias("municipality"), pl.lit(0).alias("month"))


def _levels(rng: np.random.Generator) -> list[float]:
    """Share of the children that each approach reaches; 0 where the municipality does not have it."""
    return [share * rng.lognormal(0, SPREAD) if rng.random() < has else 0.0 for has, share in APPROACHES.values()]


def write_reaches(
    folder: Path, municipality: str, dressed: pl.DataFrame, *, months: Sequence[date], seed: int
) -> tuple[dict[str, int], Counter[str]]:
    """Write the list of one municipality, which it sends with the last month only.

    Args:
        folder: the municipality's; gets `live/`.
        municipality: its id.
        dressed: its reaches of the year of that month, dressed.
        months: first days of consecutive months.
        seed: of all chance.

    Returns:
        Rows per file, wrong ones included, and the wrong rows by kind.
    """
    name, part, _ = deliveries(months)[-1]
    own = dressed.filter(pl.col("started_on") < month_after(part))
    if not own.height:
        return {}, Counter()
    layout = _layout(municipality)
    rng = chance(seed, municipality, layout.stem, *part)
    return write_list(folder, name, own, layout, months=part, rng=rng)


def _layout(municipality: str) -> Layout:
    day = "%d-%m-%Y"
    return Layout(
        "bereik_kinderen",
        {
            "Kindnummer": pl.lit(f"K{municipality[2:]}-") + pl.col("number").cast(pl.String).str.zfill(6),
            "BSN ouder": pl.col("bsn"), "Naam ouder": pl.col("name"),
            "Geboortejaar": pl.col("birth_year").cast(pl.String), "Postcode": pl.col("postcode"),
            "Huisnummer": pl.col("house"), "Huisletter": pl.col("letter"), "Toevoeging": pl.lit(""),
            "Aanpak": pl.col("approach"), "Begindatum": pl.col("started_on").dt.strftime(day),
            "Einddatum": pl.col("ended_on").dt.strftime(day).fill_null(""), "Toelichting": NOTE,
        },
        {
            "key": "Kindnummer", "postcode": "Postcode", "number": "Huisnummer", "arisen": "Begindatum",
            "signalled": "Einddatum", "code": "Aanpak", "note": "Toelichting", "name": "Naam ouder",
        },
    )  # fmt: skip
