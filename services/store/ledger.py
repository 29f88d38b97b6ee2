"""The latest verdict on every event, in memory; brought up to date by reading only the files that are new.

Ten million events take half a gigabyte, see `services.store.packing`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from pyiceberg.table import Table

from services.store.intake import ACCEPTED, DUPLICATE, HELD, STORED, WITHDRAWN
from services.store.packing import Packed
from services.store.snapshots import TRIMMED, data_files, files, files_within, scan_files, sequence_number

_COLUMNS = (
    "parcel_id",
    "row",
    "attempt",
    "sender",
    "delivery_id",
    "event_type",
    "version",
    "event_id",
    "period",
    "verdict",
    "rule",
    "received_on",
)
PLACE = ("parcel_id", "row")
"""What names an event for good: the parcel that brought it and its number there."""
STREAM = pl.col("stream").bin.head(8).bin.reinterpret(dtype=pl.UInt64).alias("stream")
"""A stream by the first half of its random id: 10 million events are in memory. A delivery comes once in a stream; in
another one it was sent again as a whole, by an outbox that was lost."""
IDENTITY = ("sender", "event_id")
"""Whose event it is: an id counts for its sender only, so that no sender can make another's events duplicates."""
_DELIVERY = ("sender", "delivery_id")
_READ_FILES = 8
"""Read at a time, before they are packed."""
_COUNTED = ("sender", "delivery_id", "event_type", "version", "received_on", "verdict", "rule")


@dataclass(frozen=True)
class Ledger:
    """The latest verdicts.

    Attributes:
        sequence: number of the newest snapshot of `intake` that is in it.
        packed: one row per event, see `latest`.
        trimmed: how often rows had been taken out of `intake` because they may be kept no longer.
    """

    sequence: int
    packed: Packed
    trimmed: int = 0

    @property
    def latest(self) -> pl.DataFrame:
        """All verdicts, which takes four times the memory of the ledger: for what is done seldom.

        The columns of `intake` without offsets and payload, the stream as `STREAM`, and `decided_in`, the sequence
        number of the snapshot with this verdict.
        """
        return _in_order(self.packed)

    def without(self, places: pl.DataFrame) -> "Ledger":
        """Return the ledger without some events (columns `PLACE`)."""
        return Ledger(self.sequence, self.packed.without(places), self.trimmed)

    def counts(self, without: pl.DataFrame | None = None) -> pl.DataFrame:
        """Count events.

        Args:
            without: parcels (column `parcel_id`) whose events do not count.

        Returns:
            Columns `sender`, `delivery_id`, `event_type`, `version`, `received_on`, `verdict`, `rule` and `events`.
        """
        found = self.packed.counts()
        found = found if without is None else found.join(without, on="parcel_id", how="anti")
        return found.group_by(_COUNTED).agg(pl.col("events").sum())

    def taken(self, events: pl.DataFrame) -> pl.DataFrame:
        """Return those of `events` (columns `sender`, `event_id`) that are accepted, held or withdrawn now, and where.

        Returns:
            Columns `sender`, `event_id`, `taken_in` (the delivery) and `taken_by` (its stream, as `STREAM`).
        """
        withdrawn = (pl.col("verdict") == DUPLICATE) & (pl.col("rule") == WITHDRAWN)
        return (
            self.about(events)
            .filter(pl.col("verdict").is_in([ACCEPTED, HELD]) | withdrawn)
            .join(events, on=IDENTITY, how="semi")
            .unique(IDENTITY, keep="first", maintain_order=True)
            .select(*IDENTITY, pl.col("delivery_id").alias("taken_in"), pl.col("stream").alias("taken_by"))
        )

    def about(self, events: pl.DataFrame) -> pl.DataFrame:
        """Return the latest verdicts on these events (column `event_id`), of whatever sender."""
        return _in_order(self.packed.with_ids(events)).join(events, on="event_id", how="semi", maintain_order="left")

    def of(self, deliveries: pl.DataFrame) -> pl.DataFrame:
        """Return the latest verdicts of these deliveries (columns `sender`, `delivery_id`)."""
        return _in_order(self.packed.of_parcels(deliveries, _DELIVERY))

    def has_parcels(self, ids: pl.Series) -> set[bytes]:
        """Return those of some parcels (Binary) of which there are events."""
        return {*self.packed.parcels.filter(pl.col("parcel_id").is_in(ids.implode()))["parcel_id"]}


