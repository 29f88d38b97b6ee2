"""What municipalities do with the signals: cases, contact attempts, whether residents are reached and accept help."""

from collections.abc import Sequence
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from services.samples import calibration
from services.samples.chance import chance
from services.samples.network import SampleNetwork
from services.samples.places import Ints

Floats = npt.NDArray[np.float64]
Days = npt.NDArray[np.datetime64]

ACCEPTED: Final = (
    "(Budget)advies en/of quick fix",
    "Vervolghulp en/of verwijzing financieel",
    "Vervolghulp en/of verwijzing niet financieel",
)
DECLINED: Final = (
    "Inwoner hoeft geen hulp vanuit vroegsignalering",
    "Inwoner heeft zelf al betaald/betalingsregeling getroffen",
    "Inwoner al bekend bij schuldhulpverlening",
    "Inwoner heeft al een ander lopend traject",
    "Geen reactie na eerder contact",
)
NOT_REACHED: Final = (
    "Definitief geen contact kunnen krijgen",
    "Definitief geen contact kunnen krijgen",
    "Verwijzing zonder contact",
    "Niet opgepakt: herhaalde melding",
    "Niet opgepakt: andere reden",
)
KINDS: Final = ("Brief", "Telefoon", "SMS/Whatsapp", "Huisbezoek", "Mail", "Kaartje")
PARTS_OF_DAY: Final = ("Ochtend", "Middag", "Avond")
MAX_ATTEMPTS: Final = 4
MAX_CASES: Final = 1_000_000
"""Room between the numbers of the cases of one month and those of the next."""
SPREAD: Final = 0.1
"""How much municipalities differ in reaching people and in what these accept."""


def make_cases(
    network: SampleNetwork, signals: pl.DataFrame, months: Sequence[date], seed: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A case per address and month for most addresses with signals; it closes with its last contact attempt.

    Returns:
        Cases that closed within the months: `case` (number), `municipality`, `home`, `month` (of the signals),
        `closing` (index of the month of closing), `opened_on`, `closed_on`, `matched_on`, `result` (as in the national
        message); and their attempts: `case`, `kind`, `reached`, `attempted_on`, `part`.
    """
    factors = chance(seed, "municipalities").normal(1, SPREAD, (2, len(network.municipalities)))
    own = pl.DataFrame(
        {
            "municipality": [item.id for item in network.municipalities],
            "reaching": calibration.REACHED * factors[0],
            "accepting": calibration.ACCEPTED * factors[1],
        }
    )
    homes = signals.group_by("municipality", "home", "month").agg(pl.col("signalled_on").max().alias("last_signal"))
    homes = homes.join(own, on="municipality").sort("month", "municipality", "home")
    parts, tried = [], []
    for (month,), part in homes.group_by("month", maintain_order=True):
        cases, attempts = _month(part, chance(seed, "cases", int(str(month))))
        first_case = pl.lit(int(str(month)) * MAX_CASES, pl.Int64)
        parts.append(cases.with_columns(pl.col("case") + first_case))
        tried.append(attempts.with_columns(pl.col("case") + first_case))
    first, closed = months[0], pl.col("closed_on").dt
    closing = (closed.year().cast(pl.Int64) - first.year) * 12 + closed.month().cast(pl.Int64) - first.month
    cases = pl.concat(parts).with_columns(closing.alias("closing")).filter(pl.col("closing") < len(months))
    return cases, pl.concat(tried).join(cases.select("case"), on="case", how="semi")


def _month(homes: pl.DataFrame, rng: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Cases of the signals of one month, and their attempts."""
    taken = homes.filter(pl.Series(rng.random(homes.height) < calibration.FOLLOWED_UP))
    total = taken.height
    # Around the mean of the municipalities' own levels, so that the country's share stays what was published.
    levels = taken.select(pl.col("reaching", "accepting") / pl.col("reaching", "accepting").mean())
    reached = rng.random(total) < calibration.REACHED * levels["reaching"].to_numpy()
    accepted = rng.random(total) < calibration.ACCEPTED * levels["accepting"].to_numpy()
    picked = rng.random((3, total))
    willing = np.where(accepted, _pick(ACCEPTED, picked[0]), _pick(DECLINED, picked[1]))
    last_signal: Days = taken["last_signal"].to_numpy()
    matched: Days = last_signal + rng.integers(1, 4, total)
    opened: Days = matched + rng.integers(0, 7, total)
    count = rng.integers(1, MAX_ATTEMPTS + 1, total)
    after = np.cumsum(rng.integers(1, 12, (total, MAX_ATTEMPTS)), axis=1)
    cases = taken.select("municipality", "home", "month").with_columns(
        pl.int_range(total, dtype=pl.Int64, eager=True).alias("case"),
        pl.Series("matched_on", matched),
        pl.Series("opened_on", opened),
        pl.Series("closed_on", opened + after[np.arange(total), count - 1]),
        pl.Series("result", np.where(reached, willing, _pick(NOT_REACHED, picked[2]))),
    )
    return cases, _attempts(opened, after, count, reached, rng)


def _pick(texts: Sequence[str], drawn: Floats) -> npt.NDArray[np.str_]:
    return np.array(texts)[(drawn * len(texts)).astype(np.int64)]


def _attempts(
    opened: Days,
    after: Ints,
    count: Ints,
    reached: npt.NDArray[np.bool_],
    rng: np.random.Generator,
) -> pl.DataFrame:
    """A row per contact attempt; a resident who is reached, is so at the last one."""
    case, nth = np.nonzero(np.arange(MAX_ATTEMPTS) < count[:, None])
    total = len(case)
    return pl.DataFrame(
        {
            "case": pl.Series(case, dtype=pl.Int64),
            "kind": np.array(KINDS)[rng.integers(0, len(KINDS), total)],
            "reached": reached[case] & (nth == count[case] - 1),
            "attempted_on": opened[case] + after[case, nth],
            "part": np.array(PARTS_OF_DAY)[rng.integers(0, len(PARTS_OF_DAY), total)],
        }
    )
