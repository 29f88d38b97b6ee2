"""Provisions of the Wmo and the Jeugdwet, as lists of municipalities: each holds what ran at some time in its months.

They are at addresses that had a signal, so that no further pseudonyms are asked for them; real ones are elsewhere too.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from services.samples import calibration
from services.samples.chance import chance
from services.samples.exports import deliveries, month_after, write_list
from services.samples.layouts import NOTE, Layout
from services.samples.places import Ints

CATEGORIES: Final = {
    "01": 0.34, "02": 0.25, "07": 0.03, "13": 0.04, "16": 0.02, "45": 0.22, "44": 0.03, "48": 0.03, "54": 0.04,
}  # fmt: skip
"""Product categories; made up."""
PROVIDERS: Final = {"Gecontracteerde aanbieder": 0.85, "Wijkteam": 0.05, "Persoonsgebonden budget": 0.1}
RESULTS: Final = {
    "Volgens plan": 0.7, "Voortijdig: in overeenstemming": 0.1, "Voortijdig: door cliënt": 0.1,
    "Voortijdig: door omstandigheden": 0.05, "Overlijden": 0.05,
}  # fmt: skip
MEAN_DAYS: Final = 700
"""How long those that run at the start have lasted on average; made up."""


def make_provisions(
    municipality: str, people: int, signals: pl.DataFrame, months: Sequence[date], seed: int
) -> pl.DataFrame:
    """Provisions of one municipality.

    A longer run of months begins with the provisions of a shorter one, under the same numbers.

    Args:
        municipality: its id.
        people: its inhabitants.
        signals: its signals, as `make_signals` gives them.
        months: first days of consecutive months.
        seed: of all chance.

    Returns:
        `municipality`, `home`, `month` (index of the one in which it begins, 0 before too), `number`, `started_on`,
        `ended_on` (null while it runs), `category`, `provider`, `result`.
    """
    parts: list[pl.DataFrame] = []
    ended: list[date | None] = []
    for index, first in enumerate(months):
        rng = chance(seed, "provisions", municipality, index)
        homes = signals.filter(pl.col("month") == index)["home"].unique().sort().to_numpy()
        running = [at for at, end in enumerate(ended) if end is None]
        ends, starts = rng.poisson(calibration.PROVISIONS_A_MONTH_PER_1000 * people / 1000, 2)
        for at in rng.choice(running, min(int(ends), len(running)), replace=False):
            ended[at] = first + timedelta(days=int(rng.integers(0, 28)))
        days = [first + timedelta(days=int(day)) for day in rng.integers(0, 28, starts)]
        if index == 0:
            stock = rng.poisson(calibration.PROVISIONS_RUNNING_PER_1000 * people / 1000)
            days += [first - timedelta(days=1 + int(back)) for back in rng.exponential(MEAN_DAYS, stock)]
        part = _provisions(rng.permutation(homes)[: len(days)], days, rng)
        parts.append(part.with_columns(pl.lit(index, pl.Int32).alias("month")))
        ended += [None] * part.height
    return pl.concat(parts).with_columns(
        pl.Series("ended_on", ended, pl.Date),
        pl.lit(municipality).alias("municipality"),
        pl.int_range(1, len(ended) + 1).alias("number"),
    )


def write_provisions(
    folder: Path, municipality: str, dressed: pl.DataFrame, *, months: Sequence[date], seed: int
) -> tuple[dict[str, int], Counter[str]]:
    """Write the lists of one municipality.

    Args:
        folder: the municipality's; gets `back/` and `live/`.
        municipality: its id.
        dressed: its provisions, dressed.
        months: first days of consecutive months.
        seed: of all chance.

    Returns:
        Rows per file, wrong ones included, and the wrong rows by kind.
    """
    written: dict[str, int] = {}
    planted = Counter[str]()
    for name, part, _ in deliveries(months):
        after = month_after(part)
        known = pl.when(pl.col("ended_on") < after).then("ended_on").alias("ended_on")
        own = dressed.filter(pl.col("started_on") < after, (pl.col("ended_on") >= part[0]).fill_null(value=True))
        if not own.height:
            continue
        layout = _layout(municipality)
        rng = chance(seed, municipality, layout.stem, *part)
        files, wrong = write_list(folder, name, own.with_columns(known), layout, months=part, rng=rng)
        written |= files
        planted += wrong
    return written, planted


def _provisions(homes: Ints, days: Sequence[date], rng: np.random.Generator) -> pl.DataFrame:
    def drawn(mix: dict[str, float]) -> pl.Series:
        return pl.Series(rng.choice(list(mix), len(homes), p=list(mix.values())), dtype=pl.String)

    return pl.DataFrame(
        {
            "home": pl.Series(homes, dtype=pl.Int64),
            "started_on": pl.Series(days[: len(homes)], dtype=pl.Date),
            "category": drawn(CATEGORIES),
            "provider": drawn(PROVIDERS),
            "result": drawn(RESULTS),
        }
    )


def _layout(municipality: str) -> Layout:
    day = "%d-%m-%Y"
    ended = pl.col("ended_on").is_not_null()
    return Layout(
        "voorzieningen",
        {
            "Toewijzingnummer": pl.lit(f"T{municipality[2:]}-") + pl.col("number").cast(pl.String).str.zfill(6),
            "BSN": pl.col("bsn"), "Naam": pl.col("name"),
            "Geboortedatum": pl.col("birthday").dt.strftime(day), "Postcode": pl.col("postcode"),
            "Huisnummer": pl.col("house"), "Huisletter": pl.col("letter"), "Toevoeging": pl.lit(""),
            "Productcategorie": pl.col("category"), "Soort aanbieder": pl.col("provider"),
            "Begindatum": pl.col("started_on").dt.strftime(day),
            "Einddatum": pl.col("ended_on").dt.strftime(day).fill_null(""),
            "Reden beëindiging": pl.when(ended).then("result").otherwise(pl.lit("")), "Toelichting": NOTE,
        },
        {
            "key": "Toewijzingnummer", "postcode": "Postcode", "number": "Huisnummer", "arisen": "Begindatum",
            "signalled": "Einddatum", "code": "Productcategorie", "note": "Toelichting", "name": "Naam",
        },
    )  # fmt: skip
