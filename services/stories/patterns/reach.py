"""An approach with its story: how many children it reaches beside the peers, and what was told about it.

A story without a figure says so, and so does a figure without a story.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from connectors.approach_reach import APPROACHES
from services.asking import Ask
from services.stories.patterns.reading import Quote, quotes, require_municipality

INDICATOR: Final = "children_in_poverty_reached_share"
TITLES: Final = {code: title for title, code in APPROACHES.items()}


@dataclass(frozen=True)
class Reach:
    """One approach.

    Attributes:
        approach: its code.
        period: of the figure; "" where there is none.
        status: of the figure; "" where there is none.
        share: of children on a low income that it reaches, in %; None where it is not published.
        peer_median: of the peers, likewise.
        quotes: published paraphrases of stories about it.
    """

    approach: str
    period: str
    status: str
    share: float | None
    peer_median: float | None
    quotes: tuple[Quote, ...]

    @property
    def said(self) -> str:
        """What is missing beside the other, in Dutch; empty where both are there."""
        if self.share is None and not self.quotes:
            return "Nog geen cijfer en nog geen verhaal."
        if self.share is None:
            return "Een verhaal zonder cijfer: het bereik hiervan is niet bekend, of te klein om te tonen."
        return "" if self.quotes else "Een cijfer zonder verhaal: er is nog geen verhaal dat getoond mag worden."


def reaches(ask: Ask, municipality: str) -> list[Reach]:
    """Return each approach of which there is a figure or a quote, in the order of the code list.

    Raises:
        Fatal: the code is no municipality's.
        SpiegelnetError: a question is not answered.
    """
    rows = ask(
        "SELECT dimension_value, period, status, value, peer_median FROM hub.benchmark.figures "
        f"WHERE municipality = '{require_municipality(municipality)}' AND indicator = '{INDICATOR}' "
        "AND dimension = 'approach' ORDER BY period"
    ).to_pylist()
    newest = {row["dimension_value"]: row for row in rows}
    told = quotes(ask, municipality)
    found = [_reach(code, newest.get(code), told) for code in TITLES]
    return [item for item in found if item.status or item.quotes]


def _reach(code: str, row: dict[str, object] | None, told: Sequence[Quote]) -> Reach:
    about = tuple(item for item in told if item.approach == code)
    if row is None:
        return Reach(code, "", "", None, None, about)
    share, median = (None if row[name] is None else float(str(row[name])) for name in ("value", "peer_median"))
    return Reach(code, str(row["period"]), str(row["status"]), share, median, about)
