"""Signals of payment arrears, month by month, at addresses that come back as real ones do.

Each address with a signal in a month is multiple (signals of several partners), consecutive (another in the six months
before) or single. Single ones come, where the sample is old enough, mostly from addresses with a signal longer ago; and
a signal that comes again mostly comes from the same partner: trouble returns to where it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from services.samples import calibration
from services.samples.chance import chance
from services.samples.network import SampleNetwork
from services.samples.places import Ints, Places

CLASSES: Final = tuple(calibration.PARTNER_MIX)
SAME_PARTNER: Final = 0.95
FROM_LONG_AGO: Final = 0.85
THREE_PARTNERS: Final = 0.12
NEVER: Final = -99
CRISIS: Final = 0.02
WARM: Final = 0.01
PRIME: Final = 1_000_003
HASH: Final = 7919
SALTS: Final = {kind: 104_729 * (at + 1) for at, kind in enumerate(CLASSES)}
"""A home's place on the scale of market shares, per class of partner: its id, spread out over a prime number."""


@dataclass(frozen=True)
class _Month:
    """Homes and the class of partner (index in CLASSES) of each signal of one municipality in one month."""

    homes: Ints
    kinds: Ints


def make_signals(network: SampleNetwork, places: Places, months: Sequence[date], seed: int) -> pl.DataFrame:
    """All signals of the network.

    Args:
        network: who takes part.
        places: where they live.
        months: first days of consecutive months.
        seed: of all chance; a longer run of months begins with the months of a shorter one.

    Returns:
        A row per signal: `municipality`, `home` (id of the dwelling), `month` (index), `kind` (class of partner),
        `partner` (participant id; null for the class other), `signalled_on`, `arisen_on`, `cents`, `crisis`, `warm`,
        `number` (1 and up by date).
    """
    people = np.array([places.inhabitants[municipality.id] for municipality in network.municipalities])
    wanted = people * chance(seed, "levels").normal(1.0, 0.08, len(people))
    wanted *= calibration.SIGNALS_PER_1000 / 1000 * people.sum() / wanted.sum()
    parts = []
    for municipality, a_month in zip(network.municipalities, wanted, strict=True):
        first, last = places.spans[municipality.id]
        parts += [
            pl.DataFrame({"home": month.homes + first, "kind": month.kinds}).with_columns(
                pl.lit(municipality.id).alias("municipality"), pl.lit(index).alias("month")
            )
            for index, month in enumerate(_months(last - first, len(months), a_month, chance(seed, municipality.id)))
        ]
    names = pl.col("kind").replace_strict(dict(enumerate(CLASSES)), return_dtype=pl.String)
    signals = pl.concat(parts).with_columns(names.alias("kind"))
    signals = _with_partners(_with_details(signals, months, seed), network)
    return signals.sort("signalled_on", "municipality", "home", "kind").with_row_index("number", offset=1)


