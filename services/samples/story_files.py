"""Stories as their story points hand them over: forms, an interviewer's list, and a file of stories that were there."""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from connectors.approach_reach import APPROACHES
from connectors.codes_stories import (
    CONSIDERATIONS,
    EFFECTS,
    FELT_BY,
    NAMINGS,
    ROLES,
    SIGNALS,
    THEMES,
    UNCERTAINTIES,
    USES,
)
from services.samples.chance import chance
from services.samples.exports import deliveries, delivery_name
from services.samples.network import DATA, SampleNetwork, StoryPoint
from services.samples.stories import CAMPAIGN, Story, identifying, make_stories

Row = Mapping[str, str | int | list[str] | Mapping[str, str | float | list[float]]]

ASKED: Final = DATA / "story_points"
"""What story points ask of their own: `<id>.yaml`; those without a file ask nothing."""
ANSWERED: Final = 0.7
"""Share of the tellers who answer such a question."""
SLOW, QUICK = frozenset({"too_late", "long_wait"}), frozenset({"quick_help"})
CHOICES: Final = ("ja", "een_beetje", "nee")
_DAY: Final = "%d-%m-%Y"


def write_stories(
    out: Path, network: SampleNetwork, *, months: Sequence[date], seed: int
) -> tuple[dict[str, int], Counter[str]]:
    """Write what each story point sends: all stories of before the last month in the first delivery, then that month's.

    Args:
        out: folder of the samples; the point's folder in it gets `back/`, `live/` and what it asks.
        network: for its story points.
        months: first days of consecutive months.
        seed: of all chance.

    Returns:
        Stories per file (path below `out`), and how many of them a source must refuse, as `identifier_in_story`.
    """
    told = make_stories(network, months[-1], seed)
    written: dict[str, int] = {}
    planted = Counter[str]()
    for point in network.story_points:
        own = ASKED / f"{point.id}.yaml"
        if own.exists():
            (out / point.id).mkdir(parents=True, exist_ok=True)
            shutil.copy(own, out / point.id / "vertelpunt.yaml")
        for name, part, _ in deliveries(months):
            here = [item for item in told[point.id] if (item.told_on < months[-1]) == (name == "back")]
            for stem, write, stories in _files(point, here):
                path = out / point.id / name / f"{stem[0]}_{delivery_name(part)}.{stem[1]}"
                path.parent.mkdir(parents=True, exist_ok=True)
                write(path, [_row(item, answers(item, seed) if own.exists() else None) for item in stories])
                written[str(path.relative_to(out))] = len(stories)
            planted["identifier_in_story"] += sum(map(identifying, here))
    return written, +planted


def _files(
    point: StoryPoint, stories: Sequence[Story]
) -> list[tuple[tuple[str, str], Callable[[Path, Sequence[Row]], None], list[Story]]]:
    """Which file holds which stories, with how it is written; a file without any is left out."""
    old = [item for item in stories if point.existing and item.told_on < CAMPAIGN]
    new = [item for item in stories if item not in old]
    forms = point.connector == "story_forms"
    found = [
        (("bestaande_verhalen", "csv"), _write_list, old),
        (
            ("verhalen_formulier", "json") if forms else ("verhalen_interview", "csv"),
            _write_forms if forms else _write_list,
            new,
        ),
    ]
    return [item for item in found if item[2]]


def answers(story: Story, seed: int) -> Mapping[str, str | float | list[float]]:
    """What a teller answers to own questions, by chance of its own: the stories are the same without."""
    rng = chance(seed, "answers", story.key)
    first, second = (round(float(weight), 2) for weight in rng.dirichlet((1, 1, 1))[:2])
    low, high = (0.0, 0.4) if SLOW & set(story.tale.signals) else (0.0, 1.0)
    low, high = (0.6, 1.0) if QUICK & set(story.tale.signals) else (low, high)
    every: dict[str, str | float | list[float]] = {
        "wie_hielp": [first, second, round(abs(1 - first - second), 2)],
        "hoe_snel": round(float(rng.uniform(low, high)), 2),
        "weet_u": CHOICES[int(rng.integers(len(CHOICES)))],
    }
    return {name: answer for name, answer in every.items() if rng.random() < ANSWERED}


def _row(story: Story, answered: Mapping[str, str | float | list[float]] | None) -> Row:
    """A story in the words of a form; what is not told is left out."""
    tale, naming = story.tale, "pseudonymous" if story.tale.role == "resident" else "open"
    row: dict[str, str | int | list[str] | Mapping[str, str | float | list[float]] | None] = {
        "Verhaalnummer": story.key,
        "Verteller": story.teller,
        "Naamgeving": _word(NAMINGS, naming if story.teller else "anonymous"),
        "Rol": _word(ROLES, tale.role),
        "Gemeente": story.municipality,
        "Thema": _word(THEMES, tale.theme),
        "Aanpak": _word(APPROACHES, tale.approach) if tale.approach else None,
        "Aanbieder": tale.provider,
        "Titel": tale.title,
        "Verhaal": story.body,
        "Betekenis": tale.meaning,
        "Verteld op": story.told_on.strftime(_DAY),
        "Gebeurd in": story.happened_in,
        "Signalen": [_word(SIGNALS, item) for item in tale.signals],
        "Effecten": [f"{_word(EFFECTS, effect)}: {_word(FELT_BY, felt_by)}" for effect, felt_by in tale.effects],
        "Onzekerheden": [_word(UNCERTAINTIES, item) for item in tale.uncertainties],
        "Overwegingen": [_word(CONSIDERATIONS, item) for item in tale.considerations],
        "Antwoorden": answered or None,
        "Waardering": story.rating,
        "Toestemming": [_word(USES, item) for item in story.uses],
        "Verzonnen": "ja",
    }
    return {name: value for name, value in row.items() if value is not None}


def _word(words: Mapping[str, str], code: str) -> str:
    """The first word that a source has for a code."""
    return next(word for word, meant in words.items() if meant == code)


def _write_forms(path: Path, rows: Sequence[Row]) -> None:
    path.write_text(json.dumps(rows, ensure_ascii=False, indent=1), "utf-8")


def _write_list(path: Path, rows: Sequence[Row]) -> None:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    cells = {name: [_cell(row.get(name)) for row in rows] for name in columns}
    pl.DataFrame(cells, schema=dict.fromkeys(columns, pl.String)).write_csv(path, separator=";")


def _cell(value: object) -> str | None:
    return ", ".join(value) if isinstance(value, list) else None if value is None else str(value)
