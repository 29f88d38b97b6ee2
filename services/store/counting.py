"""Brings a participant's `Standing` up to date with its store, by what is new in it only."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import polars as pl
from pyiceberg.table import Table

from services.sqlite import errors_named
from services.store.intake import ACCEPTED, HELD, QUARANTINED, open_intake, position, readings
from services.store.ledger import IDENTITY, PLACE, brought_up
from services.store.node import NodeStore
from services.store.snapshots import data_files, scan_files, sequence_number, snapshot_of, summary
from services.store.standing import OPENED, VERDICTS, Change, Standing, Stopped, identity

_COLUMNS = (*PLACE, "attempt", "sender", "delivery_id", "event_type", "event_id", "verdict", "rule", "received_on")
_TALLY = ["sender", "received_on", "verdict", "rule"]


def count_again(node: NodeStore, standing: Standing) -> None:
    """Count what is new in `intake` and in the log of parcels.

    Args:
        node: the store.
        standing: its counts; replaced as a whole where rows were decided about again, joined to other files or removed.

    Raises:
        Retryable: another process holds a file.
        Fatal: the store is damaged.
    """
    intake = open_intake(node.catalog)
    place = position(intake)
    with standing.changed() as change:
        known = {name: json.loads(value) for name, value in change.database.execute("SELECT name, value FROM known")}
        added = _added(intake, known.get("sequence"), known.get("rows", 0)) if known.get("topic") else None
        ends = readings(intake)
        if added is None or (place and known.get("topic") != place.reading_id):
            change.forget_all()
            _count_all(change, node, intake)
            spans = [(name, 0, end) for name, end in ends.items()]
        else:
            _count(change, added)
            spans = [(place.reading_id, known["offset"], place.next_offset)] if place else []
        _count_parcels(change, node.parcels.path, spans)
        for name, value in {
            "sequence": sequence_number(intake),
            "rows": _rows(intake),
            "topic": place.reading_id if place else None,
            "offset": place.next_offset if place else 0,
        }.items():
            change.know(name, value)


def open_ones(latest: pl.DataFrame) -> pl.DataFrame:
    """Return what is stopped now: quarantined events that were not accepted later under their id, and held events.

    Args:
        latest: the latest verdicts, see `Ledger`.
    """
    taken = latest.filter(pl.col("verdict").is_in([ACCEPTED, HELD])).select(IDENTITY)
    quarantined = latest.filter(pl.col("verdict") == QUARANTINED)
    held = latest.filter(pl.col("verdict") == HELD)
    open_quarantined = quarantined.join(taken, on=IDENTITY, how="anti", maintain_order="left")
    return pl.concat([open_quarantined, held]).sort("received_on", *PLACE)


def ref_of() -> pl.Expr:
    """Return the expression of an event's reference in quarantine: its parcel and its row there."""
    return pl.concat_str(pl.col("parcel_id").bin.encode("hex"), pl.lit("-"), pl.col("row"))


def _added(intake: Table, after: int | None, counted: int) -> pl.DataFrame | None:
    """Return the rows that came since; None where it has to be counted anew.

    Rows that were removed, or that stand in another file than they did, show as another number than is expected.
    """
    if after is None:
        return None
    new = data_files(intake, after=after)
    if any(file.written_in > file.sequence for file in new):
        return None
    rows = scan_files(intake, [file.path for file in new]).select(_COLUMNS).collect()
    if counted + rows.height != _rows(intake) or (rows["attempt"] > 0).any():
        return None
    return rows


def _rows(intake: Table) -> int:
    """Return how many rows the table has, as its newest snapshot tells."""
    snapshot = snapshot_of(intake, None)
    return int(summary(snapshot).get("total-records", 0)) if snapshot else 0


def _count_all(change: Change, node: NodeStore, intake: Table) -> None:
    latest = brought_up(None, intake).latest.join(node.parcels.expiring(), on="parcel_id", how="anti")
    removed = node.parcels.removed()
    change.add_parcels(
        (OPENED, sender, on.isoformat(), parcels, events)
        for sender, on, parcels, events in removed.select("sender", "received_on", "parcels", "opened").iter_rows()
    )
    for verdict in VERDICTS:
        gone = removed.filter(pl.col(verdict) > 0).select("sender", "received_on", verdict)
        change.add_verdicts((sender, on, verdict, None, events) for sender, on, events in gone.iter_rows())
    change.add_verdicts(latest.group_by(_TALLY).len("events").iter_rows())
    change.stop(_stopped(open_ones(latest)))


def _count(change: Change, rows: pl.DataFrame) -> None:
    """Count first verdicts: nothing that was counted before is decided anew by them."""
    change.add_verdicts(rows.group_by(_TALLY).len("events").iter_rows())
    change.stop(_stopped(open_ones(rows)))
    waiting = change.stopped_identities()
    if waiting:
        taken = rows.filter(pl.col("verdict").is_in([ACCEPTED, HELD])).select(IDENTITY).iter_rows()
        change.let_go(waiting & {identity(sender, event_id) for sender, event_id in taken})


def _stopped(events: pl.DataFrame) -> list[Stopped]:
    columns = events.select(
        "sender", "event_id", ref_of(), "delivery_id", "event_type", "received_on", "verdict", "rule"
    )
    return [
        Stopped(identity(sender, event_id), ref, sender, delivery, kind, on.isoformat(), verdict, rule or "")
        for sender, event_id, ref, delivery, kind, on, verdict, rule in columns.iter_rows()
    ]


def _count_parcels(change: Change, path: Path, spans: Sequence[tuple[str, int, int]]) -> None:
    """Count the parcels whose events are in `intake`: a parcel is written down just before they are.

    Args:
        change: of the counts.
        path: of the log of parcels.
        spans: id of a reading of a topic, first offset, and the offset after the last one.
    """
    if not path.exists():
        return
    query = (
        "SELECT fate, CASE WHEN fate = 'opened' THEN sender END, received_on, count(*), sum(events) FROM parcels"
        " WHERE topic_id = ? AND topic_offset >= ? AND topic_offset < ? GROUP BY 1, 2, 3"
    )
    with errors_named(path), closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as log:
        for span in spans:
            change.add_parcels(log.execute(query, span).fetchall())
