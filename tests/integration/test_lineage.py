"""Lineage: each task leaves OpenLineage events, by which a figure is followed back to the files that it rests on."""

import json
import re
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from openlineage.client import event_v2, facet_v2
from openlineage.client.serde import Serde

from services import steps, tasks
from services.errors import Retryable
from services.home import Home
from services.network import Network
from tests.network_state import events as stored_events
from tests.network_state import published
from tests.small_network import AFTER, BACK, EVERYBODY, MUNICIPALITIES, PARTNERS, Stages, copied

pytestmark = pytest.mark.xdist_group("network")

TOWN = MUNICIPALITIES[0]
AtStage = Callable[[str], Path]


def told(root: Path, *participants: str) -> list[dict[str, Any]]:
    """All events of some participants, in the order in which they were written."""
    home = Home(root)
    paths = [home.lineage(item) for item in participants or EVERYBODY]
    return [json.loads(line) for path in paths if path.exists() for line in path.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def network(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(stages.closed, tmp_path_factory.mktemp("lineage") / "home")


# The facets of the format by their key in an event, and the class that its Python package has for each.
STANDARD = {
    "documentation": facet_v2.documentation_dataset.DocumentationDatasetFacet,
    "ownership": facet_v2.ownership_dataset.OwnershipDatasetFacet,
    "schema": facet_v2.schema_dataset.SchemaDatasetFacet,
    "version": facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet,
    "dataQualityMetrics": facet_v2.data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet,
    "dataQualityAssertions": facet_v2.data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet,
    "outputStatistics": facet_v2.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
    "errorMessage": facet_v2.error_message_run.ErrorMessageRunFacet,
    "symlinks": facet_v2.symlinks_dataset.SymlinksDatasetFacet,
}
JOB = {
    "documentation": facet_v2.documentation_job.DocumentationJobFacet,
    "ownership": facet_v2.ownership_job.OwnershipJobFacet,
    "jobType": facet_v2.job_type_job.JobTypeJobFacet,
}
OWN = re.compile(r"urn:spiegelnet:facets:[a-z]+:[0-9]+")


def require_facets(facets: dict[str, Any], known: dict[str, Any]) -> None:
    for name, content in facets.items():
        assert content["_producer"] == "urn:spiegelnet"
        if name not in known:
            assert name.startswith("spiegelnet_")
            assert OWN.fullmatch(content["_schemaURL"])
            continue
        fields = {key: value for key, value in content.items() if not key.startswith("_")}
        made = known[name](**fields, producer=content["_producer"])
        assert Serde.to_dict(made)["_schemaURL"] == content["_schemaURL"]


def require_valid(event: dict[str, Any]) -> None:
    """An event can be made of the format's own classes, and comes out the same."""
    made = event_v2.RunEvent(
        eventTime=event["eventTime"],
        producer=event["producer"],
        eventType=event_v2.RunState[event["eventType"]],
        run=event_v2.Run(**event["run"]),
        job=event_v2.Job(**event["job"]),
        inputs=[event_v2.InputDataset(**item) for item in event["inputs"]],
        outputs=[event_v2.OutputDataset(**item) for item in event["outputs"]],
    )
    assert json.loads(Serde.to_json(made)) == event
    require_facets(event["run"]["facets"], STANDARD)
    require_facets(event["job"]["facets"], JOB)
    for item in (*event["inputs"], *event["outputs"]):
        require_facets(item["facets"], STANDARD)
        require_facets({**item.get("inputFacets", {}), **item.get("outputFacets", {})}, STANDARD)


def test_every_event_is_one_of_the_format(network: Path) -> None:
    events = told(network)
    assert len(events) > 30
    for event in events:
        require_valid(event)


def test_every_run_starts_and_then_ends_once(network: Path) -> None:
    runs: dict[str, list[str]] = {}
    for event in told(network):
        runs.setdefault(event["run"]["runId"], []).append(event["eventType"])
    assert set(map(tuple, runs.values())) == {("START", "COMPLETE")}
    jobs = {event["job"]["name"] for event in told(network)}
    assert jobs >= {
        f"{TOWN}.send",
        f"{TOWN}.collect",
        f"{TOWN}.month",
        "hub.collect",
        "hub.benchmark",
        "es-stroom.send",
    }


def facet(item: dict[str, Any], name: str) -> Any:
    return item["facets"][name]


def producers(events: list[dict[str, Any]], dataset: str) -> Iterator[dict[str, Any]]:
    for event in events:
        if any(item["name"] == dataset for item in event["outputs"]):
            yield event


def followed_back(events: list[dict[str, Any]], dataset: str) -> set[str]:
    """Return the source datasets behind a dataset.

    A topic holds parcels of many senders: of those who wrote to it, only the senders of the deliveries that its reader
    took from it are followed.
    """
    found: set[str] = set()
    seen: set[tuple[str, str]] = set()
    ahead: list[tuple[str, set[str]]] = [(dataset, set())]
    while ahead:
        name, wanted = ahead.pop()
        if "/sources/" in name:
            found.add(name)
            continue
        for event in producers(events, name):
            owner = event["job"]["name"].split(".")[0]
            if (name.startswith("topics/") and owner not in wanted) or (name, event["run"]["runId"]) in seen:
                continue
            seen.add((name, event["run"]["runId"]))
            for item in event["inputs"]:
                taken = item["facets"].get("spiegelnet_deliveries", {}).get("deliveries", [])
                ahead.append((item["name"], {each["sender"] for each in taken}))
    return found


def test_a_figure_is_followed_back_to_the_files_that_it_rests_on(network: Path) -> None:
    figures = published(network, "hub")["benchmark.figures"]
    row = figures.filter(indicator="signals_per_1000_households", municipality=TOWN).row(0, named=True)
    assert row["status"] == "published"
    events = told(network)
    # the figure is in the hub's table; of that, its municipality's observations came by the hub's topic
    (made,) = producers(events, "hub/published/benchmark.figures")
    assert "hub/private/events.indicator_observation" in [item["name"] for item in made["inputs"]]
    (collected,) = producers(events, "hub/private/events.indicator_observation")
    (topic,) = collected["inputs"]
    assert topic["name"] == "topics/parcels.hub"
    assert TOWN in {item["sender"] for item in facet(topic, "spiegelnet_deliveries")["deliveries"]}
    (released,) = [item for item in producers(events, "topics/parcels.hub") if item["job"]["name"] == f"{TOWN}.month"]
    assert f"{TOWN}/published/published.cells" in [item["name"] for item in released["outputs"]]
    arrears = f"{TOWN}/private/events.payment_arrears"
    assert arrears in [item["name"] for item in released["inputs"]]
    (taken,) = producers(events, arrears)
    (from_topic,) = taken["inputs"]
    deliveries = {
        (item["sender"], item["delivery"]): item["rows"]
        for item in facet(from_topic, "spiegelnet_deliveries")["deliveries"]
        if item["eventType"] == "payment_arrears"
    }
    files = {
        (event["job"]["name"].split(".")[0], item["name"].rpartition("/")[2])
        for event in producers(events, f"topics/parcels.{TOWN}")
        for item in event["inputs"]
    }
    assert set(deliveries) <= files
    # the same as the senders' own journals and the store say
    stored = stored_events(network, TOWN, "payment_arrears")
    assert {
        (sender, delivery.hex()) for sender, delivery in stored.select("sent_by", "in_delivery").iter_rows()
    } == set(deliveries)
    for sender, delivery in deliveries:
        with closing(sqlite3.connect(Home(network).participant(sender).journal)) as journal:
            rows = journal.execute(
                "SELECT receiver, event_type FROM deliveries WHERE delivery_id = ?", (bytes.fromhex(delivery),)
            ).fetchall()
        assert rows == [(TOWN, "payment_arrears")]


def test_of_the_steps_of_a_month_each_tells_of_what_it_wrote_itself(at_stage: AtStage) -> None:
    root = at_stage("received")
    for step in (steps.close, steps.release, steps.report):
        step(root, TOWN, BACK[-1:])
    by_job = {item["job"]["name"]: item for item in told(root, TOWN) if item["eventType"] == "COMPLETE"}
    wrote = {name: {item["name"] for item in event["outputs"]} for name, event in by_job.items()}
    assert wrote[f"{TOWN}.close"] == set()
    assert wrote[f"{TOWN}.release"] == {
        f"{TOWN}/published/published.cells",
        f"{TOWN}/published/published.quality",
        f"{TOWN}/private/node.releases",
    }
    assert wrote[f"{TOWN}.report"] == {"topics/parcels.hub"}
    arrears = f"{TOWN}/private/events.payment_arrears"
    for name in ("release", "report"):
        assert arrears in {item["name"] for item in by_job[f"{TOWN}.{name}"]["inputs"]}
        require_valid(by_job[f"{TOWN}.{name}"])


def test_the_graph_leads_from_cells_to_source_files_and_nowhere_else(network: Path) -> None:
    sources = followed_back(told(network), f"{TOWN}/published/published.cells")
    assert {name.split("/")[0] for name in sources} == {*PARTNERS, "cbs", TOWN}
    assert all(re.fullmatch(r"[a-z0-9-]+/sources/[a-z_]+/[0-9a-f]{32}", name) for name in sources)


def test_events_say_how_many_and_of_which_quality(network: Path) -> None:
    (collected,) = [
        event for event in told(network, TOWN) if event["job"]["name"] == f"{TOWN}.collect" and event["inputs"]
    ]
    (read,) = collected["inputs"]
    intake = next(item for item in collected["outputs"] if item["name"].endswith("node.intake"))
    counts = facet(intake, "spiegelnet_counts")["counts"]
    assert read["inputFacets"]["dataQualityMetrics"]["rowCount"] == sum(counts.values())
    assert intake["outputFacets"]["outputStatistics"]["rowCount"] == sum(counts.values())
    arrears = next(item for item in collected["outputs"] if item["name"].endswith("payment_arrears"))
    contract = Network.open(network).registry.get("payment_arrears").contract
    assert facet(arrears, "documentation")["description"] == contract.purpose
    assert [owner["name"] for owner in facet(arrears, "ownership")["owners"]] == [
        f"organisation:{TOWN}",
        f"team:{contract.owner}",
    ]
    assert {item["name"] for item in facet(arrears, "schema")["fields"]} >= {"address", "amount_eur", "signalled_on"}
    month = next(event for event in told(network, TOWN) if event["job"]["name"] == f"{TOWN}.month" and event["inputs"])
    assert all(facet(item, "version")["datasetVersion"].isdecimal() for item in month["inputs"])


def test_no_file_name_and_no_path_is_told(network: Path) -> None:
    text = json.dumps(told(network))
    names = [path.name for item in EVERYBODY for path in Home(network).participant(item).sources.glob("*")]
    assert len(names) > 10
    assert not [name for name in names if name in text]
    assert str(network) not in text


def test_others_cannot_read_the_files(network: Path) -> None:
    for item in EVERYBODY:
        path = Home(network).lineage(item)
        assert path.stat().st_mode & 0o077 == 0
        assert path.parent.stat().st_mode & 0o077 == 0


def test_a_run_with_nothing_to_do_leaves_nothing(at_stage: AtStage) -> None:
    root = at_stage("received")
    tasks.receive(root, TOWN)  # its own receipts
    before = len(told(root, TOWN))
    tasks.receive(root, TOWN)
    assert len(told(root, TOWN)) == before


def test_a_run_that_fails_says_why_without_values(at_stage: AtStage) -> None:
    root = at_stage("received")
    today = Network.open(root).today()
    with pytest.raises(Retryable):
        tasks.month(root, TOWN, (today.strftime("%Y-%m"),), today)
    started, failed = told(root, TOWN)[-2:]
    assert (started["eventType"], failed["eventType"]) == ("START", "FAIL")
    require_valid(failed)
    assert "has not ended" in failed["run"]["facets"]["errorMessage"]["message"]
    assert failed["run"]["facets"]["spiegelnet_period"]["period"] == today.strftime("%Y-%m")


@contextmanager
def collector(answer: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A collector of lineage that keeps what it gets and answers with a status."""
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append({"path": self.path, **json.loads(body)})
            self.send_response(answer)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def with_url(root: Path, url: str) -> Path:
    with (root / "spiegelnet.toml").open("a", encoding="utf-8") as file:
        file.write(f'[lineage]\nurl = "{url}"\n')
    return root


def test_a_collector_that_is_named_gets_the_same_events(at_stage: AtStage) -> None:
    with collector(201) as (url, got):
        root = with_url(at_stage("received"), url)
        before = len(told(root, TOWN))
        tasks.month(root, TOWN, BACK, AFTER)
        written = told(root, TOWN)[before:]
    assert [{key: value for key, value in item.items() if key != "path"} for item in got] == written
    assert {item["path"] for item in got} == {"/api/v1/lineage"}
    assert [item["eventType"] for item in got] == ["START", "COMPLETE"]


@pytest.mark.parametrize("kind", ["refuses", "is away", "never answers"])
def test_a_collector_that_does_not_take_them_is_no_matter_of_the_task(kind: str, at_stage: AtStage) -> None:
    with collector(500) as (url, _), socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        urls = {"refuses": url, "is away": "http://127.0.0.1:1", "never answers": f"http://127.0.0.1:{port}"}
        root = with_url(at_stage("received"), urls[kind])
        before = len(told(root, TOWN))
        assert tasks.month(root, TOWN, BACK, AFTER).periods == list(BACK)
        assert len(told(root, TOWN)) == before + 2


def test_a_folder_that_cannot_be_written_is_no_matter_of_the_task(at_stage: AtStage) -> None:
    root = at_stage("received")
    Home(root).lineage(TOWN).unlink()
    Home(root).lineage(TOWN).mkdir()
    assert tasks.month(root, TOWN, BACK, AFTER).periods == list(BACK)
