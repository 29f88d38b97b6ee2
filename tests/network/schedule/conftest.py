"""Airflow in this process, on a database of the tests' own: schedules run whole by `dag.test()`, without a server."""

import copy
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.airflow import airflow_home, server
from services.config import HOME_VARIABLE, Settings
from services.home import Home

PROBES = Path(__file__).parent / "probes"


def bundles(folder: Path) -> str:
    """Return Airflow's setting to read the product's schedules and those in a folder of the tests."""
    places: dict[str, dict[str, str]] = {"dags-folder": {}, folder.name: {"path": str(folder)}}
    local = "airflow.dag_processing.bundles.local.LocalDagBundle"
    return json.dumps([{"name": name, "classpath": local, "kwargs": kwargs} for name, kwargs in places.items()])


@dataclass(frozen=True)
class Ran:
    """One run of a schedule: its state, and by task (and who it ran for) the state of each."""

    state: str
    tasks: dict[tuple[str, str | None], str]
    attempts: dict[str, int]
    results: dict[str, Any]


@pytest.fixture(scope="session")
def schedules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the product's schedules, and the probe, as Airflow reads them."""
    home = Home(tmp_path_factory.mktemp("airflow"))
    server(home, Settings(schedule={"server": "127.0.0.1:1"})).prepare()  # type: ignore[arg-type]  # read by pydantic
    config = airflow_home(home) / "airflow.cfg"
    text = config.read_text("utf-8").replace("[logging]\n", "[logging]\nlogging_level = WARNING\n")
    places = bundles(PROBES).replace("%", "%%")
    config.write_text(text.replace("[dag_processor]\n", f"[dag_processor]\ndag_bundle_config_list = {places}\n"))
    os.environ["AIRFLOW_HOME"] = str(airflow_home(home))
    from airflow.dag_processing.dagbag import DagBag  # noqa: PLC0415 - it reads AIRFLOW_HOME when it is imported

    found: dict[str, Any] = {}
    for folder in (Path(__file__).parents[3] / "dags", PROBES):
        bag = DagBag(str(folder))
        assert bag.import_errors == {}
        found |= bag.dags
    return found


@pytest.fixture
def run_schedule(schedules: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Return a function that runs a schedule on a network's home: `(root, name, **arguments of dag.test)`.

    With `retries=0` no task that runs once is tried again.
    """

    def run(root: Path, name: str, retries: int | None = None, **arguments: Any) -> Ran:
        monkeypatch.setenv(HOME_VARIABLE, str(root))
        done = _with_retries(schedules[name], retries).test(**arguments)
        instances = done.get_task_instances()
        return Ran(
            str(done.state),
            {(item.task_id.rpartition(".")[2], item.rendered_map_index): str(item.state) for item in instances},
            {item.task_id: item.try_number for item in instances},
            {item.task_id: item.xcom_pull(task_ids=item.task_id) for item in instances if item.map_index < 0},
        )

    return run


def _with_retries(schedule: Any, retries: int | None) -> Any:
    if retries is None:
        return schedule
    schedule = copy.deepcopy(schedule)
    for task in schedule.tasks:
        if not task.is_mapped:
            task.retries = retries
    return schedule
