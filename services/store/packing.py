"""Rows about events in little memory: what is the same for a parcel is kept once, and an event id as two numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

_ID_BYTES = 16
_Kinds = Mapping[str, pl.DataType | type[pl.DataType]]
_PARCELS: _Kinds = {
    "parcel_id": pl.Binary,
    "sender": pl.String,
    "stream": pl.UInt64,
    "delivery_id": pl.Binary,
    "event_type": pl.String,
    "version": pl.Int32,
    "received_on": pl.Date,
    "parcel": pl.UInt32,
}
_OF_PARCEL = [*_PARCELS][:-1]
_REPEATED = ("period", "verdict", "rule")
_EVENTS: _Kinds = {
    "parcel": pl.UInt32,
    "row": pl.Int32,
    "attempt": pl.Int32,
    "period": pl.Categorical(),
    "verdict": pl.Categorical(),
    "rule": pl.Categorical(),
    "decided_in": pl.Int64,
    "id_high": pl.UInt64,
    "id_low": pl.UInt64,
}
_COUNT_ROWS = 1_000_000
"""Counted at a time: counting copies what it looks at."""


@dataclass(frozen=True)
class Packed:
    """Rows about events: 48 bytes each.

    Attributes:
        parcels: by `parcel` (a number) what all rows of a parcel have in common.
        events: the rest of each row, `period`, `verdict` and `rule` as Categorical, the event id in two halves.
    """

    parcels: pl.DataFrame
    events: pl.DataFrame

    @staticmethod
    def nothing() -> "Packed":
        """Return no rows."""
        return Packed(pl.DataFrame(schema=_PARCELS), pl.DataFrame(schema=_EVENTS))

    def and_rows(self, rows: pl.DataFrame) -> "Packed":
        """Return these rows and others.

        Args:
            rows: the columns of `unpacked`.
        """
        new = rows.select(_OF_PARCEL).unique(maintain_order=True).join(self.parcels, on=_OF_PARCEL, how="anti")
        numbered = new.with_row_index("parcel", self.parcels.height).select(_cast(_PARCELS))
        parcels = pl.concat([self.parcels, numbered])
        events = rows.join(parcels, on=_OF_PARCEL, how="left", maintain_order="left").with_columns(_halves())
        return Packed(parcels, pl.concat([self.events, events.select(_cast(_EVENTS))]))

    def where(self, wanted: pl.Expr) -> "Packed":
        """Return the rows for which an expression over `events` holds."""
        return Packed(self.parcels, self.events.filter(wanted))

    def with_ids(self, events: pl.DataFrame) -> "Packed":
        """Return all rows with one of these event ids (column `event_id`), and by great chance some others."""
        wanted = events.select(_halves()[0])["id_high"].unique()
        return self.where(pl.col("id_high").is_in(wanted.implode()))

    def of_parcels(self, wanted: pl.DataFrame, on: Sequence[str]) -> "Packed":
        """Return the rows of parcels that have the values of a frame in some columns."""
        numbers = self.parcels.join(wanted, on=on, how="semi")["parcel"]
        return self.where(pl.col("parcel").is_in(numbers.implode()))

    def without(self, places: pl.DataFrame) -> "Packed":
        """Return the rows but those about some events (columns `parcel_id` and `row`)."""
        numbered = places.join(self.parcels, on="parcel_id").select("parcel", "row")
        return Packed(self.parcels, self.events.join(numbered, on=["parcel", "row"], how="anti", maintain_order="left"))

    def latest(self) -> "Packed":
        """Return of all rows about one event that with the highest attempt."""
        place = self.parcels.select("parcel", pl.col("parcel_id").rank("dense").alias("place"))
        rows = self.events.join(place, on="parcel", how="left", maintain_order="left")
        rows = rows.sort("attempt", maintain_order=True).unique(["place", "row"], keep="last", maintain_order=True)
        return Packed(self.parcels, rows.drop("place"))

    def counts(self) -> pl.DataFrame:
        """Count rows: the columns of a parcel, `verdict`, `rule` and `events`."""
        keys = ["parcel", "verdict", "rule"]
        parts = [part.group_by(keys).len("events") for part in self.events.iter_slices(_COUNT_ROWS)]
        every = pl.concat([self.events.clear().group_by(keys).len("events"), *parts])
        counted = every.group_by(keys).agg(pl.col("events").cast(pl.Int64).sum())
        return counted.join(self.parcels, on="parcel").drop("parcel").with_columns(pl.col(keys[1:]).cast(pl.String))

    def unpacked(self) -> pl.DataFrame:
        """Return the rows as they were before; columns in no order that matters."""
        numbers = np.empty((self.events.height, 2), dtype=">u8")
        numbers[:, 0], numbers[:, 1] = self.events["id_high"], self.events["id_low"]
        ids = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(_ID_BYTES), self.events.height, [None, pa.py_buffer(numbers.tobytes())]
        )
        event_id = pl.Series("event_id", pl.from_arrow(ids.cast(pa.large_binary())))
        rows = self.events.join(self.parcels, on="parcel", how="left", maintain_order="left")
        texts = pl.col(_REPEATED).cast(pl.String)
        return rows.drop("parcel", "id_high", "id_low").with_columns(event_id, texts)


def _cast(kinds: _Kinds) -> list[pl.Expr]:
    return [pl.col(name).cast(kind) for name, kind in kinds.items()]


def _halves() -> tuple[pl.Expr, pl.Expr]:
    """Return both halves of `event_id` as numbers."""
    number = pl.col("event_id").bin
    high, low = (number.slice(start, 8).bin.reinterpret(dtype=pl.UInt64, endianness="big") for start in (0, 8))
    return high.alias("id_high"), low.alias("id_low")
