"""An epoch change: receivers learn by which pseudonyms of the new epoch the addresses of the last 13 months go.

What is due stands in the outbox until the transaction that seals the pairs: a rollover that was ended anywhere goes on
with the receivers that were not told yet, and one that is run again finds nothing to do. Pseudonyms are asked in
batches that are kept one by one, see `services.sending.pseudonyms`.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import polars as pl

from services.errors import Fatal, NotAllowed
from services.households import ROLLOVER
from services.sending.enqueueing import enqueue_once
from services.sending.pseudonyms import outer_pseudonyms
from services.sending.sender import Sender
from services.sending.used_addresses import Due, first_month

_FIRST_EPOCH = "2000"


@dataclass
class RolledOver:
    """What an epoch change brought.

    Attributes:
        participant: the sender.
        epoch: the new epoch.
        addresses: pairs of pseudonyms by receiver.
        parcels: put into the outbox.
    """

    participant: str
    epoch: str
    addresses: Counter[str] = field(default_factory=Counter)
    parcels: int = 0


def suppose_sent(sender: Sender, epoch: str) -> None:
    """Let the next rollover take all addresses that were used for known by the pseudonyms of an earlier epoch.

    For when what was sent then is not known any more, since the outbox was lost. A pair of which the receiver has no
    event changes nothing.

    Raises:
        Fatal: there is no such earlier epoch.
    """
    if not (epoch.isdecimal() and _FIRST_EPOCH <= epoch < sender.epoch):
        raise Fatal(
            f"{epoch} is not an epoch before {sender.epoch}.",
            "An epoch is a calendar year.",
            "Name the year in which the addresses were sent.",
        )
    sender.used.suppose_sent(epoch)


def roll_over(
    sender: Sender,
    progress: Callable[[int, int], None] = lambda _done, _due: None,
    room: Callable[[], None] = lambda: None,
) -> RolledOver:
    """Put pairs of pseudonyms into the outbox for every receiver that knows addresses by those of an earlier epoch.

    Args:
        sender: whose addresses.
        progress: called with (addresses done, addresses due).
        room: called before anything is sealed for a receiver; raises when the outbox is to take no more.

    Raises:
        NotAllowed: something is due, and the directory does not let this sender roll over.
        Retryable: a key service is away, and not all pseudonyms are known; or see `room`.
        Fatal: the outbox is damaged, or a key service gives wrong answers.
    """
    report = RolledOver(sender.id, sender.epoch)
    due = sender.used.due(sender.epoch, first_month(sender.today))
    if due:
        _require_right(sender)
    every, done = sum(len(item.addresses) for item in due), 0
    for receiver, parts in groupby(due, lambda item: item.receiver):
        room()
        told = list(parts)
        size = sum(len(item.addresses) for item in told)
        frame = pl.concat([_pairs(sender, item, _shifted(progress, done, every)) for item in told])
        done += size
        report.parcels += _seal(sender, receiver, frame, [number for item in told for number in item.numbers])
        report.addresses[receiver] += frame.height
        progress(done, every)
    return report


def _shifted(progress: Callable[[int, int], None], done: int, every: int) -> Callable[[int, int], None]:
    return lambda asked, _: progress(done + asked, every)


def _seal(sender: Sender, receiver: str, frame: pl.DataFrame, numbers: Sequence[int]) -> int:
    """Seal the pairs, and note that the receiver was told: both or neither."""
    said = json.dumps([ROLLOVER, receiver, sender.epoch, [each.hex() for each in frame["event_id"]]])
    with sender.outbox.together():
        parcels = enqueue_once(sender, ROLLOVER, receiver, frame, hashlib.sha256(said.encode()).digest())
        sender.at("carry")
        sender.used.carry(numbers, sender.epoch)
    return parcels


def _pairs(sender: Sender, due: Due, progress: Callable[[int, int], None]) -> pl.DataFrame:
    """Return the events of one receiver and earlier epoch, one per address."""

    def named(epoch: str, told: Callable[[int, int], None] | None) -> pl.Series:
        services = sender.key_services
        return outer_pseudonyms(services, sender.cache, due.receiver, epoch, "address", due.addresses, told)

    old, new = named(due.called, None), named(sender.epoch, progress)
    keys = pl.Series([f"{due.receiver}|{due.called}|{sender.epoch}|{each.hex()}" for each in old], dtype=pl.String)
    columns: Mapping[str, pl.Series] = {
        "event_id": sender.event_ids(ROLLOVER, ROLLOVER, keys),
        "old_address": old,
        "new_address": new,
    }
    epochs = {"old_epoch": due.called, "new_epoch": sender.epoch}
    return pl.DataFrame(columns).with_columns(pl.lit(epoch).alias(name) for name, epoch in epochs.items())


def _require_right(sender: Sender) -> None:
    if ROLLOVER not in sender.participant.may_send:
        raise NotAllowed(
            f"The directory does not let {sender.id} say that pseudonyms changed.",
            f"It was made before there was {ROLLOVER}; without it a household of last year counts as another one.",
            "Where the directory is made, run `spiegelnet init` again and give everybody directory.json.",
        )
