"""What the made-up stories are about: the tales in `data/stories`, each told in variants.

A tale's body holds alternatives, `[in the hall|on the mat]`, of which a telling takes one each. All of them are made
up, and each telling says so in its own text.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml

from services.samples.network import DATA

FOLDER: Final = DATA / "stories"
IDENTIFIERS: Final = FOLDER / "identifiers.yaml"
NAMED: Final = FOLDER / "named.yaml"
MADE_UP: Final = "(Verzonnen verhaal.)"
_CHOICE: Final = re.compile(r"\[([^\[\]]+)\]")


@dataclass(frozen=True)
class Tale:
    """One thing that happens to people, as one of them would tell it; codes as the event type `story` has them.

    Attributes:
        key: its name among the tales.
        theme: what it is about.
        role: of who tells it.
        title: as the teller gives it.
        body: with its alternatives.
        meaning: in the teller's words.
        signals: what the teller recognises in it.
        effects: (effect, who felt it).
        uncertainties: what it leaves open.
        considerations: what weighs in it.
        approach: that it is about; None for none.
        provider: that it names, made up; None for none.
        retold: as two people who read it could tell it on; None where it is not to be told on.
    """

    key: str
    theme: str
    role: str
    title: str
    body: str
    meaning: str
    signals: tuple[str, ...]
    effects: tuple[tuple[str, str], ...]
    uncertainties: tuple[str, ...]
    considerations: tuple[str, ...]
    approach: str | None = None
    provider: str | None = None
    retold: str | None = None

    def told(self, rng: np.random.Generator) -> str:
        """One telling of it, which says that it is made up."""

        def chosen(found: re.Match[str]) -> str:
            ways = found[1].split("|")
            return ways[int(rng.integers(len(ways)))]

        return f"{_CHOICE.sub(chosen, self.body)} {MADE_UP}"


@cache
def tales() -> tuple[Tale, ...]:
    """All tales in which nobody is named, by theme and as their files have them."""
    files = sorted(path for path in FOLDER.glob("*.yaml") if path not in (IDENTIFIERS, NAMED))
    return tuple(_tale(entry, path.stem) for path in files for entry in _read(path))


@cache
def tales_with_names() -> tuple[Tale, ...]:
    """Tales in which somebody is named, for reviewers to find."""
    return tuple(_tale(entry, entry.pop("theme")) for entry in _read(NAMED))


@cache
def identifying_sentences() -> tuple[str, ...]:
    """Sentences with a direct identifier each, by which a source must refuse the story."""
    return tuple(_read(IDENTIFIERS))


def _tale(entry: dict[str, Any], theme: str) -> Tale:
    effects = [tuple(effect.split(":")) for effect in entry["effects"]]
    lists = {name: tuple(entry[name]) for name in ("signals", "uncertainties", "considerations")}
    return Tale(**{**entry, **lists, "theme": theme, "effects": tuple(effects)})


def _read(path: Path) -> list[Any]:
    entries: list[Any] = yaml.load(path.read_text("utf-8"), yaml.CSafeLoader)
    return entries
