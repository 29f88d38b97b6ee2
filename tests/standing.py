"""What `status` says of a store, compared with the store itself, which is read as a whole for that."""

from collections import Counter
from pathlib import Path

import polars as pl

from services.network import Network
from services.quarantine import open_events
from services.receiving.collecting import open_node
from services.status.standing import up_to_date
from services.store.accounts import conservation, refused_parcels
from services.store.standing import VERDICTS

COUNTS = ("parcels", "opened", *VERDICTS)


def require_same_as_the_store(root: Path, participant: str) -> None:
    """Bring the standing up to date, and compare every number of it."""
    network = Network.open(root)
    standing, node = up_to_date(network, participant), open_node(network, participant)
    whole = conservation(node).group_by("sender").agg(pl.col(COUNTS).sum(), pl.col("balanced").all()).sort("sender")
    assert standing.senders() == whole.to_dicts()
    fates = refused_parcels(node)
    assert standing.refused() == {
        fate: (part["parcels"].sum(), part["received_on"].max().isoformat()) for (fate,), part in fates.group_by("fate")
    }
    stopped = open_events(node)
    keys = ["sender", "delivery_id", "event_type", "verdict", "rule"]
    expected = {
        (sender, delivery.hex(), *rest): (events, since.isoformat())
        for sender, delivery, *rest, events, since in stopped.group_by(keys)
        .agg(pl.len(), pl.col("received_on").min().alias("since"))
        .iter_rows()
    }
    told = {
        (group.sender, group.delivery, group.event_type, group.verdict, group.rule): (group.events, group.since)
        for group in standing.stopped()
    }
    assert told == expected
    assert {group.ref for group in standing.stopped()} <= set(stopped["ref"])
    latest = node.intake()[1].latest
    rules = latest.filter(pl.col("verdict").is_in(["quarantined", "held"])).select("sender", "verdict", "rule").rows()
    assert {tuple(row[:3]): row[3] for row in standing.rules()} == Counter(rules)
