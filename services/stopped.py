"""A participant's stopped rows and events, opened from a network's home."""

from pathlib import Path

from services.network import Network
from services.receiving.collecting import open_node
from services.sending.journal import RefusedRow
from services.sending.sender import open_sender
from services.store.node import NodeStore


def refused_at_source(root: Path, participant: str) -> list[RefusedRow]:
    """Return rows of this participant's own exports that never became events and are not mended yet."""
    with open_sender(Network.open(root), participant) as sender:
        return sender.journal.refused_rows()


def node_of(root: Path, participant: str) -> NodeStore:
    """Open a participant's store."""
    network = Network.open(root)
    network.directory.get(participant)
    return open_node(network, participant)
