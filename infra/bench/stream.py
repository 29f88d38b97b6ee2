"""Sending and receiving on one process, beside two baselines in the same log.

Sending is what follows the connector: pseudonyms from the cache, columns to Avro, sealing, the log. Receiving is what
comes before the store: the log, verifying, opening, strict decoding, the gate. Both go on batch by batch, as the
product does, so that memory does not grow with the number of events.
"""

import datetime as dt
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from connectors.base import BATCH_ROWS
from infra.bench.workload import (
    RECEIVER_ID,
    TOPIC,
    Clock,
    Pair,
    arrow_messages,
    made_up_arrears,
    open_arrow_messages,
    open_single_events,
    parcels,
    rate,
    single_events,
)
from services.avro.decode import decode_block
from services.broker import SqliteBroker
from services.config import Gate
from services.errors import Fatal
from services.gate.rows import gate
from services.keyservice import InProcessKeyService
from services.privacy import parcel
from services.privacy.keys import opening_keys
from services.receiving.collecting import READ_BYTES
from services.registry import EventType, load_registry
from services.sending.pseudonym_cache import PseudonymCache
from services.sending.pseudonyms import BATCH, outer_pseudonyms

HOUSEHOLDS: Final = 200_000
"""Addresses in the sender's cache, of which each batch has some."""
ARROW_TIMES: Final = 10
"""It is over before it has begun otherwise."""
EPOCH: Final = "2025"
KIND: Final = "address"


def stream(events: int, baseline_events: int) -> dict[str, float]:
    """Send and receive `events` as parcels, and some of them as both baselines.

    Args:
        events: how many.
        baseline_events: how many one by one, at most; as Arrow `ARROW_TIMES` as many.

    Returns:
        Events per second by name.
    """
    event_type, pair = load_registry().get("payment_arrears"), Pair.new()
    few = made_up_arrears(min(events, baseline_events))
    more = made_up_arrears(min(events, ARROW_TIMES * baseline_events))
    with tempfile.TemporaryDirectory() as folder, SqliteBroker(Path(folder) / "broker.sqlite") as broker:
        for topic in (TOPIC, "single", "arrow"):
            broker.create_topic(topic)
        figures = _send(broker, event_type, pair, events, Path(folder))
        figures |= _receive(broker, event_type, pair, events)
        return figures | {
            "baseline_send_events_per_s": rate(
                few.height, lambda: _append(broker, "single", single_events(event_type, few))
            ),
            "baseline_receive_events_per_s": rate(
                few.height, lambda: open_single_events(event_type, _values(broker, "single"))
            ),
            "arrow_send_events_per_s": rate(more.height, lambda: _append(broker, "arrow", arrow_messages(more))),
            "arrow_receive_events_per_s": rate(more.height, lambda: open_arrow_messages(_values(broker, "arrow"))),
        }


def new_pseudonyms(addresses: int) -> dict[str, float]:
    """Make pseudonyms of new addresses with both key services in this process, and return how many per second."""
    services = (InProcessKeyService("ks-a", os.urandom(32)), InProcessKeyService("ks-b", os.urandom(32)))
    with tempfile.TemporaryDirectory() as folder, PseudonymCache(Path(folder) / "c.sqlite", os.urandom(32)) as cache:
        made = rate(
            addresses,
            lambda: outer_pseudonyms(services, cache, RECEIVER_ID, EPOCH, KIND, households(range(addresses))),
        )
    return {"new_pseudonyms_per_s": made}


def households(numbers: Iterable[int]) -> pl.Series:
    """Return the identifiers of some households, as connectors make them."""
    return pl.Series([f"{1000 + number // 1000}AA|{number % 1000 + 1}|" for number in numbers], dtype=pl.String)


def fill(cache: PseudonymCache, known: pl.Series) -> None:
    """Put made-up pseudonyms of addresses into a cache, as if the key services had been asked before."""
    scope = cache.scope(RECEIVER_ID, EPOCH, KIND)
    for start in range(0, known.len(), BATCH):
        tags = cache.tags(scope, known.slice(start, BATCH)).to_list()
        cache.add(scope, tags, [os.urandom(32) for _ in tags])


