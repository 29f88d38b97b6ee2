"""Run a row of the table of faults many times: `python -m tests.network.reliability ROW [N]`."""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.network.reliability.engines import Embedded
from tests.network.reliability.real import Real
from tests.network.reliability.site import Site
from tests.network.reliability.soak import Soak, append_result, commit_now, go_on, result_line
from tests.network.reliability.table import ROWS

STATE = Path("build/soak")


def main() -> int:
    """Run, or go on; exit code 1 when a promise was not kept."""
    given = _arguments()
    row = ROWS[given.row]
    if given.embedded and row.real_only:
        _tell(f"Row {row.name} needs Kafka or PostgreSQL itself; the engines of one machine have no such fault.")
        _tell("Run it without --embedded.")
        return 2
    engines = Embedded() if given.embedded else Real()
    state = STATE / f"{row.name}{'-embedded' if given.embedded else ''}.json"
    soak = Soak.resumed(state, row.name, given.runs or row.full, given.seed, engines.versions, commit_now())
    if soak.outcomes:
        _tell(f"Going on behind run {len(soak.outcomes)} of {soak.runs}.")
    folder = Path(tempfile.mkdtemp(prefix=f"soak-{row.name}-"))
    try:
        with engines.started(folder / "network"):
            go_on(soak, row, Site(folder / "network", engines), state, _tell)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    line = result_line(soak, row)
    _tell(line)
    if not given.embedded and not given.unrecorded:
        append_result(line)
    state.unlink()
    return 0 if soak.kept else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run a row of the table of faults many times.")
    parser.add_argument("row", choices=list(ROWS))
    parser.add_argument("runs", type=int, nargs="?", help="how many; without it the full figure")
    parser.add_argument("--seed", type=int, default=1, help="of the first run")
    parser.add_argument("--embedded", action="store_true", help="on the engines of one machine; nothing is recorded")
    parser.add_argument("--unrecorded", action="store_true", help="write no line into docs/reliability.md")
    return parser.parse_args()


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    code = main()
    os._exit(code)  # libraries that were imported have much to say at an orderly end
