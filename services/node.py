"""Participants at the servers of the network: made known to broker, databases and Trino, and withdrawn again.

What the network has no server for is left out; on one machine without servers there is nothing to do. Everything here
may be done again: what is there already stays, and costs little.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from services.access import Access, OperatorAccess
from services.directory import HUB
from services.errors import NotAllowed
from services.federation.access import HUB_WRITER, OPERATOR, PARTICIPANT
from services.federation.catalogs import (
    Properties,
    changed_regions,
    ensure_catalogs,
    ensure_region_views,
    present_catalogs,
    published_catalog,
    withdraw_catalog,
)
from services.federation.trino_client import TrinoUser, when_files_are_read
from services.federation.trino_files import TrinoFiles
from services.federation.users import write_text
from services.keyservice import callers
from services.network import Network
from services.published import ensure_published

Step = Callable[[str], None]


@dataclass
class NodeReport:
    """What was done.

    Attributes:
        participants: who is known at the servers now.
        users: of them, those that were new to Trino or had another password there.
        catalogs: made, or made anew.
        views: made anew or dropped.
    """

    participants: list[str]
    users: list[str] = field(default_factory=list)
    catalogs: list[str] = field(default_factory=list)
    views: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class NodeState:
    """How a participant stands at Trino.

    Attributes:
        participant: its id.
        kind: as in the directory.
        region: of a municipality.
        user: whether it may log in.
        catalog: name of the catalog on its published warehouse; None when it has none.
    """

    participant: str
    kind: str
    region: str | None
    user: bool
    catalog: str | None


def add_everybody(network: Network, at: Step = lambda _: None) -> NodeReport:
    """Make everybody of the directory known at the servers, those left out who were withdrawn."""
    gone = withdrawn(network)
    return add_participants(network, [item for item in sorted(network.directory.participants) if item not in gone], at)


def add_participants(network: Network, ids: Sequence[str], at: Step = lambda _: None) -> NodeReport:
    """Make participants known at the servers: topic and rights, databases, user, catalog, views of their regions.

    Args:
        network: the network; the operator's passwords are on this machine.
        ids: of the directory; their `access.json` is on this machine.
        at: told what is done next.

    Raises:
        Fatal: one is not in the directory, or a server is another one.
        NotAllowed: passwords are not on this machine.
        Retryable: a server is away.
    """
    participants = [network.directory.get(item).id for item in ids]
    report = NodeReport(participants)
    if not _has_servers(network):
        return report
    operator = OperatorAccess.load(network.home.operator)
    access = {item: Access.load(network.home.participant(item).access) for item in participants}
    _write_withdrawn(network, withdrawn(network) - set(participants))
    if network.settings.key_services.a:
        callers.add(network.home, access.values())
    if network.settings.broker.kind == "kafka" and network.settings.broker.server:
        at("broker")
        _add_to_broker(network.settings.broker.server, operator, network, access.values())
    if network.settings.catalog.kind == "postgresql" and network.settings.catalog.server:
        at("databases")
        _add_to_databases(network.settings.catalog.server, operator, access.values(), _publishing(network, access))
    if network.settings.sql.server and network.settings.catalog.server:
        at("sql")
        _add_to_trino(network, access, report)
    return report


def remove_participant(network: Network, participant: str) -> NodeReport:
    """Withdraw a participant: its catalog, its users and rights go; its topic, tables and files stay as they are.

    It stays in the directory. Queries that run on its catalog end well.

    Raises:
        Fatal, NotAllowed, Retryable: as `add_participants`.
    """
    network.directory.get(participant)
    if participant == HUB:
        raise NotAllowed("The hub cannot be withdrawn.", "Every region view and benchmark is in its catalog.")
    report = NodeReport([participant])
    if not _has_servers(network):
        return report
    operator = OperatorAccess.load(network.home.operator)
    _write_withdrawn(network, withdrawn(network) | {participant})
    if network.settings.key_services.a:
        callers.remove(network.home, [participant])
    if network.settings.broker.kind == "kafka" and network.settings.broker.server:
        from services.broker.admin import KafkaAdmin  # noqa: PLC0415 - a slow import

        with KafkaAdmin(network.settings.broker.server, operator.broker, network.home.ca) as admin:
            admin.remove_participant(participant)
    if network.settings.sql.server and network.settings.catalog.server:
        _remove_from_trino(network, participant, report)
    if network.settings.catalog.kind == "postgresql" and network.settings.catalog.server:
        from services.store.database import withdraw_participant  # noqa: PLC0415 - a slow import

        withdraw_participant(network.settings.catalog.server, operator, participant)
    return report


def states(network: Network) -> list[NodeState]:
    """Return how everybody of the directory stands at Trino, in alphabetical order."""
    files = TrinoFiles.of(network.home)
    users = set(files.users.users(PARTICIPANT))
    present = present_catalogs(operator_of(network)) if network.settings.sql.server else set()
    return [
        NodeState(item.id, item.kind, item.province, item.id in users, item.id if item.id in present else None)
        for _, item in sorted(network.directory.participants.items())
    ]


def withdrawn(network: Network) -> set[str]:
    """Return participants that were withdrawn from the servers and not added again."""
    path = network.home.servers / "withdrawn"
    return set(path.read_text("utf-8").split()) if path.exists() else set()


def operator_of(network: Network) -> TrinoUser:
    """Return the operator as a user of Trino.

    Raises:
        NotAllowed: the network has no Trino, or its operator's passwords are not on this machine.
    """
    if network.settings.sql.server is None:
        raise NotAllowed(
            "This network has no Trino.", "[sql] server in spiegelnet.toml is empty.", "Ask with --engine duckdb."
        )
    password = OperatorAccess.load(network.home.operator).sql
    return TrinoUser(network.settings.sql.server, OPERATOR, password, network.home.ca)


def _has_servers(network: Network) -> bool:
    settings = network.settings
    kinds = settings.broker.kind == "kafka" or settings.catalog.kind == "postgresql"
    return bool(kinds or settings.sql.server or settings.key_services.a)


def _write_withdrawn(network: Network, ids: set[str]) -> None:
    write_text(network.home.servers / "withdrawn", "".join(f"{item}\n" for item in sorted(ids)))


def _add_to_broker(server: str, operator: OperatorAccess, network: Network, access: Iterable[Access]) -> None:
    from services.broker.admin import KafkaAdmin  # noqa: PLC0415 - a slow import

    with KafkaAdmin(server, operator.broker, network.home.ca) as admin:
        admin.add_participants({item.participant: item.broker for item in access})


def _add_to_databases(
    server: str, operator: OperatorAccess, access: Collection[Access], publishing: Collection[str]
) -> None:
    from services.store.database import add_participants as add_databases  # noqa: PLC0415 - a slow import

    add_databases(server, operator, access, publishing)


def _add_to_trino(network: Network, access: dict[str, Access], report: NodeReport) -> None:
    files, user = TrinoFiles.of(network.home), operator_of(network)
    publishing = _publishing(network, access)
    wanted = {name: properties for item in publishing for name, properties in _catalogs(network, item).items()}
    nodes = _nodes(network, present_catalogs(user) | set(publishing))
    for item in sorted({*publishing, *_read_by_new_views(network, user, nodes)}):
        if item in access or network.home.participant(item).access.exists():
            ensure_published(network, item)
    files.set_nodes(nodes)
    report.users = files.users.add_many(PARTICIPANT, {item: own.sql for item, own in access.items()})
    report.catalogs = ensure_catalogs(user, wanted, files.catalogs)
    report.views = _make_views(network, user)


def _remove_from_trino(network: Network, participant: str, report: NodeReport) -> None:
    files, user = TrinoFiles.of(network.home), operator_of(network)
    files.users.remove(participant)
    files.set_nodes(_nodes(network, present_catalogs(user) - {participant}))
    report.views = _make_views(network, user, without=participant)
    withdraw_catalog(user, participant)
    report.catalogs = [participant]


def _publishing(network: Network, ids: Iterable[str]) -> list[str]:
    """Participants with a published warehouse: municipalities and the hub."""
    return [item for item in ids if item == HUB or item in network.directory.municipalities]


def _nodes(network: Network, catalogs: Iterable[str]) -> list[str]:
    """Catalogs that are a municipality's own."""
    return sorted(set(network.directory.municipalities) & set(catalogs))


