"""Made-up published tables for the tests of the mirror, asked through the real SQL surface."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import polars as pl

from services.asking import Ask
from services.benchmark.figures import FIGURES_SCHEMA
from services.benchmark.peers import PEERS_SCHEMA
from services.embargo import PUBLIC_FROM
from services.federation.surface import open_surface, query
from services.indicators import catalogue_table, load_catalogue

TOWN = "gm0518"
SIGNALS, MULTIPLE, STOPS = "signals_per_1000_households", "multiple_signals_share", "supply_stops_per_1000_households"
REACHED = "children_in_poverty_reached_share"
_TABLE = {**FIGURES_SCHEMA, PUBLIC_FROM: pl.Date()}
_HIDDEN = ("numerator", "denominator", "value", "ci_low", "ci_high")


def figure(indicator: str, period: str, **other: object) -> dict[str, object]:
    """A published figure beside seven peers, but for what `other` says."""
    shown: dict[str, object] = {
        "period": period, "period_kind": "month" if "-" in period else "year", "municipality": TOWN,
        "indicator": indicator, "dimension": "total", "dimension_value": "total",
        "numerator": 205, "denominator": 25_600, "denominator_date": dt.date(2025, 1, 1),
        "value": 8.0078125, "unit": "per 1,000 households", "ci_low": 6.9517, "ci_high": 9.1824, "status": "published",
        "peer_set": "early_warning:2024", "peer_count": 7, "peer_p25": 6.25, "peer_median": 7.125, "peer_p75": 8.875,
        "overdispersion": 1.4, "compared": "similar", "trend": "too_short", "coverage": 0.63, "definition_version": 1,
        "release_id": "r", "released_at": dt.datetime(2026, 1, 12, tzinfo=dt.UTC), PUBLIC_FROM: dt.date(2026, 1, 1),
    }  # fmt: skip
    return shown | other


def part(approach: str, period: str = "2025", **other: object) -> dict[str, object]:
    """A published figure of children reached by one approach."""
    reached = {"value": 15.25, "numerator": 60, "denominator": 400, "peer_median": 17.5, "coverage": 1.0}
    split = {"dimension": "approach", "dimension_value": approach, "peer_set": f"child_poverty/{approach}:2020"}
    return figure(REACHED, period, **{**reached, **split, **other})


def hidden(indicator: str, period: str, status: str = "suppressed") -> dict[str, object]:
    """A figure that is not shown, beside its peers."""
    nothing = dict.fromkeys(_HIDDEN)
    return figure(indicator, period, status=status, compared="not_compared", trend="not_assessed", **nothing)


def peer(code: str, rank: int, period: str = "2025-12") -> dict[str, object]:
    """A peer of the town."""
    return {
        "period": period, "peer_set": "early_warning:2024", "municipality": TOWN, "peer": code, "rank": rank,
        "distance": rank / 10, "traits": "inhabitants", "trait_vintage": 2024, PUBLIC_FROM: dt.date(2026, 1, 1),
    }  # fmt: skip


SERIES = [
    figure(SIGNALS, "2025-10", value=7.4609375, numerator=191, peer_median=7.0),
    hidden(SIGNALS, "2025-11"),
    figure(SIGNALS, "2025-12", compared="higher"),
    hidden(MULTIPLE, "2025-12"),
    hidden(STOPS, "2025", "missing"),
    figure("reached_share", "2025-12", value=61.25, ci_low=52.5, ci_high=69.25, coverage=1.0, peer_count=3,
           peer_p25=None, peer_median=None, peer_p75=None, compared="not_compared"),
    figure("assistance_per_1000", "2016", value=46.390258, coverage=None, compared="lower"),
]  # fmt: skip
PEERS = [peer("gm0599", 2), peer("gm0344", 1), peer("gm0363", 3), peer("gm0000", 1, "2025-10")]


def quote(theme: str, name: str = "q1", **other: object) -> dict[str, object]:
    """A published quote of the town, but for what `other` says."""
    told: dict[str, object] = {
        "municipality": TOWN, "quote": name, "theme": theme, "indicators": [], "approach": None, "role": "resident",
        "period": "2025-Q4", "title": f"Titel van {name}", "words": f"Navertelde woorden van {name}.",
        "effects": ["unwanted:family"], "uses": ["quote", "publish"], "made_up": True,
        "published_on": dt.date(2026, 1, 12),
    }  # fmt: skip
    return told | other


def pattern(theme: str, kind: str = "total", signification: str = "total", **other: object) -> dict[str, object]:
    """A released count of the town's stories, but for what `other` says."""
    told: dict[str, object] = {
        "period": "2025-Q4", "period_kind": "quarter", "municipality": TOWN, "theme": theme,
        "signification_kind": kind, "signification": signification, "numerator": 35, "denominator": 562_000,
        "denominator_date": dt.date(2025, 1, 1), "status": "published", "definition_version": 1, "release_id": "r",
        PUBLIC_FROM: dt.date(2026, 1, 1),
    }  # fmt: skip
    return told | other


def asking(
    folder: Path,
    figures: Iterable[Mapping[str, object]] = SERIES,
    peers: Iterable[Mapping[str, object]] = PEERS,
    indicators: pl.DataFrame | None = None,
    stories: Sequence[Mapping[str, object]] = (),
    patterns: Sequence[Mapping[str, object]] = (),
    missing: Sequence[Mapping[str, object]] = (),
) -> Ask:
    """Publish tables in a folder and return what answers questions about them."""
    tables = {
        "figures": pl.DataFrame(list(figures), schema=_TABLE),
        "peers": pl.DataFrame(list(peers), schema={**PEERS_SCHEMA, PUBLIC_FROM: pl.Date()}),
        "indicators": catalogue_table(load_catalogue()) if indicators is None else indicators,
    }
    tables |= {name: pl.DataFrame(rows) for name, rows in (("stories", stories), ("patterns", patterns)) if rows}
    for name, frame in tables.items():
        frame.write_parquet(folder / f"{name}.parquet")
    files = {f"benchmark.{name}": [folder / f"{name}.parquet"] for name in tables}
    of_node: dict[str, list[Path]] = {}
    if missing:
        of_node["published.missing"] = [folder / "missing.parquet"]
        pl.DataFrame(missing).write_parquet(folder / "missing.parquet")
    return partial(query, open_surface(files, {TOWN: of_node}))
