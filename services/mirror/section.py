"""One figure with all that is said beside it, its story included; and a story that has no figure."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.mirror.chart import Chart, draw, highest_value
from services.mirror.reading import Definition, Figure, Reading
from services.mirror.stories import Choice, StorySlot, themes_without_figure
from services.mirror.wording import coverage_sentence, newest_sentences, polarity_sentence
from services.pages.wording import decimals_for, number, period_text
from services.stories.wording import THEMES


@dataclass(frozen=True)
class Section:
    """One indicator as the page shows it.

    Attributes:
        definition: what it counts, and what is to be said beside it.
        figures: its series, by period.
        decimals: of its values.
        chart: None when no value is shown.
        newest: sentences on the newest period.
        shown_before: of a newest figure that is not shown, the newest that is.
        coverage: in a sentence.
        polarity: likewise.
        parts: titles of what it is split by, with their series by period.
        story: what stands beside it.
        missed: who it misses by what people here found, beside what its definition says.
    """

    definition: Definition
    figures: tuple[Figure, ...]
    decimals: int
    chart: Chart | None
    newest: list[str]
    shown_before: str
    coverage: str
    polarity: str
    parts: tuple[tuple[str, tuple[Figure, ...]], ...]
    story: StorySlot
    missed: tuple[str, ...]

    @property
    def described(self) -> str:
        """The chart in words, for who cannot see it."""
        first, last = self.figures[0], self.figures[-1]
        shown = [item for item in self.figures if item.value is not None]
        hidden = sum(item.status == "suppressed" for item in self.figures)
        parts = [f"Perioden van {period_text(first.period)} tot en met {period_text(last.period)}."]
        if shown:
            ends = {item.period: number(item.value, self.decimals) for item in (shown[0], shown[-1])}
            told = " en ".join(f"{value} in {period_text(period)}" for period, value in ends.items())
            parts.append(f"Eigen cijfer, {self.definition.unit}: {told}.")
        if last.peer_median is not None:
            median = number(last.peer_median, self.decimals)
            parts.append(f"Mediaan van de evenknieën in {period_text(last.period)}: {median}.")
        if hidden:
            parts.append(f"Onderdrukt in {hidden} van {len(self.figures)} perioden; dat is niet nul.")
        return " ".join([*parts, "Alle waarden staan in de tabel onder de grafiek."])


@dataclass(frozen=True)
class Untold:
    """A theme of which people tell, and of which the mirror has no figure.

    Attributes:
        theme: code.
        title: in Dutch.
        story: what stands beside the place of the figure.
    """

    theme: str
    title: str
    story: StorySlot


def sections(reading: Reading, named: Mapping[str, str]) -> tuple[list[Section], list[Untold]]:
    """Put a story beside each figure, in the order of the page, and then beside each theme that has no figure.

    Args:
        reading: what the page shows.
        named: peers as they are to be named, by code.

    Returns:
        The figures by title, and the themes by name.
    """
    choice = Choice(reading.stories, named)
    shown = sorted(reading.told(), key=lambda name: reading.definitions[name].title)
    made = [
        _section(
            reading.definitions[name],
            reading.figures[name],
            reading.parts.get(name, {}),
            choice.beside(reading.definitions[name].themes),
            reading.missed.get(name, ()),
        )
        for name in shown
    ]
    themes = themes_without_figure(
        reading.stories, [item for name in shown for item in reading.definitions[name].themes]
    )
    return made, [Untold(theme, THEMES.get(theme, theme), choice.beside((theme,))) for theme in themes]


def _section(
    definition: Definition,
    figures: tuple[Figure, ...],
    parts: Mapping[str, tuple[Figure, ...]],
    story: StorySlot,
    missed: tuple[str, ...],
) -> Section:
    newest = figures[-1]
    decimals = decimals_for(highest_value(figures) or 0)
    shown = [item for item in figures if item.value is not None]
    before = ""
    if newest.value is None and shown:
        before = f"{number(shown[-1].value, decimals)} {definition.unit}, over {period_text(shown[-1].period)}"
    return Section(
        definition,
        figures,
        decimals,
        draw([item for item in figures if item.period_kind == newest.period_kind]),
        newest_sentences(newest, definition, decimals),
        before,
        coverage_sentence(newest, definition),
        polarity_sentence(definition),
        tuple((title, parts[code]) for code, title in definition.parts.items() if code in parts),
        story,
        missed,
    )
