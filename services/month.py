"""Closing months at one node: who delivered, counts on kept snapshots, release, cells, observations to the hub.

A close keeps the snapshots it was made on and writes down what it rests on; running it again reads those snapshots and
gives the same release, byte for byte. Events that arrive later enter no month that is closed.
"""

import datetime as dt
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import duckdb
import polars as pl
import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog

from services.coverage import HOUSEHOLDS, Standing, coverage, periods_closed_by, standings
from services.directory import HUB, members_digest
from services.disclosure import Count
from services.errors import Retryable
from services.indicators import Catalogue, count_cells, latest, load_catalogue, period_of, prepare, references
from services.network import Network
from services.privacy.masking import masked_share
from services.quality import published_quality
from services.receiving.collecting import open_node
from services.release import CELLS, MIN_REGION_MEMBERS, Coverage, node_release, regional_counts
from services.sending.delivery import enqueue_once
from services.sending.sender import Sender
from services.store.events import current_events, current_tables, keep_snapshots, project
from services.store.node import NodeStore
from services.store.snapshots import scan
from services.store.tables import ensure_table, load_table, replace_rows
from services.store.warehouse import open_warehouse

CLOSES = "node.closes"
CLOSES_SCHEMA = pa.schema(
    [
        pa.field("period", pa.string(), nullable=False),
        pa.field("closed_on", pa.date32(), nullable=False),
        # name under which the snapshots are kept, and their ids by table, as JSON
        pa.field("kept_as", pa.string(), nullable=False),
        pa.field("snapshots", pa.string(), nullable=False),
        pa.field("stated", pa.string(), nullable=False),
        pa.field("missing", pa.string(), nullable=False),
    ]
)
RELEASES = "node.releases"
RELEASES_SCHEMA = pa.schema(
    [
        pa.field("release_id", pa.string(), nullable=False),
        pa.field("period", pa.string(), nullable=False),
        pa.field("cells", pa.int32(), nullable=False),
        pa.field("published", pa.int32(), nullable=False),
        pa.field("released_on", pa.date32(), nullable=False),
    ]
)
PUBLISHED_CELLS = "published.cells"
PUBLISHED_QUALITY = "published.quality"
STATEMENT = "delivery_statement"
COUNTED = ("payment_arrears", "early_warning_case", "supply_stop_notice", "eviction_notice", "population_reference")


@dataclass
class MonthReport:
    """What closing brought at one node.

    Attributes:
        municipality: the node.
        periods: months, quarters and years that were closed.
        statuses: cells by (kind of period, status).
        missing: senders without a complete statement, by month.
        parcels: observation and share parcels put into the outbox.
        closed_before: months that had been closed before; their release is the same.
    """

    municipality: str
    periods: list[str] = field(default_factory=list)
    statuses: Counter[tuple[str, str]] = field(default_factory=Counter)
    missing: dict[str, tuple[str, ...]] = field(default_factory=dict)
    parcels: int = 0
    closed_before: list[str] = field(default_factory=list)


def close_months(network: Network, sender: Sender, months: Sequence[str], *, today: dt.date) -> MonthReport:
    """Close months at one municipality's node and put what is released into its outbox.

    Args:
        network: the network.
        sender: the municipality, as sender of its observations.
        months: in order; their quarters and years are closed with the last month of each.
        today: decides whether the day has come on which a month closes without all statements.

    Raises:
        Retryable: statements are missing and the closing day has not come; the senders are named.
        Fatal: a month is not written as 2025-12.
    """
    node = open_node(network, sender.id)
    catalogue = load_catalogue()
    report = MonthReport(sender.id)
    owing = [item.id for item in network.directory.senders_to(sender.id)]
    closes = _closed(node.catalog)
    new = [month for month in months if month not in closes]
    report.closed_before = [month for month in months if month in closes]
    if new:
        project(node.catalog, network.registry, sender.at)  # what an ended run of receiving left undone
        statements = current_events(node.catalog, network.registry.get(STATEMENT))
        stand = standings(statements, owing, new)
        _require_closable(sender.id, stand, network.settings.month.close_day, today)
        closes |= _close(node, sender, stand, today)
    report.missing = {month: closes[month][1].missing for month in months}
    for kept, part in _together([closes[month] for month in months]).items():
        _release(network, sender, node, catalogue, json.loads(kept), part, report)
    _publish_quality(network, sender, node, _together(closes.values()))
    return report


