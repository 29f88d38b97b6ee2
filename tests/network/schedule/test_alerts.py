"""What the real scheduler tells of when no task is there any more that could."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.schedule import Schedule
from services.errors import Rejected
from services.home import Home
from tests.network.schedule.conftest import bundles
from tests.network.schedule.real import airflow, await_run, await_that, place
from tests.small_network import Stages, copied

ENDED = Path(__file__).parent / "ended"


@pytest.fixture(scope="module")
def whole(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Schedule]]:
    root = copied(stages.empty, tmp_path_factory.mktemp("ended") / "home")
    place(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", bundles(ENDED))
        with airflow(root) as schedule:
            for name in ("killed", "lasting"):
                await_that(lambda name=name: is_known(schedule, name), f"{name} is known")  # type: ignore[misc]
                schedule.switch(name, on=True)
            yield root, schedule


def is_known(schedule: Schedule, name: str) -> bool:
    try:
        schedule.runs(name)
    except Rejected:
        return False
    return True


def alerts(root: Path, dag: str) -> list[dict[str, Any]]:
    path = Home(root).alerts
    found = [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    return sorted((item for item in found if item["dag"] == dag), key=lambda item: str(item["participant"]))


def test_of_tasks_that_were_killed_it_is_told_which_for_whom_and_about_what(whole: tuple[Path, Schedule]) -> None:
    root, schedule = whole
    run = schedule.run("killed", "2025-12")
    assert await_run(schedule, "killed", run) == "failed"
    told = await_that(lambda: found if len(found := alerts(root, "killed")) > 1 else [], "both were told of")
    assert [item["participant"] for item in told] == ["gm0664", "gm0687"]
    for item in told:
        assert (item["task"], item["run"], item["period"], item["group"]) == ("each.die", run, "2025-12", "ended")
        assert f"die for {item['participant']} ended without a word" in item["what"]
        assert "clear the task" in item["todo"]


def test_of_a_run_that_took_too_long_it_is_told_which_and_what_had_not_ended(whole: tuple[Path, Schedule]) -> None:
    root, schedule = whole
    run = schedule.run("lasting", "2025-11")
    assert await_run(schedule, "lasting", run) == "failed"
    [told] = await_that(lambda: alerts(root, "lasting"), "the run was told of")
    assert (told["run"], told["period"], told["group"]) == (run, "2025-11", "ended")
    assert (told["task"], told["participant"]) == ("last", "gm0687")
    assert told["what"] == "The run of lasting for 2025-11 was ended before its tasks were done."
    assert told["why"] == "It took longer than it may. Its task last for gm0687 had not ended."
    assert "clear the tasks" in told["todo"]
