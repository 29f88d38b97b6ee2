"""The real scheduler: from the first export to the benchmark, twelve months at once, and killed in between."""

import datetime as dt
import io
import json
import os
import signal
import time
from base64 import b64encode
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from infra.airflow import airflow_home, password, server
from infra.linux import session_members
from infra.process import running, start
from infra.schedule import SCHEDULES, Schedule
from services import tasks
from services.config import load_settings
from services.federation.surface import query
from services.home import Home
from services.surface import open_published
from tests.command import run
from tests.network.schedule.real import airflow, await_run, await_that, backfilled, place
from tests.network_state import events, published, release_state, rows_of
from tests.small_network import BACK, MUNICIPALITIES, SENDERS, Stages, copied

TOWN = MUNICIPALITIES[0]
YEAR = [f"2025-{number:02d}" for number in range(1, 13)]
RELEASED = [*YEAR, *(f"2025-Q{number}" for number in range(1, 5)), "2025"]
"""Periods that those months bring."""
LONGEST_PAUSE = 200.0
"""Seconds in which what was killed goes on: the start of Airflow, and some 45 until it knows who waited or ran."""
VALUES = ("999990019", "A. Voorbeeld", "Voorbeeldstraat", "4461AB", "VS-rent")
"""What stands in the exports and may stand in no log."""
QUESTION = f"SELECT * EXCLUDE (released_at) FROM hub.benchmark.figures WHERE period IN {BACK} ORDER BY ALL"


@pytest.fixture(scope="module")
def whole(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Schedule]]:
    """A network of which all is on this machine, exports lying ready, and its Airflow."""
    root = copied(stages.made, tmp_path_factory.mktemp("whole") / "home")
    for path in (root / "participants").glob("*/sources/*"):
        os.utime(path, (0, 0))
    place(root)
    with (root / "spiegelnet.toml").open("a", encoding="utf-8") as config:
        config.write("\n[month]\nclose_day = 1\n")  # the month that has just ended may close, whatever the date is
    with airflow(root) as schedule:
        yield root, schedule


def answer(root: Path) -> list[dict[str, Any]]:
    return query(open_published(root), QUESTION).to_pylist()


