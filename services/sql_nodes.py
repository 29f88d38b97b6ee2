"""Nodes at Trino: users, rules, the catalogs on what they publish, and the views of regions; and how each stands there.

Trino reads what a municipality publishes where that is: on this machine, where its keys are here too, or else where
`[sql.nodes.<id>]` in spiegelnet.toml says.
"""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from services.access import Access, OperatorAccess
from services.directory import HUB
from services.errors import Fatal, NotAllowed, Retryable, SpiegelnetError
from services.federation.access import HUB_WRITER, OPERATOR, PARTICIPANT
from services.federation.catalogs import (
    Properties,
    changed_regions,
    ensure_catalogs,
    ensure_region_views,
    present_catalogs,
    published_catalog,
    require_readable,
    withdraw_catalog,
)
from services.federation.trino_client import TrinoUser, when_files_are_read
from services.federation.trino_files import TrinoFiles
from services.network import Network
from services.published import ensure_published

_CONNECTIONS = 2
"""Of a catalog to its database. One that comes back within seconds has the old ones, ended when it went: each fails."""


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


@dataclass(frozen=True)
class SqlChanges:
    """What became another at Trino.

    Attributes:
        users: that were new, or had another password.
        catalogs: made, or made anew.
        views: made anew or dropped.
    """

    users: list[str]
    catalogs: list[str]
    views: list[str]


def states(network: Network) -> list[NodeState]:
    """Return how everybody of the directory stands at Trino, in alphabetical order."""
    users = set(TrinoFiles.of(network.home).users.users(PARTICIPANT))
    present = present_catalogs(operator_of(network)) if network.settings.sql.server else set()
    return [
        NodeState(item.id, item.kind, item.province, item.id in users, item.id if item.id in present else None)
        for _, item in sorted(network.directory.participants.items())
    ]


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


def publishing(network: Network, ids: Iterable[str]) -> list[str]:
    """Return participants with a published warehouse: municipalities and the hub."""
    return [item for item in ids if item == HUB or item in network.directory.municipalities]


def has_server_of_its_own(network: Network, participant: str) -> bool:
    """Say whether the settings name another database server and folder than the hub's for what one publishes."""
    return participant in network.settings.sql.nodes


def is_reached(network: Network, participant: str) -> bool:
    """Say whether it is known where Trino finds what a participant publishes."""
    return has_server_of_its_own(network, participant) or network.home.participant(participant).keys.exists()


def published_place(network: Network, participant: str) -> tuple[str, Path]:
    """Return the database server of a published warehouse and its participant's folder, as Trino reaches them."""
    node = network.settings.sql.nodes.get(participant)
    if node:
        return node.catalog_server, node.warehouse.parent
    return network.settings.catalog.server or "", network.home.participant(participant).root.absolute()


def require_reached(network: Network, participants: Iterable[str]) -> None:
    """Check that it is known where Trino finds what these publish, before anything is made for them.

    Raises:
        NotAllowed: of a municipality it is not; a catalog made here would be empty and stay so.
        Fatal: the settings name a node that is no municipality of the directory.
    """
    strangers = sorted(set(network.settings.sql.nodes) - set(network.directory.municipalities))
    if strangers:
        raise Fatal(
            f"There is no municipality {strangers[0]} in the directory.",
            f"spiegelnet.toml has a section [sql.nodes.{strangers[0]}].",
            "Mend the section's name, or take it out.",
        )
    unknown = [item for item in participants if not is_reached(network, item)]
    if unknown:
        raise NotAllowed(
            f"Where Trino finds what {', '.join(unknown)} publishes is not known.",
            "Its keys are not on this machine, so it publishes on another one; a catalog on this one would stay empty.",
            f"Write catalog_server and warehouse under [sql.nodes.{unknown[0]}] in spiegelnet.toml, "
            "see docs/operations.md.",
        )


