"""What servers and schedules write about their work, kept for a while: logs by size, all else for 90 days.

Airflow's database is cleaned by Airflow's own server, see `infra.airflow_parts`: a task may not open it.
"""

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from infra.airflow import airflow_home
from infra.logs import LARGEST, keep_small
from services.alerts import forget_alerts
from services.home import Home

KEPT: Final = dt.timedelta(days=90)


def forget(home: Home, now: dt.datetime, largest_log: int = LARGEST) -> dict[str, int]:
    """Remove what is too old, and set large logs aside; return how many of each.

    Args:
        home: the network's.
        now: UTC.
        largest_log: bytes.
    """
    before = now - KEPT
    logs = [path for folder in home.servers.glob("*/") if (path := folder / f"{folder.name}.log").exists()]
    return {
        "alerts": forget_alerts(home, before),
        "logs_set_aside": sum(keep_small(log, largest_log) for log in logs),
        "task_logs": _remove_older(airflow_home(home) / "logs", before),
    }


def _remove_older(folder: Path, before: dt.datetime) -> int:
    """Remove the files below a folder that nobody wrote to since a moment, and the folders that are then empty."""
    removed = 0
    for path in _deepest_first(folder):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()) and path.stat().st_mtime < before.timestamp():
                path.rmdir()
        elif path.lstat().st_mtime < before.timestamp():
            path.unlink()
            removed += 1
    return removed


def _deepest_first(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder, topdown=False):
        yield from (Path(root) / name for name in (*files, *folders))
