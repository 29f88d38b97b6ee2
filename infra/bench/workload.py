"""What the measurements share: made-up events, parcels of them, and a clock."""

import datetime as dt
import io
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import fastavro
import numpy as np
import polars as pl
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.avro.encode import block, encode_rows
from services.privacy import parcel
from services.privacy.keys import ParticipantKeys
from services.registry import EventType

PARCEL_EVENTS = 10_000
ARROW_EVENTS = 5_000
"""Of Arrow no more fit in a message: it takes twice as many bytes."""
RECEIVER_ID = "gm0153"
TOPIC = f"parcels.{RECEIVER_ID}"


@dataclass(frozen=True)
class Pair:
    """Who sends to whom, with the secret keys of both."""

    sender: str
    sender_keys: ParticipantKeys
    receiver: str
    receiver_keys: ParticipantKeys

    @staticmethod
    def new() -> "Pair":
        """Make keys for a supplier and a municipality that no directory knows."""
        sender, receiver = "es-bench", RECEIVER_ID
        return Pair(sender, ParticipantKeys.generate(sender), receiver, ParticipantKeys.generate(receiver))


def made_up_arrears(rows: int, municipality: str = RECEIVER_ID, *, seed: int = 1) -> pl.DataFrame:
    """Made-up arrears of `rows` households, as an energy supplier has them after the pseudonyms."""
    chance = np.random.default_rng(seed)
    day = dt.date(2025, 12, 1).toordinal() - dt.date(1970, 1, 1).toordinal()
    return pl.DataFrame(
        {
            "event_id": random_bytes(chance, rows, 16),
            "address": random_bytes(chance, rows, 32),
            "municipality": pl.repeat(municipality, rows, eager=True),
            "district": pl.Series(chance.choice([f"wk{municipality[2:]}0{number}" for number in range(3)], rows)),
            "partner_type": pl.repeat("energy", rows, eager=True),
            "amount_eur": pl.Series(chance.integers(50, 5000, rows), dtype=pl.Int32),
            "arisen_on": pl.Series(chance.integers(day - 90, day, rows), dtype=pl.Int32).cast(pl.Date),
            "signalled_on": pl.Series(chance.integers(day, day + 30, rows), dtype=pl.Int32).cast(pl.Date),
            "crisis": pl.Series(chance.random(rows) < 0.02),  # noqa: PLR2004 - one in fifty
            "warm_handover": pl.Series(chance.random(rows) < 0.1),  # noqa: PLR2004 - one in ten
            "reported_by": pl.repeat("partner", rows, eager=True),
            "signal_status": pl.repeat(None, rows, dtype=pl.String, eager=True),
        }
    )


def random_bytes(chance: np.random.Generator, rows: int, size: int) -> pl.Series:
    """Return a Binary series of `rows` values of `size` bytes."""
    buffer = pa.py_buffer(chance.bytes(rows * size))
    values = pa.FixedSizeBinaryArray.from_buffers(pa.binary(size), rows, [None, buffer])
    return pl.Series(pl.from_arrow(values.cast(pa.large_binary())))


def rate(events: int, work: Callable[[], object]) -> float:
    """Return events per second of `work`, which handles `events`."""
    began = time.perf_counter()
    work()
    return events / (time.perf_counter() - began)


def parcels(event_type: EventType, frame: pl.DataFrame, pair: Pair, together: int = PARCEL_EVENTS) -> Iterator[bytes]:
    """Encode events in columns and seal them as a delivery in a stream of its own, `together` in each parcel."""
    encoded = encode_rows(event_type, frame)
    stream, previous, delivery = os.urandom(16), bytes(32), os.urandom(16)
    for number, start in enumerate(range(0, len(encoded), together)):
        rows = encoded.slice(start, together)
        inner = parcel.InnerHeader(
            event_type.name,
            event_type.version,
            event_type.sha256,
            delivery,
            "2025",
            len(rows),
            last_of_delivery=start + together >= len(encoded),
        )
        sealed = _seal(pair, inner, block(rows), (stream, number, previous))
        previous = parcel.parcel_hash(sealed)
        yield sealed


def _seal(pair: Pair, inner: parcel.InnerHeader, avro: bytes, place: tuple[bytes, int, bytes]) -> bytes:
    stream, sequence, previous = place
    return parcel.seal_parcel(
        sender=pair.sender,
        signing_key=pair.sender_keys.signing,
        receiver=pair.receiver,
        receiver_key=pair.receiver_keys.public.seal,
        stream=stream,
        sequence=sequence,
        previous=previous,
        hour=int(time.time()) // 3600,
        inner=inner,
        avro=avro,
    )


def single_events(event_type: EventType, frame: pl.DataFrame) -> Iterable[bytes]:
    """The baseline: each event by itself, encoded by fastavro and sealed with AES-GCM under a key that both know."""
    schema = fastavro.parse_schema(dict(event_type.schema))
    cipher = AESGCM(bytes(32))
    for row in frame.iter_rows(named=True):
        buffer = io.BytesIO()
        fastavro.schemaless_writer(buffer, schema, row)
        nonce = os.urandom(12)
        yield nonce + cipher.encrypt(nonce, buffer.getvalue(), None)


def open_single_events(event_type: EventType, messages: Iterable[bytes]) -> None:
    """Open and decode what `single_events` made."""
    schema = fastavro.parse_schema(dict(event_type.schema))
    cipher = AESGCM(bytes(32))
    for message in messages:
        fastavro.schemaless_reader(io.BytesIO(cipher.decrypt(message[:12], message[12:], None)), schema)


def arrow_messages(frame: pl.DataFrame) -> Iterable[bytes]:
    """The other baseline: as many events together as fit in a message, as bare Arrow IPC sealed with AES-GCM."""
    cipher = AESGCM(bytes(32))
    for part in frame.iter_slices(ARROW_EVENTS):
        buffer = io.BytesIO()
        table = part.to_arrow()
        with pa.ipc.new_stream(buffer, table.schema) as writer:
            writer.write_table(table)
        nonce = os.urandom(12)
        yield nonce + cipher.encrypt(nonce, buffer.getvalue(), None)


def open_arrow_messages(messages: Iterable[bytes]) -> None:
    """Open and read what `arrow_messages` made."""
    cipher = AESGCM(bytes(32))
    for message in messages:
        with pa.ipc.open_stream(cipher.decrypt(message[:12], message[12:], None)) as reader:
            reader.read_all()


class Clock:
    """Adds up the seconds spent within it, so that what a measurement needs but does not measure stays outside."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._began = 0.0

    def __enter__(self) -> Self:
        self._began = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._began
