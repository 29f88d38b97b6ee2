"""Status and metrics over real servers: which answer and since when, and what is still told while one is away."""

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from infra import stack
from infra.process import stop
from services import tasks
from services.config import load_settings
from services.errors import NotAllowed
from services.home import Home
from services.network import Network
from services.store.newest import table_states
from tests.command import run
from tests.network import homes
from tests.small_network import BACK, MUNICIPALITIES, write_sources
from tests.standing import require_same_as_the_store

TOWN = MUNICIPALITIES[0]
NAMES = ("postgresql", "kafka", "key-services")


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    """A home of its own, since Kafka is ended here: all but Trino and Airflow up, everybody known."""
    with homes.new_home() as made:
        homes.start(made, *NAMES)
        stack.make_known(made, load_settings(made.root), NAMES)
        yield made


def told(root: Path, *names: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("status", *names, "--json", "--home", root).out)
    return found


def metrics(root: Path) -> dict[str, dict[str, float]]:
    """Values by name and by the last label."""
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(run("metrics", "--home", root).out):
        for sample in family.samples:
            found.setdefault(sample.name, {})[",".join(sample.labels.values())] = sample.value
    return found


def test_what_runs_since_when_what_waits_and_what_is_told_while_a_server_is_away(home: Home) -> None:
    root = home.root
    files = write_sources(home, BACK)
    tasks.send(root, "es-stroom", files["es-stroom"], BACK)
    network = Network.open(root)
    with network.broker(TOWN) as broker:
        end = broker.end_offset(f"parcels.{TOWN}")
    found = told(root)
    servers = {item["name"]: item for item in found["servers"]}
    assert {name for name, item in servers.items() if item["healthy"]} == {
        "kafka", "postgresql", "key-service-a", "key-service-b",
    }  # fmt: skip
    began = dt.datetime.fromisoformat(servers["kafka"]["since"])
    assert dt.timedelta(0) < network.now() - began < dt.timedelta(hours=1)
    assert {item["text"].split(" at ")[0] for item in found["matters"] if item["kind"] == "server"} == {
        "trino",
        "airflow",
    }
    by_id = {item["participant"]: item for item in found["participants"]}
    assert (by_id[TOWN]["unread"], by_id[TOWN]["unread_since"] is not None) == (end, True)
    assert metrics(root)["spiegelnet_lag_messages"][TOWN] == end > 0
    tasks.receive(root, TOWN)
    require_same_as_the_store(root, TOWN)
    states = table_states(home.participant(TOWN).root, "private", network.database(TOWN))
    assert {"node.intake", "events.payment_arrears"} <= set(states)
    database = network.database(TOWN)
    assert database
    with pytest.raises(NotAllowed, match="is not open to"):
        table_states(home.participant(TOWN).root, "private", replace(database, password="another"))  # noqa: S106
    accepted = told(root, TOWN)["participants"][0]["senders"]

    (kafka,) = stack.servers(home, load_settings(root))["kafka"]
    stop(kafka)
    assert tasks.send(root, "es-stroom", [], ("2025-12",)).postponed
    found = told(root)
    by_id = {item["participant"]: item for item in found["participants"]}
    assert (by_id[TOWN]["senders"], by_id[TOWN]["unread"]) == (accepted, None)
    assert by_id["es-stroom"]["waiting"] == len(MUNICIPALITIES)
    (matter,) = [item for item in found["matters"] if item["kind"] == "waiting"]
    assert (matter["turn"], matter["since"] is not None) == (["operator"], True)
    (failing,) = [item for item in found["matters"] if item["kind"] == "task"]
    assert "send of es-stroom waits (retryable)" in failing["text"]
    values = metrics(root)
    assert (values["spiegelnet_up"][""], values["spiegelnet_server_up"]["kafka"]) == (0.0, 0.0)
    assert values["spiegelnet_outbox_parcels"]["es-stroom"] == len(MUNICIPALITIES)
