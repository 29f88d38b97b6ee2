"""A soak: a row of the table in many runs, going on where it was interrupted, its result a line of the docs."""

import json
import subprocess
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from tests.network.reliability.children import end_all
from tests.network.reliability.outcome import Outcome, Row
from tests.network.reliability.site import Site

RESULTS = Path(__file__).resolve().parents[3] / "docs" / "reliability.md"
TOLD = 600
"""Characters that are told of what is wrong; all of it is in the file."""
END_OF_RESULTS = "<!-- results end here -->"
RUN = ("connectors", "contracts", "schemas", "services", "infra", "tests")
"""Folders whose files a soak runs."""


@dataclass
class Soak:
    """Runs of one row that were done, in a file.

    Attributes:
        row: its name.
        runs: how many are wanted.
        seed: of the first run; each next one has the next number.
        engines: on which it runs.
        commit: of the code that it runs, with a plus sign where files differ from it.
        seconds: that the runs took.
        outcomes: of the runs that were done.
    """

    row: str
    runs: int
    seed: int
    engines: str
    commit: str
    seconds: float = 0.0
    outcomes: list[Outcome] = field(default_factory=list)

    @staticmethod
    def resumed(path: Path, row: str, runs: int, seed: int, engines: str, commit: str) -> "Soak":
        """Read what was done of the same soak; a new one if there is none."""
        wanted = Soak(row, runs, seed, engines, commit)
        if not path.exists():
            return wanted
        known = {"commit": "", **json.loads(path.read_text("utf-8"))}  # files of earlier soaks do not say it
        outcomes = [Outcome(**{**item, "wrong": tuple(item["wrong"])}) for item in known.pop("outcomes")]
        found = Soak(**known, outcomes=outcomes)
        if (found.row, found.seed, found.engines, found.commit) != (row, seed, engines, commit):
            return wanted
        return Soak(row, runs, seed, engines, commit, found.seconds, outcomes[:runs])

    def save(self, path: Path) -> None:
        """Write it, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps(asdict(self)), "utf-8")
        draft.rename(path)

    @property
    def kept(self) -> bool:
        """Whether every run kept its promise."""
        return all(item.kept for item in self.outcomes)


def go_on(soak: Soak, row: Row, site: Site, path: Path, tell: Callable[[str], None]) -> None:
    """Do the runs that are still wanted, and write down each; a run that breaks is one that kept nothing."""
    for number in range(len(soak.outcomes), soak.runs):
        began = time.monotonic()
        try:
            outcome = row.run(site, soak.seed + number)
        except Exception:  # noqa: BLE001 - the soak goes on, and tells it
            outcome = Outcome(faults=0, wrong=(traceback.format_exc(),))
        end_all()
        seconds = time.monotonic() - began
        soak.seconds += seconds
        soak.outcomes.append(outcome)
        soak.save(path)
        tell(
            f"{row.name} {number + 1}/{soak.runs} seed {soak.seed + number}: lost {outcome.lost},"
            f" twice {outcome.twice}, {seconds:.1f} s{''.join(f'; {text[-TOLD:]}' for text in outcome.wrong)}"
        )


def result_line(soak: Soak, row: Row) -> str:
    """Return the line of a finished soak for the table of results."""
    facts: dict[str, list[float]] = {}
    for outcome in soak.outcomes:
        for name, value in outcome.facts.items():
            facts.setdefault(name, []).append(value)
    told = [f"{name}: median {median(values):.3g}, most {max(values):.3g}" for name, values in sorted(facts.items())]
    broken = sum(not item.kept for item in soak.outcomes)
    cells = [
        f"`{row.name}`",
        f"{len(soak.outcomes)} of {row.full}",
        f"{sum(item.faults for item in soak.outcomes):,}",
        f"{row.events * len(soak.outcomes):,}" if row.events else "",
        f"{sum(item.lost for item in soak.outcomes)}",
        f"{sum(item.twice for item in soak.outcomes)}",
        f"{broken}" if broken else "0",
        f"{soak.seed}",
        f"{soak.seconds / 60:.1f} min",
        datetime.now(UTC).date().isoformat(),
        f"{soak.engines}; {soak.commit}",
        "; ".join(told),
    ]
    return f"| {' | '.join(cells)} |"


def append_result(line: str, to: Path = RESULTS) -> None:
    """Put a line at the end of the table of results.

    Raises:
        ValueError: the page does not say where the table ends.
    """
    text = to.read_text("utf-8")
    if text.count(END_OF_RESULTS) != 1:
        raise ValueError(f"{to.name} has no single line {END_OF_RESULTS}, so the result has no place: {line}")
    to.write_text(text.replace(END_OF_RESULTS, f"{line}\n{END_OF_RESULTS}"), "utf-8")


def commit_now() -> str:
    """Return the commit that was run, with a plus sign where files differ from it."""
    commit, changes = _git("rev-parse", "--short", "HEAD"), _git("status", "--porcelain", *RUN)
    return f"{commit}{'+' if changes else ''}" if commit else "no commit"


def _git(*command: str) -> str:
    done = subprocess.run(["git", *command], check=False, capture_output=True, text=True, cwd=RESULTS.parents[1])  # noqa: S603, S607
    return done.stdout.strip()