def _together(closes: Iterable[tuple[str, Standing]]) -> dict[str, list[Standing]]:
    """Group months by the snapshots (JSON) that they were closed on."""
    groups: dict[str, list[Standing]] = {}
    for kept, standing in closes:
        groups.setdefault(kept, []).append(standing)
    return groups


def _closed(catalog: SqlCatalog) -> dict[str, tuple[str, Standing]]:
    """Months closed before: by month the ids of the snapshots kept (JSON), and how its statements stood."""
    table = load_table(catalog, CLOSES)
    if table is None:
        return {}
    rows = scan(table).select("period", "snapshots", "stated", "missing").sort("period").collect()
    return {
        period: (kept, Standing(period, tuple(json.loads(stated)), tuple(json.loads(missing))))
        for period, kept, stated, missing in rows.iter_rows()
    }


def _require_closable(municipality: str, stand: Sequence[Standing], close_day: int, today: dt.date) -> None:
    for item in stand:
        end = period_of(item.period).end
        if today < end:
            raise Retryable(
                f"{municipality} cannot close {item.period} yet.",
                "The month has not ended; what is still to come would enter no month.",
                f"Run again from {end.isoformat()} on.",
            )
        deadline = end.replace(day=close_day)
        if item.missing and today < deadline:
            raise Retryable(
                f"{municipality} cannot close {item.period} yet.",
                f"No complete delivery statement of: {', '.join(item.missing)}.",
                f"Ask them, or run again from {deadline.isoformat()} on: then it closes with coverage stated.",
            )


def _close(
    node: NodeStore, sender: Sender, stand: Sequence[Standing], today: dt.date
) -> dict[str, tuple[str, Standing]]:
    """Keep the snapshots as they are now, and write down for each month what it rests on."""
    kept_as = f"close-{stand[0].period}"
    sender.at("keep snapshots")
    kept = json.dumps(keep_snapshots(node.catalog, sender.registry, kept_as), sort_keys=True)
    rows = [
        {
            "period": item.period,
            "closed_on": today,
            "kept_as": kept_as,
            "snapshots": kept,
            "stated": json.dumps(item.stated),
            "missing": json.dumps(item.missing),
        }
        for item in stand
    ]
    sender.at("write close")
    table = ensure_table(node.catalog, CLOSES, CLOSES_SCHEMA)
    replace_rows(table, pl.DataFrame(rows), {"period": [item.period for item in stand]})
    return {item.period: (kept, item) for item in stand}


def _release(
    network: Network,
    sender: Sender,
    node: NodeStore,
    catalogue: Catalogue,
    kept: Mapping[str, int],
    stand: Sequence[Standing],
    report: MonthReport,
) -> None:
    """Count, protect, publish and report all periods that were closed on the same snapshots (ids by table)."""
    tables = current_tables(node.catalog, [network.registry.get(name) for name in (*COUNTED, STATEMENT)], kept)
    statements = tables.pop(STATEMENT)
    periods = periods_closed_by([item.period for item in stand])
    with duckdb.connect(":memory:", config={"threads": 1}) as con:
        for name, frame in tables.items():
            con.register(name, frame.to_arrow())
        prepare(con, sender.keys.release)
        counts = count_cells(con, catalogue, sender.id, periods)
    covered = coverage(statements, tables["population_reference"], catalogue, sender.id, periods)
    cells = node_release(counts, catalogue, sender.id, covered)
    _publish(network, sender, node, cells, periods)
    report.periods += periods
    report.statuses.update(cells.select("period_kind", "status").iter_rows())
    with sender.outbox.together():
        report.parcels += _report(sender, cells)
        report.parcels += _shares(network, sender, regional_counts(counts, catalogue), covered)


def _publish(network: Network, sender: Sender, node: NodeStore, cells: pl.DataFrame, periods: Sequence[str]) -> None:
    """Put cells into the published warehouse, and the releases into the log that stays in the node."""
    published = open_warehouse(network.home.participant(node.participant).root, "published")
    cells_schema = pl.DataFrame(schema=CELLS).to_arrow().schema
    sender.at("publish cells")
    replace_rows(ensure_table(published, PUBLISHED_CELLS, cells_schema), cells, {"period": list(periods)})
    sender.at("log releases")
    log = (
        cells.group_by("release_id", "period", maintain_order=True)
        .agg(
            pl.len().cast(pl.Int32).alias("cells"),
            (pl.col("status") == "published").sum().cast(pl.Int32).alias("published"),
        )
        .with_columns(pl.lit(dt.datetime.now(dt.UTC).date()).alias("released_on"))
    )
    table = ensure_table(node.catalog, RELEASES, RELEASES_SCHEMA)
    known = scan(table).select("release_id").collect()["release_id"]
    new = log.filter(~pl.col("release_id").is_in(known.implode()))
    if new.height:
        replace_rows(table, new, {"release_id": new["release_id"].to_list()})


