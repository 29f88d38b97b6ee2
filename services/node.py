"""Participants at the servers of the network: made known to broker, databases and Trino, and withdrawn again.

What the network has no server for is left out; on one machine without servers there is nothing to do. Everything here
may be done again: what is there already stays, and costs little.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from services.access import Access, OperatorAccess
from services.directory import HUB
from services.errors import NotAllowed
from services.federation.users import write_text
from services.keyservice import callers
from services.network import Network
from services.sql_nodes import (
    add_to_trino,
    has_server_of_its_own,
    is_reached,
    publishing,
    remove_from_trino,
    require_reached,
)

Step = Callable[[str], None]


@dataclass
class NodeReport:
    """What was done.

    Attributes:
        participants: who is known at the servers now.
        users: of them, those that were new to Trino or had another password there.
        catalogs: made, or made anew.
        views: made anew or dropped.
        servers: whether the network has any; without them nothing was done.
        unread: municipalities without a catalog, since it is not known where Trino finds what they publish.
    """

    participants: list[str]
    users: list[str] = field(default_factory=list)
    catalogs: list[str] = field(default_factory=list)
    views: list[str] = field(default_factory=list)
    servers: bool = True
    unread: list[str] = field(default_factory=list)


def add_everybody(network: Network, at: Step = lambda _: None) -> NodeReport:
    """Make everybody of the directory known at the servers, those left out who were withdrawn.

    A municipality of which it is not known where Trino finds what it publishes gets no catalog, and is named as unread.
    """
    gone = withdrawn(network)
    return _add(network, [item for item in sorted(network.directory.participants) if item not in gone], at)


def add_participants(network: Network, ids: Sequence[str], at: Step = lambda _: None) -> NodeReport:
    """Make participants known at the servers: topic and rights, databases, user, catalog, views of their regions.

    Args:
        network: the network; the operator's passwords are on this machine.
        ids: of the directory; their `access.json` is on this machine.
        at: told what is done next.

    Raises:
        Fatal: one is not in the directory, or a server is another one.
        NotAllowed: passwords are not on this machine, or it is not known where Trino finds what one publishes.
        Retryable: a server is away.
    """
    participants = [network.directory.get(item).id for item in ids]
    if network.settings.sql.server:
        require_reached(network, publishing(network, participants))
    return _add(network, participants, at)


def _add(network: Network, participants: Sequence[str], at: Step) -> NodeReport:
    settings, report = network.settings, NodeReport(list(participants), servers=_has_servers(network))
    if not report.servers:
        return report
    operator = OperatorAccess.load(network.home.operator)
    access = {item: Access.load(network.home.participant(item).access) for item in participants}
    _write_withdrawn(network, withdrawn(network) - set(participants))
    if settings.key_services.a:
        callers.add(network.home, access.values())
    if settings.broker.kind == "kafka" and settings.broker.server:
        at("broker")
        _add_to_broker(settings.broker.server, operator, network, access.values())
    if settings.catalog.kind == "postgresql" and settings.catalog.server:
        at("databases")
        here = [own for item, own in access.items() if not has_server_of_its_own(network, item)]
        _add_to_databases(settings.catalog.server, operator, here, publishing(network, access))
    if settings.sql.server and settings.catalog.server:
        at("sql")
        report.unread = [item for item in publishing(network, access) if not is_reached(network, item)]
        changes = add_to_trino(network, access)
        report.users, report.catalogs, report.views = changes.users, changes.catalogs, changes.views
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
    report = NodeReport([participant], servers=_has_servers(network))
    if not report.servers:
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
        changes = remove_from_trino(network, participant)
        report.catalogs, report.views = changes.catalogs, changes.views
    if network.settings.catalog.kind == "postgresql" and network.settings.catalog.server:
        from services.store.database import withdraw_participant  # noqa: PLC0415 - a slow import

        withdraw_participant(network.settings.catalog.server, operator, participant)
    return report


def withdrawn(network: Network) -> set[str]:
    """Return participants that were withdrawn from the servers and not added again."""
    path = network.home.servers / "withdrawn"
    return set(path.read_text("utf-8").split()) if path.exists() else set()


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
    server: str, operator: OperatorAccess, access: Collection[Access], published: Collection[str]
) -> None:
    from services.store.database import add_participants as add_databases  # noqa: PLC0415 - a slow import

    add_databases(server, operator, access, published)
