"""Runs `spiegelnet` as a user does: with its real arguments, both streams and exit code, here or as its own process."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass

from services.cli import main


@dataclass(frozen=True)
class Outcome:
    """What a command printed on each stream, and its exit code."""

    out: str
    err: str
    code: int


def run(*arguments: object) -> Outcome:
    """Run a command in this process; what libraries write past Python's own streams is caught too."""
    before, saved = sys.argv, [os.dup(1), os.dup(2)]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out, tempfile.TemporaryFile("w+", encoding="utf-8") as err:
        try:
            for number, file in ((1, out), (2, err)):
                os.dup2(file.fileno(), number)
            sys.argv = ["spiegelnet", *map(str, arguments)]
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = _code()
        finally:
            sys.argv = before
            for number, old in enumerate(saved, 1):
                os.dup2(old, number)
                os.close(old)
        for file in (out, err):
            file.seek(0)
        return Outcome(out.read(), err.read(), code)


def _code() -> int:
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def run_apart(*arguments: object, environment: Mapping[str, str] | None = None) -> Outcome:
    """Run a command as a process of its own."""
    command = [sys.executable, "-c", "from services.cli import main; main()", *map(str, arguments)]
    given = {**os.environ, **(environment or {})}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=given)  # noqa: S603 - our own command
    return Outcome(done.stdout, done.stderr, done.returncode)
