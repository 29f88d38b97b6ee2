"""A measurement in a process of its own: its peak of memory is its own, and what ran before it left nothing behind."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from services.errors import Fatal

Figures = Mapping[str, float]
PEAK = "peak_mib"


def alone(measure: Callable[..., Figures], **given: float | str) -> dict[str, float]:
    """Run a function of a module in a process of its own.

    Args:
        measure: takes only what `given` has, and returns figures by name.
        given: numbers and texts.

    Returns:
        What it returned, and `peak_mib`: most memory that the process had at one time, in MiB.

    Raises:
        Fatal: it failed; what it wrote about that stands above.
    """
    name = f"{measure.__module__}:{measure.__qualname__}"
    command = [sys.executable, "-m", __name__, name, json.dumps(given)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)  # noqa: S603 - our own
    if done.returncode:
        raise Fatal(f"The measurement {name} failed.", todo="Read what it wrote.")
    return {key: float(value) for key, value in json.loads(done.stdout.splitlines()[-1]).items()}


def peak_mib() -> float:
    """Return the most memory that this process had at one time.

    Not by way of getrusage: what it says of a new process begins with the peak of the one that started it.
    """
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def main() -> None:
    """Do what `alone` asked for."""
    module, _, function = sys.argv[1].partition(":")
    figures = getattr(import_module(module), function)(**json.loads(sys.argv[2]))
    sys.stdout.write("\n" + json.dumps({**figures, PEAK: peak_mib()}) + "\n")


if __name__ == "__main__":
    main()
