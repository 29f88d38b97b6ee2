"""Receipts: a receiver tells each sender what became of each delivery, in counts, never in values."""

import hashlib

import polars as pl

from services.network import Network
from services.receiving.collecting import open_node
from services.receiving.naming import NAMED
from services.sending.enqueueing import enqueue_once
from services.sending.sender import Sender
from services.store.accounts import receipts

EVENT_TYPE = "receipt"


def send_receipts(network: Network, sender: Sender) -> int:
    """Put a receipt for every ended delivery into the outbox; one that was sent with the same counts is not sent again.

    Deliveries of statements and shares are not answered: only what comes from a source can be mended there. What takes
    back an event of a source is.

    Args:
        network: the network.
        sender: the receiver of the deliveries, who now sends.

    Returns:
        The number of parcels.
    """
    node = open_node(network, sender.id)
    from_sources = [name for name in network.registry.names() if network.registry.get(name).contract.origin == "source"]
    ended = receipts(node).filter(pl.col("event_type").is_in([*from_sources, *NAMED]))
    frame = ended.with_columns(
        pl.col("quarantined").cast(pl.List(pl.Struct({"rule": pl.String, "events": pl.Int64}))),
        pl.lit(network.today()).alias("issued_on"),
        sender.event_ids(EVENT_TYPE, EVENT_TYPE, ended["key"]).alias("event_id"),
    )
    with sender.outbox.together():
        return sum(_put_once(sender, part) for part in frame.iter_slices(1))


def _put_once(sender: Sender, receipt: pl.DataFrame) -> int:
    """Seal one receipt as a parcel of its own: the outbox then knows in the same transaction that it was sent."""
    to, key = str(receipt["sender"][0]), str(receipt["key"][0])
    source = hashlib.sha256(f"{EVENT_TYPE}|{key}".encode()).digest()
    return enqueue_once(sender, EVENT_TYPE, to, receipt, source)
