"""Which story stands beside which figure, and what may be told of how many people told one.

A story of the municipality itself comes first. Where it has none about the theme, one of a municipality that it is
compared with anyway may stand there, said to be so: else the page asks for one. Only quotes whose tellers allow pages
for anybody are shown, since a mirror goes from hand to hand.
"""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields

from services.asking import Ask
from services.pages.wording import in_period, number
from services.stories.wording import ROLES, SIGNALS, THEMES, effect_text, listed

PUBLISH = "publish"
MOST_NAMED = 3
"""Signals and effects that a sentence names, those told by most."""


@dataclass(frozen=True)
class Quote:
    """One row of `hub.benchmark.stories`; docs/sql.md says what each column means."""

    municipality: str
    quote: str
    theme: str
    role: str
    period: str
    title: str | None
    words: str
    effects: tuple[str, ...]
    made_up: bool

    def about(self, place: str) -> str:
        """Who told it, when and about what; `place` names a peer that it comes from, empty for the own municipality."""
        who = ROLES.get(self.role, "iemand")
        where = f" in {place}, een evenknie," if place else ""
        told = f"{who[0].upper()}{who[1:]}{where} vertelde dit {in_period(self.period)}, over "
        told += f"{THEMES.get(self.theme, self.theme)}."
        effects = listed([effect_text(item) for item in self.effects])
        return f"{told} Wat het bracht, volgens de verteller: {effects}." if effects else told


@dataclass(frozen=True)
class Pattern:
    """One row of `hub.benchmark.patterns`: how many told of a theme, or with what meaning."""

    period: str
    theme: str
    signification_kind: str
    signification: str
    numerator: int | None
    status: str
    public_from: dt.date | None


@dataclass(frozen=True)
class StorySlot:
    """What stands beside a figure, in the same size.

    Attributes:
        quote: the story; None where the page asks for one.
        about: of the story, in sentences.
        from_peer: whether it was told elsewhere.
        pattern: sentences on how many told of the theme.
    """

    quote: Quote | None
    about: str
    from_peer: bool
    pattern: tuple[str, ...]


@dataclass(frozen=True)
class Stories:
    """What a mirror can show beside figures.

    Attributes:
        own: quotes of the municipality, the newest first.
        of_peers: quotes of its peers, the newest first.
        patterns: of the municipality.
    """

    own: tuple[Quote, ...]
    of_peers: tuple[Quote, ...]
    patterns: tuple[Pattern, ...]


_QUOTES = "SELECT {columns}, uses, published_on FROM hub.benchmark.stories WHERE municipality IN ({places})"
_PATTERNS = "SELECT {columns} FROM hub.benchmark.patterns WHERE municipality = '{municipality}'"


def read_stories(ask: Ask, municipality: str, peers: Collection[str]) -> Stories:
    """Ask for the quotes of a municipality and its peers, and for its own patterns.

    Raises:
        SpiegelnetError: a question is not answered.
    """
    names = [item.name for item in fields(Quote)]
    places = ", ".join(f"'{item}'" for item in sorted({municipality, *peers}))
    rows = ask(_QUOTES.format(columns=", ".join(names), places=places)).to_pylist()
    shown = [row for row in rows if row["words"] and PUBLISH in (row["uses"] or ())]
    shown.sort(key=lambda row: (row["period"], row["published_on"], row["quote"]), reverse=True)
    quotes = [Quote(**{name: row[name] for name in names} | {"effects": tuple(row["effects"] or ())}) for row in shown]
    columns = [item.name for item in fields(Pattern)]
    told = ask(_PATTERNS.format(columns=", ".join(columns), municipality=municipality)).to_pylist()
    return Stories(
        tuple(item for item in quotes if item.municipality == municipality),
        tuple(item for item in quotes if item.municipality != municipality),
        tuple(Pattern(**row) for row in told),
    )


class Choice:
    """Gives each figure its story: of those about its theme the one that stands beside the fewest figures so far."""

    def __init__(self, stories: Stories, names: Mapping[str, str]) -> None:
        """Begin a page; `names` are those of the peers, by code."""
        self._stories = stories
        self._names = names
        self._used = Counter[str]()

    def beside(self, themes: Sequence[str]) -> StorySlot:
        """Choose for a figure with these themes, the nearest first; the newest story where several are used alike."""
        pattern = tuple(pattern_sentences(self._stories.patterns, themes))
        for quotes, elsewhere in ((self._stories.own, False), (self._stories.of_peers, True)):
            for theme in themes:
                about = [item for item in quotes if item.theme == theme]
                if about:
                    found = min(about, key=lambda item: self._used[item.quote])
                    self._used[found.quote] += 1
                    place = self._names.get(found.municipality, found.municipality) if elsewhere else ""
                    return StorySlot(found, found.about(place), elsewhere, pattern)
        return StorySlot(None, "", from_peer=False, pattern=pattern)


def themes_without_figure(stories: Stories, told: Iterable[str]) -> list[str]:
    """Themes of the municipality's own quotes that none of the figures has, in the order of their Dutch names."""
    return sorted({item.theme for item in stories.own} - set(told), key=lambda item: THEMES.get(item, item))


def pattern_sentences(patterns: Sequence[Pattern], themes: Sequence[str]) -> list[str]:
    """Say of each theme how many told of it in the newest quarter, and what most of them recognised."""
    sentences = []
    for theme in themes:
        about = [item for item in patterns if item.theme == theme]
        newest = max((item.period for item in about if item.signification_kind == "total"), default=None)
        if newest is not None:
            sentences.append(_told_of(theme, [item for item in about if item.period == newest]))
    return sentences


def _told_of(theme: str, cells: Sequence[Pattern]) -> str:
    (total,) = (item for item in cells if item.signification_kind == "total")
    when, what = in_period(total.period).capitalize(), THEMES.get(theme, theme)
    if total.status != "published":
        return f"{when} vertelden te weinig mensen over {what} om aantallen te tonen. Dat kan ook niemand geweest zijn."
    told = f"{when} vertelden ongeveer {number(total.numerator, 0)} mensen over {what}."
    signals = _most(cells, "signal")
    effects = _most(cells, "effect")
    if signals:
        told += f" Zij herkenden vooral: {signals}."
    if effects:
        told += f" Wat het bracht: {effects}."
    return told


def _most(cells: Sequence[Pattern], kind: str) -> str:
    shown = [
        item
        for item in cells
        if item.signification_kind == kind and item.status == "published" and not item.signification.endswith(":total")
    ]
    shown.sort(key=lambda item: (-(item.numerator or 0), item.signification))
    words = [SIGNALS[item.signification] if kind == "signal" else effect_text(item.signification) for item in shown]
    return listed(
        [f"{text} ({number(item.numerator, 0)})" for text, item in zip(words, shown, strict=True)][:MOST_NAMED]
    )
