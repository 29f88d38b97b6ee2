"""Taking back what was sent: events that should not have been sent are withdrawn, wrong ones corrected.

Which events they are is told by rows of an export, read by the connector that read them first: a row with the same key
has the same event id, and lies where it lay. Nothing is kept for this of what was sent.
"""

import datetime as dt
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from connectors import connector_for
from services.errors import Rejected
from services.receiving.naming import CORRECTION, WITHDRAWAL
from services.sending import routing
from services.sending.delivery import FileReport, deliver_file, digest_of, event_ids_of, require_right
from services.sending.enqueueing import enqueue_once
from services.sending.placing import placed
from services.sending.sender import Sender


@dataclass
class TakenBack:
    """What was taken back by one file.

    Attributes:
        participant: the sender.
        file: its name.
        rows: rows that were chosen in it.
        refused: those of them that name no event, by reason.
        events: events that are taken back, by type.
        parcels: put into the outbox; 0 when the same was done before.
        sent: what was sent in their place; None for a withdrawal.
    """

    participant: str
    file: str
    rows: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    parcels: int = 0
    sent: FileReport | None = None


def withdraw(sender: Sender, path: Path, today: dt.date, rows: Collection[int] = ()) -> TakenBack:
    """Put withdrawals of the events of a file's rows into the outbox.

    On the same day the same rows are not withdrawn twice; on another day they are sent again, for a receiver that did
    not know an event at the time.

    Args:
        sender: whose events.
        path: an export with the rows, as its connector reads it.
        today: day of the withdrawal.
        rows: numbers of rows in the file, header included; all when empty.

    Raises:
        connectors.base.SourceError: the file as a whole cannot be read.
        NotAllowed: this participant may not send what is in the file.
        Rejected: its rows have no key of their own, and this very file was not sent.
    """
    digest = digest_of(path)
    source = _source(WITHDRAWAL, digest.hex(), sorted(rows), today.isoformat())
    report = TakenBack(sender.id, path.name)
    named = _named(sender, path, digest, source, rows, report)
    with sender.outbox.together():
        for receiver, events in sorted(named.items()):
            ids = sender.event_ids(WITHDRAWAL, WITHDRAWAL, events["id"].bin.encode("hex"))
            frame = events.select(
                ids.alias("event_id"),
                "event_type",
                pl.col("id").alias("withdrawn"),
                pl.lit(today).alias("withdrawn_on"),
            )
            report.parcels += enqueue_once(sender, WITHDRAWAL, receiver, frame, source)
    sender.outbox.forget_places(source)
    return report


def correct(sender: Sender, path: Path, today: dt.date) -> TakenBack:
    """Put corrections of the events of a file's rows into the outbox, and behind them the rows as they are in it.

    Args:
        sender: whose events.
        path: an export with the corrected rows only, under the keys that they were sent by.
        today: day of the correction.

    Raises:
        connectors.base.SourceError: the file as a whole cannot be read.
        NotAllowed: this participant may not send what is in the file.
        Rejected: its rows have no key of their own; or this very file was sent before, so that nothing would come in
            the place of what it corrects.
    """
    digest = digest_of(path)
    source = _source(CORRECTION, digest.hex())
    report = TakenBack(sender.id, path.name)
    named = _named(sender, path, digest, source, (), report, keyed=True)
    begun = any(sender.outbox.position(source, receiver, CORRECTION) for receiver in named)
    if named and not begun and sender.journal.begun(digest):
        raise Rejected(
            f"{path.name} was sent before, as it is.",
            "Its events would be taken back and not be sent again.",
            "Export the corrected rows anew, in a file of their own, and correct with that.",
        )
    with sender.outbox.together():
        for receiver, events in sorted(named.items()):
            keys = events["id"].bin.encode("hex") + f"|{digest.hex()}"
            frame = events.select(
                sender.event_ids(CORRECTION, CORRECTION, keys).alias("event_id"),
                "event_type",
                pl.col("id").alias("corrected"),
                pl.lit(today).alias("corrected_on"),
            )
            report.parcels += enqueue_once(sender, CORRECTION, receiver, frame, source)
    report.sent = deliver_file(sender, path)
    sender.outbox.forget_places(source)
    return report


def _named(
    sender: Sender,
    path: Path,
    digest: bytes,
    source: bytes,
    rows: Collection[int],
    report: TakenBack,
    *,
    keyed: bool = False,
) -> Mapping[str, pl.DataFrame]:
    """Return by receiver the events of a file's rows: `event_type` and `id`, each once."""
    connector, found = connector_for(path), defaultdict[str, list[pl.DataFrame]](list)
    for number, batch in enumerate(connector.read(path)):
        event_type = sender.registry.in_use(batch.event_type)
        require_right(sender, event_type)
        chosen, refused = (_chosen(part, rows) for part in (batch.rows, batch.refused))
        _require_known(sender, path, digest, chosen, keyed=keyed)
        there = placed(sender, source, number, event_type, chosen)
        report.rows += chosen.height + refused.height
        for part in (refused, *there.refused):
            report.refused.update(part["reason"].to_list())
        report.events[event_type.name] += there.rows.height
        ids = event_ids_of(sender, connector.name, path.name, event_type.name, there.rows)
        named = there.rows.with_columns(ids.alias("id"), pl.lit(event_type.name).alias("event_type"))
        for receiver, own in routing.route(event_type.contract.receiver, sender.id, named, there.nodes):
            found[receiver].append(own.select("event_type", "id"))
    return {
        receiver: pl.concat(parts).unique(maintain_order=True)
        for receiver, parts in found.items()
        if any(part.height for part in parts)
    }


def _chosen(part: pl.DataFrame, rows: Collection[int]) -> pl.DataFrame:
    return part.filter(pl.col("source_row").is_in(list(rows))) if rows else part


def _require_known(sender: Sender, path: Path, digest: bytes, rows: pl.DataFrame, *, keyed: bool) -> None:
    """Rows without a key are known by file and number: only the file itself tells which events they were."""
    if rows["source_key"].null_count() == 0 or (not keyed and sender.journal.finished(digest)):
        return
    if keyed:
        raise Rejected(
            f"Rows of {path.name} have no key of their own, so nothing tells which events they correct.",
            todo="Withdraw the rows of the file that was sent, and send the right ones in a file of its own.",
        )
    raise Rejected(
        f"Rows of {path.name} have no key of their own, and this file was not sent.",
        "They are known by the name of the file that was sent and their number in it.",
        "Name that file as it was sent, and its rows with --row.",
    )


def _source(*parts: str | Sequence[int]) -> bytes:
    """Return 32 bytes that name what is taken back by what; the same for the same."""
    return hashlib.sha256(json.dumps(parts).encode()).digest()
