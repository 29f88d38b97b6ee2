"""Processes that may be killed: forked from a server that has the imports behind it, so that a kill costs no start."""

import faulthandler
import multiprocessing
import os
import random
import secrets
import signal
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from services.config import one_thread_per_worker
from services.errors import Fatal, Retryable, SpiegelnetError

PATIENCE = 300.0
"""Seconds after which a child that says nothing is a fault of its own."""
KILLED, DONE, FAULT, HANGS = "killed", "done", "fault", "hangs"
AGAIN, FATAL = Retryable.group, Fatal.group


@dataclass(frozen=True)
class Ending:
    """How a child ended.

    Attributes:
        how: `killed`, `done`, `hangs`, `fault` (an error that is none of ours), or the group of our error.
        text: of the error.
        result: what the work returned.
        began: moment (`time.monotonic`) at which its work began.
        ended: moment at which its work ended.
        passed: steps that it passed, by name.
    """

    how: str
    text: str = ""
    result: Any = None
    began: float = 0.0
    ended: float = 0.0
    passed: Counter[str] = field(default_factory=Counter)

    @property
    def seconds(self) -> float:
        """How long it worked."""
        return self.ended - self.began

    @property
    def postponed(self) -> str:
        """Why it is to be run again; empty when it is not."""
        return self.text if self.how == AGAIN else " ".join(map(str, getattr(self.result, "postponed", ())))

    @property
    def fault(self) -> str:
        """What went wrong, which running it again would not mend; empty when nothing did."""
        return "" if self.how in (DONE, KILLED, AGAIN) else f"ended as {self.how}: {self.text}"


@dataclass
class Child:
    """A process that works; `began` when its work, not its imports, begins."""

    process: BaseProcess
    pipe: Connection
    told: Path
    began: float = 0.0

    def _where(self) -> str:
        """Let the process write down where it is."""
        if self.process.pid:
            os.kill(self.process.pid, signal.SIGUSR1)
            time.sleep(1)
        return self.told.read_text("utf-8")

    def kill_after(self, seconds: float) -> Ending:
        """Let it work for a while, then kill it; it may have ended by itself."""
        if not self.pipe.poll(seconds):
            self.process.kill()
        return self.ending()

    def ending(self, patience: float = PATIENCE) -> Ending:
        """Wait until it ends; one that outlasts `patience` is killed and said to hang."""
        message = None
        try:
            if self.pipe.poll(patience):
                message = self.pipe.recv()
            else:
                message = {"how": HANGS, "text": f"not after {patience:.0f} seconds; it is at {self._where()}"}
                self.process.kill()
        except (EOFError, OSError):  # it was killed before it said anything, or in the middle of it
            pass
        self.process.join()
        self.pipe.close()
        self.told.unlink(missing_ok=True)
        if message is None:
            killed = self.process.exitcode == -signal.SIGKILL
            message = {"how": KILLED if killed else FAULT, "text": f"exit code {self.process.exitcode}"}
        return Ending(**{"began": self.began, "ended": time.monotonic(), **message})


def start(work: Callable[..., Any], *args: Any, die_at: tuple[str, int] | None = None) -> Child:
    """Start `work(*args, at=…)` in a process of its own and return when it has begun.

    Args:
        work: a function of a module; it takes the hook for steps as `at`.
        args: of the work.
        die_at: step before whose so manieth passing the process kills itself (SIGKILL).
    """
    one_thread_per_worker()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.network.reliability.preload"])
    ours, theirs = context.Pipe(duplex=False)
    told = Path(tempfile.gettempdir()) / f"child-{secrets.token_hex(8)}.txt"
    process = context.Process(target=_work, args=(theirs, told, work, args, die_at), daemon=True)
    process.start()
    theirs.close()
    if not ours.poll(PATIENCE):
        process.kill()
        raise TimeoutError("A child process did not begin.")
    ours.recv()
    return Child(process, ours, told, time.monotonic())


def at_once(endings: Sequence[Ending]) -> bool:
    """Say whether there was a moment at which all of them worked."""
    return max(item.began for item in endings) < min(item.ended for item in endings)


def end_all() -> None:
    """Kill the children that are left, as a run leaves some that broke."""
    for process in multiprocessing.active_children():
        process.kill()
        process.join()


def finish(work: Callable[..., Any], *args: Any, die_at: tuple[str, int] | None = None) -> Ending:
    """Run `work` in a process of its own to its end."""
    return start(work, *args, die_at=die_at).ending()


def run_until_done(work: Callable[..., Any], *args: Any, patience: float = 120.0) -> tuple[Ending, list[str]]:
    """Run `work` again as long as it says that it may be run again; return the last ending and what it said before."""
    deadline, said = time.monotonic() + patience, list[str]()
    while True:
        ending = finish(work, *args)
        if not ending.postponed or time.monotonic() > deadline:
            return ending, said
        said.append(ending.postponed)
        time.sleep(0.1)


def killed_at_random(work: Callable[..., Any], args: tuple[Any, ...], within: float, chance: random.Random) -> Ending:
    """Start `work` and kill it at a random moment within so many seconds."""
    return start(work, *args).kill_after(chance.uniform(0, within))


def _work(
    pipe: Connection, told: Path, work: Callable[..., Any], args: tuple[Any, ...], die_at: tuple[str, int] | None
) -> None:
    passed: Counter[str] = Counter()

    def at(step: str) -> None:
        passed[step] += 1
        if die_at == (step, passed[step]):
            os.kill(os.getpid(), signal.SIGKILL)

    faulthandler.register(signal.SIGUSR1, told.open("w", encoding="utf-8"), all_threads=False)
    pipe.send("began")
    try:
        message = {"how": DONE, "result": work(*args, at=at)}
    except SpiegelnetError as error:
        message = {"how": error.group, "text": str(error)}
    except BaseException:  # noqa: BLE001 - whatever it is, the parent is to know
        message = {"how": FAULT, "text": traceback.format_exc()}
    pipe.send(message | {"passed": passed, "ended": time.monotonic()})
    pipe.close()
    os._exit(0)  # nothing of the parent's is to be put away here
