"""What each sender delivered about each month, for publication: counts of events that pass disclosure control.

The same function as for cells decides: a number below the threshold is null, the others are perturbed and rounded. The
unit is the record, by its event id, not the household: these numbers are about deliveries. They are counted on what had
come at the close and stay as they are; only `late` grows.

Stories are not among them: how many were told is for patterns alone to tell, which ask what each teller allows. Nobody
owes a statement of stories, so that a sender of nothing else has no row.
"""

import json
from collections.abc import Collection, Mapping, Sequence

import polars as pl
from pyiceberg.table import Table

from services.basis import together
from services.coverage import HOUSEHOLDS, Standing
from services.disclosure import Count, release_cell
from services.embargo import with_public_from
from services.indicators import Reference, latest, period_of, references, unit_keys
from services.network import Network
from services.published import published_table
from services.sending.sender import Sender
from services.store.events import current_events, is_kept
from services.store.intake import ACCEPTED, QUARANTINED, TABLE, open_intake, trimmed_periods
from services.store.ledger import PLACE, latest_about
from services.store.node import NodeStore
from services.store.snapshots import files_within, scan, scan_files, sequence_number
from services.store.tables import replace_rows
from services.stories.reading import CONSENT, STORY

QUALITY: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "period": pl.String,
    "sender": pl.String,
    "stated": pl.Boolean,
    "received": pl.Int64,
    "accepted": pl.Int64,
    "quarantined": pl.Int64,
    "quarantined_by_rule": pl.List(pl.Struct({"rule": pl.String, "events": pl.Int64})),
    "held": pl.Int64,
    "duplicate": pl.Int64,
    "late": pl.Int64,
}
"""Columns of `published.quality`. `stated`: whether the sender's delivery statement says that it is complete. Numbers
are null where suppressed; `late` came after the month was closed."""
PUBLISHED_QUALITY = "published.quality"
COUNTED = ("period", "sender", "event_id", "verdict", "rule")
_OF_STORIES = pl.col("event_type").is_in([STORY, CONSENT])


def published_quality(
    node: NodeStore,
    release_key: bytes,
    stand: Sequence[Standing],
    kept: Mapping[str, int],
    households: int | None,
    before: Collection[str] = (),
) -> pl.DataFrame:
    """Return the quality of some closed months: a row per month and sender that delivered or owes a statement.

    Events of stories do not count; a sender of these alone has no row.

    Args:
        node: the store.
        release_key: of the node, for the cell keys.
        stand: the months' statements.
        kept: snapshot id of `node.intake` at the close, by table name.
        households: public number of the municipality; None lets no number out.
        before: months that were published before; of them only what came late is counted.
    """
    intake = open_intake(node.catalog)
    closed_at = sequence_number(intake, kept[TABLE]) if TABLE in kept else 0
    months = [item.period for item in stand]
    late = latest_about(intake, months, after=closed_at).filter(pl.col("verdict") == ACCEPTED, ~_OF_STORIES)
    first = _at_close(intake, kept, [month for month in months if month not in before])
    parts = {False: first, True: late.select(COUNTED)}
    events = pl.concat(part.with_columns(pl.lit(is_late).alias("is_late")) for is_late, part in parts.items())
    events = events.with_columns(unit_keys(release_key, events["event_id"]))
    counts = _protected(events, households)
    told = pl.DataFrame(
        [(item.period, sender, True) for item in stand for sender in item.stated]
        + [(item.period, sender, False) for item in stand for sender in item.missing],
        schema={"period": pl.String, "sender": pl.String, "stated": pl.Boolean},
        orient="row",
    )
    keys_of = ["period", "sender"]
    whole = counts.filter(pl.col("rule").is_null()).pivot("what", index=keys_of, values="events")
    by_rule = (
        counts.filter(pl.col("rule").is_not_null(), pl.col("events").is_not_null())
        .sort("rule")
        .group_by(keys_of, maintain_order=True)
        .agg(pl.struct("rule", "events").alias("quarantined_by_rule"))
    )
    rows = told.join(whole, on=keys_of, how="full", coalesce=True).join(by_rule, on=keys_of, how="left")
    missing = [pl.lit(None, dtype=QUALITY[name]).alias(name) for name in QUALITY if name not in rows.columns]
    return (
        rows.with_columns(*missing)
        .with_columns(pl.col("stated").fill_null(value=False), pl.col("quarantined_by_rule").fill_null([]))
        .select(pl.col(name).cast(kind) for name, kind in QUALITY.items())
        .sort("period", "sender")
    )


