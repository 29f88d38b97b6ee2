"""What workers are forked from has none of the threads that a fork would leave behind, waited for by the worker."""

import subprocess
import sys

THREADS = """
import os
import services.preload
threads = [open(f"/proc/self/task/{item}/comm").read().strip() for item in os.listdir("/proc/self/task")]
print("threads:", *sorted(threads))
"""


def test_nothing_is_computed_by_polars_before_workers_are_forked() -> None:
    """A worker would wait for ever at its first frame: its copy of the pool has no threads."""
    done = subprocess.run([sys.executable, "-c", THREADS], check=True, capture_output=True, text=True)  # noqa: S603
    (line,) = [item for item in done.stdout.splitlines() if item.startswith("threads:")]
    pool = [f"polars-{number}" for number in range(100)]
    assert not set(line.split()) & set(pool)
    assert not done.stderr, "a user would read it at the end of every command that has workers"
