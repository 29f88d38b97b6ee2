"""Whether a figure's latest point says that something changed: Shewhart charts, in columns.

Rules, as the NHS programme Making Data Count teaches them (after L.P. Provost, S.K. Murray, The Health Care Data Guide,
2011, ch. 4, whose runs are of eight on one side and of six in a trend). The latest point is `rising` or `falling` when

1. seven points in a row, it included, each lie above (below) the one before;
2. it lies outside the limits, three standard deviations from the centre line;
3. seven points in a row, it included, lie on one side of the centre line;
4. two of the latest three, it included, lie more than two standard deviations out, on the same side.

The first rule that speaks decides the direction. Otherwise `stable`: common-cause variation. Fewer than ten points
are `too_short`; a figure that was not published is `not_assessed`.

Charts: a proportion has a p-chart, whose limits follow each point's denominator, widened as Laney's p′-chart does
(D.B. Laney, Quality Engineering 14 (2002) 531-537) where neighbouring points differ more than chance lets them: with
30,000 recipients a plain p-chart calls every month special. A rate has an XmR chart: the standard deviation is the
mean moving range ÷ 1.128. Moving ranges above 3.267 times their mean are left out of it, so that one jump does not
hide itself (Provost & Murray). Centre and limits rest on the latest 24 points at most, two years of months, so that
each season weighs equally. Seasons themselves are not modelled: a signal is a question, not a finding.
"""

import numpy as np
import numpy.typing as npt

from services.benchmark.statistics import Floats, Texts

FEWEST_POINTS = 10
MOST_POINTS = 24
RUN = 7
OUTSIDE = 3.0
NEAR_THE_LIMIT = 2.0
FARTHEST_STEP = 3.267  # D4 for two points: upper limit of a moving range, in mean moving ranges
MOVING_RANGE = 1.128  # d2 for two points: mean moving range ÷ d2 estimates a standard deviation


def trend(numerator: Floats, denominator: Floats, series: npt.NDArray[np.int64], *, proportion: Floats) -> Texts:
    """The trend at every point of every series.

    Args:
        numerator: of published figures only, ordered by series and then by period.
        denominator: the same, > 0.
        series: number of the series each point belongs to (area, indicator, definition).
        proportion: 1.0 where the indicator is a proportion, 0.0 where it is a rate.

    Returns:
        `stable`, `rising`, `falling` or `too_short`, one per point.
    """
    count = len(series)
    first = np.concatenate([[True], series[1:] != series[:-1]]) if count else np.zeros(0, dtype=bool)
    start = np.maximum.accumulate(np.where(first, np.arange(count), 0))
    place = np.arange(count)
    words = np.full(count, "too_short", dtype="<U9")
    # the windows make a table of points × 24: only for those that are judged
    judged = np.flatnonzero(place - start >= FEWEST_POINTS - 1)
    if len(judged) == 0:
        return words
    window = judged[:, None] + np.arange(1 - MOST_POINTS, 1)[None, :]
    outside = window < start[judged][:, None]
    window = np.maximum(window, 0)
    above = np.where(outside, np.nan, numerator[window])
    below = np.where(outside, np.nan, denominator[window])
    is_proportion = proportion[judged] == 1
    scores = np.where(is_proportion[:, None], _p_chart(above, below), _xmr_chart(above / below))
    words[judged] = _signal(above / below, scores)
    return words


def _p_chart(numerator: Floats, denominator: Floats) -> Floats:
    """Standard deviations from the centre line of a p′-chart; rows are windows, NaN before the first point."""
    centre = np.nansum(numerator, axis=1) / np.nansum(denominator, axis=1)
    chance = np.sqrt(np.maximum(centre * (1 - centre), 0)[:, None] / denominator)
    scores = _ratio(numerator / denominator - centre[:, None], chance)
    wider = np.maximum(_deviation(scores), 1)
    return scores / wider[:, None]


def _xmr_chart(values: Floats) -> Floats:
    """Standard deviations from the centre line of an XmR chart; rows are windows, NaN before the first point."""
    return _ratio(values - np.nanmean(values, axis=1)[:, None], _deviation(values)[:, None])


def _deviation(values: Floats) -> Floats:
    """Standard deviation of each row from its mean moving range."""
    steps = np.abs(np.diff(values, axis=1))
    farthest = FARTHEST_STEP * np.nanmean(steps, axis=1)[:, None]
    return np.asarray(np.nanmean(np.where(steps > farthest, np.nan, steps), axis=1) / MOVING_RANGE)


def _ratio(difference: Floats, deviation: Floats) -> Floats:
    """Difference ÷ deviation; 0 where nothing varies."""
    spread = np.broadcast_to(deviation, difference.shape)
    return np.where(spread > 0, difference / np.where(spread > 0, spread, 1), np.where(np.isnan(spread), np.nan, 0))


def _signal(values: Floats, scores: Floats) -> Texts:
    steps = np.diff(values[:, -RUN:], axis=1)
    recent = scores[:, -RUN:]
    latest = scores[:, -1]
    near = scores[:, -3:]
    directions = []
    for sign in (1, -1):
        directions += [
            np.all(sign * steps > 0, axis=1),
            sign * latest > OUTSIDE,
            np.all(sign * recent > 0, axis=1),
            (np.sum(sign * near > NEAR_THE_LIMIT, axis=1) >= 2) & (sign * latest > NEAR_THE_LIMIT),  # noqa: PLR2004  rule 4
        ]
    in_order = [rule for pair in zip(directions[:4], directions[4:], strict=True) for rule in pair]
    return np.select(in_order, ["rising", "falling"] * 4, default="stable")
