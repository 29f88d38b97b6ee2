"""Supply stops and evictions at the national rate, at addresses that had arrears with the same partner."""

from collections.abc import Sequence
from datetime import date
from typing import Final

import numpy as np
import polars as pl

from services.samples import calibration
from services.samples.chance import chance
from services.samples.places import Places

MONTHS: Final = 12
KEPT: Final = ("municipality", "home", "partner", "cents", "month")
AVERTED_PER_CARRIED_OUT: Final = 1.5
"""Announced stops and evictions that do not come, for each that does; made up."""


WITHDRAWN: Final = 0.3
"""Share of the averted ones that are withdrawn expressly; made up."""


def make_notices(signals: pl.DataFrame, places: Places, months: Sequence[date], kind: str, seed: int) -> pl.DataFrame:
    """Notices of one class of partner.

    Args:
        signals: as `make_signals` gives them.
        places: for the number of inhabitants.
        months: first days of consecutive months.
        kind: `energy` (supply stops) or `rent` (evictions).
        seed: of all chance.

    Returns:
        A row per notice: `municipality`, `home`, `partner`, `month`, `announced` (Boolean), `withdrawn` (Boolean),
        `noticed_on`, `effective_on` (null where only announced), `cents`, `number`.
    """
    own = signals.filter(pl.col("kind") == kind).sort("month", "municipality", "home")
    drawn = [
        _month(own.filter(pl.col("month") <= index), places, index, kind, chance(seed, "notices", kind, index))
        for index in range(len(months))
    ]
    starts = pl.DataFrame({"month": range(len(months)), "_start": months}, schema_overrides={"month": pl.Int32})
    notices = pl.concat(drawn).join(starts, on="month", maintain_order="left")
    day, nothing = pl.col("_start") + pl.duration(days=pl.col("_day")), pl.lit(None, pl.Date)
    before = notices.select(
        *KEPT, announced=True, withdrawn=False, noticed_on=day - pl.duration(days=4), effective_on=nothing
    )
    carried = notices.filter("_done").select(*KEPT, announced=False, withdrawn=False, noticed_on=day, effective_on=day)
    averted = notices.filter(~pl.col("_done") & pl.col("_withdrawn"))
    averted = averted.select(*KEPT, announced=False, withdrawn=True, noticed_on=day, effective_on=nothing)
    told = pl.concat([before, carried, averted]).sort("month", "noticed_on", "home", "announced")
    return told.with_row_index("number", offset=1)


def _month(own: pl.DataFrame, places: Places, month: int, kind: str, rng: np.random.Generator) -> pl.DataFrame:
    """Homes that get notice in one month, `_done` where it comes to it."""
    a_year = calibration.STOPS_A_YEAR if kind == "energy" else calibration.EVICTIONS_A_YEAR
    homes = own.unique(["municipality", "home"], keep="last", maintain_order=True)
    parts = []
    for (municipality,), known in homes.group_by("municipality", maintain_order=True):
        expected = a_year * places.inhabitants[str(municipality)] / calibration.COUNTRY_INHABITANTS / MONTHS
        done = min(int(rng.poisson(expected)), known.height)
        count = min(done + int(rng.poisson(expected * AVERTED_PER_CARRIED_OUT)), known.height)
        chosen = known[rng.permutation(known.height)[:count]].select("municipality", "home", "partner", "cents")
        parts.append(
            chosen.with_columns(
                pl.lit(month, pl.Int32).alias("month"),
                pl.Series("_done", np.arange(count) < done),
                pl.Series("_day", rng.integers(4, 24, count)),
                pl.Series("_withdrawn", rng.random(count) < WITHDRAWN),
            )
        )
    return pl.concat(parts)
