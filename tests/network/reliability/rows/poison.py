"""One parcel in a hundred is poison: it is counted and left, and the others' delay stays what it was.

A receiver collects without end. Good parcels come at an even pace, in blocks of which every second one has a poisoned
parcel in it, so that both kinds of blocks meet the same machine.
"""

import datetime as dt
import os
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import numpy as np
import polars as pl

from services import tasks
from services.broker import Broker
from services.broker.kafka_connection import Connection
from services.errors import Retryable
from services.network import Network
from services.receiving.collecting import open_node
from services.sending.enqueueing import enqueue_once
from services.sending.sender import Sender, open_sender
from services.store.parcels import OPENED
from tests.network.raw_batches import RawWriter
from tests.network.reliability.children import DONE, start
from tests.network.reliability.events import AMOUNTS, FIRST_DAY, SIGNALLED
from tests.network.reliability.outcome import Outcome, Row
from tests.network.reliability.poisons import POISONS, ROGUE, Poison
from tests.network.reliability.real import real
from tests.network.reliability.site import EVENT_TYPE, Place, Site, chance

PER_BLOCK = 100
PER_SECOND = 20
BLOCKS = 20
EVENTS_EACH = 10
MOST_SLOWER = 1.5
STOP = "stop-receiving"


def run(site: Site, seed: int) -> Outcome:
    """Send blocks with and without poison to a receiver that never stops, and compare delays."""
    return _run(site, seed, BLOCKS, PER_BLOCK, timed=True)


def run_small(site: Site, seed: int) -> Outcome:
    """The same with few parcels, but each kind of poison; nothing is said of delays."""
    return _run(site, seed, 2 * len(POISONS), 4, timed=False)


def _run(site: Site, seed: int, blocks: int, per_block: int, *, timed: bool) -> Outcome:
    place, random = site.fresh(1, 2), chance(seed)
    network = Network.open(site.root)
    with open_sender(network, place.sender) as sender:
        _seal(place, sender, blocks * per_block)
        receiver = start(follow, site.root, place.town)
        with network.broker(place.sender) as broker, _rogue(network, place) as poison:
            pour = _Pour(place, sender, broker, poison, random)
            for block in range(blocks):
                pour.block(per_block, poisoned=block % 2 == 1)
    _await(place, pour.poured)
    (site.root / STOP).touch()
    ending = receiver.ending()
    (site.root / STOP).unlink()
    found = place.check()
    wrong = [*found.wrong, *_refusals(place, pour.poisoned)]
    if ending.how != DONE:
        wrong.append(f"receiving {ending.fault}")
    facts = _delays(ending.result or [], pour) if timed else {}
    if facts.get("p99 ratio", 0) > MOST_SLOWER:
        wrong.append(f"the others' p99 delay was {facts['p99 ratio']:.2f} times that without poison")
    return Outcome(found.lost, found.twice, pour.poisoned.total(), tuple(wrong), facts)


def follow(root: Path, town: str, *, at: Callable[[str], None]) -> list[tuple[float, int]]:
    """Collect until a file says stop; return when which offset had become queryable."""
    node = open_node(Network.open(root), town)
    reached: list[tuple[float, int]] = []

    def note(step: str) -> None:
        at(step)
        if step == "typed appended":
            place = node.position()
            reached.append((time.time(), place.next_offset if place else 0))

    while not (root / STOP).exists():
        try:
            tasks.receive(root, town, at=note)
        except Retryable:
            time.sleep(0.1)
        time.sleep(0.05)
    return reached


def _seal(place: Place, sender: Sender, parcels: int) -> None:
    """Put good parcels into the outbox, some events in each."""
    numbers = place.ledger.take([place.town], parcels * EVENTS_EACH)[place.town]
    with sender.outbox.together():
        for first in range(0, len(numbers), EVENTS_EACH):
            frame = _frame(place, sender, numbers[first : first + EVENTS_EACH])
            enqueue_once(sender, EVENT_TYPE, place.town, frame, secrets.token_bytes(32))