def publish_quality(
    network: Network, sender: Sender, node: NodeStore, closes: Mapping[str, tuple[str, Standing]]
) -> None:
    """Publish the quality of all closed months, also of those closed long ago: what came late shows there.

    Of a month of which events were kept long enough and are removed, it stays as it was published.
    """
    population = references(current_events(node.catalog, network.registry.get("population_reference")))
    published, days = node.published(), network.embargo_days
    removed = trimmed_periods(open_intake(node.catalog))
    whole = [item for month, item in closes.items() if month not in removed]
    groups = {kept: stand for kept, stand in together(whole).items() if is_kept(node.catalog, json.loads(kept))}
    if not groups:
        return
    nothing = with_public_from(pl.DataFrame(schema=QUALITY), days)
    table = published_table(published, PUBLISHED_QUALITY, nothing.to_arrow().schema, days)
    before = scan(table).select(*QUALITY).collect()
    known = {*before["period"]}
    made = [
        published_quality(
            node, sender.keys.release, stand, json.loads(kept), _households(population, sender.id, stand), known
        )
        for kept, stand in groups.items()
    ]
    rows = with_public_from(as_published(pl.concat(made), before), days)
    sender.at("publish quality")
    replace_rows(table, rows, {"period": rows["period"].unique().to_list()})


def _households(population: Sequence[Reference], municipality: str, stand: Sequence[Standing]) -> int | None:
    base = latest(population, municipality, HOUSEHOLDS, period_of(stand[0].period).start)
    return base.value if base else None


def as_published(rows: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """Return rows as they are to be published, where some of their months were before.

    Two counts of one month may be subtracted from each other. So the first one stands, also when another close was
    written down since (an older store was put back), or the public number of households is another; only `late` grows.

    Args:
        rows: as `published_quality` makes them.
        before: the same columns, as published.
    """
    keys = ["period", "sender"]
    stands = before.filter(pl.col("period").is_in(rows["period"].unique().to_list()))
    first = rows.filter(~pl.col("period").is_in(stands["period"].unique().to_list()))
    grown = stands.join(rows.select(*keys, now="late"), on=keys, how="left").with_columns(
        late=pl.max_horizontal("late", "now")
    )
    since = rows.join(first, on=keys, how="anti").join(stands, on=keys, how="anti").filter(pl.col("late").is_not_null())
    only_late = since.with_columns(
        pl.lit(None, dtype=kind).alias(name)
        for name, kind in QUALITY.items()
        if name not in {*keys, "late", "stated", "quarantined_by_rule"}
    ).with_columns(
        stated=pl.lit(False),  # noqa: FBT003 - a literal
        quarantined_by_rule=pl.lit([], dtype=QUALITY["quarantined_by_rule"]),
    )
    return pl.concat([part.select(*QUALITY) for part in (first, grown, only_late)]).sort(keys)


def _at_close(intake: Table, kept: Mapping[str, int], months: Sequence[str]) -> pl.DataFrame:
    """Verdicts as they stood at the close: a count that moved with each late event would show each late event."""
    if TABLE not in kept or not months:
        return pl.DataFrame(intake.schema().as_arrow().empty_table()).select(COUNTED)
    found = files_within(intake, "period", min(months), max(months), kept[TABLE])
    of_months = scan_files(intake, [file.path for file in found]).filter(
        pl.col("period").is_in(list(months)), ~_OF_STORIES
    )
    rows = of_months.select(*COUNTED, *PLACE, "attempt").collect()
    return rows.sort("attempt", maintain_order=True).unique(PLACE, keep="last", maintain_order=True).select(COUNTED)


def _protected(events: pl.DataFrame, households: int | None) -> pl.DataFrame:
    """Return protected counts: `period`, `sender`, `what` (a verdict, received or late), `rule`, `events` or null."""
    keys = ["period", "sender", "what", "rule"]
    nothing = pl.lit(None, dtype=pl.String)
    closed = events.filter(~pl.col("is_late"))
    parts = [
        closed.with_columns(what=pl.lit("received"), rule=nothing),
        events.filter("is_late").with_columns(what=pl.lit("late"), rule=nothing),
        closed.with_columns(what=pl.col("verdict"), rule=nothing),
        closed.filter(pl.col("verdict") == QUARANTINED).with_columns(what=pl.col("verdict")),
    ]
    together = pl.concat([part.select(*keys, "event_id", "key") for part in parts])
    units = [pl.len(), pl.col("event_id").n_unique().alias("units"), pl.col("key").unique().sum()]
    counted = together.group_by(keys).agg(units)
    numbers = [
        release_cell(Count(events, units, key), households).numerator
        for events, units, key in counted.select("len", "units", "key").iter_rows()
    ]
    return counted.with_columns(pl.Series("events", numbers, dtype=pl.Int64))
