"""Quarantine at the receiver: events that broke a rule of their contract, sealed, until they are mended or let through.

A row that is mended at its source comes again under the same event id and is then accepted: it leaves the list by
itself. After a contract was changed, `replay` judges the open ones again. A delivery that was held as a whole waits for
`lift`. Both only add rows to `intake`; doing them again adds nothing.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import polars as pl
from pyiceberg.table import Table

from services.avro.decode import decode_rows
from services.contracts import Rule
from services.errors import NotAllowed, Rejected
from services.gate.rows import ERROR, JUDGED, gate
from services.privacy.sealing import open_many
from services.receiving.holds import LIFTED, held_deliveries, with_holds
from services.receiving.judging import verdicts, with_context, with_known
from services.receiving.landing import SEALED_CONTEXT, sealed
from services.receiving.naming import CORRECTION
from services.receiving.withdrawing import taken_back
from services.registry import EventType, Registry
from services.store.counting import open_ones, ref_of
from services.store.events import project
from services.store.intake import ACCEPTED, HELD, QUARANTINED, STORED, store
from services.store.ledger import PLACE, Ledger, full_rows
from services.store.node import NodeStore
from services.stories.text import opened_words, text_fields

_MEND = "Ask the sender to mend the row at its source and to send the file again; the event keeps its id."
_LIFT = "Look at the delivery together with its sender; then lift it, or leave it held."
_REPLAY = "Mend the rule in the contract, then replay."


@dataclass(frozen=True)
class Stopped:
    """One event that was stopped, with its values only where they were asked for.

    Attributes:
        ref: by which to name it here.
        sender: participant id.
        event_id: 16 bytes; its sender finds the row by it.
        event_type: name.
        received_on: day of receipt.
        verdict: `quarantined` or `held`.
        rule: id of the rule.
        fields: what the rule looks at.
        why: the rule in words.
        todo: what to do.
        values: by field, pseudonyms and words of persons left out; empty unless they were revealed.
    """

    ref: str
    sender: str
    event_id: bytes
    event_type: str
    received_on: dt.date
    verdict: str
    rule: str
    fields: tuple[str, ...]
    why: str
    todo: str
    values: Mapping[str, object] = field(default_factory=dict, repr=False)


def open_events(node: NodeStore) -> pl.DataFrame:
    """List what is stopped now: quarantined events that were not accepted later under their id, and held events.

    Returns:
        Per event `ref`, `sender`, `delivery_id`, `event_type`, `version`, `event_id`, `received_on`, `verdict`, `rule`,
        and its place `parcel_id`, `row`; oldest first.
    """
    _, ledger = node.intake()
    return open_ones(ledger.latest).select(
        ref_of().alias("ref"),
        *("sender", "delivery_id", "event_type", "version", "event_id", "received_on", "verdict", "rule"),
        *PLACE,
    )


def show(
    node: NodeStore, registry: Registry, ref: str, now: dt.datetime, *, reveal: bool = False, purpose: str = ""
) -> Stopped:
    """Describe one stopped event.

    Args:
        node: the store.
        registry: contracts, for the rule in words.
        ref: as `open_events` gives it, or the beginning of it.
        now: time of the look, UTC.
        reveal: whether the values are wanted; the look is then written down with its purpose.
        purpose: what the values are needed for.

    Raises:
        Rejected: no open event, or more than one, has this ref.
        NotAllowed: values are wanted without a purpose.
    """
    stopped = open_events(node)
    exact = stopped.filter(pl.col("ref") == ref)
    found = exact if exact.height else stopped.filter(pl.col("ref").str.starts_with(ref))
    if found.height != 1:
        raise Rejected(
            f"{found.height} stopped events have a reference that begins with {ref}.",
            "One is needed.",
            "`spiegelnet quarantine list` gives the references.",
        )
    row = found.row(0, named=True)
    event_type = registry.get(row["event_type"], row["version"])
    fields, why, todo = explained(event_type, row["verdict"], row["rule"])
    shared = {name: row[name] for name in ("ref", "sender", "event_id", "event_type", "received_on", "verdict", "rule")}
    values = _revealed(node, event_type, found, now, purpose) if reveal else {}
    return Stopped(**shared, fields=fields, why=why, todo=todo, values=values)


def replay(
    node: NodeStore, registry: Registry, now: dt.datetime, at: Callable[[str], None] = lambda _: None
) -> pl.DataFrame:
    """Judge open quarantined events, and those held because a rule could not be run, by the contracts as they are now.

    Corrections are left as they are: by now the row that takes the place of what they name may have come under its id,
    and they would take that back.

    Returns:
        Those whose verdict or rule has changed, counted: `event_type`, `verdict`, `rule`, `events`.

    Raises:
        Retryable: another process stored in between.
        Fatal: a contract's rule cannot be run at all.
    """
    intake, ledger = node.intake()
    by_gate = (pl.col("verdict") == QUARANTINED) | pl.col("rule").str.starts_with(ERROR)
    stopped = open_ones(ledger.latest).filter(by_gate, pl.col("event_type") != CORRECTION)
    rows = _opened(node, full_rows(intake, stopped.select(PLACE))).with_row_index("_row")
    rows = rows.with_columns(
        pl.col("_row").cast(pl.Int64), pl.col("rule").alias("old_rule"), pl.col("verdict").alias("old")
    )
    judged = verdicts(_judged_again(node, registry, ledger, rows))
    others = ledger.without(stopped.select(PLACE))
    judged = with_holds(judged, held_deliveries(registry, others, judged))
    before = rows.select("_row", "old", "old_rule")
    changed = judged.join(before, on="_row", maintain_order="left").filter(
        (pl.col("verdict") != pl.col("old")) | pl.col("rule").ne_missing(pl.col("old_rule"))
    )
    changed, back = taken_back(registry, intake, ledger, changed.with_columns(pl.col("attempt") + 1))
    _decide(node, registry, intake, pl.concat([sealed(node, changed).select(STORED), back]), now, at)
    counted = ["event_type", "verdict", "rule"]
    return changed.group_by(counted).len("events").sort(counted)


def lift(
    node: NodeStore,
    registry: Registry,
    delivery: tuple[str, bytes],
    now: dt.datetime,
    at: Callable[[str], None] = lambda _: None,
) -> int:
    """Let a held delivery through: its held events are accepted, and batch rules do not hold it again.

    Args:
        node: the store.
        registry: schemas, for the typed tables.
        delivery: sender and delivery id.
        now: when it is decided, UTC.
        at: called with the name of each step before it, for tests that end the process there.

    Returns:
        How many events were let through; 0 when none was held.

    Raises:
        Retryable: another process stored in between.
    """
    intake, ledger = node.intake()
    sender, delivery_id = delivery
    of_delivery = (pl.col("sender") == sender) & (pl.col("delivery_id") == delivery_id)
    by_rule = (pl.col("verdict") == HELD) & ~pl.col("rule").str.starts_with(ERROR)
    held = ledger.latest.filter(of_delivery & by_rule)
    # What was accepted before the hold has its bytes in the row that accepted it, and stands in its typed table.
    rows = _opened(node, full_rows(intake, held.select(PLACE))).with_columns(
        pl.col("attempt") + 1,
        pl.lit(ACCEPTED).alias("verdict"),
        (LIFTED + pl.col("rule")).alias("rule"),
        pl.when("sealed").then("payload").alias("payload"),
    )
    rows, back = taken_back(registry, intake, ledger, rows)
    _decide(node, registry, intake, pl.concat([rows.select(STORED), back]), now, at)
    return rows.height


def _opened(node: NodeStore, rows: pl.DataFrame) -> pl.DataFrame:
    hidden = open_many(node.key, rows.select(pl.when("sealed").then("payload")).to_series(), SEALED_CONTEXT)
    return rows.with_columns(pl.coalesce(hidden, pl.when(~pl.col("sealed")).then("payload")).alias("payload"))


def _judged_again(node: NodeStore, registry: Registry, ledger: Ledger, rows: pl.DataFrame) -> pl.DataFrame:
    """Put what the gate finds now in the place of what it found before."""
    found = [JUDGED.to_frame()]
    for (name, version), part in rows.group_by("event_type", "version", maintain_order=True):
        event_type = registry.get(str(name), int(str(version)))
        events = decode_rows(event_type, part["payload"].to_arrow())
        if text_fields(event_type):
            events = opened_words(node.story_key, event_type, events)
        context = with_context(node, events, part)
        found.append(gate(event_type, with_known(node, registry, ledger, event_type, context)))
    bare = rows.drop("rule", "verdict").with_columns(
        pl.lit(None, dtype=pl.Binary).alias("taken_in"), pl.lit(None, dtype=pl.UInt64).alias("taken_by")
    )
    return bare.join(pl.concat(found), on="_row", how="left", maintain_order="left")


def _decide(
    node: NodeStore, registry: Registry, intake: Table, rows: pl.DataFrame, now: dt.datetime, at: Callable[[str], None]
) -> None:
    """Store further rows on the table as it was when they were made: whoever stored in between makes this fail."""
    if rows.height:
        store(intake, rows.select(STORED), None, now, at)
        at("committed")
    project(node.catalog, registry, at)


def _revealed(
    node: NodeStore, event_type: EventType, found: pl.DataFrame, now: dt.datetime, purpose: str
) -> dict[str, object]:
    if not purpose.strip():
        raise NotAllowed(
            "The values of a stopped event are shown for a purpose only.",
            "Each look is written down with what it was for.",
            "Name the purpose.",
        )
    row = found.row(0, named=True)
    node.parcels.note_look(now, purpose.strip(), row["parcel_id"], row["row"])
    intake, _ = node.intake()
    payload = _opened(node, full_rows(intake, found.select(PLACE)))["payload"]
    event = decode_rows(event_type, payload.to_arrow()).row(0, named=True)
    hidden = {item["name"] for item in event_type.schema["fields"] if item["privacy"] in ("pseudonym", "text")}
    return {name: value for name, value in event.items() if name not in hidden}


def explained(event_type: EventType, verdict: str, rule_id: str) -> tuple[tuple[str, ...], str, str]:
    """Return the fields that a rule looks at, the rule in words, and what to do about what it stopped."""
    contract = event_type.contract
    rules = {rule.id: rule for rule in (*contract.row_rules, *contract.batch_rules)}
    rule = rules.get(rule_id.removeprefix(ERROR))
    if rule is None:
        return (), "The contract does not have this rule any more.", _REPLAY
    if rule_id.startswith(ERROR):
        return _fields(rule), f"The rule could not be run on these events: {rule.description}", _REPLAY
    return _fields(rule), rule.description, _MEND if verdict == QUARANTINED else _LIFT


def _fields(rule: Rule) -> tuple[str, ...]:
    if rule.column:
        return (rule.column,)
    return tuple(str(rule.kwargs[key]) for key in ("column_A", "column_B") if key in rule.kwargs)