def _months(homes: int, count: int, wanted: float, rng: np.random.Generator) -> list[_Month]:
    """The months of one municipality with `homes` dwellings and some `wanted` signals a month."""
    last_month = np.full(homes, NEVER)
    last_kind = np.zeros(homes, np.int64)
    multiple = calibration.MULTIPLE * rng.normal(1.0, 0.08)
    consecutive = calibration.CONSECUTIVE * rng.normal(1.0, 0.06)
    a_signal = 1 + multiple * (1 + THREE_PARTNERS)
    found = []
    for month in range(count):
        total = round(wanted * rng.normal(1.0, 0.03) / a_signal)
        several = int(rng.binomial(total, multiple))
        recent = np.flatnonzero((last_month >= month - calibration.LOOK_BACK) & (last_month != NEVER))
        again = min(int(rng.binomial(total, consecutive)), len(recent))
        seen = rng.permutation(recent)
        known, same = seen[again : again + several // 2], seen[:again]
        old = rng.permutation(np.flatnonzero((last_month < month - calibration.LOOK_BACK) & (last_month != NEVER)))
        single = total - several - again
        returning = old[: int(rng.binomial(single, FROM_LONG_AGO))]
        fresh_count = several - len(known) + single - len(returning)
        fresh = rng.choice(np.flatnonzero(last_month == NEVER), fresh_count, replace=False)
        split = several - len(known)
        known_one = np.concatenate([same, returning])
        one_kinds = np.where(
            rng.random(len(known_one)) < SAME_PARTNER, last_kind[known_one], _draw(len(known_one), rng)
        )
        many_homes, many_kinds = _several(np.concatenate([known, fresh[:split]]), rng)
        month_homes = np.concatenate([known_one, fresh[split:], many_homes])
        month_kinds = np.concatenate([one_kinds, _draw(len(fresh) - split, rng), many_kinds])
        last_month[month_homes] = month
        last_kind[month_homes] = month_kinds
        found.append(_Month(month_homes, month_kinds))
    return found


def _draw(count: int, rng: np.random.Generator) -> Ints:
    """Classes of partner of addresses with one signal, so that those of all signals together follow the mix."""
    return rng.choice(len(CLASSES), count, p=_SINGLE_MIX)


def _several(homes: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Two different partners at each home, or three: the classes with the highest of random scores (Gumbel)."""
    scores = np.log(list(calibration.PARTNER_MIX.values())) + rng.gumbel(size=(len(homes), len(CLASSES)))
    order = np.argsort(-scores, axis=1)
    third = rng.random(len(homes)) < THREE_PARTNERS
    return np.concatenate([homes, homes, homes[third]]), np.concatenate([order[:, 0], order[:, 1], order[third, 2]])


def _single_mix() -> npt.NDArray[np.float64]:
    """The mix among single addresses that makes up for the more even mix among multiple ones."""
    mix = np.array(list(calibration.PARTNER_MIX.values()))
    other = 1 - mix
    second = np.array([sum(mix[j] * mix[i] / other[j] for j in range(len(mix)) if j != i) for i in range(len(mix))])
    multiple = (mix + second) / 2
    share = calibration.MULTIPLE * (2 + THREE_PARTNERS) / (1 + calibration.MULTIPLE * (1 + THREE_PARTNERS))
    single = np.clip((mix - share * multiple) / (1 - share), 0.0, None)
    return np.asarray(single / single.sum())


_SINGLE_MIX: Final = _single_mix()


def _with_details(signals: pl.DataFrame, months: Sequence[date], seed: int) -> pl.DataFrame:
    """Dates and amounts: signalled between the 3rd and the 21st, arisen 40 to 149 days before."""
    parts = []
    for (index,), part in signals.sort("month", "municipality", "home", "kind").group_by("month", maintain_order=True):
        rng, count = chance(seed, "details", int(index)), part.height
        money = part.select(
            median=pl.col("kind").replace_strict({kind: money.median for kind, money in calibration.ARREARS.items()}),
            spread=pl.col("kind").replace_strict({kind: money.spread for kind, money in calibration.ARREARS.items()}),
        )
        euros = money["median"].to_numpy() * np.exp(money["spread"].to_numpy() * rng.normal(size=count))
        signalled = np.datetime64(months[int(index)]) + rng.integers(2, 21, count)
        parts.append(
            part.with_columns(
                pl.Series("signalled_on", signalled),
                pl.Series("arisen_on", signalled - rng.integers(40, 150, count)),
                pl.Series("cents", (euros.clip(25, 20_000) * 100).round().astype(np.int64)),
                pl.Series("crisis", rng.random(count) < CRISIS),
                pl.Series("warm", rng.random(count) < WARM),
            )
        )
    return pl.concat(parts)


def _with_partners(signals: pl.DataFrame, network: SampleNetwork) -> pl.DataFrame:
    """The partner whose client a home is: always the same one per class, by the partners' market shares."""
    bounds = partner_bounds(network)
    chance = (pl.col("home") * HASH + pl.col("kind").replace_strict(SALTS, return_dtype=pl.Int64)) % PRIME / PRIME
    drawn = signals.with_columns(chance.alias("_chance")).join(bounds, on=["municipality", "kind"], how="left")
    inside = (pl.col("_chance") >= pl.col("low")) & (pl.col("_chance") < pl.col("high"))
    return drawn.filter(inside | pl.col("low").is_null()).drop("low", "high", "_chance")


def partner_bounds(network: SampleNetwork) -> pl.DataFrame:
    """Per municipality and class: which part of the homes between 0 (`low`) and 1 (`high`) is whose (`partner`)."""
    rows = [
        (municipality, partner.partner_type, partner.id, partner.market_share)
        for partner in network.partners
        for municipality in partner.municipalities
    ]
    shares = pl.DataFrame(rows, schema=["municipality", "kind", "partner", "share"], orient="row")
    group = ["municipality", "kind"]
    high = pl.col("share").cum_sum().over(group) / pl.col("share").sum().over(group)
    low = high - pl.col("share") / pl.col("share").sum().over(group)
    return shares.select(*group, "partner", low.alias("low"), high.alias("high"))