def add_to_trino(network: Network, access: Mapping[str, Access]) -> SqlChanges:
    """Let participants in, and give those whose published warehouse Trino reaches a catalog and a place in their view.

    Raises:
        Retryable: Trino is away, or cannot read what a node with a server of its own publishes; then that node has no
            catalog.
        NotAllowed, Fatal: as `services.node.add_participants`.
    """
    files, user = TrinoFiles.of(network.home), operator_of(network)
    added = [item for item in publishing(network, access) if is_reached(network, item)]
    nodes = _nodes(network, present_catalogs(user) | set(added))
    _ensure_tables(network, {*added, *_read_by_new_views(network, user, nodes)})
    files.set_nodes(nodes)
    users = files.users.add_many(PARTICIPANT, {item: own.sql for item, own in access.items()})
    made, unread = _make_catalogs(network, user, files, added)
    views = _make_views(network, user)
    if unread:  # the others go on without it
        raise unread[0]
    return SqlChanges(users, made, views)


def remove_from_trino(network: Network, participant: str) -> SqlChanges:
    """Let a participant in no longer, and take its catalog out, its region's view first.

    Raises:
        Retryable, NotAllowed, Fatal: as `add_to_trino`.
    """
    files, user = TrinoFiles.of(network.home), operator_of(network)
    files.users.remove(participant)
    files.set_nodes(_nodes(network, present_catalogs(user) - {participant}))
    views = _make_views(network, user, without=participant)
    withdraw_catalog(user, participant)
    return SqlChanges([], [participant], views)


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


def _ensure_tables(network: Network, participants: Iterable[str]) -> None:
    """Bring published tables to what they are to be, of those that publish at the hub's own server."""
    for item in sorted(participants):
        if not has_server_of_its_own(network, item) and network.home.participant(item).access.exists():
            ensure_published(network, item)


def _catalogs(network: Network, participant: str) -> dict[str, Properties]:
    """Return the catalogs on a participant's published warehouse by name: its own, and the operator's on the hub's."""
    server, folder = published_place(network, participant)
    catalogs = {participant: published_catalog(server, participant, folder)}
    if participant == HUB:
        catalogs[HUB_WRITER] = published_catalog(server, participant, folder, writable=True)
    return catalogs


def _make_catalogs(
    network: Network, user: TrinoUser, files: TrinoFiles, participants: Iterable[str]
) -> tuple[list[str], list[Retryable]]:
    """Make the catalogs of participants; return those made, and an error for each node that Trino cannot read."""
    wanted = {item: _catalogs(network, item) for item in participants}
    apart = [item for item in wanted if has_server_of_its_own(network, item)]
    together = {name: kept for item, own in wanted.items() if item not in apart for name, kept in own.items()}
    made, unread = ensure_catalogs(user, together, files.catalogs), []
    for item in apart:
        try:
            new = ensure_catalogs(user, wanted[item], files.catalogs)
            if new:
                when_files_are_read(partial(require_readable, user, item))
            made += new
        except SpiegelnetError as error:
            withdraw_catalog(user, item)
            unread.append(_not_read(network, item, error))
    return made, unread


def _not_read(network: Network, node: str, error: SpiegelnetError) -> Retryable:
    server, folder = published_place(network, node)
    return Retryable(
        f"Trino cannot read what {node} publishes, so it has no catalog.",
        f"From Trino's machine the server {server} or the folder {folder / 'published'} is not reached, the role "
        f"trino has another password there, or the tables are not made yet. {error.why}",
        f"Mend [sql.nodes.{node}] in spiegelnet.toml or the node, and run `spiegelnet node add {node}` again.",
    )


def _make_views(network: Network, user: TrinoUser, without: str | None = None) -> list[str]:
    """Make the view of each region over the nodes that have a catalog now."""
    present = present_catalogs(user)
    if HUB_WRITER not in present:
        return []
    regions = _regions(network, _nodes(network, present - {without}))
    for _ in range(_CONNECTIONS):
        with suppress(Retryable):
            return when_files_are_read(lambda: ensure_region_views(user, regions))
    return when_files_are_read(lambda: ensure_region_views(user, regions))
