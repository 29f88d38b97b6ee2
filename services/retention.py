"""What may be kept no longer is removed: a contract says for how many days after its receipt an event is kept.

At the receiver: rows of `intake`, sealed payloads included, and of the typed tables, in their newest snapshot and in
all that closes keep. What is known of their parcels becomes numbers per sender and day, so that all accounts stay as
they are. Closes older than that are let go of: their release log and published cells stand. At the sender: text of
refused rows, hashes of what was sent, addresses that were used more than 13 months ago, and pseudonyms of past years
that no rollover needs any more. It can be ended anywhere and run again.
"""

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial

import polars as pl

from services.basis import closes_table
from services.network import Network
from services.registry import Registry
from services.sending.forgetting import forget_sent
from services.sending.journal import Journal
from services.sending.outbox import Outbox
from services.sending.pseudonym_cache import PseudonymCache
from services.sending.pseudonyms import KINDS
from services.sending.used_addresses import first_month
from services.store.accounts import stored_parcels
from services.store.events import project, table_name
from services.store.intake import TABLE, note_trimmed, open_intake, types_of
from services.store.node import NodeStore
from services.store.snapshots import scan
from services.store.tables import load_table
from services.store.trimming import drop_kept, trim
from services.stories.forgetting import parcels_taken_back

At = Callable[[str], None]
_VERDICTS = ("accepted", "quarantined", "held", "duplicate")


@dataclass
class Removed:
    """What was removed at one participant, in numbers.

    Attributes:
        events: by event type.
        snapshots: kept snapshots that lost events.
        closes: names of closes that are kept no longer.
        refused: rows refused at the source.
        sent: records of parcels that were sent.
        used: notes of addresses that were used, last more than 13 months ago.
        pseudonyms: cached batches of pseudonyms.
    """

    events: Counter[str] = field(default_factory=Counter)
    snapshots: int = 0
    closes: list[str] = field(default_factory=list)
    refused: int = 0
    sent: int = 0
    used: int = 0
    pseudonyms: int = 0


def retention_days(registry: Registry) -> Mapping[str, int]:
    """Return by event type for how many days it is kept; the newest version of its contract counts."""
    newest = {name: max(version for known, version in registry.types if known == name) for name in registry.names()}
    return {name: registry.get(name, version).contract.retention_days for name, version in newest.items()}


def kept_from(registry: Registry, today: dt.date) -> Mapping[str, dt.date]:
    """Return by event type the first day of receipt of which events are kept on `today`."""
    return {name: today - dt.timedelta(days=days) for name, days in retention_days(registry).items()}


def days_of_closes(registry: Registry) -> int:
    """Return for how many days a close is kept: as long as any event from a source, none longer."""
    days = retention_days(registry)
    return min(days[name] for name in days if registry.get(name).contract.origin == "source")


def remove_expired(
    network: Network, participant: str, node: NodeStore, today: dt.date, at: At = lambda _: None
) -> Removed:
    """Remove at one participant what may be kept no longer.

    Args:
        network: the network.
        participant: whose.
        node: its store.
        today: the day.
        at: called with the name of each step before it, for tests that end the process there.

    Raises:
        Retryable: another process stored something at this moment, or the catalog is away.
    """
    removed = Removed()
    _let_go_of_closes(network.registry, node, today, removed, at)
    remove_events(network.registry, node, today, removed, at)
    _clear_sender(network, participant, today, removed, at)
    return removed