def from_cache(cache: PseudonymCache, wanted: pl.Series) -> pl.Series:
    """Return pseudonyms that are all known, so that no key service is there to be asked."""
    services = (InProcessKeyService("ks-a", bytes(32)), InProcessKeyService("ks-b", bytes(32)))
    return outer_pseudonyms(services, cache, RECEIVER_ID, EPOCH, KIND, wanted, _refuse)


def _refuse(_: int, __: int) -> None:
    raise Fatal("A key service was asked for a pseudonym that was to be in the cache.")


def _send(broker: SqliteBroker, event_type: EventType, pair: Pair, events: int, folder: Path) -> dict[str, float]:
    known, chance = households(range(HOUSEHOLDS)), np.random.default_rng(2)
    looking_up, sealing = Clock(), Clock()
    with PseudonymCache(folder / "cache.sqlite", os.urandom(32)) as cache:
        fill(cache, known)
        for seed, start in enumerate(range(0, events, BATCH_ROWS)):
            frame = made_up_arrears(min(BATCH_ROWS, events - start), seed=seed)
            homes = known.gather(chance.integers(0, known.len(), frame.height))
            with looking_up:
                frame = frame.with_columns(from_cache(cache, homes).alias("address"))
            with sealing:
                _append(broker, TOPIC, parcels(event_type, frame, pair))
    return {
        "send_events_per_s": events / (looking_up.seconds + sealing.seconds),
        "cached_pseudonyms_per_s": events / looking_up.seconds,
    }


def _append(broker: SqliteBroker, topic: str, values: Iterable[bytes]) -> None:
    broker.append_many(topic, [(os.urandom(16), value) for value in values])


def _values(broker: SqliteBroker, topic: str) -> Iterator[bytes]:
    offset = 0
    while found := broker.read(topic, offset, max_bytes=READ_BYTES):
        yield from (message.value for message in found)
        offset = found[-1].offset + 1


def _receive(broker: SqliteBroker, event_type: EventType, pair: Pair, events: int) -> dict[str, float]:
    """Receive what was sent; the gate judges as many events together as it does in a node."""
    keys, rows = opening_keys(pair.receiver_keys), Gate().rows
    judge(event_type, made_up_arrears(100))  # the first run builds the suite
    opening, judging = Clock(), Clock()
    frames: list[pl.DataFrame] = []
    values = _values(broker, TOPIC)
    done = 0
    while done < events:
        with opening:
            value = next(values)
            parcel.verify(value, pair.sender_keys.public)
            inner, avro = parcel.open_parcel(value, RECEIVER_ID, keys)
            frames.append(decode_block(event_type, avro, inner.event_count)[0])
        done += frames[-1].height
        if done == events or sum(frame.height for frame in frames) >= rows:
            with judging:
                judge(event_type, pl.concat(frames))
            frames.clear()
    return {
        "receive_events_per_s": events / (opening.seconds + judging.seconds),
        "gate_events_per_s": events / judging.seconds,
    }


def judge(event_type: EventType, frame: pl.DataFrame) -> None:
    """Judge events by the row rules of their contract, all of which they keep.

    Raises:
        Fatal: they do not: rows that fail take other time.
    """
    context = frame.with_row_index("_row").with_columns(
        pl.col("_row").cast(pl.Int64),
        pl.lit(dt.date(2026, 1, 5)).alias("received_on"),
        pl.lit(RECEIVER_ID).alias("received_by"),
        pl.lit("es-bench").alias("sender"),
        pl.lit("energy_supplier").alias("sender_kind"),
    )
    judged = gate(event_type, context)
    if judged["rule"].count() or judged["error"].count():
        raise Fatal("The made-up events break a rule of their contract.", "Rows that fail take other time.")
