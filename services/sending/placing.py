"""Where the rows of a batch go, written down before any of them is sealed.

A file of which a part is sealed goes on as it began, also when the address reference or the directory has changed
since: a row that would be placed anew could be one that was sealed for another receiver (it would come twice), or move
into a batch that counts as done (it would not come at all). Batches that were not reached go by the new reference.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from services.privacy.errors import PrivacyError
from services.privacy.sealing import open_bytes, seal_bytes
from services.registry import EventType
from services.sending import routing
from services.sending.addresses import divided
from services.sending.ranges import places_of_ranges
from services.sending.sender import Sender
from services.stories.points.asked import as_asked
from services.stories.points.questions import FILE, load_point

PLACES_CONTEXT: Final = b"spiegelnet/places/v1"
_ELSEWHERE: Final = "It is about another municipality: let the story be sent there, and take it off this list."


@dataclass(frozen=True)
class Placed:
    """A batch's rows, placed.

    Attributes:
        rows: what goes to somebody; events at an address or of a range of postcodes with `municipality` and `district`,
            those of which the source names the municipality as they came.
        refused: what goes to nobody, as refused rows, a frame per kind of reason.
        nodes: municipalities that took part when the batch was placed.
    """

    rows: pl.DataFrame
    refused: tuple[pl.DataFrame, ...]
    nodes: Sequence[str]


def placed(sender: Sender, source: bytes, batch: int, event_type: EventType, rows: pl.DataFrame) -> Placed:
    """Place a batch of a source as it was placed before, else by the address reference and the directory of now.

    Args:
        sender: who sends.
        source: the file's digest.
        batch: number of the batch in the file, counted over all event types.
        event_type: of all rows.
        rows: as the connector made them.

    Raises:
        Fatal: there is no address reference, or the outbox is damaged.
        Retryable: the outbox stayed locked.
    """
    by_reference = "household" in rows.columns or "postcode_to" in rows.columns
    if not by_reference and event_type.contract.receiver not in (routing.AREA, routing.MUNICIPALITY):
        return Placed(rows, (), sender.nodes)
    sender.at("place")
    kept = sender.outbox.places(source, batch)
    if kept is None:
        sealed = _sealed(sender, _places(sender, rows)) if by_reference else b""
        kept = sender.outbox.keep_places(source, batch, sender.nodes, sealed)
    nodes, sealed = kept
    if event_type.contract.receiver == routing.AREA:
        return Placed(rows, (), nodes)
    if not by_reference:
        return _as_the_source_says(sender, rows, nodes)
    resolved, unplaced = divided(rows, _opened(sender, sealed))
    inside, strangers = routing.outside(resolved, nodes)
    return Placed(inside, (unplaced, strangers), nodes)


def _as_the_source_says(sender: Sender, rows: pl.DataFrame, nodes: Sequence[str]) -> Placed:
    """Rows whose source names the municipality; a municipality keeps its own."""
    rows, *strangers = _as_asked(sender, rows)
    if sender.participant.kind == routing.MUNICIPALITY:
        others = rows.filter(pl.col("municipality") != sender.id)
        strangers.append(routing.refuse(others, "other_municipality", "municipality", _ELSEWHERE))
        rows = rows.filter(pl.col("municipality") == sender.id)
    inside, outside = routing.outside(rows, nodes, "municipality")
    return Placed(inside, (*strangers, outside), nodes)


def _as_asked(sender: Sender, rows: pl.DataFrame) -> tuple[pl.DataFrame, ...]:
    """Rows whose answers are to questions of the sender's, and the others as refused rows."""
    if "answers" not in rows.columns or not rows["answers"].list.len().sum():
        return (rows,)
    point = load_point(sender.sources)
    fits = as_asked(point.answers if point else frozenset())
    others = routing.refuse(
        rows.filter(~fits), "not_asked", "answers", f"Put the question into {FILE}, or leave it out."
    )
    return rows.filter(fits), others


def _places(sender: Sender, rows: pl.DataFrame) -> pl.DataFrame:
    """A municipality's own list may hold its own addresses only, and it keeps its own ranges of a public file."""
    only = sender.id if sender.participant.kind == "municipality" else None
    if "postcode_to" in rows.columns:
        return places_of_ranges(sender.reference, rows, only)
    return sender.reference.places(rows, only)


def _sealed(sender: Sender, places: pl.DataFrame) -> bytes:
    """Districts of rows are nobody else's business, also beside a file of the same machine."""
    out = io.BytesIO()
    places.write_ipc(out, compression="zstd")
    return seal_bytes(sender.keys.store, out.getvalue(), PLACES_CONTEXT)


def _opened(sender: Sender, sealed: bytes) -> pl.DataFrame:
    try:
        return pl.read_ipc(open_bytes(sender.keys.store, sealed, PLACES_CONTEXT))
    except PrivacyError as error:
        raise sender.outbox.damaged("Where the rows of a batch went is not what was written there.") from error
