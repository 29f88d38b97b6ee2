"""Two partners of one town who send in two years, and what the town counts of it."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import duckdb
import polars as pl

from services import tasks
from services.home import Home
from services.households import ROLLOVER, first_names, under_one_name
from services.indicators import count_cells, load_catalogue, prepare
from services.month import COUNTED, POPULATION
from services.network import Clock, Network
from services.receiving.collecting import open_node
from services.store.accounts import conservation
from services.store.events import current_tables
from tests.small_network import MUNICIPALITIES, arrears, export, texts
from tests.standing import require_same_as_the_store

TOWN, RENT, ENERGY = MUNICIPALITIES[0], "hc-huis", "es-stroom"
OWNER = {"rent": RENT, "energy": ENERGY}


def on(year: int, month: int, day: int) -> Clock:
    """A clock that stands still."""
    return lambda: dt.datetime(year, month, day, 9, tzinfo=dt.UTC)


LAST_YEAR, THIS_YEAR = on(2025, 12, 28), on(2026, 1, 5)


def signals(root: Path, kind: str, month: str, houses: Iterable[int]) -> Path:
    """An export of one partner, with one signal per house."""
    folder = Home(root).participant(OWNER[kind]).sources
    return export(folder, kind, texts(kind, arrears(TOWN, month, houses)), f"_{month}")


def send_over_new_year(root: Path) -> None:
    """December's rent is sent in the year itself, the other partner's December and all of January in the next one."""
    tasks.send(root, RENT, [signals(root, "rent", "2025-12", range(1, 31))], clock=LAST_YEAR)
    december = signals(root, "energy", "2025-12", range(21, 41))
    tasks.send(root, ENERGY, [december, signals(root, "energy", "2026-01", range(30, 46))], clock=THIS_YEAR)


def send_january(root: Path) -> tasks.SendReport:
    """The first partner's January, with which it learns of the new year."""
    return tasks.send(root, RENT, [signals(root, "rent", "2026-01", range(1, 13))], clock=THIS_YEAR)


def receive(root: Path) -> None:
    """The town receives; its accounts are even, and its standing is that of its store."""
    tasks.receive(root, TOWN)
    assert conservation(open_node(Network.open(root), TOWN))["balanced"].all()
    require_same_as_the_store(root, TOWN)


def counted(
    root: Path, periods: Iterable[str], *, joined: bool = True, kept: Mapping[str, int] | None = None
) -> Callable[[str, str], tuple[int, int]]:
    """Return a function that tells by indicator and period how many households the town counts, and their key."""
    network = Network.open(root)
    types = [network.registry.get(name) for name in (*COUNTED, POPULATION, ROLLOVER)]
    tables = current_tables(open_node(network, TOWN).catalog, types, kept)
    names = first_names(tables[ROLLOVER]) if joined else {}
    seen = under_one_name(tables) if joined else {name: tables[name] for name in (*COUNTED, POPULATION)}
    with duckdb.connect() as con:
        for name, frame in seen.items():
            con.register(name, frame.to_arrow())
        prepare(con, network.keys(TOWN).release, names)
        cells = count_cells(con, load_catalogue(), TOWN, list(periods))

    def told(indicator: str, period: str) -> tuple[int, int]:
        row = cells.filter(pl.col("district").is_null(), indicator=indicator, period=period).row(0, named=True)
        return row["units"], row["key"]

    return told