def alerts(root: Path) -> list[dict[str, Any]]:
    path = Home(root).alerts
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def as_bytes(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.rechunk().write_ipc(out)
    return out.getvalue()


def test_from_the_first_export_to_the_benchmark(whole: tuple[Path, Schedule], stages: Stages) -> None:
    root, schedule = whole
    assert run("schedule", "on", *SCHEDULES, "--home", root).code == 0
    assert await_run(schedule, "send", schedule.run("send")) == "success"
    for sender in SENDERS:  # as each does in the first days of a month
        tasks.send(root, sender, [], BACK)
    assert await_run(schedule, "intake", schedule.run("intake")) == "success"
    told = run("schedule", "backfill", f"{BACK[0]}..{BACK[-1]}", "--home", root)
    assert (told.code, "makes up for 2 months" in told.out) == (0, True)
    months = backfilled(schedule, len(BACK))
    assert [item["state"] for item in months] == ["success", "success"]
    assert months[0]["end_date"] <= months[1]["start_date"]
    expected = answer(stages.closed)
    await_that(lambda: answer(root) == expected, "the benchmark answers as after the commands")
    triggered = [item for item in schedule.runs("hub_benchmark") if item["run_type"] == "asset_triggered"]
    assert triggered
    about_past = [item for item in alerts(root) if not item["run"].startswith("scheduled__")]
    assert about_past == []
    for town in MUNICIPALITIES:
        cells, wanted = (
            published(at, town)["published.cells"].filter(pl.col("period").is_in(BACK)) for at in (root, stages.closed)
        )
        assert rows_of(cells) == rows_of(wanted)


def test_switched_on_it_does_not_close_a_month_of_which_nobody_stated_anything(whole: tuple[Path, Schedule]) -> None:
    root, schedule = whole
    [first, *_] = [item for item in schedule.runs("node_month") if item["run_type"] == "scheduled"]
    assert await_run(schedule, "node_month", first["dag_run_id"]) == "failed"
    ended = first["data_interval_start"][:7]
    told = {item["participant"]: item for item in alerts(root) if item["dag"] == "node_month"}
    assert set(told) == set(MUNICIPALITIES)
    for town, item in told.items():
        assert (item["task"], item["group"]) == ("municipality_month.statements", "rejected")
        assert f"{town} does not close {ended} by itself" in item["what"]
        assert f"spiegelnet schedule run node_month --period {ended}" in item["todo"]
        assert ended not in {row[0] for row in release_state(root, town)["node.closes"]}


def test_each_task_that_runs_again_gives_the_same_release_byte_for_byte(whole: tuple[Path, Schedule]) -> None:
    root, schedule = whole
    [first, _] = backfilled(schedule, len(BACK))
    before = {town: as_bytes(published(root, town)["published.cells"]) for town in MUNICIPALITIES}
    logs = {town: release_state(root, town)["node.releases"] for town in MUNICIPALITIES}
    for task in ("close", "release", "report"):
        schedule.clear("node_month", first["dag_run_id"], [f"municipality_month.{task}"])
        assert await_run(schedule, "node_month", first["dag_run_id"]) == "success"
    attempts = {item["try_number"] for item in schedule.tasks("node_month", first["dag_run_id"])}
    assert max(attempts) >= 2
    for town in MUNICIPALITIES:
        assert as_bytes(published(root, town)["published.cells"]) == before[town]
        assert release_state(root, town)["node.releases"] == logs[town]


def test_no_value_and_no_secret_stands_in_what_airflow_keeps(whole: tuple[Path, Schedule]) -> None:
    root, _ = whole
    folder = airflow_home(Home(root))
    kept = [path for path in folder.rglob("*") if path.is_file() and path.suffix in {".log", ".db", ".db-wal"}]
    contents = {path: path.read_bytes() for path in (*kept, Home(root).alerts)}
    assert sum("attempt=" in path.name for path in contents) > 20
    assert sum(TOWN.encode() in content for content in contents.values()) > 10, "it is looked for where texts are"
    for name, sought in secrets(root).items():
        assert [path for path, content in contents.items() if sought in content] == [], name
    for path in (folder / "passwords.json", folder / "keys.json", folder / "airflow.cfg"):
        assert path.stat().st_mode & 0o077 == 0
    assert folder.stat().st_mode & 0o077 == 0


def secrets(root: Path) -> dict[str, bytes]:
    """What no log may hold, by what it is: secrets of Airflow and of a participant, values of exports, pseudonyms."""
    home = Home(root)
    exports = b"".join(path.read_bytes() for path in (root / "participants").glob("*/sources/*"))
    assert [value for value in VALUES if value.encode() not in exports] == []
    keys = json.loads((airflow_home(home) / "keys.json").read_text("utf-8"))
    own = json.loads(home.participant(TOWN).keys.read_text("utf-8"))
    found = {"password": password(home), **keys, **{f"key {name}": text for name, text in texts_in(own)}}
    found |= {f"value {number}": value for number, value in enumerate(VALUES)}
    addresses = events(root, TOWN, "payment_arrears")["address"].unique().sort().head(20).to_list()
    pseudonyms = {
        f"pseudonym {number}, {name}": form
        for number, raw in enumerate(addresses)
        for name, form in (("raw", raw), ("hex", raw.hex().encode()), ("base64", b64encode(raw)))
    }
    assert len(found) > 10
    assert pseudonyms
    return {name: text.encode() for name, text in found.items()} | pseudonyms


def texts_in(keys: Any, name: str = "") -> list[tuple[str, str]]:
    """The long texts of a file of keys, with where they stand."""
    if isinstance(keys, dict):
        return [found for key, part in keys.items() for found in texts_in(part, f"{name}.{key}")]
    return [(name, keys)] if isinstance(keys, str) and len(keys) > 30 else []


@pytest.fixture
def node(stages: Stages, tmp_path: Path) -> Path:
    """The machine of one municipality: it has no other's keys."""
    root = copied(stages.received, tmp_path / "node")
    for folder in (root / "participants").iterdir():
        if folder.name != TOWN:
            (folder / "keys.json").unlink()
    place(root)
    return root


def test_twelve_months_at_once_beside_one_of_them_and_all_killed_in_between(node: Path, stages: Stages) -> None:
    with airflow(node) as schedule:
        schedule.backfill(YEAR)
        schedule.switch("node_month", on=True)
        by_hand = schedule.run("node_month", YEAR[-1])
        await_that(lambda: closed(node) >= 3, "three months are closed")
        described = server(Home(node), load_settings(node))
        leader = running(described)
        assert leader is not None
        hold_up(schedule, leader)
        for pid in session_members(leader):
            os.kill(pid, signal.SIGKILL)
        await_that(lambda: not session_members(leader), "nothing of it runs")
        start(described)
        months = backfilled(schedule, len(YEAR))
        assert longest_pause(schedule, months) < LONGEST_PAUSE
        assert {item["state"] for item in months} == {"success"}
        assert [item["data_interval_start"][:7] for item in months] == YEAR
        for before, after in pairwise(months):
            assert before["end_date"] <= after["start_date"]
        assert await_run(schedule, "node_month", by_hand) == "success"
    cells = published(node, TOWN)["published.cells"]
    released = cells.group_by("period").agg(pl.col("release_id").n_unique())
    assert dict(released.iter_rows()) == dict.fromkeys(RELEASED, 1)
    log = release_state(node, TOWN)["node.releases"]
    assert sorted(row[1] for row in log) == sorted(RELEASED)
    wanted = published(stages.closed, TOWN)["published.cells"].filter(pl.col("period").is_in(BACK))
    assert rows_of(cells.filter(pl.col("period").is_in(BACK))) == rows_of(wanted)


def hold_up(schedule: Schedule, leader: int) -> None:
    """Let nobody take up a task any more until one waits in the scheduler: a kill then finds it there."""

    def waits() -> bool:
        for pid in workers(leader):
            os.kill(pid, signal.SIGSTOP)
        time.sleep(3)
        going = [item for item in schedule.runs("node_month") if item["state"] == "running"]
        if "queued" in {task["state"] for item in going for task in schedule.tasks("node_month", item["dag_run_id"])}:
            return True
        for pid in workers(leader):
            os.kill(pid, signal.SIGCONT)
        return False

    await_that(waits, "a task waits")


def workers(leader: int) -> list[int]:
    return [pid for pid in session_members(leader) if b"LocalExecutor" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def longest_pause(schedule: Schedule, months: list[dict[str, str]]) -> float:
    """Return the longest time between the end of a task of the months and the start of the next, in seconds."""
    tasks_of = [task for item in months for task in schedule.tasks("node_month", item["dag_run_id"])]
    times = sorted(
        (dt.datetime.fromisoformat(t["start_date"]), dt.datetime.fromisoformat(t["end_date"])) for t in tasks_of
    )
    return max((after[0] - before[1]).total_seconds() for before, after in pairwise(times))


def closed(root: Path) -> int:
    state = release_state(root, TOWN) if (root / "participants" / TOWN / "published").exists() else {}
    return len(state.get("node.closes", []))
