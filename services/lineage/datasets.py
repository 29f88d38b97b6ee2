"""What lineage is about: datasets with what is known of them, and their names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

NAMESPACE = "spiegelnet"
"""Of all jobs and datasets: names hold whose they are, so the events of all participants make one graph."""


@dataclass(frozen=True)
class Dataset:
    """A dataset as a run read or wrote it.

    Attributes:
        name: unique in the network.
        description: what it is, in a sentence.
        owners: who answers for it.
        rows: read or written by this run.
        fields: name, type and description of its columns.
        version: of the table, the id of its snapshot.
        counts: verdicts, statuses or reasons with how many rows had them.
        stopped: rules that stopped rows, with how many.
        deliveries: of which deliveries the rows came: sender, delivery id (hex), event type, rows.
        also: further names of the same thing elsewhere, as (namespace, name, type).
    """

    name: str
    description: str = ""
    owners: Sequence[str] = ()
    rows: int | None = None
    fields: Sequence[tuple[str, str, str]] = ()
    version: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    stopped: Mapping[str, int] = field(default_factory=dict)
    deliveries: Sequence[tuple[str, str, str, int]] = ()
    also: Sequence[tuple[str, str, str]] = ()


@dataclass(frozen=True)
class Flow:
    """What one run read and what it wrote."""

    inputs: Sequence[Dataset]
    outputs: Sequence[Dataset]


def source(participant: str, connector: str, delivery_id: bytes) -> str:
    """Name what a source file brought one receiver."""
    return f"{participant}/sources/{connector}/{delivery_id.hex()}"


def topic(receiver: str) -> str:
    """Name the topic on which a receiver's parcels wait."""
    return f"topics/parcels.{receiver}"


def private(participant: str, table: str) -> str:
    """Name a table of a private warehouse."""
    return f"{participant}/private/{table}"


def published(participant: str, table: str) -> str:
    """Name a table of a published warehouse."""
    return f"{participant}/published/{table}"
