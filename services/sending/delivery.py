"""From a source file to sealed parcels in the outbox.

Each batch of the connector is placed (address to municipality and district), split by receiver, given pseudonyms and
event ids, encoded as Avro and sealed. What a batch brings is one transaction of the outbox that also holds the
position in the file: a command that was killed goes on where it was, and a file that was sent is not sent again. Where
the rows of a batch go is written down first, see `services.sending.placing`.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pyarrow as pa

from connectors import connector_for
from connectors.base import Batch, Connector
from services.errors import NotAllowed, Rejected
from services.registry import EventType
from services.sending import pseudonyms, routing
from services.sending.enqueueing import encoded_apart, enqueue
from services.sending.placing import placed
from services.sending.sender import Sender

RECEIVERS_TOGETHER = 64
"""Receivers whose last batches are sealed in one transaction."""


@dataclass
class FileReport:
    """What became of one file, in rows and events; deliveries by (delivery id, receiver, event type)."""

    sender: str
    file: str
    connector: str
    rows_read: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    deliveries: Counter[tuple[bytes, str, str]] = field(default_factory=Counter)
    parcels: int = 0
    sent_before: bool = False


@dataclass
class _Pending:
    """The newest rows of one (receiver, event type), held back until it is known whether they are the last."""

    rows: pl.DataFrame
    batch: int


@dataclass(frozen=True)
class _File:
    path: Path
    digest: bytes
    connector: Connector


def digest_of(path: Path) -> bytes:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def deliver_file(
    sender: Sender, path: Path, *, mended: bool = False, room: Callable[[], None] = lambda: None
) -> FileReport:
    """Read `path` with the connector that knows it and put its events, sealed, into the outbox.

    Args:
        sender: who sends.
        path: the export.
        mended: whether it is the mended version of a file that was sent under the same name.
        room: called before anything is sealed; raises when the outbox is to take no more. Run again, the file goes on
            where it was.

    Raises:
        connectors.base.SourceError: the file as a whole cannot be read.
        NotAllowed: this participant may not send what is in the file.
        Rejected: the file's rows have no key of their own, and another file was sent under its name.
    """
    file = _File(path, digest_of(path), connector_for(path))
    report = FileReport(sender.id, path.name, file.connector.name)
    if sender.journal.finished(file.digest):
        report.sent_before = True
        return report
    pending: dict[tuple[str, str], _Pending] = {}
    for number, batch in enumerate(file.connector.read(path)):
        room()
        event_type = sender.registry.in_use(batch.event_type)
        require_right(sender, event_type)
        _require_own_name(sender, file, batch, mended=mended)
        report.rows_read += batch.rows_read
        for receiver, rows in _routed(sender, file, event_type, number, batch, report):
            _hold_back(sender, file, event_type, receiver, rows, pending, report)
    lasts = [(sender.registry.in_use(name), receiver, part) for (receiver, name), part in sorted(pending.items())]
    for start in range(0, len(lasts), RECEIVERS_TOGETHER):
        room()
        _flush(sender, file, lasts[start : start + RECEIVERS_TOGETHER], report, last=True)
    sender.at("finish file")
    sender.journal.finish_file(
        file.digest,
        path.name,
        file.connector.name,
        report.rows_read,
        report.events.total(),
        report.refused.total(),
    )
    sender.outbox.forget_places(file.digest)
    return report


def send_again(sender: Sender, receiver: str, paths: Sequence[Path]) -> None:
    """Forget that a receiver got anything; files are delivered to it again, in a new stream, and to nobody else.

    Statements, receipts and observations for it are made again the next time that they are due.

    Args:
        sender: who sends.
        receiver: who lost what was sent to it.
        paths: exports that are read again by `deliver_file`.
    """
    with sender.outbox.together():
        sender.outbox.begin_again(receiver)
        sender.used.begin_again(receiver)
    for path in paths:
        sender.journal.reopen(digest_of(path))


def require_right(sender: Sender, event_type: EventType) -> None:
    """Refuse to send what this participant may not.

    Raises:
        NotAllowed: so it is.
    """
    if event_type.name not in sender.participant.may_send:
        raise NotAllowed(
            f"{sender.id} may not send {event_type.name}.",
            f"Its contract names as senders: {', '.join(event_type.contract.sender)}.",
            "Check that the file belongs to this participant.",
        )


def _require_own_name(sender: Sender, file: _File, batch: Batch, *, mended: bool) -> None:
    """Rows without a key are told apart by file name and row: a new file under an old name would look like doubles."""
    if (
        mended
        or batch.rows["source_key"].null_count() == 0
        or not sender.journal.other_version(file.path.name, file.digest)
    ):
        return
    raise Rejected(
        f"{file.path.name} was sent before with other contents, and its rows have no key of their own.",
        "Its rows would get the ids of the earlier file's rows and be taken for doubles.",
        "Give a new export its own name; a mended one is sent with `spiegelnet quarantine replay … --source`.",
    )


def _routed(
    sender: Sender, file: _File, event_type: EventType, number: int, batch: Batch, report: FileReport
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield (receiver, rows); keep what cannot be placed as refused."""
    found = placed(sender, file.digest, number, event_type, batch.rows)
    sender.at("note refused")
    with sender.journal.transaction():
        for part in (batch.refused, *found.refused):
            sender.journal.add_refused(file.path.name, event_type.name, file.digest, part)
            report.refused.update(part["reason"].to_list())
    report.events[event_type.name] += found.rows.height
    if found.rows.height:
        yield from routing.route(event_type.contract.receiver, sender.id, found.rows, found.nodes)


