"""A receiving municipality with parcels made to order."""

import datetime as dt
import itertools
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from services.avro.encode import encode_rows
from services.avro.shape import Shape, polars_schema
from services.contracts import Rule
from services.privacy.header import SUITE, Header, InnerHeader
from services.receiving.landing import Landing, OpenedParcel, land
from services.registry import REPOSITORY, Registry, load_registry
from services.store.intake import Position
from services.store.node import NodeStore
from services.store.parcels import ParcelLog
from services.store.snapshots import scan
from services.store.warehouse import Database

NOW = dt.datetime(2025, 12, 20, 9, tzinfo=dt.UTC)
KINDS = {
    "hc-a": "housing_corporation",
    "hc-b": "housing_corporation",
    "es-a": "energy_supplier",
    "wc-a": "water_company",
    "hi-a": "health_insurer",
    "cp-a": "care_provider",
    "fd-a": "foundation",
    "vp-a": "story_point",
    "gm0518": "municipality",
    "cbs": "open_data",
    "hub": "hub",
}


@dataclass
class World:
    """One node, its topic, and what was put on it."""

    root: Path
    registry: Registry
    topic: str = "topic-1"
    participant: str = "gm0518"
    offsets: "itertools.count[int]" = field(default_factory=itertools.count)
    database: Database | None = None

    def node(self) -> NodeStore:
        """Open the store as a new process would."""
        log = ParcelLog(self.root / "parcels.sqlite")
        return NodeStore(self.participant, self.root, bytes(32), log, KINDS, self.database)

    def parcel(
        self,
        frame: pl.DataFrame,
        *,
        sender: str = "hc-a",
        delivery: int = 1,
        last: bool = True,
        kind: str = "payment_arrears",
        stream: int = 0,
        version: int = 1,
    ) -> OpenedParcel:
        event_type = self.registry.get(kind, version)
        offset = next(self.offsets)
        header = Header(
            suite=SUITE,
            receiver="gm0518",
            receiver_key_id=bytes(8),
            sender=sender,
            signing_key_id=bytes(8),
            parcel_id=offset.to_bytes(16, "big"),
            stream=bytes([stream]) * 16,
            sequence=offset,
            previous_hash=bytes(32),
            hour=0,
            pad_bucket=0,
        )
        sent = delivery.to_bytes(16, "big")
        inner = InnerHeader(kind, version, event_type.sha256, sent, "2025", frame.height, last)
        return OpenedParcel(header, inner, frame, encode_rows(event_type, frame), offset, NOW)

    def land(
        self,
        parcels: Sequence[OpenedParcel],
        *,
        node: NodeStore | None = None,
        upto: int | None = None,
        at: Callable[[str], None] = lambda _: None,
    ) -> Landing:
        """Land parcels; the position moves behind the last of them, or to `upto`."""
        end = max(parcel.offset for parcel in parcels) + 1 if upto is None else upto
        return land(node or self.node(), self.registry, parcels, Position(self.topic, end), NOW, at)

    def intake(self) -> pl.DataFrame:
        table, _ = self.node().intake()
        return scan(table).collect().sort("topic_offset", "row", "attempt")

    def with_rules(
        self, kind: str, rows: Sequence[Rule] | None = None, batches: Sequence[Rule] | None = None
    ) -> Registry:
        """Change the contract of a type for all that comes now."""
        event_type = self.registry.get(kind, 1)
        contract = event_type.contract
        contract = replace(
            contract,
            row_rules=contract.row_rules if rows is None else tuple(rows),
            batch_rules=contract.batch_rules if batches is None else tuple(batches),
        )
        types = dict(self.registry.types) | {(kind, 1): replace(event_type, contract=contract)}
        self.registry = Registry(types, self.registry.hashes)
        return self.registry


