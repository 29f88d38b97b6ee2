"""Our datasets as OpenLineage has them: run events with facets, by the format's own classes."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import attr
from openlineage.client import event_v2 as ol
from openlineage.client import facet_v2 as facets
from openlineage.client.serde import Serde
from openlineage.client.transport.http import HttpConfig, HttpTransport

from services.errors import SpiegelnetError
from services.lineage.datasets import Dataset, Flow

PRODUCER = "urn:spiegelnet"
"""Who made the events and the facets of our own."""
_JOBS = {
    "send": "Reads exports, makes pseudonyms of addresses, seals events and hands them to the broker.",
    "collect": "Verifies, opens, decodes and judges what waits on the topic, and stores it with its verdict.",
    "month": "Closes months: counts, protects and publishes cells, and sends them to the hub.",
    "close": "Writes down what months rest on.",
    "release": "Counts closed months, protects the counts and publishes cells.",
    "report": "Sends released cells to the hub.",
    "benchmark": "Compares the released cells of all municipalities with those of their peers.",
}


@dataclass(frozen=True)
class About:
    """What all events of one run have in common."""

    run_id: str
    namespace: str
    participant: str
    task: str
    period: str | None
    epoch: str


@attr.define
class CountsFacet(facets.DatasetFacet):
    """How many rows had which verdict, status or reason."""

    counts: dict[str, int] = attr.field(factory=dict)

    @staticmethod
    def _get_schema() -> str:
        return "urn:spiegelnet:facets:counts:1"


@attr.define
class DeliveriesFacet(facets.DatasetFacet):
    """Of which deliveries the rows came, and how many of each."""

    deliveries: list[dict[str, Any]] = attr.field(factory=list)

    @staticmethod
    def _get_schema() -> str:
        return "urn:spiegelnet:facets:deliveries:1"


@attr.define
class PeriodFacet(facets.RunFacet):
    """Which months the run is about."""

    period: str = attr.field(default="")

    @staticmethod
    def _get_schema() -> str:
        return "urn:spiegelnet:facets:period:1"


def run_event(about: About, state: str, at: dt.datetime, flow: Flow | None, error: SpiegelnetError | None) -> Any:
    """Return one event of a run.

    Args:
        about: the run.
        state: `START`, `COMPLETE` or `FAIL`.
        at: when, UTC.
        flow: what it read and wrote.
        error: why it failed.
    """
    run: dict[str, Any] = {}
    if about.period:
        run["spiegelnet_period"] = PeriodFacet(period=about.period, producer=PRODUCER)
    if error:
        text = " ".join(part for part in (error.what, error.why) if part)
        run["errorMessage"] = facets.error_message_run.ErrorMessageRunFacet(text, "python", producer=PRODUCER)
    return ol.RunEvent(
        eventTime=at.isoformat(),
        producer=PRODUCER,
        eventType=ol.RunState[state],
        run=ol.Run(about.run_id, run),
        job=ol.Job(about.namespace, f"{about.participant}.{about.task}", _job_facets(about)),
        inputs=[_input(about.namespace, item) for item in flow.inputs] if flow else [],
        outputs=[_output(about.namespace, item) for item in flow.outputs] if flow else [],
    )


def to_json(event: Any) -> str:
    """Return an event as one line of JSON."""
    text: str = Serde.to_json(event)
    return text


def send(url: str, event: Any, seconds: float) -> None:
    """Send an event to a collector of lineage, trying once."""
    transport = HttpTransport(HttpConfig(url=url, timeout=seconds, retry={"total": 0}))
    try:
        transport.emit(event)
    finally:
        transport.close()


def _job_facets(about: About) -> dict[str, Any]:
    owner = facets.ownership_job.Owner(f"organisation:{about.participant}", "OWNER")
    made = {
        "jobType": facets.job_type_job.JobTypeJobFacet("BATCH", "SPIEGELNET", "TASK", producer=PRODUCER),
        "ownership": facets.ownership_job.OwnershipJobFacet([owner], producer=PRODUCER),
    }
    if about.task in _JOBS:
        made["documentation"] = facets.documentation_job.DocumentationJobFacet(_JOBS[about.task], producer=PRODUCER)
    return made


def _input(namespace: str, item: Dataset) -> Any:
    own: dict[str, Any] = {}
    if item.rows is not None:
        own["dataQualityMetrics"] = facets.data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet(
            columnMetrics={}, rowCount=item.rows, producer=PRODUCER
        )
    if item.stopped:
        own["dataQualityAssertions"] = facets.data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(
            _assertions(item.stopped), producer=PRODUCER
        )
    return ol.InputDataset(namespace, item.name, own, facets=_facets(item))


def _output(namespace: str, item: Dataset) -> Any:
    own: dict[str, Any] = {}
    if item.rows is not None:
        own["outputStatistics"] = facets.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
            rowCount=item.rows, producer=PRODUCER
        )
    return ol.OutputDataset(namespace, item.name, own, facets=_facets(item))


def _assertions(stopped: Mapping[str, int]) -> list[Any]:
    """A rule that stopped rows is an assertion that did not hold for so many of them."""
    kind = facets.data_quality_assertions_dataset.Assertion
    return [kind(rule, success=False, expected="0", actual=str(rows)) for rule, rows in sorted(stopped.items())]


def _facets(item: Dataset) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if item.description:
        made["documentation"] = facets.documentation_dataset.DocumentationDatasetFacet(
            item.description, producer=PRODUCER
        )
    if item.owners:
        owners = [facets.ownership_dataset.Owner(name, "OWNER") for name in item.owners]
        made["ownership"] = facets.ownership_dataset.OwnershipDatasetFacet(owners, producer=PRODUCER)
    if item.fields:
        made["schema"] = facets.schema_dataset.SchemaDatasetFacet(_columns(item.fields), producer=PRODUCER)
    if item.version:
        made["version"] = facets.dataset_version_dataset.DatasetVersionDatasetFacet(item.version, producer=PRODUCER)
    if item.counts:
        made["spiegelnet_counts"] = CountsFacet(counts=dict(item.counts), producer=PRODUCER)
    if item.deliveries:
        names = ("sender", "delivery", "eventType", "rows")
        rows = [dict(zip(names, delivery, strict=True)) for delivery in item.deliveries]
        made["spiegelnet_deliveries"] = DeliveriesFacet(deliveries=rows, producer=PRODUCER)
    if item.also:
        known = [facets.symlinks_dataset.Identifier(*name) for name in item.also]
        made["symlinks"] = facets.symlinks_dataset.SymlinksDatasetFacet(known, producer=PRODUCER)
    return made


def _columns(fields: Sequence[tuple[str, str, str]]) -> list[Any]:
    kind = facets.schema_dataset.SchemaDatasetFacetFields
    return [kind(name, type_, description or None) for name, type_, description in fields]
