"""Airflow's API server, scheduler and reader of schedules as one server: `python -m infra.airflow_parts`.

What all three import is imported once, before they part, which halves the time and the memory of their start. When one
of them ends, all end, and the log says which did. When asked to end, the scheduler ends first: its running tasks finish
and tell the API server so.

Once a day a further process cleans Airflow's database of what is older than `infra.history.KEPT`: a schedule could not,
since the database is closed to tasks.

`airflow standalone` would start two parts more, which are not needed and listen to the whole network, and would leave
its children behind when asked to end.
"""

import datetime as dt
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from infra.airflow_sqlite import share_the_file
from infra.history import KEPT
from services.config import one_thread_per_worker

SCHEDULER = ("scheduler", "--skip-serve-logs")
OTHERS = (("api-server",), ("dag-processor",))
CLEANER = "cleaner"
FIRST_CLEAN = 600.0
"""Seconds after the start at which the database is cleaned first; the work that waited goes before."""
NEXT_CLEAN = 86400.0
_ENDS = (signal.SIGTERM, signal.SIGINT)


class _EndedError(Exception):
    """The process was asked to end."""


def main(first_clean: float = FIRST_CLEAN) -> int:
    """Run the parts until one ends or this process is asked to end; return its exit code.

    Args:
        first_clean: seconds after the start.
    """
    one_thread_per_worker()
    _import_all()
    if threading.active_count() > 1:
        raise RuntimeError("A thread was started before the parts were: a fork would leave it behind.")
    gc.collect()
    gc.freeze()  # what is here now is shared by all parts for as long as nobody touches it
    for number in _ENDS:
        signal.signal(number, _end)
    running: dict[int, str] = {}
    try:
        running[_fork(_clean(), after=first_clean)] = CLEANER
        running[_fork(SCHEDULER, preload="services.preload")] = SCHEDULER[0]
        running |= {_fork(arguments): arguments[0] for arguments in OTHERS}
        while True:
            pid, status = os.wait()
            ended = running.pop(pid)
            if ended != CLEANER:
                break
            running[_fork(_clean(), after=NEXT_CLEAN)] = CLEANER  # it says in the log how it went
    except _EndedError:
        code = 0
    else:
        code = 1
        sys.stderr.write(f"The {ended} ended by itself, with {os.waitstatus_to_exitcode(status)}, so all parts end.\n")
    for number in _ENDS:
        signal.signal(number, signal.SIG_IGN)
    for pid in sorted(running, key=lambda item: running[item] != SCHEDULER[0]):
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
    return code


def _import_all() -> None:
    import airflow.__main__  # noqa: PLC0415

    share_the_file()
    import airflow.api_fastapi.core_api.app  # noqa: PLC0415
    import airflow.api_fastapi.execution_api.app  # noqa: PLC0415
    import airflow.dag_processing.manager  # noqa: PLC0415
    import airflow.executors.local_executor  # noqa: PLC0415
    import airflow.jobs.dag_processor_job_runner  # noqa: PLC0415
    import airflow.jobs.scheduler_job_runner  # noqa: F401, PLC0415


def _end(_: int, __: FrameType | None) -> NoReturn:
    raise _EndedError


def _clean() -> tuple[str, ...]:
    before = dt.datetime.now(dt.UTC) - KEPT
    return ("db", "clean", "--clean-before-timestamp", before.isoformat(), "--skip-archive", "--yes")


def _fork(arguments: Sequence[str], preload: str | None = None, after: float = 0.0) -> int:
    """Start `airflow …` as a child of this process and return its pid.

    Args:
        arguments: of the command.
        after: seconds that it waits first.
        preload: a module that the part imports first: what the scheduler has, its workers have too, once for all.
    """
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        for number in _ENDS:
            signal.signal(number, signal.SIG_DFL)
        time.sleep(after)
        if preload:
            __import__(preload)
        from airflow.__main__ import main as airflow  # noqa: PLC0415

        sys.argv = ["airflow", *arguments]
        airflow()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - this process must not go on where its parent does
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
