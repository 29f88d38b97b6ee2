"""`make bench`: speed and memory of the hot paths, each beside a named baseline of the same run.

The baseline is what one would write first: one fastavro-encoded, AES-GCM-sealed event per message in the same log. The
figures depend on the machine; the ratios hardly do. Writes `build/bench.json`.
"""

import datetime as dt
import os
import resource
import tempfile
from pathlib import Path

import polars as pl

from infra.bench.results import show_results, write_results
from infra.bench.workload import (
    RECEIVER_ID,
    TOPIC,
    Pair,
    made_up_arrears,
    open_single_events,
    parcels,
    rate,
    single_events,
)
from services.avro.decode import decode_block
from services.broker import SqliteBroker
from services.errors import Fatal
from services.gate.rows import gate
from services.keyservice import InProcessKeyService
from services.privacy import parcel
from services.privacy.keys import opening_keys
from services.registry import EventType, load_registry
from services.sending.pseudonym_cache import PseudonymCache
from services.sending.pseudonyms import outer_pseudonyms

EVENTS = 200_000
BASELINE_EVENTS = 20_000
ADDRESSES = 2_000
BASELINE = "one fastavro event per AES-GCM-sealed message"
OUT = Path("build/bench.json")
PAIR = Pair.new()


def main() -> None:
    """Measure, print a table, write the JSON."""
    event_type = load_registry().get("payment_arrears")
    frame = made_up_arrears(EVENTS)
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
    write_results(OUT, results)
    show_results(
        results,
        f"Speed on one core; baseline: {BASELINE}",
        f"send: encode, seal, log; receive: log, verify, open, strict decode; in {OUT}",
    )


def _send(event_type: EventType, frame: pl.DataFrame, root: Path) -> float:
    """Encode in columns, seal as parcels, append to the log."""

    def work() -> None:
        with SqliteBroker(root / "broker.sqlite") as broker:
            broker.create_topic(TOPIC)
            for sealed in parcels(event_type, frame, PAIR):
                broker.append_many(TOPIC, [(os.urandom(16), sealed)])

    return rate(frame.height, work)


def _receive(event_type: EventType, frame: pl.DataFrame, root: Path) -> float:
    """Read from the log, verify, open and strictly decode."""

    def work() -> None:
        keys = opening_keys(PAIR.receiver_keys)
        with SqliteBroker(root / "broker.sqlite") as broker:
            for message in broker.read(TOPIC, 0, max_bytes=1 << 30):
                parcel.verify(message.value, PAIR.sender_keys.public)
                inner, avro = parcel.open_parcel(message.value, RECEIVER_ID, keys)
                decode_block(event_type, avro, inner.event_count)

    return rate(frame.height, work)


def _gate(event_type: EventType, frame: pl.DataFrame) -> float:
    """Judge by the contract's row rules, which all rows keep, after a first run that builds the suite."""
    context = frame.with_row_index("_row").with_columns(
        pl.col("_row").cast(pl.Int64),
        pl.lit(dt.date(2026, 1, 5)).alias("received_on"),
        pl.lit(RECEIVER_ID).alias("received_by"),
        pl.lit("es-bench").alias("sender"),
        pl.lit("energy_supplier").alias("sender_kind"),
    )
    judged = gate(event_type, context.head(100))
    if judged["rule"].count() or judged["error"].count():
        raise Fatal("The made-up events break a rule of their contract.", "Rows that fail take other time.")
    return rate(frame.height, lambda: gate(event_type, context))


def _baseline_send(event_type: EventType, frame: pl.DataFrame, root: Path) -> float:
    def work() -> None:
        with SqliteBroker(root / "baseline.sqlite") as broker:
            broker.create_topic("events")
            broker.append_many("events", [(os.urandom(16), value) for value in single_events(event_type, frame)])

    return rate(frame.height, work)


def _baseline_receive(event_type: EventType, root: Path) -> float:
    def work() -> None:
        with SqliteBroker(root / "baseline.sqlite") as broker:
            messages = broker.read("events", 0, max_bytes=1 << 30, max_messages=BASELINE_EVENTS)
            open_single_events(event_type, (message.value for message in messages))

    return rate(BASELINE_EVENTS, work)


def _pseudonyms(root: Path) -> float:
    """New addresses through both key services."""
    services = (InProcessKeyService("ks-a", os.urandom(32)), InProcessKeyService("ks-b", os.urandom(32)))
    households = pl.Series([f"7511AA|{number}|" for number in range(1, ADDRESSES + 1)])
    with PseudonymCache(root / "cache.sqlite", os.urandom(32)) as cache:
        return rate(ADDRESSES, lambda: outer_pseudonyms(services, cache, RECEIVER_ID, "2025", "address", households))


if __name__ == "__main__":
    main()