def _publish_quality(
    network: Network, sender: Sender, node: NodeStore, closes: Mapping[str, Sequence[Standing]]
) -> None:
    """Publish the quality of all closed months, also of those closed long ago: what came late shows there."""
    population = references(current_events(node.catalog, network.registry.get("population_reference")))
    published = open_warehouse(network.home.participant(node.participant).root, "published")
    for kept, stand in closes.items():
        base = latest(population, sender.id, HOUSEHOLDS, period_of(stand[0].period).start)
        households = base.value if base else None
        rows = published_quality(node, sender.keys.release, stand, json.loads(kept), households)
        sender.at("publish quality")
        table = ensure_table(published, PUBLISHED_QUALITY, rows.to_arrow().schema)
        replace_rows(table, rows, {"period": [item.period for item in stand]})


def _report(sender: Sender, cells: pl.DataFrame) -> int:
    """Put the released cells as observations into the outbox; a release that was sent is not sent again."""
    event_type = sender.registry.get("indicator_observation")
    parcels = 0
    for (release_id,), part in cells.group_by("release_id", maintain_order=True):
        area = pl.coalesce("district", "municipality")
        keys = part.select(pl.concat_str([area, "indicator", "dimension", "dimension_value"], separator="|"))
        frame = part.with_columns(
            sender.event_ids(event_type.name, str(release_id), keys.to_series()).alias("event_id"),
            area.alias("area"),
            pl.when(pl.col("district").is_null())
            .then(pl.lit("municipality"))
            .otherwise(pl.lit("district"))
            .alias("area_kind"),
            _reason().alias("reason"),
            pl.lit(None, dtype=pl.Float64).alias("published_value"),
        )
        parcels += _put_once(sender, event_type.name, str(release_id), frame)
    return parcels


def _reason() -> pl.Expr:
    """Say why a cell is missing; null for other cells."""
    nobody = pl.when(pl.col("coverage") == 0).then(pl.lit("no sender of these events stated a complete delivery"))
    return pl.when(pl.col("status") == "missing").then(nobody.otherwise(pl.lit("no public population of this area")))


def _shares(network: Network, sender: Sender, counts: pl.DataFrame, covered: Coverage) -> int:
    """Put masked shares of the counts that are released per province into the outbox, once per period for good.

    Also when the members have changed since: the sums over two lists of members would show by their difference what
    one of them counted.
    """
    province = sender.participant.province
    if province is None or counts.is_empty():
        return 0
    members = network.directory.region_members(province)
    if len(members) < MIN_REGION_MEMBERS:  # it could never be released, and two could subtract their own
        return 0
    digest = members_digest(members)
    peers = {item: network.directory.get(item).public.mask for item in members if item != sender.id}
    parcels = 0
    for row in counts.iter_rows(named=True):
        count = Count(row["value"], row["units"], row["key"])
        what = f"{row['period']}|{province}|{row['indicator']}|{row['definition_version']}"
        label = f"{what}|{digest}".encode()
        shares = [
            masked_share(value, sender.id, sender.keys.mask, peers, label, index)
            for index, value in enumerate((count.value, count.units, count.key))
        ]
        event = {
            "event_id": sender.event_ids("regional_share", what, pl.Series([digest])),
            "period": row["period"],
            "period_kind": period_of(row["period"]).kind,
            "region": province,
            "indicator": row["indicator"],
            "definition_version": row["definition_version"],
            "members": digest,
            "member_count": len(members),
            "share_events": shares[0],
            "share_units": shares[1],
            "share_key": shares[2],
            "coverage": pl.Series([covered.get((row["period"], row["indicator"]))], dtype=pl.Float64),
            "release_id": hashlib.sha256(label).hexdigest()[:16],
        }
        parcels += _put_once(sender, "regional_share", what, pl.DataFrame(event))
    return parcels


def _put_once(sender: Sender, event_type: str, what: str, frame: pl.DataFrame) -> int:
    """Seal events about one thing for the hub, unless an earlier run did."""
    source = hashlib.sha256(f"{event_type}|{what}".encode()).digest()
    return enqueue_once(sender, event_type, HUB, frame, source)