def brought_up(ledger: Ledger | None, intake: Table) -> Ledger:
    """Return the ledger of a table as it is now.

    Args:
        ledger: as it was at an earlier time, or None.
        intake: the table.
    """
    trimmed = int(intake.properties.get(TRIMMED, 0))
    if ledger and ledger.trimmed != trimmed:
        return brought_up(None, intake)
    after = ledger.sequence if ledger else 0
    new = data_files(intake, after=after)
    if ledger and any(file.written_in > file.sequence for file in new):
        return brought_up(None, intake)  # files were joined: rows that are in the ledger are in them again
    if ledger and not new:
        return Ledger(sequence_number(intake), ledger.packed, trimmed)
    rows = _read(intake, {file.path: file.sequence for file in new}, ledger.packed if ledger else Packed.nothing())
    return Ledger(sequence_number(intake), rows, trimmed)


def latest_about(intake: Table, periods: Collection[str], *, after: int = 0) -> pl.DataFrame:
    """Read the latest verdict on the events about some periods, and no others.

    Args:
        intake: the table.
        periods: one or more, as `intake` has them.
        after: only events of which the latest verdict came by a commit with a higher sequence number; files without
            any are not read.

    Returns:
        Columns as in `Ledger.latest`.
    """
    # all rows about one event have its period
    about = pl.col("period").is_in(list(periods))
    within = files_within(intake, "period", min(periods), max(periods))
    # a later verdict is in a later file, also where files were joined: those are neighbours
    since = {file.path: file.sequence for file in within if file.sequence > after}
    return _in_order(_read(intake, since, Packed.nothing(), about))


def full_rows(intake: Table, places: pl.DataFrame) -> pl.DataFrame:
    """Read the latest attempt of some events with all columns; rare, so it may look through all files.

    Args:
        intake: the table.
        places: columns `parcel_id` and `row`.

    Returns:
        Columns as in `intake`, in the order of arrival; `payload` is the newest that the event has, and `sealed` says
        whether it is sealed.
    """
    every = scan_files(intake, [] if places.is_empty() else files(intake))
    wanted = every.filter(pl.col("parcel_id").is_in(places["parcel_id"].unique().implode())).collect()
    rows = wanted.join(places, on=PLACE, how="semi").sort("attempt", maintain_order=True)
    with_payload = rows.filter(pl.col("payload").is_not_null()).unique(PLACE, keep="last")
    payloads = with_payload.select(*PLACE, "payload", (pl.col("verdict") != ACCEPTED).alias("sealed"))
    latest = rows.unique(PLACE, keep="last").drop("payload").join(payloads, on=PLACE, how="left")
    return latest.sort("topic_offset", "row")


def decided_anew(intake: Table, places: pl.DataFrame, verdict: str) -> pl.DataFrame:
    """Make further rows about events that are in `intake`, in the order of arrival.

    Args:
        intake: the table.
        places: columns `PLACE`, and `by`, the rule.
        verdict: of all of them.

    Returns:
        Columns `STORED`, one attempt further and without payload: that stands in the row that brought the event.
    """
    return (
        full_rows(intake, places.select(PLACE))
        .join(places, on=PLACE, maintain_order="left")
        .with_columns(
            pl.col("attempt") + 1,
            pl.lit(verdict).alias("verdict"),
            pl.col("by").alias("rule"),
            pl.lit(None, dtype=pl.Binary).alias("payload"),
        )
        .select(STORED)
    )


def _read(intake: Table, sequences: dict[Path, int], known: Packed, wanted: pl.Expr | None = None) -> Packed:
    """Read some files, a few at a time, and return the latest rows of those that were known and these."""
    numbers = {str(path): sequence for path, sequence in sequences.items()}
    decided_in = pl.col("file").replace_strict(numbers, default=None, return_dtype=pl.Int64).alias("decided_in")
    again = False
    for start in range(0, len(sequences), _READ_FILES):
        every = scan_files(intake, [*sequences][start : start + _READ_FILES], file_as="file")
        chosen = (every if wanted is None else every.filter(wanted)).select(*_COLUMNS, STREAM, "file")
        rows = chosen.collect().with_columns(decided_in).drop("file")
        again = again or bool((rows["attempt"] > 0).any())
        known = known.and_rows(rows)
    return known.latest() if again else known  # nearly always there are first attempts only


def _in_order(rows: Packed) -> pl.DataFrame:
    return rows.unpacked().select(*_COLUMNS, "stream", "decided_in")
