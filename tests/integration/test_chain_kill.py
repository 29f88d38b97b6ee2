"""Sending, receiving, closing and benchmarking that end at any step and run again leave what an undisturbed run leaves.

Both runs begin with a copy of the same folder, so with the same keys and sources.
"""

import multiprocessing
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services import tasks
from services.home import Home
from services.status import participant_status
from tests.network_state import messages, published, receiver_state, release_state, sender_state
from tests.small_network import AFTER, BACK, LIVE, MUNICIPALITIES, Stages, copied, write_sources

pytestmark = pytest.mark.xdist_group("network")

At = Callable[[str], None]
TOWN = MUNICIPALITIES[0]
LAST = ("2025-10", "2025-11", "2025-12")
SEND_STEPS = {"place", "note refused", "note delivery", "enqueue", "enqueued", "finish file", "append", "appended"}
OPEN_STEPS = {"fetch", "verify", "open", "decode"}
STORE_STEPS = {"gate", "record parcels", "write", "commit", "committed", "append typed", "typed appended"}
LAND_STEPS = OPEN_STEPS | STORE_STEPS
ANSWER_STEPS = {"enqueue", "enqueued", "append", "appended"}
CLOSE_STEPS = {"keep snapshots", "write close", "publish cells", "log releases", "publish quality"}
HUB_STEPS = {
    "publish benchmark.figures",
    "publish benchmark.patterns",
    "publish benchmark.peers",
    "publish benchmark.indicators",
    "publish benchmark.periods",
    "publish network.cells",
}


class EndedHere(BaseException):
    """Nothing catches it, as nothing catches the end of a process."""


def send(root: Path, at: At = lambda _: None) -> None:
    sources = root / "participants" / "es-stroom" / "sources"
    tasks.send(root, "es-stroom", sorted(sources.glob("energie*.csv")), BACK, at=at)


def receive(root: Path, at: At = lambda _: None) -> None:
    tasks.receive(root, TOWN, at=at)


def month(root: Path, at: At = lambda _: None) -> None:
    tasks.month(root, TOWN, LAST, AFTER, at=at)


def benchmark(root: Path, at: At = lambda _: None) -> None:
    tasks.benchmark(root, at=at)


def state(root: Path, command: str) -> dict[str, Any]:
    """What the command has brought about, and how many different parcels each topic got by it."""
    found = {name: len(set(messages(root, name))) for name in ("hub", "es-stroom", "cbs", *MUNICIPALITIES)}
    who = {"send": "es-stroom", "benchmark": "hub"}.get(command, TOWN)
    return {
        "topics": found,
        "sent": sender_state(root, who),
        "received": receiver_state(root, who),
        "released": release_state(root, who),
        "balanced": participant_status(root, who, None).balanced,
    }


COVERED = {
    "send": set[str](),
    "receive": {"enqueue", "append"},
    "month": {"enqueue", "append"},
    "benchmark": (LAND_STEPS | ANSWER_STEPS) - {"committed", "append typed"},
}
"""Steps of code that another command is ended at."""

COMMANDS: dict[str, tuple[Callable[..., None], str, set[str]]] = {
    "send": (send, "made", SEND_STEPS),
    "receive": (receive, "sent", LAND_STEPS | ANSWER_STEPS),
    "month": (month, "received", CLOSE_STEPS | ANSWER_STEPS),
    "benchmark": (benchmark, "released", LAND_STEPS | ANSWER_STEPS | HUB_STEPS),
}


@pytest.fixture(scope="module")
def undisturbed(
    stages: Stages, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[dict[str, Any], Counter[str]]]:
    """By command what it leaves when nothing happens, and how often it passes each step."""
    found = {}
    for command, (run, stage, _) in COMMANDS.items():
        root = copied(getattr(stages, stage), tmp_path_factory.mktemp("undisturbed") / command)
        passed: Counter[str] = Counter()
        run(root, at=lambda step, passed=passed: passed.update([step]))
        found[command] = (state(root, command), passed)
    return found


def _ends_at(step: str, nth: int) -> At:
    left = [nth]

    def at(name: str) -> None:
        left[0] -= name == step
        if not left[0]:
            raise EndedHere

    return at


@pytest.mark.parametrize("command", list(COMMANDS))
def test_a_command_passes_all_steps_at_which_it_is_to_be_ended(
    command: str, undisturbed: dict[str, tuple[dict[str, Any], Counter[str]]]
) -> None:
    assert set(undisturbed[command][1]) == COMMANDS[command][2]


@pytest.mark.parametrize("command", list(COMMANDS))
def test_a_command_that_ended_at_any_step_and_ran_again_leaves_the_same(
    command: str,
    undisturbed: dict[str, tuple[dict[str, Any], Counter[str]]],
    at_stage: Callable[[str], Path],
) -> None:
    run, stage, _ = COMMANDS[command]
    expected, passed = undisturbed[command]
    chance = random.Random(command)
    for step, times in passed.items():
        if step in COVERED[command]:
            continue
        root = at_stage(stage)
        with pytest.raises(EndedHere):
            run(root, at=_ends_at(step, chance.randint(1, times)))
        run(root)
        assert state(root, command) == expected, step


def test_a_close_that_ended_and_runs_again_with_more_months_leaves_what_one_close_of_all_leaves(
    at_stage: Callable[[str], Path],
) -> None:
    """The first one keeps the store as it is before anything of December has come."""
    whole, root = at_stage("received"), at_stage("received")
    with pytest.raises(EndedHere):
        tasks.month(root, TOWN, LAST[:1], AFTER, at=_ends_at("write close", 1))
    for one in (whole, root):
        files = write_sources(Home(one), LIVE)
        for owner in sorted(files):
            tasks.send(one, owner, files[owner], LIVE)
        tasks.receive(one, TOWN)
        assert tasks.month(one, TOWN, LAST, AFTER).missing["2025-12"] == ()
    assert published(root, TOWN)["published.cells"].filter(period="2025-12", status="published").height > 0
    assert release_state(root, TOWN) == release_state(whole, TOWN)


@pytest.mark.parametrize("command", ["send", "month"])  # receiving: tests/integration/gate
def test_a_process_that_is_killed_at_any_moment_and_run_again_leaves_the_same(
    command: str,
    undisturbed: dict[str, tuple[dict[str, Any], Counter[str]]],
    at_stage: Callable[[str], Path],
) -> None:
    root, chance = at_stage(COMMANDS[command][1]), random.Random(command)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["services.tasks"])
    ended = []
    for _ in range(3):
        began = context.Event()
        process = context.Process(target=_begin, args=(began, command, root))
        process.start()
        assert began.wait(60)
        # The first dies at its start: a fast machine may end the others before their time has come.
        time.sleep(chance.uniform(0, 0.2) if ended else 0)
        process.kill()
        process.join()
        ended.append(process.exitcode)
    assert set(ended) <= {0, -signal.SIGKILL}
    assert -signal.SIGKILL in ended
    COMMANDS[command][0](root)
    assert state(root, command) == undisturbed[command][0]


def _begin(began: Any, command: str, root: Path) -> None:
    began.set()
    COMMANDS[command][0](root)
