"""Debt counselling: applications at addresses that had signals, and what becomes of them; all of it made up.

Beside those who apply within the months there are some who applied before: else nothing would end in a first year. All
are drawn by the month in which they first show, so that a longer run of months begins with those of a shorter one.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from services.samples import calibration
from services.samples.chance import chance
from services.samples.network import SampleNetwork
from services.samples.places import Ints, Places

Days = npt.NDArray[np.datetime64]
Months = npt.NDArray[np.datetime64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.str_]

NEW, EARLIER, COMPLETED = range(3)
"""Who shows in a month: who applies, who applied before the sample and comes to a result, who is done paying."""
KINDS: Final = (NEW, EARLIER, COMPLETED)
DROPPED_OUT, LEFT, ARRANGED = range(3)
"""Which way a case goes: its clients drop out, it ends otherwise, or an arrangement is tried."""
MONTHS: Final = 12
LONGEST: Final = 18
"""Months from application to result; paying takes as many again."""
SHORTEST_ARRANGEMENT: Final = 6
OUT: Final = {"Nietverschenen": 0.35, "Ingetrokken": 0.45, "Voldoet niet": 0.20}
OTHERWISE: Final = {"Zelf": 0.35, "Niet passend": 0.30, "Verhuisd": 0.15, "Overleden": 0.03, "Overig": 0.17}
SOLUTIONS: Final = {"Schuldbemiddeling": 0.45, "Saneringskrediet": 0.45, "Betalingsregeling": 0.07, "0%-aanbod": 0.03}
RESULTS: Final = {"amicable": 0.78, "statutory": 0.07, "refused": 0.10, "withdrawn": 0.05}
DATES: Final = (
    "applied_on", "first_talk_on", "decided_on", "plan_ready_on", "asked_on", "granted_on", "begun_on", "refused_on",
    "withdrawn_on", "ended_on",
)  # fmt: skip
NEVER: Final = np.datetime64("NaT", "D")


def make_debts(
    network: SampleNetwork, signals: pl.DataFrame, places: Places, months: Sequence[date], seed: int
) -> pl.DataFrame:
    """Cases of the network, each with all that ever becomes of it, also after the last month.

    Returns:
        A row per case: `municipality`, `home`, `month` (index of that in which it first shows), `DATES` (null where it
        does not come to that), and as in the national message `crisis`, `decision`, `solution`, `court`, `end_reason`.
    """
    names = [item.id for item in network.municipalities]
    people = np.array([places.inhabitants[name] for name in names])
    levels = chance(seed, "debt levels").normal(1.0, 0.15, (2, len(names)))
    own = pl.DataFrame(
        {
            "municipality": names,
            "a_month": people / 1000 * calibration.DEBT_APPLICATIONS_PER_1000 / MONTHS * levels[0],
            "in_time": (calibration.FIRST_TALK_IN_TIME * levels[1]).clip(0.4, 0.95),
        }
    )
    known = signals.group_by("municipality", "home").agg(pl.col("month").min()).sort("municipality", "home")
    return pl.concat(
        _month(known.filter(pl.col("month") <= index), own, months[0], index, chance(seed, "debts", index))
        for index in range(len(months))
    )


def _month(homes: pl.DataFrame, own: pl.DataFrame, first: date, index: int, rng: np.random.Generator) -> pl.DataFrame:
    """Cases that first show in one month, each at another home."""
    shares = np.array([1.0, max(0, LONGEST - index) / LONGEST, calibration.DEBTS_PAID_OFF])
    until = rng.poisson(own["a_month"].to_numpy()[:, None] * shares).cumsum(axis=1)
    counts = own.select("municipality", "in_time", *(pl.Series(f"until_{kind}", until[:, kind]) for kind in KINDS))
    order = pl.Series("order", rng.random(homes.height)).rank("ordinal")
    drawn = homes.with_columns(order).with_columns(pl.col("order").rank("ordinal").over("municipality"))
    drawn = drawn.join(counts, on="municipality", maintain_order="left").filter(pl.col("order") <= pl.col("until_2"))
    kind = pl.sum_horizontal(pl.col("order") > pl.col(f"until_{kind}") for kind in KINDS[:-1])
    drawn = drawn.with_columns(kind.alias("kind"))
    told = _told(drawn["kind"].to_numpy(), drawn["in_time"].to_numpy(), np.datetime64(first, "M"), index, rng)
    return pl.concat([drawn.select("municipality", "home", pl.lit(index).alias("month")), told], how="horizontal")


def _told(kind: Ints, in_time: Floats, first: np.datetime64, index: int, rng: np.random.Generator) -> pl.DataFrame:
    """What becomes of cases, a row each: `DATES`, `crisis`, `decision`, `solution`, `court`, `end_reason`."""
    count = len(kind)
    way = rng.choice(3, count, p=[calibration.DEBTS_DROPPED_OUT, calibration.DEBTS_LEFT, calibration.DEBTS_ARRANGED])
    way = np.where(kind == COMPLETED, ARRANGED, way)
    since = np.where(kind == EARLIER, index, 0)
    months = since + 1 + (rng.random(count) * (LONGEST - since)).astype(np.int64)
    months = np.where(way == ARRANGED, np.maximum(months, SHORTEST_ARRANGEMENT), months)
    begin = index - np.where(kind == NEW, 0, np.where(kind == EARLIER, months, months + LONGEST))
    applied = _days(first + begin, rng.integers(0, 27, count))
    outcome = _days(first + begin + months, rng.integers(0, 27, count))
    soon = rng.random(count) < in_time
    talk = applied + np.where(soon, rng.integers(3, 29, count), rng.integers(29, 70, count))
    talk = np.where((way != DROPPED_OUT) | (rng.random(count) > calibration.DEBTS_LEFT_SILENTLY), talk, NEVER)
    talk = _before(talk, outcome)
    decided = _before(talk + rng.integers(14, 57, count), outcome)
    reason = np.where(way == DROPPED_OUT, _pick(OUT, rng, count), _pick(OTHERWISE, rng, count))
    refused = (reason == "Niet passend") & (way == LEFT)
    plan = np.where(refused, NEVER, _before(decided + rng.integers(0, 15, count), outcome))
    parts = _arrangement(way == ARRANGED, plan, outcome, rng)
    failed = parts["granted_on"].is_null().to_numpy() & (way == ARRANGED)
    completed = kind == COMPLETED
    ended = np.where(way == ARRANGED, NEVER, outcome)
    ended = np.where(failed, outcome + rng.integers(7, 29, count), ended)
    ended = np.where(completed & ~failed, _days(first + index, rng.integers(0, 27, count)), ended)
    reason = np.where(failed, "Overig", np.where(completed, "Afgerond", reason))
    days = {
        "applied_on": applied,
        "first_talk_on": talk,
        "decided_on": decided,
        "plan_ready_on": plan,
        "ended_on": ended,
    }
    decision = np.where(refused, "Afwijzingsbeschikking", "Toelatingsbeschikking")
    return pl.DataFrame(days).with_columns(
        *parts,
        pl.Series("crisis", rng.random(count) < calibration.DEBTS_IN_CRISIS),
        pl.when(pl.col("decided_on").is_not_null()).then(pl.Series("decision", decision)),
        pl.when(pl.col("ended_on").is_not_null()).then(pl.Series("end_reason", reason)),
    )


def _arrangement(tried: Flags, plan: Days, outcome: Days, rng: np.random.Generator) -> pl.DataFrame:
    """Attempts at an arrangement, a row each: five of `DATES`, `solution`, `court`; all null where none was tried."""
    count = len(tried)
    result = np.where(tried, _pick(RESULTS, rng, count), "")
    by_court = result == "statutory"
    granted = (result == "amicable") | by_court
    asked = np.fmax(outcome - rng.integers(60, 111, count), plan)
    return pl.DataFrame(
        {
            "asked_on": np.where(tried, asked, NEVER),
            "granted_on": np.where(granted, outcome, NEVER),
            "begun_on": np.where(granted, outcome + rng.integers(14, 31, count), NEVER),
            "refused_on": np.where(by_court, outcome - 30, np.where(result == "refused", outcome, NEVER)),
            "withdrawn_on": np.where(result == "withdrawn", outcome, NEVER),
            "solution": _pick(SOLUTIONS, rng, count),
            "court": by_court,
        }
    ).with_columns(
        pl.when(pl.col("begun_on").is_not_null()).then("solution").alias("solution"),
        pl.when(pl.col("asked_on").is_not_null()).then("court").alias("court"),
    )


def _days(months: Months | np.datetime64, days: Ints) -> Days:
    start: Days = np.asarray(months).astype("datetime64[D]")
    found: Days = start + days.astype("timedelta64[D]")
    return found


def _before(days: Days, limit: Days) -> Days:
    """The days that lie before a limit; never for the others."""
    return np.where(days < limit, days, NEVER)


def _pick(shares: Mapping[str, float], rng: np.random.Generator, count: int) -> Texts:
    return rng.choice(list(shares), count, p=list(shares.values()))