def signals(ids: Sequence[int], **changes: object) -> pl.DataFrame:
    """Good signals of rent arrears with these event ids; `changes` replaces columns by values or lists."""
    columns: Mapping[str, object] = {
        "address": bytes(32),
        "municipality": "gm0518",
        "district": "wk051801",
        "partner_type": "rent",
        "amount_eur": 400,
        "arisen_on": dt.date(2025, 11, 1),
        "signalled_on": dt.date(2025, 12, 5),
        "crisis": None,
        "warm_handover": None,
        "reported_by": "partner",
        "signal_status": None,
    } | changes
    types = {"crisis": pl.Boolean, "warm_handover": pl.Boolean, "signal_status": pl.String, "amount_eur": pl.Int32}
    frame = pl.DataFrame({"event_id": [number.to_bytes(16, "big") for number in ids]})
    return frame.with_columns(
        (pl.Series(name, value, types.get(name)) if isinstance(value, list) else pl.lit(value, types.get(name))).alias(
            name
        )
        for name, value in columns.items()
    )


def taking_back(kind: str, ids: Sequence[int], event_type: str = "payment_arrears") -> pl.DataFrame:
    """Withdrawals or corrections (`kind`) of the events with these ids; each with an id of its own."""
    field = {"withdrawal": "withdrawn", "correction": "corrected"}[kind]
    events = pl.Series([number.to_bytes(16, "big") for number in ids], dtype=pl.Binary)
    own = pl.Series([f"{kind[:8]}{number:08d}".encode() for number in ids], dtype=pl.Binary)
    return pl.DataFrame({"event_id": own, field: events}).with_columns(
        pl.lit(event_type).alias("event_type"), pl.lit(dt.date(2025, 12, 19)).alias(f"{field}_on")
    )


def rollovers(pairs: Sequence[tuple[int, int]], *, epochs: tuple[str, str] = ("2025", "2026")) -> pl.DataFrame:
    """Pairs of an old and a new pseudonym, each a number; the same pair has the same event id."""
    names = [[bytes([number]) * 32 for number in side] for side in zip(*pairs, strict=True)]
    own = [int(f"{epochs[0][-1]}{epochs[1][-1]}{old:03d}{new:03d}").to_bytes(16, "big") for old, new in pairs]
    columns = {"event_id": own, "old_address": names[0], "new_address": names[1]}
    return pl.DataFrame(columns).with_columns(
        pl.lit(epochs[0]).alias("old_epoch"), pl.lit(epochs[1]).alias("new_epoch")
    )


def evictions(ids: Sequence[int]) -> pl.DataFrame:
    """Good announcements of evictions."""
    columns = {
        "address": bytes(32),
        "municipality": "gm0518",
        "district": "wk051801",
        "stage": "announced",
        "cause": "rent_arrears",
        "noticed_on": dt.date(2025, 12, 5),
        "effective_on": None,
    }
    frame = pl.DataFrame({"event_id": [number.to_bytes(16, "big") for number in ids]})
    return frame.with_columns(
        pl.lit(value, pl.Date if value is None else None).alias(key) for key, value in columns.items()
    )


@dataclass(frozen=True)
class Example:
    """One event of an example file, and of what is around it who sends and receives it, and what it names is there."""

    sender_kind: str
    received_by: str
    named_event: str | None
    frame: pl.DataFrame


def examples(kind: str, part: str, version: int = 1) -> dict[str, Example]:
    """Events of a type's example files of one version whose name contains `part`, by file name; only those it takes."""
    shape = load_registry().get(kind, version).shape
    found = {}
    for path in sorted((REPOSITORY / "schemas" / kind / "examples").glob(f"v{version}*{part}*json")):
        if ".schema_" in path.name:
            continue
        example = json.loads(path.read_text("utf-8"))
        frame = pl.DataFrame([from_json(shape, example["event"])], schema=polars_schema(shape))
        frame = frame.with_columns(pl.lit(os.urandom(16)).alias("event_id"))
        around = (example["sender_kind"], example["received_by"], example.get("named_event"))
        found[path.name] = Example(*around, frame)
    return found


def from_json(shape: Shape, value: Any) -> Any:
    if value is None:
        return None
    if shape.kind == "record":
        return {name: from_json(field, value.get(name)) for name, field in shape.fields}
    if shape.items is not None:
        return [from_json(shape.items, item) for item in value]
    if shape.kind == "fixed":
        return bytes.fromhex(value)
    return dt.date.fromisoformat(value) if shape.kind == "date" else value
