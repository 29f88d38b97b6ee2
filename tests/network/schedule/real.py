"""A real Airflow on a copy of the small network, and waiting for what it does."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from infra.airflow import server
from infra.process import start, stop
from infra.schedule import ENDED, Schedule, open_schedule
from services.config import load_settings
from services.home import Home
from tests.network.homes import free_ports

T = TypeVar("T")
PATIENCE = 900.0
"""Seconds after which a test says what it still waits for, on a machine that does much else."""
_PAUSE = 1.0


def place(root: Path) -> None:
    """Say in a home's settings where its Airflow is to be, and let it run two tasks at once."""
    config = root / "spiegelnet.toml"
    text = config.read_text("utf-8").replace("workers = 1", "workers = 2")
    config.write_text(f'{text}\n[schedule]\nserver = "localhost:{free_ports()[0]}"\n', "utf-8")


@contextmanager
def airflow(root: Path) -> Iterator[Schedule]:
    """Start the Airflow of a home, and end it whatever happens."""
    home, settings = Home(root), load_settings(root)
    described = server(home, settings)
    try:
        start(described)
        with open_schedule(home, settings) as schedule:
            schedule.await_known()
            yield schedule
    finally:
        stop(described)


def await_that(look: Callable[[], T], what: str) -> T:
    """Look until something is there, and return it."""
    deadline = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(_PAUSE)
    return found


def await_run(schedule: Schedule, name: str, run: str) -> str:
    """Wait until a run has ended, and return its state."""

    def state() -> str | None:
        [found] = [str(item["state"]) for item in schedule.runs(name) if item["dag_run_id"] == run]
        return found if found in ENDED else None

    return await_that(state, f"{name} {run} has ended")


def backfilled(schedule: Schedule, months: int) -> list[dict[str, str]]:
    """Wait until the runs of a backfill have ended, and return them in order of their months."""

    def runs() -> list[dict[str, str]]:
        found = [item for item in schedule.runs("node_month") if item["run_type"] == "backfill"]
        return found if len(found) == months and all(item["state"] in ENDED for item in found) else []

    return sorted(await_that(runs, f"{months} months are made up for"), key=lambda item: item["data_interval_start"])
