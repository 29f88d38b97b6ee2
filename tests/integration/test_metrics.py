"""Metrics for Prometheus: as many as the stores say, by the format's own parser, and quick to ask again."""

import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from prometheus_client.parser import text_string_to_metric_families

from services import tasks
from services.home import Home
from services.metrics import CACHE_SECONDS, FAMILIES, Metrics
from services.network import Network
from services.receiving.collecting import open_node
from services.store.accounts import conservation
from tests.command import run
from tests.small_network import AFTER, BACK, EVERYBODY, MUNICIPALITIES, PARTNERS, Stages, copied

pytestmark = pytest.mark.xdist_group("network")

TOWN = MUNICIPALITIES[0]
AtStage = Callable[[str], Path]
Labels = frozenset[tuple[str, str]]


def parsed(text: str) -> dict[str, dict[Labels, float]]:
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return found


def value(metrics: dict[str, dict[Labels, float]], name: str, **labels: str) -> float:
    return metrics[f"spiegelnet_{name}"][frozenset(labels.items())]


@pytest.fixture(scope="module")
def network(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(stages.closed, tmp_path_factory.mktemp("metrics") / "home")


def test_they_say_what_the_stores_say(network: Path) -> None:
    found = parsed(Metrics(network).text())
    assert value(found, "up") == 1
    whole = conservation(open_node(Network.open(network), TOWN))
    for sender, part in whole.group_by("sender"):
        who = {"participant": TOWN, "sender": str(sender[0])}
        assert value(found, "events_received_total", **who) == part["opened"].sum()
        assert value(found, "parcels_opened_total", **who) == part["parcels"].sum()
        for verdict in ("accepted", "quarantined", "held", "duplicate"):
            assert value(found, "events", **who, verdict=verdict) == part[verdict].sum()
    with Network.open(network).broker("hub") as broker:
        waiting = broker.end_offset("parcels.es-stroom")
    assert value(found, "lag_messages", participant="es-stroom") == waiting > 0
    assert value(found, "lag_seconds", participant="es-stroom") > 0
    assert value(found, "lag_seconds", participant="hub") == value(found, "lag_messages", participant="hub") == 0
    assert value(found, "outbox_parcels", participant=TOWN) == 0
    assert value(found, "conservation", participant=TOWN) == 1
    assert value(found, "task_runs_total", participant=TOWN, task="month", outcome="succeeded") == 1
    assert value(found, "task_last_success_timestamp_seconds", participant=TOWN, task="month") > 1.7e9
    assert value(found, "key_service_elements_total", participant="es-stroom", service="ks-a") > 0
    assert value(found, "last_release_timestamp_seconds", participant=TOWN, period_kind="month") > 1.7e9


def test_each_has_a_name_by_the_conventions_a_help_and_the_labels_that_are_said(network: Path) -> None:
    text = Metrics(network).text()
    assert len(re.findall(r"^# HELP ", text, re.MULTILINE)) == len(FAMILIES)
    for name, (kind, meaning, labels) in FAMILIES.items():
        assert re.fullmatch(r"spiegelnet_[a-z_]+", name)
        assert name.endswith("_total") == (kind.__name__ == "CounterMetricFamily")
        assert meaning.endswith(".")
        for sample in parsed(text).get(name, {}):
            assert {label for label, _ in sample} == set(labels)


def test_labels_hold_organisations_and_rules_and_nothing_of_residents(network: Path) -> None:
    found = parsed(Metrics(network).text())
    values = {(label, content) for samples in found.values() for labels in samples for label, content in labels}
    assert {content for label, content in values if label in {"participant", "sender"}} <= set(EVERYBODY)
    assert {label for label, _ in values} <= {
        "participant", "sender", "verdict", "rule", "reason", "period", "period_kind", "task", "group", "outcome",
        "service", "server",
    }  # fmt: skip
    assert not [content for _, content in values if not re.fullmatch(r"[a-zA-Z0-9_:.-]+", content)]


def test_what_is_asked_again_at_once_is_told_from_memory(at_stage: AtStage) -> None:
    root, now = at_stage("received"), [0.0]
    metrics = Metrics(root, clock=lambda: now[0])
    before = metrics.text()
    tasks.month(root, TOWN, BACK, AFTER)
    now[0] = CACHE_SECONDS - 1
    assert metrics.text() == before
    now[0] = CACHE_SECONDS + 1
    assert value(parsed(metrics.text()), "task_runs_total", participant=TOWN, task="month", outcome="succeeded") == 1


def test_what_cannot_be_looked_at_is_said_and_not_raised(at_stage: AtStage) -> None:
    root = at_stage("received")
    (root / "broker.sqlite").write_bytes(b"no database")
    found = parsed(Metrics(root).text())
    assert value(found, "up") == 0
    assert value(found, "conservation", participant=TOWN) == 1
    assert "spiegelnet_lag_messages" not in found
    (root / "directory.json").write_text("[]", "utf-8")
    assert parsed(Metrics(root).text()) == {"spiegelnet_up": {frozenset(): 0.0}}


def test_only_those_whose_keys_are_here_are_told(at_stage: AtStage) -> None:
    root = at_stage("received")
    for other in (*PARTNERS, *MUNICIPALITIES[1:], "hub", "cbs"):
        Home(root).participant(other).keys.unlink()
    found = parsed(Metrics(root).text())
    assert {dict(labels)["participant"] for labels in found["spiegelnet_events"]} == {TOWN}


def test_the_command_prints_them_once_or_serves_them(network: Path) -> None:
    printed = run("metrics", "--home", network)
    assert (printed.code, printed.err) == (0, "")
    assert value(parsed(printed.out), "up") == 1
    command = [sys.executable, "-c", "from services.cli import main; main()", "metrics", "--home", str(network)]
    with subprocess.Popen([*command, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            assert process.stdout is not None
            url = re.search(r"http://\S+", process.stdout.readline())
            assert url
            with urllib.request.urlopen(url[0], timeout=60) as answer:  # noqa: S310 - our own server
                served = answer.read().decode()
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
    assert parsed(served).keys() == parsed(printed.out).keys()
    assert process.returncode == 0


def test_an_address_that_is_none_is_told(network: Path) -> None:
    for address in ("9464", "localhost:x", "localhost:99999", ":1"):
        done = run("metrics", "--listen", address, "--home", network)
        assert (done.code, "HOST:PORT" in done.err) == (3, True)


def test_pending_quarantine_is_counted_until_it_is_mended(network: Path) -> None:
    found = parsed(Metrics(network).text())
    stopped = pl.concat(
        [conservation(open_node(Network.open(network), town)).select("quarantined") for town in MUNICIPALITIES]
    )
    assert sum(found.get("spiegelnet_events_unmended", {}).values()) == stopped["quarantined"].sum()
