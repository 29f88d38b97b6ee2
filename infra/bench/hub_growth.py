"""The hub's benchmark as the number of municipalities grows; each reports a year of made-up counts as the product does.

Areas and traits are those that CBS published for 2020; which province one lies in is made up.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from services import tasks
from services.coverage import months_of, periods_closed_by
from services.directory import HUB
from services.errors import Fatal
from services.hub import run_benchmark
from services.indicators import COUNTS, Catalogue, load_catalogue, period_of
from services.indicators.model import TOTAL
from services.network import Network
from services.observations import report_cells, report_shares
from services.release import node_release, regional_counts
from services.samples.network import DATA
from services.sending.sender import open_sender
from services.setup import Member, create_network

TRAITS: Final = DATA / "gemeenten_2020_kerncijfers_wbk.csv"
YEAR: Final = "2025"
PROVINCES: Final = 12
GROUPS: Final = 5
"""Groups of districts in each municipality."""
POPULATION: Final = 20_000


def reported(root: str, municipalities: int) -> Mapping[str, float]:
    """Set up a network of so many municipalities and let each report its cells and shares; nothing is measured.

    Raises:
        Fatal: CBS published fewer.
    """
    codes = pl.read_csv(TRAITS)["GM_CODE"].str.to_lowercase().sort().to_list()[:municipalities]
    if len(codes) < municipalities:
        raise Fatal(f"There are traits of {len(codes)} municipalities.", todo="Measure with no more than those.")
    members = [Member(code, code, "municipality", _province(at), (code,)) for at, code in enumerate(codes)]
    create_network(Path(root), [*members, Member("cbs", "CBS", "open_data"), Member(HUB, "Hub", HUB)])
    tasks.send(Path(root), "cbs", [TRAITS])
    network, catalogue = Network.open(Path(root)), load_catalogue()
    for seed, code in enumerate(codes):
        counts = made_up_counts(catalogue, code, seed)
        with open_sender(network, code) as sender, network.broker(code) as broker:
            report_cells(sender, node_release(counts, catalogue, code))
            report_shares(network, sender, regional_counts(counts, catalogue), {})
            sender.push(broker)
    return {}


def benchmarked(root: str, municipalities: int) -> Mapping[str, float]:
    """Let the hub collect what was reported, then make its benchmark.

    Raises:
        Fatal: not all municipalities have figures with peers.
    """
    network = Network.open(Path(root))
    began = time.perf_counter()
    tasks.receive(Path(root), HUB)
    collected = time.perf_counter()
    report = run_benchmark(network)
    ended = time.perf_counter()
    if not report.peers or sum(report.figures.values()) < municipalities:
        raise Fatal("The benchmark has no peers, or fewer figures than municipalities.")
    return {"hub_collect_s": collected - began, "hub_benchmark_s": ended - collected, "hub_cells": report.cells}


def made_up_counts(catalogue: Catalogue, municipality: str, seed: int) -> pl.DataFrame:
    """Return true counts of a year as `count_cells` gives them, as if nearly all cells could be published."""
    chance = np.random.default_rng(seed)
    rows: list[dict[str, object]] = []
    for period in periods_closed_by(months_of(YEAR)):
        kind = period_of(period).kind
        for entry in (item for item in catalogue.values() if item.source == "events" and item.release_period == kind):
            groups = [f"wk{municipality[2:]}{at:02d}" for at in range(GROUPS)]
            for district in [None, *(groups if entry.release_level == "district" else [])]:
                units = int(chance.integers(20, 400))
                row: dict[str, object] = {
                    "period": period,
                    "indicator": entry.id,
                    "district": district,
                    "dimension": TOTAL,
                    "dimension_value": TOTAL,
                    "value": units,
                    "units": units,
                    "key": int(chance.integers(0, 2**32)),
                    "vintage": int(YEAR),
                }
                if entry.denominator.sql:
                    below = units + int(chance.integers(50, 500))
                    key = int(chance.integers(0, 2**32))
                    row |= {"below_value": below, "below_units": below, "below_key": key}
                else:
                    row["population"] = POPULATION
                rows.append(row)
    return pl.DataFrame(rows, schema=COUNTS)


def _province(place: int) -> str:
    return f"pv{20 + place % PROVINCES}"
