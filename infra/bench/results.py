"""What a measurement leaves: a JSON file for programs and a table for people."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.cli.console import table

DIGITS = 3
"""Those that say something: figures of a shared machine differ by more."""


@dataclass(frozen=True)
class Target:
    """What a figure is to reach.

    Attributes:
        figure: its name.
        limit: the value.
        most: whether it is to stay below the limit; otherwise it is to reach it.
    """

    figure: str
    limit: float
    most: bool = False

    def met(self, value: float) -> bool:
        """Say whether a value does."""
        return value < self.limit if self.most else value >= self.limit

    def __str__(self) -> str:
        return f"{'<' if self.most else '≥'} {self.limit:,.10g}"


def write_results(path: Path, results: Mapping[str, float]) -> None:
    """Write figures by name to `path`, rounded to three significant digits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({name: _rounded(value) for name, value in results.items()}, indent=1) + "\n", "utf-8")


def show_results(results: Mapping[str, float], title: str, caption: str, targets: Sequence[Target] = ()) -> None:
    """Print figures, and beside those with a target whether they meet it."""
    wanted = {target.figure: target for target in targets}
    rows = [(name, f"{_rounded(value):,.10g}", *_judged(wanted.get(name), value)) for name, value in results.items()]
    columns = ["figure", "value", *(["target", ""] if targets else [])]
    table(title, columns, [row[: len(columns)] for row in rows], caption=caption)


def _judged(target: Target | None, value: float) -> tuple[str, str]:
    return (str(target), "met" if target.met(value) else "not met") if target else ("", "")


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
