"""Writes a year of exports of the whole sample network: what its participants would hand to a connector."""

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from services.samples.cases import make_cases
from services.samples.context import write_context
from services.samples.debt_messages import write_debt_messages
from services.samples.debts import make_debts
from services.samples.exports import write_partner
from services.samples.layouts import dress
from services.samples.messages import write_messages
from services.samples.network import DATA, Partner, SampleNetwork, load_network
from services.samples.notices import make_notices
from services.samples.places import Places, addresses, load_places, write_reference
from services.samples.provisions import make_provisions, write_provisions
from services.samples.reaches import LOW_INCOME, make_reaches, write_reaches
from services.samples.signals import make_signals
from services.samples.spells import make_spells, write_spells
from services.samples.story_files import write_stories

OPEN_DATA: Final = (
    "participatiewet_benchmark_gemeente_2015.csv",
    "participatiewet_benchmark_gemeente_2016.csv",
    "gemeenten_2017_wijkenbuurtkaart.csv",
    "gemeenten_2020_kerncijfers_wbk.csv",
    "85984NED_2024_municipalities_districts.csv",
    LOW_INCOME,
)
NOTICES: Final = {"energy": "energy_supplier", "rent": "housing_corporation"}


@dataclass(frozen=True)
class SampleSummary:
    """What was written.

    Attributes:
        folder: where.
        months: periods, `2025-01` and on.
        rows: rows or records per file, wrong ones included; files by path below the folder.
        planted: wrong rows by kind.
        signals: signals per municipality in all months together, before wrong rows were planted.
    """

    folder: Path
    months: tuple[str, ...]
    rows: dict[str, int]
    planted: dict[str, int]
    signals: dict[str, int]


def write_samples(out: Path, seed: int, months: int = 12, last: str = "2025-12") -> SampleSummary:
    """Write all exports below `out`; the same seed gives the same files.

    A longer run from the same first month begins with the same signals, cases and notices, under the same keys: so a
    month can be added later, with `months` and `last` one further.

    Layout: `<participant>/back/` with all months but the last in one delivery, `<participant>/live/` with the last
    month, `<participant>/clients.csv` (`municipality;client_households`) for partners, `cbs/back/` with open data, and
    `address_reference.csv`. Of stories `back/` has those of the two years before too.

    Args:
        out: folder; is made, files in it are overwritten.
        seed: of all chance.
        months: how many.
        last: the last of them.
    """
    network = load_network()
    places = load_places(network)
    firsts = _months(months, last)
    signals = make_signals(network, places, firsts, seed)
    cases, attempts = make_cases(network, signals, firsts, seed)
    notices = {kind: make_notices(signals, places, firsts, kind, seed) for kind in NOTICES}
    debts = dress(make_debts(network, signals, places, firsts, seed), places, network)
    out.mkdir(parents=True, exist_ok=True)
    write_reference(places, out / "address_reference.csv")
    rows: dict[str, int] = {}
    planted = Counter[str]()
    dressed = dress(signals, places, network)
    homes = dress(cases, places, network)
    told = {kind: dress(frame, places, network) for kind, frame in notices.items()}
    for partner in network.partners:
        own = dressed.filter(pl.col("partner") == partner.id)
        notice = told.get(partner.partner_type, told["rent"][:0]).filter(pl.col("partner") == partner.id)
        written, wrong = write_partner(out / partner.id, partner, own, notice, months=firsts, seed=seed)
        _write_clients(out / partner.id / "clients.csv", partner, places)
        rows |= {f"{partner.id}/{name}": count for name, count in written.items()}
        planted += wrong
    for municipality in network.municipalities:
        here = pl.col("municipality") == municipality.id
        listed = (dressed.filter(here), homes.filter(here), attempts)
        own_debts = debts.filter(here)
        for written, wrong in _of_municipality(out / municipality.id, listed, own_debts, places, network, firsts, seed):
            rows |= {f"{municipality.id}/{name}": count for name, count in written.items()}
            planted += wrong
        context = write_context(out / municipality.id, municipality.id, places, months=firsts, seed=seed)
        rows |= {f"{municipality.id}/{name}": count for name, count in context.items()}
    stories, wrong = write_stories(out, network, months=firsts, seed=seed)
    rows |= stories
    planted += wrong
    _copy_open_data(out, network)
    per_place = dict(signals.group_by("municipality").len().sort("municipality").iter_rows())
    return SampleSummary(out, tuple(f"{first:%Y-%m}" for first in firsts), rows, dict(planted), per_place)


def _of_municipality(
    folder: Path,
    listed: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame],
    debts: pl.DataFrame,
    places: Places,
    network: SampleNetwork,
    firsts: Sequence[date],
    seed: int,
) -> Iterator[tuple[dict[str, int], Counter[str]]]:
    """Write what one municipality exports, named as its folder; yield rows per file and wrong rows by kind."""
    here, people = folder.name, places.inhabitants[folder.name]
    elsewhere = addresses(places, np.array([places.spans[here][1] % places.starts[-1]]))
    away = (str(elsewhere["postcode"][0]), str(elsewhere["number"][0]))
    yield write_messages(folder, here, listed, months=firsts, elsewhere=away, seed=seed)
    yield write_debt_messages(folder, here, debts, months=firsts, elsewhere=away, seed=seed)
    spells = make_spells(here, people, firsts, seed)
    yield write_spells(folder, here, spells, months=firsts, seed=seed)
    provisions = dress(make_provisions(here, people, listed[0], firsts, seed), places, network)
    yield write_provisions(folder, here, provisions, months=firsts, seed=seed)
    reaches = dress(make_reaches(here, listed[0], firsts[-1].year, seed), places, network)
    yield write_reaches(folder, here, reaches, months=firsts, seed=seed)


def _months(count: int, last: str) -> list[date]:
    year, month = (int(part) for part in last.split("-"))
    ends = year * 12 + month - 1
    return [date(number // 12, number % 12 + 1, 1) for number in range(ends - count + 1, ends + 1)]


def _write_clients(path: Path, partner: Partner, places: Places) -> None:
    """How many households a partner serves per municipality: its share of the dwellings."""
    spans = {name: places.spans[name] for name in partner.municipalities}
    clients = [(name, round((end - start) * partner.market_share)) for name, (start, end) in spans.items()]
    frame = pl.DataFrame(clients, schema=["municipality", "client_households"], orient="row")
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_csv(path, separator=";")


def _copy_open_data(out: Path, network: SampleNetwork) -> None:
    for participant in network.open_data:
        folder = out / participant / "back"
        folder.mkdir(parents=True, exist_ok=True)
        for name in OPEN_DATA:
            shutil.copyfile(DATA / name, folder / name)