def _hold_back(
    sender: Sender,
    file: _File,
    event_type: EventType,
    receiver: str,
    rows: pl.DataFrame,
    pending: dict[tuple[str, str], _Pending],
    report: FileReport,
) -> None:
    key = (receiver, event_type.name)
    before = pending.get(key)
    if before:
        _flush(sender, file, [(event_type, receiver, before)], report, last=False)
    pending[key] = _Pending(rows, before.batch + 1 if before else 0)


def _flush(
    sender: Sender, file: _File, parts: Sequence[tuple[EventType, str, _Pending]], report: FileReport, *, last: bool
) -> None:
    """Seal batches for some receivers, those left out that an earlier run of the same file sealed.

    What may take long (the key services are asked) is done first: a transaction keeps other writers waiting.
    """
    _note(sender, file, parts, report)
    due = [
        (event_type, receiver, part)
        for event_type, receiver, part in parts
        if part.batch >= sender.outbox.position(file.digest, receiver, event_type.name)
    ]
    by_type = {event_type.name: event_type for event_type, _, _ in due}
    encoded = {
        name: _encoded(sender, file, event_type, [(to, part.rows) for kind, to, part in due if kind.name == name])
        for name, event_type in by_type.items()
    }
    with sender.outbox.together():
        for event_type, receiver, part in due:
            report.parcels += enqueue(
                sender,
                event_type,
                receiver,
                encoded[event_type.name][receiver],
                delivery_id=sender.delivery_id(file.digest, receiver, event_type.name),
                position=(file.digest, part.batch + 1),
                last=last,
            )
            if "household" in part.rows.columns:
                sender.used.note(receiver, sender.epoch, f"{sender.today:%Y-%m}", part.rows["household"])


def _note(sender: Sender, file: _File, parts: Sequence[tuple[EventType, str, _Pending]], report: FileReport) -> None:
    """Note what batches bring their receivers, before any of it is sealed."""
    sender.at("note delivery")
    with sender.journal.transaction():
        sender.journal.begin_file(file.digest, file.path.name, file.connector.name)
        for event_type, receiver, part in parts:
            delivery_id = sender.delivery_id(file.digest, receiver, event_type.name)
            report.deliveries[delivery_id, receiver, event_type.name] += part.rows.height
            dated = _dated(event_type, part.rows)
            sender.journal.add_delivery(delivery_id, receiver, event_type.name, file.digest, part.batch, dated)


