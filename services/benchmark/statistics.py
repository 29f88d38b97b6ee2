"""Limits, medians and verdicts of the benchmark, in columns.

Every function takes arrays and returns arrays; NaN marks a figure that is not there. Rates and proportions are
numerator ÷ denominator; scaling to "per 1,000" or "%" is the caller's.

Sources:
    Wilson limits: E.B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209-212; R.G. Newcombe, Stat. Med. 17 (1998) 857-872,
        method 3.
    Byar's limits: N.E. Breslow, N.E. Day, Statistical Methods in Cancer Research II (1987), §2.3; APHO Technical
        Briefing 3 (2008). Under 10 events the exact limits of F. Garwood, Biometrika 28 (1936) 437-442.
    Funnel and over-dispersion: D.J. Spiegelhalter, Stat. Med. 24 (2005) 1185-1202, and Qual. Saf. Health Care 14
        (2005) 347-351 (multiplicative, winsorised z-scores).
"""

import math
from functools import cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.str_]

CONFIDENCE = 0.95
FUNNEL = 0.998
WINSORISED = 0.1
MINIMUM_PEERS = 5
EXACT_BELOW = 10


def two_sided(confidence: float) -> float:
    """The standard normal quantile of a two-sided interval: 1.96 for 0.95, 3.09 for 0.998."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def wilson(numerator: Floats, denominator: Floats) -> tuple[Floats, Floats]:
    """Wilson 95 % limits of a proportion.

    Args:
        numerator: units counted, 0 ≤ numerator ≤ denominator.
        denominator: units in all, > 0.

    Returns:
        Lower and upper limit as fractions of 1.
    """
    z = two_sided(CONFIDENCE)
    share = numerator / denominator
    # max: a numerator above its denominator would ask for the root of a negative number
    spread = z * np.sqrt(np.maximum(share * (1 - share), 0) / denominator + z**2 / (4 * denominator**2))
    centre = share + z**2 / (2 * denominator)
    scale = 1 + z**2 / denominator
    return np.maximum((centre - spread) / scale, 0), np.minimum((centre + spread) / scale, 1)


def poisson_limits(count: Floats) -> tuple[Floats, Floats]:
    """95 % limits of an event count: exact (Garwood) under 10 events, Byar's from 10 on.

    Args:
        count: whole numbers ≥ 0.

    Returns:
        Lower and upper limit, in events; divide by the denominator for a rate.
    """
    z = two_sided(CONFIDENCE)
    safe = np.maximum(count, 1.0)
    above = count + 1
    low = count * (1 - 1 / (9 * safe) - z / (3 * np.sqrt(safe))) ** 3
    high = above * (1 - 1 / (9 * above) + z / (3 * np.sqrt(above))) ** 3
    few = count < EXACT_BELOW
    table = np.array([exact_poisson(events) for events in range(EXACT_BELOW)])
    exact = table[np.where(few, count, 0).astype(np.int64)]
    return np.where(few, exact[..., 0], low), np.where(few, exact[..., 1], high)


@cache
def exact_poisson(count: int) -> tuple[float, float]:
    """Garwood's exact 95 % limits: the means at which `count` or more, or `count` or fewer, has a chance of 2.5 %."""
    tail = (1 - CONFIDENCE) / 2
    upper = _mean_at(count, tail)
    return (0.0 if count == 0 else _mean_at(count - 1, 1 - tail)), upper


def _mean_at(count: int, chance: float) -> float:
    """The Poisson mean at which `count` or fewer events has this chance; the chance falls as the mean rises."""
    low, high = 0.0, 10.0 * (count + 1)
    while high - low > math.ulp(high):
        mean = (low + high) / 2
        if mean in (low, high):
            break
        cumulative = math.exp(-mean) * sum(mean**events / math.factorial(events) for events in range(count + 1))
        low, high = (mean, high) if cumulative > chance else (low, mean)
    return (low + high) / 2


def quantile(values: Floats, share: float) -> Floats:
    """Quantile of each row by linear interpolation (Hyndman & Fan's type 7), over what is not NaN.

    Args:
        values: rows × columns.
        share: 0.5 for the median.

    Returns:
        One value per row; NaN where a row has no values.
    """
    ordered = np.sort(values, axis=1)
    present = np.sum(~np.isnan(values), axis=1)
    place = np.maximum(present - 1, 0) * share
    below = np.floor(place).astype(np.int64)
    above = np.ceil(place).astype(np.int64)
    first = np.take_along_axis(ordered, below[:, None], axis=1)[:, 0]
    second = np.take_along_axis(ordered, above[:, None], axis=1)[:, 0]
    return np.asarray(first + (second - first) * (place - below))


def standard_error(centre: Floats, denominator: Floats, *, proportion: Floats) -> Floats:
    """Of a figure with this denominator, were its true value the centre: binomial, or Poisson for a rate.

    Args:
        centre: value of the funnel's centre line.
        denominator: of the figure.
        proportion: 1.0 where the indicator is a proportion, 0.0 where it is a rate.
    """
    return np.asarray(np.sqrt(np.maximum(centre * (1 - proportion * centre), 0) / denominator))


def overdispersion(scores: Floats) -> Floats:
    """Spiegelhalter's φ: the mean square of each row's z-scores, their lowest and highest tenth drawn in.

    Args:
        scores: municipalities × peers, each peer's z-score around the peers' pooled value.

    Returns:
        One φ per row, as estimated: 1 is what chance gives, and a funnel is widened only where it is above 1.
    """
    low, high = quantile(scores, WINSORISED), quantile(scores, 1 - WINSORISED)
    drawn_in = np.minimum(np.maximum(scores, low[:, None]), high[:, None])
    present = np.sum(~np.isnan(scores), axis=1)
    total = np.nansum(drawn_in**2, axis=1)
    return np.asarray(total / np.where(present > 0, present, np.nan))


def verdict(value: Floats, centre: Floats, error: Floats, phi: Floats) -> Texts:
    """`lower`, `similar` or `higher` than the 99.8 % funnel around the centre; `not_compared` where one is missing.

    Args:
        value: the municipality's own figure.
        centre: the peers' pooled value.
        error: standard error of the own figure around the centre.
        phi: over-dispersion among the peers; below 1 the funnel is not narrowed.
    """
    reach = two_sided(FUNNEL) * error * np.sqrt(np.maximum(phi, 1))
    known = np.isfinite(value) & np.isfinite(centre) & np.isfinite(reach) & (reach > 0)
    words = [~known, value < centre - reach, value > centre + reach]
    return np.select(words, ["not_compared", "lower", "higher"], default="similar")
