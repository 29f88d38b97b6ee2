"""`make bench`: speed and memory of the hot paths, each beside a named baseline of the same run.

The baseline is what one would write first: one fastavro-encoded, AES-GCM-sealed event per message in the same log. The
figures depend on the machine; the ratios hardly do. Writes `build/bench.json`.
"""

import datetime as dt
import io
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import fastavro
import numpy as np
import polars as pl
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.avro.decode import decode_block
from services.avro.encode import block, encode_rows
from services.broker import SqliteBroker
from services.cli.console import table
from services.gate.rows import gate
from services.keyservice import InProcessKeyService
from services.privacy import parcel
from services.privacy.keys import ParticipantKeys, opening_keys
from services.registry import EventType, load_registry
from services.sending.pseudonyms import PseudonymCache, outer_pseudonyms

EVENTS = 200_000
BASELINE_EVENTS = 20_000
PARCEL_EVENTS = 10_000
ADDRESSES = 2_000
BASELINE = "one fastavro event per AES-GCM-sealed message"
OUT = Path("build/bench.json")


def main() -> None:
    """Measure, print a table, write the JSON."""
    event_type = load_registry().get("payment_arrears")
    frame = _frame(EVENTS)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        results = {
            "send_events_per_s": _send(event_type, frame, root),
            "receive_events_per_s": _receive(event_type, frame, root),
            "baseline_send_events_per_s": _baseline_send(event_type, frame.head(BASELINE_EVENTS), root),
            "baseline_receive_events_per_s": _baseline_receive(event_type, root),
            "gate_events_per_s": _gate(event_type, frame),
            "new_pseudonyms_per_s": _pseudonyms(root),
        }
    results["send_ratio_to_baseline"] = results["send_events_per_s"] / results["baseline_send_events_per_s"]
    results["receive_ratio_to_baseline"] = results["receive_events_per_s"] / results["baseline_receive_events_per_s"]
    results["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({name: round(value, 2) for name, value in results.items()}, indent=1) + "\n", "utf-8")
    rows = [(name, round(value, 1)) for name, value in results.items()]
    table(
        f"Speed on one core; baseline: {BASELINE}",
        ["figure", "value"],
        rows,
        caption=f"send: encode, seal, log; receive: log, verify, open, strict decode; in {OUT}",
    )


def _frame(rows: int) -> pl.DataFrame:
    """Made-up arrears of `rows` households, as sending has them after the pseudonyms."""
    chance = np.random.default_rng(1)
    day = dt.date(2025, 12, 1).toordinal() - dt.date(1970, 1, 1).toordinal()
    return pl.DataFrame(
        {
            "event_id": [chance.bytes(16) for _ in range(rows)],
            "address": [chance.bytes(32) for _ in range(rows)],
            "municipality": pl.repeat("gm0153", rows, eager=True),
            "district": pl.Series(chance.choice(["wk015300", "wk015301", "wk015302"], rows)),
            "partner_type": pl.Series(chance.choice(["energy", "rent", "water", "health_insurance"], rows)),
            "amount_eur": pl.Series(chance.integers(50, 5000, rows), dtype=pl.Int32),
            "arisen_on": pl.Series(chance.integers(day - 90, day, rows), dtype=pl.Int32).cast(pl.Date),
            "signalled_on": pl.Series(chance.integers(day, day + 30, rows), dtype=pl.Int32).cast(pl.Date),
            "crisis": pl.Series(chance.random(rows) < 0.02),  # noqa: PLR2004 - one in fifty
            "warm_handover": pl.Series(chance.random(rows) < 0.1),  # noqa: PLR2004 - one in ten
            "reported_by": pl.repeat("partner", rows, eager=True),
            "signal_status": pl.repeat(None, rows, dtype=pl.String, eager=True),
        }
    )


def _rate(events: int, work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return events / (time.perf_counter() - began)


SENDER, RECEIVER = ParticipantKeys.generate("es-bench"), ParticipantKeys.generate("gm0153")


def _send(event_type: EventType, frame: pl.DataFrame, root: Path) -> float:
    """Encode in columns, seal as parcels, append to the log."""

    def work() -> None:
        with SqliteBroker(root / "broker.sqlite") as broker:
            broker.create_topic("parcels.gm0153")
            encoded = encode_rows(event_type, frame)
            previous = bytes(32)
            for number, start in enumerate(range(0, len(encoded), PARCEL_EVENTS)):
                rows = encoded.slice(start, PARCEL_EVENTS)
                sealed = _seal(event_type, block(rows), len(rows), number, previous)
                previous = parcel.parcel_hash(sealed)
                broker.append("parcels.gm0153", os.urandom(16), sealed)

    return _rate(frame.height, work)


def _seal(event_type: EventType, avro: bytes, events: int, sequence: int, previous: bytes) -> bytes:
    inner = parcel.InnerHeader(
        event_type.name, event_type.version, event_type.sha256, bytes(16), "2025", events, last_of_delivery=False
    )
    return parcel.seal_parcel(
        sender="es-bench",
        signing_key=SENDER.signing,
        receiver="gm0153",
        receiver_key=RECEIVER.public.seal,
        stream=bytes(16),
        sequence=sequence,
        previous=previous,
        hour=0,
        inner=inner,
        avro=avro,
    )


def _receive(event_type: EventType, frame: pl.DataFrame, root: Path) -> float:
    """Read from the log, verify, open and strictly decode."""

    def work() -> None:
        keys = opening_keys(RECEIVER)
        with SqliteBroker(root / "broker.sqlite") as broker:
            for message in broker.read("parcels.gm0153", 0, max_bytes=1 << 30):
                parcel.verify(message.value, SENDER.public)
                inner, avro = parcel.open_parcel(message.value, "gm0153", keys)
                decode_block(event_type, avro, inner.event_count)

    return _rate(frame.height, work)


def _gate(event_type: EventType, frame: pl.DataFrame) -> float:
    """Judge by the contract's row rules, after a first run that builds the suite."""
    context = frame.with_row_index("_row").with_columns(
        pl.col("_row").cast(pl.Int64),
        pl.lit(dt.date(2026, 1, 5)).alias("received_on"),
        pl.lit("gm0153").alias("received_by"),
        pl.lit("es-bench").alias("sender"),
        pl.lit("energy_supplier").alias("sender_kind"),
    )
    gate(event_type, context.head(100))
    return _rate(frame.height, lambda: gate(event_type, context))


def _baseline_send(event_type: EventType, frame: pl.DataFrame, root: Path) -> float:
    schema = fastavro.parse_schema(dict(event_type.schema))
    cipher = AESGCM(bytes(32))

    def messages() -> Iterable[tuple[bytes, bytes]]:
        for row in frame.iter_rows(named=True):
            buffer = io.BytesIO()
            fastavro.schemaless_writer(buffer, schema, row)
            nonce = os.urandom(12)
            yield os.urandom(16), nonce + cipher.encrypt(nonce, buffer.getvalue(), None)

    def work() -> None:
        with SqliteBroker(root / "baseline.sqlite") as broker:
            broker.create_topic("events")
            broker.append_many("events", list(messages()))

    return _rate(frame.height, work)


def _baseline_receive(event_type: EventType, root: Path) -> float:
    schema = fastavro.parse_schema(dict(event_type.schema))
    cipher = AESGCM(bytes(32))

    def work() -> None:
        with SqliteBroker(root / "baseline.sqlite") as broker:
            for message in broker.read("events", 0, max_bytes=1 << 30, max_messages=BASELINE_EVENTS):
                plain = cipher.decrypt(message.value[:12], message.value[12:], None)
                fastavro.schemaless_reader(io.BytesIO(plain), schema)

    return _rate(BASELINE_EVENTS, work)


def _pseudonyms(root: Path) -> float:
    """New addresses through both key services."""
    services = (InProcessKeyService("ks-a", os.urandom(32)), InProcessKeyService("ks-b", os.urandom(32)))
    households = pl.Series([f"7511AA|{number}|" for number in range(1, ADDRESSES + 1)])
    with PseudonymCache(root / "cache.sqlite", os.urandom(32)) as cache:
        return _rate(ADDRESSES, lambda: outer_pseudonyms(services, cache, "gm0153", "2025", "address", households))


if __name__ == "__main__":
    main()