def _regions(network: Network, nodes: Collection[str]) -> dict[str, list[str]]:
    """Of the nodes, those of each region."""
    return {
        region: [item for item in members if item in nodes] for region, members in network.directory.regions.items()
    }


def _read_by_new_views(network: Network, user: TrinoUser, nodes: Collection[str]) -> list[str]:
    """Nodes of the regions whose view will be made: Trino looks at the tables of all of them then."""
    regions = _regions(network, nodes)
    return [item for region in changed_regions(user, regions) for item in regions[region]]


def _catalogs(network: Network, participant: str) -> dict[str, Properties]:
    """Return the catalogs on a participant's published warehouse by name: its own, and the operator's on the hub's."""
    server, folder = network.settings.catalog.server or "", network.home.participant(participant).root
    catalogs = {participant: published_catalog(server, participant, folder)}
    if participant == HUB:
        catalogs[HUB_WRITER] = published_catalog(server, participant, folder, writable=True)
    return catalogs


def _make_views(network: Network, user: TrinoUser, without: str | None = None) -> list[str]:
    """Make the view of each region over the nodes that have a catalog now."""
    present = present_catalogs(user)
    if HUB_WRITER not in present:
        return []
    regions = _regions(network, _nodes(network, present - {without}))
    return when_files_are_read(lambda: ensure_region_views(user, regions))
