"""A network of one town and four partners, and the events of its last two years, made up piece by piece.

Each household has some twenty events: a town as large as Amsterdam has ten million. Of every ten events eight are
signals of partners, one repeats such a signal in the town's own list, and one is a case.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from infra.bench.workload import Pair, parcels, random_bytes
from services import tasks
from services.broker import Broker
from services.network import Network
from services.samples.network import DATA
from services.sending.sender import open_sender
from services.sending.statement import state_months
from services.setup import Member, create_network

TOWN: Final = "gm0363"
DISTRICTS: Final = DATA / "85984NED_2024_municipalities_districts.csv"
PARTNERS: Final = {
    "es-bench": ("energy_supplier", "energy"),
    "hc-bench": ("housing_corporation", "rent"),
    "hi-bench": ("health_insurer", "health_insurance"),
    "wc-bench": ("water_company", "water"),
}
PIECE_EVENTS: Final = 100_000
PARCEL_EVENTS: Final = 5_000
"""Of cases no more fit in a parcel."""
MONTHS: Final = 24
MOST_HOUSEHOLDS: Final = 480_000
EVENTS_OF_A_HOUSEHOLD: Final = 20


@dataclass(frozen=True)
class Piece:
    """Events of one type and sender."""

    sender: str
    event_type: str
    frame: pl.DataFrame


def last_month(today: dt.date) -> str:
    """Return the newest month that can be closed: its closing day is over."""
    return f"{today - dt.timedelta(days=45):%Y-%m}"


def create_town(root: Path) -> Network:
    """Set up the network; the town and the hub are told the public figures of its area."""
    members = [
        Member(TOWN, TOWN, "municipality", "pv27", (TOWN,)),
        *(Member(item, item, kind, None, (TOWN,)) for item, (kind, _) in PARTNERS.items()),
        Member("cbs", "CBS", "open_data"),
        Member("hub", "Hub", "hub"),
    ]
    create_network(root, members)
    tasks.send(root, "cbs", sorted(path for path in DATA.glob("*.csv") if path.stem[0] in "8g"))
    return Network.open(root)


def send_events(network: Network, broker: Broker, events: int) -> None:
    """Put `events` onto the town's topic as parcels, and everybody's statements of the last month."""
    keys = {item: network.keys(item) for item in (TOWN, *PARTNERS)}
    for piece in pieces(events, network.today()):
        pair = Pair(piece.sender, keys[piece.sender], TOWN, keys[TOWN])
        for sealed in parcels(network.registry.get(piece.event_type), piece.frame, pair, PARCEL_EVENTS):
            broker.append_many(f"parcels.{TOWN}", [(bytes(16), sealed)])
    for participant in keys:
        with open_sender(network, participant) as sender:
            state_months(sender, [last_month(network.today())], {TOWN: MOST_HOUSEHOLDS}, network.today())
            sender.push(broker)


def pieces(events: int, today: dt.date) -> Iterator[Piece]:
    """Make events of the months before `today`, in the order in which they came; the same numbers the same events."""
    chance = np.random.default_rng(3)
    homes = random_bytes(chance, max(100, min(MOST_HOUSEHOLDS, events // EVENTS_OF_A_HOUSEHOLD)), 32)
    districts = pl.read_csv(DISTRICTS)["code"].str.to_lowercase()
    districts = districts.filter(districts.str.starts_with(TOWN.replace("gm", "wk")))
    end = dt.date.fromisoformat(f"{last_month(today)}-01") + dt.timedelta(days=28)
    first = (end - dt.date(1970, 1, 1)).days - 30 * MONTHS
    for start in range(0, events, PIECE_EVENTS):
        count = min(PIECE_EVENTS, events - start)
        days = first + (30 * MONTHS * (start + chance.integers(0, PIECE_EVENTS, count))) // max(events, PIECE_EVENTS)
        at = chance.integers(0, homes.len(), count)
        yield from _divided(
            pl.DataFrame(
                {
                    "event_id": random_bytes(chance, count, 16),
                    "address": homes.gather(at),
                    "municipality": pl.repeat(TOWN, count, eager=True),
                    "district": districts.gather(at % districts.len()),
                    "day": pl.Series(days, dtype=pl.Int32).cast(pl.Date),
                }
            )
        )


def _divided(whole: pl.DataFrame) -> Iterator[Piece]:
    """Divide some households' days over partners, own list and cases; signals of the own list repeat a partner's."""
    part = whole.height // 10
    signals = []
    for number, (partner, (_, kind)) in enumerate(PARTNERS.items()):
        signals.append(_signals(whole.slice(2 * number * part, 2 * part), kind, "partner"))
        yield Piece(partner, "payment_arrears", signals[-1])
    repeated = (
        signals[0]
        .head(part)
        .with_columns(whole.slice(8 * part, part)["event_id"], pl.lit("municipality").alias("reported_by"))
    )
    yield Piece(TOWN, "payment_arrears", repeated)
    yield Piece(TOWN, "early_warning_case", _cases(whole.slice(9 * part)))


def _signals(rows: pl.DataFrame, kind: str, reported_by: str) -> pl.DataFrame:
    day = pl.col("day")
    return rows.select(
        "event_id",
        "address",
        "municipality",
        "district",
        pl.lit(kind).alias("partner_type"),
        pl.lit(250, pl.Int32).alias("amount_eur"),
        day.dt.offset_by("-60d").alias("arisen_on"),
        day.alias("signalled_on"),
        pl.lit(value=False).alias("crisis"),
        pl.lit(value=False).alias("warm_handover"),
        pl.lit(reported_by).alias("reported_by"),
        pl.lit(None, pl.String).alias("signal_status"),
    )


def _cases(rows: pl.DataFrame) -> pl.DataFrame:
    """Cases that were closed on the day after one visit; of every three one was reached."""
    reached = pl.int_range(pl.len()) % 3 == 0
    attempt = pl.struct(
        pl.lit("home_visit").alias("kind"),
        reached.alias("reached"),
        pl.col("day").alias("attempted_on"),
        pl.lit("afternoon").alias("part_of_day"),
    )
    return rows.select(
        "event_id",
        "address",
        "municipality",
        "district",
        pl.concat_list("event_id").alias("signals"),
        pl.concat_list(attempt).alias("contact_attempts"),
        reached.alias("reached"),
        pl.when(reached).then(pl.lit("financial_follow_up")).otherwise(pl.lit("no_contact_possible")).alias("result"),
        pl.col("day").dt.offset_by("-8d").alias("matched_on"),
        pl.col("day").dt.offset_by("-8d").alias("opened_on"),
        pl.col("day").alias("closed_on"),
    )
