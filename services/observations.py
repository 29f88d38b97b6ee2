"""What a node tells the hub of a closed period: its released cells, and masked shares of what a province releases.

Each is put into the outbox once for good, so telling it again sends nothing twice.
"""

import hashlib

import polars as pl

from services.directory import HUB, members_digest
from services.disclosure import Count
from services.indicators import period_of
from services.network import Network
from services.privacy.masking import masked_share
from services.release import MIN_REGION_MEMBERS, Coverage
from services.sending.enqueueing import enqueue_once
from services.sending.sender import Sender


def report_cells(sender: Sender, cells: pl.DataFrame) -> int:
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
        parcels += put_once(sender, event_type.name, str(release_id), frame)
    return parcels


def _reason() -> pl.Expr:
    """Say why a cell is missing; null for other cells."""
    nobody = pl.when(pl.col("coverage") == 0).then(pl.lit("no sender of these events stated a complete delivery"))
    return pl.when(pl.col("status") == "missing").then(nobody.otherwise(pl.lit("no public population of this area")))


def report_shares(network: Network, sender: Sender, counts: pl.DataFrame, covered: Coverage) -> int:
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
        parcels += put_once(sender, "regional_share", what, pl.DataFrame(event))
    return parcels


def put_once(sender: Sender, event_type: str, what: str, frame: pl.DataFrame) -> int:
    """Seal events about one thing for the hub, unless an earlier run did."""
    source = hashlib.sha256(f"{event_type}|{what}".encode()).digest()
    return enqueue_once(sender, event_type, HUB, frame, source)
