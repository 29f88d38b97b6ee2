"""What the measurements share: made-up events, parcels of them, and a clock."""

import datetime as dt
import io
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import fastavro
import numpy as np
import polars as pl
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.avro.encode import block, encode_rows
from services.privacy import parcel
from services.privacy.keys import ParticipantKeys
from services.registry import EventType

PARCEL_EVENTS = 10_000
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


def made_up_arrears(rows: int, municipality: str = RECEIVER_ID) -> pl.DataFrame:
    """Made-up arrears of `rows` households, as an energy supplier has them after the pseudonyms."""
    chance = np.random.default_rng(1)
    day = dt.date(2025, 12, 1).toordinal() - dt.date(1970, 1, 1).toordinal()
    return pl.DataFrame(
        {
            "event_id": [chance.bytes(16) for _ in range(rows)],
            "address": [chance.bytes(32) for _ in range(rows)],
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


def rate(events: int, work: Callable[[], object]) -> float:
    """Return events per second of `work`, which handles `events`."""
    began = time.perf_counter()
    work()
    return events / (time.perf_counter() - began)


def parcels(event_type: EventType, frame: pl.DataFrame, pair: Pair) -> Iterator[bytes]:
    """Encode events in columns and seal them, `PARCEL_EVENTS` in each parcel."""
    encoded = encode_rows(event_type, frame)
    stream, previous = os.urandom(16), bytes(32)
    for number, start in enumerate(range(0, len(encoded), PARCEL_EVENTS)):
        rows = encoded.slice(start, PARCEL_EVENTS)
        sealed = _seal(pair, event_type, block(rows), len(rows), (stream, number, previous))
        previous = parcel.parcel_hash(sealed)
        yield sealed


def _seal(pair: Pair, event_type: EventType, avro: bytes, events: int, place: tuple[bytes, int, bytes]) -> bytes:
    stream, sequence, previous = place
    inner = parcel.InnerHeader(
        event_type.name, event_type.version, event_type.sha256, bytes(16), "2025", events, last_of_delivery=False
    )
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
