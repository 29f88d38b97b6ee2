"""Lands two events in a folder and kills its own process at a named step: `killed_worker FOLDER STEP`."""

import os
import signal
import sys
from pathlib import Path

from services.registry import load_registry
from tests.integration.gate.world import World, signals


def main(folder: Path, last_step: str) -> None:
    world = World(folder, load_registry())
    world.with_rules("payment_arrears", rows=[])

    def at(step: str) -> None:
        if step == last_step:
            os.kill(os.getpid(), signal.SIGKILL)

    world.land([world.parcel(signals([1, 2]))], at=at)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