def _encoded(
    sender: Sender, file: _File, event_type: EventType, parts: Sequence[tuple[str, pl.DataFrame]]
) -> dict[str, pa.LargeBinaryArray]:
    """Return by receiver the encoded events of its rows, all of one type; together, since each step has its price."""
    heights = [part.height for _, part in parts]
    rows = encoded_apart(event_type, _events(sender, file, event_type, parts), heights)
    return dict(zip((receiver for receiver, _ in parts), rows, strict=True))


def _dated(event_type: EventType, rows: pl.DataFrame) -> list[tuple[str, int]]:
    """Count events per month of the date that the contract names as the event's own, for the delivery statement."""
    column = event_type.contract.period_field
    if column is None:
        return [("", rows.height)]
    dates = rows[column]
    months = dates.dt.strftime("%Y-%m") if dates.dtype == pl.Date else dates
    counts = months.fill_null("").value_counts(name="events").sort(column)
    return [(str(month), int(events)) for month, events in counts.iter_rows()]


def _events(
    sender: Sender, file: _File, event_type: EventType, parts: Sequence[tuple[str, pl.DataFrame]]
) -> pl.DataFrame:
    """Turn placed rows, of one receiver after another, into events: ids, and a pseudonym in place of the address."""
    source, rows = file.connector.name, pl.concat([part for _, part in parts], how="vertical_relaxed")
    columns = [event_ids_of(sender, source, file.path.name, event_type.name, rows).alias("event_id")]
    if "household" in rows.columns:
        outer = [_outer(sender, receiver, part["household"]) for receiver, part in parts]
        columns.append(pl.concat(outer).alias("address"))
    if "signal_keys" in rows.columns:
        columns.append(_signal_ids(sender, source, rows["signal_keys"]).alias("signals"))
    if "provision_key" in rows.columns:
        columns.append(sender.event_ids("provision", source, rows["provision_key"]).alias("provision"))
    if "child_key" in rows.columns:
        columns.append(sender.event_ids("child", source, rows["child_key"]).alias("child"))
    if "teller_key" in rows.columns:
        columns.append(_tellers(sender, rows["teller_key"]))
    return rows.with_columns(columns)


def _outer(sender: Sender, receiver: str, households: pl.Series) -> pl.Series:
    return pseudonyms.outer_pseudonyms(
        sender.key_services, sender.cache, receiver, sender.epoch, "address", households, sender.asking
    )


def event_ids_of(sender: Sender, connector: str, file: str, event_type: str, rows: pl.DataFrame) -> pl.Series:
    """Return the event id (16 bytes) of each row, by its key or, where the source has none, by file and row.

    Args:
        sender: who sends.
        connector: name of the connector that read the file.
        file: the file's name.
        event_type: of all rows.
        rows: with `source_key` and `source_row`.
    """
    unkeyed = pl.concat_str(pl.lit(file + "#"), pl.col("source_row"))
    keys = rows.select(pl.coalesce(pl.col("source_key"), unkeyed))["source_key"]
    return sender.event_ids(event_type, connector, keys)


def _tellers(sender: Sender, keys: pl.Series) -> pl.Series:
    """Return by which a teller is known, null for null: the same whatever way a story of this sender came in."""
    known = sender.event_ids("teller", "stories", keys.fill_null(""))
    return pl.select(pl.when(keys.is_not_null()).then(known).alias("teller")).to_series()


def _signal_ids(sender: Sender, source: str, keys: pl.Series) -> pl.Series:
    """Return the event ids of the signals that a case answers, as the same source's signals have them."""
    flat = pl.DataFrame({"case": pl.arange(0, len(keys), eager=True), "key": keys}).explode("key")
    found = flat.filter(pl.col("key").is_not_null())
    ids = sender.event_ids("payment_arrears", source, found["key"])
    lists = found.with_columns(ids.alias("id")).group_by("case", maintain_order=True).agg("id")
    return (
        pl.DataFrame({"case": pl.arange(0, len(keys), eager=True)})
        .join(lists, on="case", how="left", maintain_order="left")["id"]
        .fill_null(pl.Series([[]], dtype=pl.List(pl.Binary)))
    )
