"""Is a signification told more with one theme than with others? Counts, an interval, and three possible words.

What is published was perturbed by at most 4 and rounded by at most 2, so each published count lies within
`PROTECTION` of the true one. Every limit here takes the worst of that: protection alone can never make a pattern.

The theme's share is n ÷ N with Wilson's 95 % limits (`services.benchmark.statistics`). What is expected is the share in
the stories that were told by those who told about other themes only: (S - n) ÷ (T - N), of all stories with the
signification S and all told T. Tellers count once in each, so the difference leaves those who told about both out. It
has limits too, since it is counted on stories as well. `yes` only where the difference of the two is above 0
with its own lower 95 % limit: Newcombe's hybrid score limit, R.G. Newcombe, Stat. Med. 17 (1998) 873-890, method 10, on
the counts that protection at its worst allows.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from services.benchmark.statistics import wilson
from services.disclosure import ROUNDING_BASE, ptable

PROTECTION: Final = max(ptable()[0]) + ROUNDING_BASE // 2
FEWEST_OTHERS: Final = 10
"""Of fewer tellers on other themes, in the worst case, nothing is expected."""

Verdict = Literal["yes", "not_shown", "too_few"]


@dataclass(frozen=True)
class Share:
    """A share of 1 between its limits, which take protection at its worst."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Judgement:
    """What counts say.

    Attributes:
        verdict: `yes`, `not_shown` or `too_few`; never more than that.
        share: of the signification on the theme; None where one of its counts is not published.
        expected: of it on other themes; None where that cannot be said.
    """

    verdict: Verdict
    share: Share | None
    expected: Share | None


def judge(meant: int | None, told: int | None, meant_in_all: int | None, told_in_all: int | None) -> Judgement:
    """Judge one signification on one theme.

    Args:
        meant: published count of tellers who gave the signification on the theme, n; None where it is not published.
        told: of tellers on the theme, N.
        meant_in_all: of tellers who gave it on any theme, S.
        told_in_all: of all tellers, T.
    """
    if meant is None or told is None:
        return Judgement("too_few", None, None)
    share = _share(meant, told, PROTECTION)
    if meant_in_all is None or told_in_all is None:
        return Judgement("too_few", share, None)
    others = told_in_all - told
    if others - 2 * PROTECTION < FEWEST_OTHERS:
        return Judgement("too_few", share, None)
    expected = _share(max(meant_in_all - meant, 0), others, 2 * PROTECTION)  # two counts, each as far off as it can be
    at_worst = max(meant - PROTECTION, 0) / (told + PROTECTION)
    expected_at_worst = min((max(meant_in_all - meant, 0) + 2 * PROTECTION) / (others - 2 * PROTECTION), 1.0)
    margin = math.hypot(at_worst - share.low, expected.high - expected_at_worst)
    return Judgement("yes" if at_worst - expected_at_worst > margin else "not_shown", share, expected)


def _share(above: int, below: int, off: int) -> Share:
    """The share of two counts that may each be this far off; `above` never more than `below`."""
    most = min(above + off, below + off)
    least = min(max(above - off, 0), below + off)
    low, _ = wilson(np.array([least], dtype=float), np.array([below + off], dtype=float))
    _, high = wilson(np.array([most], dtype=float), np.array([max(below - off, most, 1)], dtype=float))
    return Share(min(above / below, 1.0) if below else 0.0, float(low[0]), float(high[0]))
