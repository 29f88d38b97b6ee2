"""Spells of social assistance in the layout of VNG's dummy data: each export holds all spells as known at its end."""

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
from services.samples.layouts import Layout

SEXES: Final = {"man": 0.52, "vrouw": 0.48}
HOUSEHOLDS: Final = {
    "Alleenstaande": 0.56, "Alleenstaande ouder": 0.23, "Gehuwd / Samenwonend": 0.15, "Anders": 0.06,
}  # fmt: skip
CAUSES: Final = {"14.0": 0.77, "11.0": 0.09, "2.0": 0.08, "1.0": 0.02, "4.0": 0.02, "13.0": 0.02}
"""Sex, type of household and cause of spells, of all spells of VNG's dummy data, rounded."""
BORN: Final = (1961, 2007)
MEAN_DAYS: Final = 1_300
"""How long spells that run at the start have lasted on average; made up."""
LAYOUT: Final = Layout(
    "bijstand_spells",
    {
        "startdatum": pl.col("started_on").cast(pl.String), "geslacht": pl.col("sex"),
        "einddatum": pl.col("ended_on").cast(pl.String).fill_null(""), "Omschrijving leefvorm": pl.col("kind"),
        "Oorzaak bijstandsafhankelijkheid": pl.col("cause"), "geboortejaar": pl.col("born"),
    },
    {"arisen": "startdatum", "signalled": "einddatum", "code": "Omschrijving leefvorm"},
    separator=",",
)  # fmt: skip


def make_spells(municipality: str, people: int, months: Sequence[date], seed: int) -> pl.DataFrame:
    """Spells of one municipality: `started_on`, `ended_on` (null while it runs), and `sex`, `kind`, `cause`, `born`.

    A longer run of months begins with the spells of a shorter one.

    Args:
        municipality: its id.
        people: its inhabitants.
        months: first days of consecutive months.
        seed: of all chance.
    """
    rng = chance(seed, "spells", municipality)
    started = [
        months[0] - timedelta(days=1 + int(days))
        for days in rng.exponential(MEAN_DAYS, int(rng.poisson(calibration.SPELLS_RUNNING_PER_1000 * people / 1000)))
    ]
    spells = [_spells(started, rng)]
    ended: list[date | None] = [None] * len(started)
    for index, first in enumerate(months):
        rng = chance(seed, "spells", municipality, index)
        running = [at for at, end in enumerate(ended) if end is None]
        ends, starts = rng.poisson(calibration.SPELLS_A_MONTH_PER_1000 * people / 1000, 2)
        for at in rng.choice(running, min(int(ends), len(running)), replace=False):
            ended[at] = first + timedelta(days=int(rng.integers(0, 28)))
        spells.append(_spells([first + timedelta(days=int(days)) for days in rng.integers(0, 28, starts)], rng))
        ended += [None] * int(starts)
    return pl.concat(spells).with_columns(pl.Series("ended_on", ended, pl.Date))


def write_spells(
    folder: Path, municipality: str, spells: pl.DataFrame, *, months: Sequence[date], seed: int
) -> tuple[dict[str, int], Counter[str]]:
    """Write the exports of one municipality, each with all spells that had begun by its end.

    Returns:
        Rows per file, wrong ones included, and the wrong rows by kind.
    """
    written: dict[str, int] = {}
    planted = Counter[str]()
    for name, part, _ in deliveries(months):
        after = month_after(part)
        known = pl.when(pl.col("ended_on") < after).then("ended_on").alias("ended_on")
        own = spells.filter(pl.col("started_on") < after).with_columns(known)
        if not own.height:
            continue
        files, wrong = write_list(
            folder, name, own, LAYOUT, months=part, rng=chance(seed, municipality, "spells", *part)
        )
        written |= files
        planted += wrong
    return written, planted


def _spells(started: Sequence[date], rng: np.random.Generator) -> pl.DataFrame:
    def drawn(mix: dict[str, float]) -> pl.Series:
        return pl.Series(rng.choice(list(mix), len(started), p=list(mix.values())), dtype=pl.String)

    born = pl.Series(rng.integers(*BORN, len(started))).cast(pl.Float64).cast(pl.String)
    return pl.DataFrame(
        {
            "started_on": pl.Series(list(started), dtype=pl.Date),
            "sex": drawn(SEXES),
            "kind": drawn(HOUSEHOLDS),
            "cause": drawn(CAUSES),
            "born": born,
        }
    )