def _frame(place: Place, sender: Sender, numbers: list[int]) -> pl.DataFrame:
    keys = pl.Series([f"EN-{number}" for number in numbers])
    constants = {
        "municipality": place.town,
        "district": f"wk{place.town[2:]}01",
        "partner_type": "energy",
        "signalled_on": SIGNALLED,
        "reported_by": "partner",
        "crisis": False,
        "warm_handover": False,
    }
    return pl.DataFrame(
        {
            "event_id": sender.event_ids(EVENT_TYPE, "energy_supplier", keys),
            "address": [os.urandom(32) for _ in numbers],
            "amount_eur": pl.Series([1 + number % AMOUNTS for number in numbers], dtype=pl.Int32),
            "arisen_on": [FIRST_DAY + dt.timedelta(days=number // AMOUNTS) for number in numbers],
        }
    ).with_columns(
        pl.lit(None, pl.String).alias("signal_status"),
        *(pl.lit(value).alias(name) for name, value in constants.items()),
    )


_Append = Callable[[Poison, str, bytes], None]
"""Appends poison of one kind to a topic."""


class _Pour:
    """Appends good parcels at an even pace, and poison between them.

    Attributes:
        poured: messages on the topic.
        poisoned: by the fate that the receiver should note.
        sent: per good parcel its offset, when it was sent, and whether its block has poison.
    """

    def __init__(self, place: Place, sender: Sender, broker: Broker, poison: _Append, random: Random) -> None:
        self.place, self.sender, self.broker, self.poison, self.random = place, sender, broker, poison, random
        self.topic = f"parcels.{place.town}"
        self.poured = 0
        self.poisoned: Counter[str] = Counter()
        self.sent: list[tuple[int, float, bool]] = []

    def block(self, parcels: int, *, poisoned: bool) -> None:
        """Append one block."""
        waiting = self.sender.outbox.pending(parcels)
        poison_at = self.random.randrange(parcels // 2) if poisoned else -1
        began = time.monotonic()
        for number, item in enumerate(waiting):
            time.sleep(max(0.0, began + number / PER_SECOND - time.monotonic()))
            if number == poison_at:
                self._poison(item.value)
            moment = time.time()
            self.broker.append(self.topic, item.key, item.value)
            self.sent.append((self.poured, moment, poisoned))
            self.poured += 1
        self.sender.outbox.mark_sent([item.parcel_id for item in waiting])

    def _poison(self, good: bytes) -> None:
        kind = POISONS[self.poisoned.total() % len(POISONS)]
        self.poison(kind, self.topic, kind.make(self.place, good, self.random))
        self.poisoned[kind.fate] += 1
        self.poured += 1


@contextmanager
def _rogue(network: Network, place: Place) -> Iterator[_Append]:
    """Give the way by which the rogue sender appends."""
    rogue = place.senders[ROGUE]
    server = f"localhost:{real(place.site).broker_line.port}"
    connection = Connection(server, rogue, network.access(rogue).broker, network.home.ca)
    with network.broker(rogue) as broker, RawWriter(connection) as writer:

        def append(kind: Poison, topic: str, value: bytes) -> None:
            if kind.raw:
                writer.append(topic, value)
            else:
                broker.append(topic, secrets.token_bytes(16), value)

        yield append


def _await(place: Place, messages: int, patience: float = 120.0) -> None:
    """Wait until the receiver has read so many messages."""
    node, deadline = open_node(Network.open(place.site.root), place.town), time.monotonic() + patience
    while time.monotonic() < deadline:
        reached = node.position()
        if reached and reached.next_offset >= messages:
            return
        time.sleep(0.2)


def _refusals(place: Place, poisoned: Counter[str]) -> list[str]:
    """Each poisoned parcel must be counted by the reason that fits it, and no other."""
    fates = open_node(Network.open(place.site.root), place.town).parcels.fates()
    refused = Counter(fates.filter(pl.col("fate") != OPENED)["fate"])
    return [] if refused == poisoned else [f"refused {dict(refused)}, poisoned {dict(poisoned)}"]


def _delays(reached: list[tuple[float, int]], pour: _Pour) -> dict[str, float]:
    """Seconds from append to queryable row: the 99th percentile in blocks with and without poison."""
    moments, offsets = np.array([item[0] for item in reached]), np.array([item[1] for item in reached])
    found: dict[bool, list[float]] = {True: [], False: []}
    for offset, moment, poisoned in pour.sent:
        found[poisoned].append(float(moments[offsets.searchsorted(offset, side="right")]) - moment)
    clean, beside = (float(np.percentile(found[key], 99)) for key in (False, True))
    return {"p99 without (s)": clean, "p99 with (s)": beside, "p99 ratio": beside / clean}


ROW = Row(
    "poison",
    "poison parcels, 1 in 100",
    f"0 lost, 0 twice; the others' p99 delay at most {MOST_SLOWER} times",
    10,
    run,
    BLOCKS * PER_BLOCK * EVENTS_EACH,
    real_only=True,
)
