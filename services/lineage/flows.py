"""What each kind of task read and wrote, taken from its report."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from services.directory import HUB
from services.federation.tables import HUB_TABLES, NODE_TABLES
from services.hub import BenchmarkReport
from services.lineage.datasets import Dataset, Flow, private, published, source, topic
from services.month import COUNTED, POPULATION, STATEMENT, MonthReport
from services.network import Network
from services.receiving.collecting import CollectReport
from services.sending.delivery import FileReport
from services.store.events import table_name
from services.store.intake import ACCEPTED, TABLE
from services.stories.published import PATTERNS_OF_NODE

FROM_NODES = ("indicator_observation", "population_reference", "regional_share", "story_pattern")
"""Event types of which the hub makes its benchmark."""


def of_send(network: Network, participant: str, files: Sequence[FileReport], stated: bool) -> Flow:  # noqa: FBT001
    """A sender's run: from source files to the topics of receivers.

    Args:
        network: the network.
        participant: the sender.
        files: one report per file.
        stated: whether delivery statements were made too.
    """
    new = [item for item in files if not item.sent_before]
    sources = [
        Dataset(
            source(participant, item.connector, delivery_id),
            f"What an export of {item.connector} brought {receiver}: events of {event_type}.",
            owners=_owners(participant, network.registry.get(event_type).contract.owner),
            rows=rows,
            fields=_columns(network, event_type),
            stopped=dict(item.refused),
        )
        for item in new
        for (delivery_id, receiver, event_type), rows in sorted(item.deliveries.items())
    ]
    rows_to = Counter[str]()
    for item in new:
        for (_, receiver, _), rows in item.deliveries.items():
            rows_to[receiver] += rows
    receivers = set(rows_to) | set(network.directory.get(participant).serves if stated else ())
    return Flow(sources, [_topic(network, item, rows_to.get(item)) for item in sorted(receivers)])


def of_collect(network: Network, report: CollectReport) -> Flow:
    """A receiver's run: from its topic to intake and the typed tables."""
    me = report.participant
    rows = report.deliveries.total()
    by_delivery, by_type = Counter[tuple[str, str, str]](), Counter[str]()
    for (sender, delivery_id, event_type, verdict), events in report.deliveries.items():
        by_delivery[sender, delivery_id.hex(), event_type] += events
        by_type[event_type] += events if verdict == ACCEPTED else 0
    deliveries = [(*key, events) for key, events in sorted(by_delivery.items())]
    read = _topic(network, me, rows, stopped=dict(report.rules), deliveries=deliveries)
    intake = Dataset(
        private(me, TABLE), "Every event that arrived, with its verdict.", (_organisation(me),), rows,
        counts=dict(report.verdicts), deliveries=deliveries,
    )  # fmt: skip
    typed = [_typed(network, me, name, events) for name, events in sorted(by_type.items()) if events]
    return Flow([read], [intake, *typed])


def of_month(network: Network, report: MonthReport) -> Flow:
    """A municipality's run of all steps: from its events to published cells, its release log and the hub."""
    return Flow(_counted(network, report), [*_released(report), _topic(network, HUB, None)])


def of_release(network: Network, report: MonthReport) -> Flow:
    """A municipality's release alone: from its events to published cells and its release log."""
    return Flow(_counted(network, report), _released(report))


def of_report(network: Network, report: MonthReport) -> Flow:
    """A municipality's report alone: from the events that were counted to the hub."""
    return Flow(_counted(network, report), [_topic(network, HUB, None)])


def _counted(network: Network, report: MonthReport) -> list[Dataset]:
    return [
        _typed(network, report.municipality, name, None, version=str(report.snapshots[table_name(name)]))
        for name in (*COUNTED, POPULATION, STATEMENT)
        if table_name(name) in report.snapshots
    ]


def _released(report: MonthReport) -> list[Dataset]:
    me = report.municipality
    statuses = Counter[str]()
    for (_, status), cells in report.statuses.items():
        statuses[status] += cells
    owner = (_organisation(me),)
    released = Dataset(
        published(me, "published.cells"), "Cells that passed disclosure control.", owner, statuses.total(),
        _named(NODE_TABLES["published.cells"]), counts=dict(statuses),
    )  # fmt: skip
    quality = Dataset(
        published(me, "published.quality"), "What each sender delivered, protected.", owner,
        fields=_named(NODE_TABLES["published.quality"]),
    )  # fmt: skip
    releases = Dataset(private(me, "node.releases"), "The record of what was released.", owner, len(report.periods))
    made = [released, quality, releases]
    if report.patterns:
        made.append(
            Dataset(
                published(me, PATTERNS_OF_NODE), "Counts of stories that passed disclosure control.", owner,
                report.patterns.total(), _named(NODE_TABLES[PATTERNS_OF_NODE]), counts=dict(report.patterns),
            )
        )  # fmt: skip
    return made


def of_benchmark(network: Network, report: BenchmarkReport) -> Flow:
    """The hub's run: from what the nodes released and open data to figures."""
    read = [_typed(network, HUB, name, None) for name in FROM_NODES]
    rows: Mapping[str, int | None] = {
        "benchmark.figures": report.figures.total(),
        "benchmark.peers": report.peers,
        "benchmark.indicators": None,
        "benchmark.patterns": report.patterns,
        "benchmark.periods": len(report.periods),
        "network.cells": report.cells,
    }
    statuses = Counter[str]()
    for (_, status), figures in report.figures.items():
        statuses[status] += figures
    made = [
        Dataset(
            published(HUB, name), "Published by the hub.", (_organisation(HUB),), number, _named(HUB_TABLES[name]),
            counts=dict(statuses) if name == "benchmark.figures" else {},
        )
        for name, number in rows.items()
    ]  # fmt: skip
    return Flow(read, made)


def _topic(
    network: Network,
    receiver: str,
    rows: int | None,
    *,
    stopped: Mapping[str, int] | None = None,
    deliveries: Sequence[tuple[str, str, str, int]] = (),
) -> Dataset:
    server = network.settings.broker.server
    also = [(f"kafka://{server}", f"parcels.{receiver}", "TOPIC")] if network.settings.broker.kind == "kafka" else []
    return Dataset(
        topic(receiver), f"Sealed parcels for {receiver}; only it can open them.", (_organisation(receiver),), rows,
        stopped=stopped or {}, deliveries=deliveries, also=also,
    )  # fmt: skip


def _typed(
    network: Network, participant: str, event_type: str, rows: int | None, version: str | None = None
) -> Dataset:
    contract = network.registry.get(event_type).contract
    return Dataset(
        private(participant, table_name(event_type)), contract.purpose, _owners(participant, contract.owner), rows,
        _columns(network, event_type), version,
    )  # fmt: skip


def _organisation(participant: str) -> str:
    return f"organisation:{participant}"


def _owners(participant: str, team: str) -> tuple[str, str]:
    """The organisation, and the team that the contract names."""
    return _organisation(participant), f"team:{team}"


def _named(columns: Mapping[str, str]) -> list[tuple[str, str, str]]:
    return [(name, kind, "") for name, kind in columns.items()]


def _columns(network: Network, event_type: str) -> list[tuple[str, str, str]]:
    """Name, type and meaning of an event's fields."""
    known = network.registry.get(event_type)
    types = dict(zip(known.arrow_schema.names, map(str, known.arrow_schema.types), strict=True))
    fields: Iterable[Mapping[str, str]] = known.schema["fields"]
    return [(field["name"], types[field["name"]], field.get("doc", "")) for field in fields]
