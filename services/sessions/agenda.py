"""The figures of an agenda: a copy of what was published, with all that is to be said beside each."""

import datetime as dt
from collections.abc import Mapping, Sequence

from services.asking import Ask
from services.errors import Fatal
from services.indicators import load_catalogue
from services.indicators.periods import Period, period_of
from services.mirror.chart import highest_value
from services.mirror.reading import Figure, Reading, read
from services.mirror.wording import coverage_sentence, newest_sentences, polarity_sentence
from services.pages.wording import decimals_for
from services.sessions.model import AgendaFigure, Item

_RELEASES = """
SELECT indicator, period, release_id FROM hub.benchmark.figures
WHERE municipality = '{municipality}' AND coalesce(dimension_value, 'total') = 'total'
"""


def figure_items(
    ask: Ask, municipality: str, period: Period, indicators: Sequence[str], names: Mapping[str, str]
) -> list[Item]:
    """Return an item for each indicator.

    Args:
        ask: answers a SELECT over the published tables.
        municipality: its CBS code.
        period: of the session; of an indicator that is released by quarter or year, the figure over the one that holds
            this period is taken.
        indicators: ids.
        names: of participants, by id; of other peers the code is shown.

    Raises:
        Fatal: an indicator, or a figure of it over that period, is not published.
        SpiegelnetError: a question is not answered.
    """
    if not indicators:
        return []
    reading = read(ask, municipality)
    rows = ask(_RELEASES.format(municipality=municipality)).to_pylist()
    releases = {(row["indicator"], row["period"]): row["release_id"] for row in rows}
    items = []
    for indicator in dict.fromkeys(indicators):
        figure = _figure(reading, indicator, period)
        peers = [
            names.get(code, code) for group in reading.peer_groups if group.peer_set == figure.peer_set
            for code in group.peers
        ]  # fmt: skip
        release = releases.get((indicator, figure.period))
        items.append(Item(indicator, _copied(reading, indicator, figure, sorted(peers), release)))
    return items


def _figure(reading: Reading, indicator: str, period: Period) -> Figure:
    if indicator not in reading.definitions:
        raise Fatal(
            f"There is no indicator {indicator}.",
            "No definition of it is published.",
            '`spiegelnet sql "select indicator, title_nl from hub.benchmark.indicators"` lists them.',
        )
    series = reading.figures.get(indicator, ())
    found = [item for item in series if _holds(period_of(item.period), period)]
    if not found:
        known = ", ".join(item.period for item in series[-3:]) or "no period"
        raise Fatal(
            f"There is no figure of {indicator} over {period.id}.",
            f"The newest that {reading.municipality} has are over {known}.",
            "Name another period, or leave the indicator out.",
        )
    return min(found, key=lambda item: period_of(item.period).end)


def _holds(outer: Period, inner: Period) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _copied(reading: Reading, indicator: str, figure: Figure, peers: list[str], release_id: str | None) -> AgendaFigure:
    about, known = reading.definitions[indicator], load_catalogue().get(indicator)
    decimals = decimals_for(highest_value(reading.figures[indicator]) or 0)
    sentences = newest_sentences(figure, about, decimals)
    return AgendaFigure(
        indicator=indicator,
        themes=list(known.themes) if known else [],
        title=about.title,
        unit=about.unit,
        definition=about.definition,
        numerator_text=about.numerator,
        denominator_text=about.denominator,
        proxy_for=about.proxy_for,
        does_not_say=list(about.does_not_say),
        perverse_incentives=list(about.perverse_incentives),
        misses=list(about.misses),
        series_breaks=list(about.series_breaks),
        period=figure.period,
        value=figure.value,
        numerator=figure.numerator,
        denominator=figure.denominator,
        ci_low=figure.ci_low,
        ci_high=figure.ci_high,
        status=figure.status,
        peer_count=figure.peer_count,
        peer_p25=figure.peer_p25,
        peer_median=figure.peer_median,
        peer_p75=figure.peer_p75,
        peers=peers,
        coverage=figure.coverage,
        definition_version=figure.definition_version,
        release_id=release_id,
        public_from=figure.public_from.isoformat() if isinstance(figure.public_from, dt.date) else None,
        decimals=decimals,
        sentences=[*sentences, coverage_sentence(figure, about), polarity_sentence(about)],
    )
