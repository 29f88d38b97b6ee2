"""Logs of servers, kept small: what a large one holds is set aside, and the oldest of that is forgotten."""

import os
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Final

LARGEST: Final = 16 << 20
"""Bytes from which on what a log holds is set aside."""
OLDER: Final = 3
"""How many that were set aside are kept; `.1` is the newest."""


def keep_small(log: Path, largest: int = LARGEST) -> bool:
    """Set aside what a log holds when it is large; return whether it was.

    The file itself stays and is emptied: the server that runs goes on writing to the one that it opened.
    """
    if not log.exists() or log.stat().st_size < largest:
        return False
    aside = [log.with_name(f"{log.name}.{number}") for number in range(1, OLDER + 1)]
    for newer, older in reversed(list(pairwise(aside))):
        if newer.exists():
            newer.replace(older)
    shutil.copy2(log, aside[0])
    os.truncate(log, 0)
    return True