def remove_events(
    registry: Registry, node: NodeStore, today: dt.date, removed: Removed, at: At = lambda _: None
) -> None:
    """Remove the events of a store that may be kept no longer: too old ones, and words of quotes that were taken back.

    Their parcels are marked first, and counted as removed last, so that the accounts are right at each moment.

    Args:
        registry: contracts.
        node: the store.
        today: the day.
        removed: what was removed is added to it.
        at: called with the name of each step before it, for tests that end the process there.

    Raises:
        Retryable: another process stored something at this moment.
    """
    project(node.catalog, registry, at, catch_up=True)
    first = kept_from(registry, today)
    back = parcels_taken_back(node.catalog, registry)
    kept_since = pl.col("event_type").replace_strict(first, default=dt.date.min, return_dtype=pl.Date)
    expired = (pl.col("received_on") < kept_since) | pl.col("parcel_id").is_in(back)
    removed.events += _mark(node, expired, at)
    at("trim intake")
    table = open_intake(node.catalog)
    trimmed = trim(table, expired, types_of, partial(note_trimmed, table))
    removed.snapshots += trimmed.kept
    for name, day in first.items():
        typed = load_table(node.catalog, table_name(name))
        if typed is not None:
            at("trim typed")
            expired = (pl.col("received_on") < day) | pl.col("in_parcel").is_in(back)
            removed.snapshots += trim(typed, expired).kept
    at("count expired")
    node.parcels.end_expiry()


def _mark(node: NodeStore, expired: pl.Expr, at: At) -> Counter[str]:
    """Mark the parcels whose events are to be removed; return how many events these are, by type."""
    table, ledger = node.intake()
    parcels = stored_parcels(node, table).filter(expired)
    if parcels.is_empty():
        return Counter()
    counts = [(pl.col("verdict") == verdict).sum().cast(pl.Int64).alias(verdict) for verdict in _VERDICTS]
    by_parcel = ledger.latest.group_by("parcel_id").agg(counts)
    marked = node.parcels.expiring().select("parcel_id")
    # of a run that ended halfway, those whose events are gone keep the numbers that they were marked with
    new = parcels.join(marked, on="parcel_id", how="anti").join(by_parcel, on="parcel_id", how="left")
    again = parcels.join(marked, on="parcel_id", how="semi").join(by_parcel, on="parcel_id")
    due = pl.concat([new.with_columns(pl.col(_VERDICTS).fill_null(0)), again])
    at("mark expiring")
    node.parcels.begin_expiry(due)
    return Counter(dict(due.group_by("event_type").agg(pl.sum_horizontal(_VERDICTS).sum()).iter_rows()))


def _let_go_of_closes(registry: Registry, node: NodeStore, today: dt.date, removed: Removed, at: At) -> None:
    """Keep the snapshots of younger closes only; what an older one rested on cannot be read any more."""
    before = today - dt.timedelta(days=days_of_closes(registry))
    closes = scan(closes_table(node.catalog)).filter(pl.col("closed_on") >= before).select("snapshots").collect()
    needed = [json.loads(kept) for kept in closes["snapshots"]]
    names: set[str] = set()
    for identifier in (TABLE, *map(table_name, registry.names())):
        table = load_table(node.catalog, identifier)
        if table is not None:
            at("let go of closes")
            names |= {*drop_kept(table, {kept[identifier] for kept in needed if identifier in kept}, before)}
    removed.closes = sorted(names)


def _clear_sender(network: Network, participant: str, today: dt.date, removed: Removed, at: At) -> None:
    home, keys = network.home.participant(participant), network.keys(participant)
    days = retention_days(network.registry)
    at("clear sender")
    with closing(Journal(home.journal, lambda raw: raw)) as journal:
        removed.refused = journal.forget_refused(kept_from(network.registry, today), today)
    longest = max((days[name] for name in network.directory.get(participant).may_send), default=0)
    removed.sent = forget_sent(home.outbox, today, today - dt.timedelta(days=longest))
    needed = {(receiver, str(today.year)) for receiver in network.directory.participants}
    if home.outbox.exists():
        with Outbox(home.outbox) as outbox:
            used = outbox.used(keys.cache)
            removed.used = used.forget(first_month(today))
            needed |= {(item.receiver, item.called) for item in used.due(str(today.year), first_month(today))}
    with PseudonymCache(home.pseudonyms, keys.cache) as cache:
        present = [cache.scope(*place, kind) for place in needed for kind in KINDS]
        removed.pseudonyms = cache.keep_only(present)
