"""A network of three municipalities of one province and one partner of each kind, small enough to run whole in seconds.

Codes, districts and population figures are real (CBS); postcodes point to them by a reference of the tests' own. All
that is between a source file and a published table is the product itself.
"""

import csv
import datetime as dt
import io
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from services import tasks
from services.home import Home
from services.samples import layouts
from services.samples.exports import write_workbook
from services.samples.layouts import Layout
from services.samples.network import DATA
from services.setup import Member, create_network

PROVINCE = "pv29"
MUNICIPALITIES = ("gm0664", "gm0687", "gm0715")
PARTNERS = {
    "es-stroom": "energy_supplier",
    "hc-huis": "housing_corporation",
    "hi-zorg": "health_insurer",
    "wc-water": "water_company",
}
SENDERS = (*PARTNERS, *MUNICIPALITIES)
EVERYBODY = ("cbs", *SENDERS, "hub")
POSTCODES = {
    "gm0664": (("4461AB", "wk066401"), ("4465AB", "wk066403")),
    "gm0687": (("4331AB", "wk068701"), ("4333AB", "wk068702")),
    "gm0715": (("4531AB", "wk071501"), ("4535AB", "wk071502")),
}
HIGHEST_NUMBER = 60_000
"""House numbers 1 to this are in the reference, for every postcode."""
BACK, LIVE = ("2025-10", "2025-11"), ("2025-12",)
AFTER = dt.date(2026, 1, 12)
"""A day on which December may close without all statements."""
BEFORE = dt.date(2026, 1, 9)

KINDS: Mapping[str, Layout] = {
    "energy": layouts.energy_arrears("EN"),
    "stops": layouts.energy_stops("EN"),
    "rent": layouts.rent_arrears("HC", workbook=False),
    "rent_workbook": layouts.rent_arrears("HC", workbook=True),
    "evictions": layouts.evictions("HC", workbook=False),
    "evictions_workbook": layouts.evictions("HC", workbook=True),
    "water": layouts.water_arrears("WC"),
    "premium": layouts.premium_arrears("HI", natural_key=True),
    "premium_unkeyed": layouts.premium_arrears("HI", natural_key=False),
}
OWNERS = {"energy": "es-stroom", "rent": "hc-huis", "water": "wc-water", "premium": "hi-zorg"}
HOUSES = {"rent": range(1, 31), "energy": range(21, 41), "water": range(36, 51), "premium": range(46, 71)}
"""House numbers with a signal per partner, shifted a little each month; where they overlap a household has two."""
TYPES = {"energy": "Energie", "rent": "Huur", "water": "Water", "premium": "Zorg"}


def members() -> list[Member]:
    """Who takes part."""
    towns = [Member(item, f"Municipality {item}", "municipality", PROVINCE, (item,)) for item in MUNICIPALITIES]
    partners = [Member(item, item, kind, None, MUNICIPALITIES) for item, kind in PARTNERS.items()]
    return [*towns, *partners, Member("cbs", "CBS", "open_data"), Member("hub", "Hub", "hub")]


def create(root: Path, settings: str = "", *, servers: bool = False) -> Home:
    """Set up the network without sources, in a file each or, with `servers`, at the servers that `settings` name."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "spiegelnet.toml").write_text(f"[machine]\nworkers = 1\n{settings}", "utf-8")
    home = create_network(root, members(), servers=servers)
    rows = [(code, 1, HIGHEST_NUMBER, town, district) for town in MUNICIPALITIES for code, district in POSTCODES[town]]
    header = ["postcode", "house_number_from", "house_number_to", "municipality", "district"]
    pl.DataFrame(rows, schema=header, orient="row").write_csv(home.address_reference)
    for partner in PARTNERS:
        lines = ["municipality;client_households", *(f"{item};9000" for item in MUNICIPALITIES)]
        write(home.participant(partner).sources / "clients.csv", "\n".join(lines).encode())
    return home


def write(path: Path, content: bytes) -> Path:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def arrears(town: str, month: str, houses: Iterable[int], *, first: int = 0) -> pl.DataFrame:
    """Rows as `services.samples.layouts` takes them: one per house, its number also in the natural key."""
    year, number = (int(part) for part in month.split("-"))
    start = dt.date(year, number, 1)
    place = MUNICIPALITIES.index(town) + 1
    rows = []
    for house in houses:
        day = start + dt.timedelta(days=house % 20)
        code, _ = POSTCODES[town][house % 2]
        rows.append(
            {
                "number": place * 1_000_000 + number * 10_000 + first + house,
                "home": house, "municipality": town, "postcode": code, "house": str(house), "letter": "",
                "street": "Voorbeeldstraat", "town": "Voorbeeld", "bsn": "999990019", "name": "A. Voorbeeld",
                "birthday": dt.date(1980, 1, 2), "cents": 25_050 + house, "arisen_on": start - dt.timedelta(days=40),
                "signalled_on": day, "noticed_on": day, "effective_on": day, "crisis": False, "warm": None,
                "announced": False, "withdrawn": False, "note": "",
            }
        )  # fmt: skip
    return pl.DataFrame(rows, schema_overrides={"warm": pl.Boolean})


def texts(kind: str, rows: pl.DataFrame) -> pl.DataFrame:
    """The cells of an export as its partner writes them."""
    return rows.select(**KINDS[kind].columns)


def export(folder: Path, kind: str, cells: pl.DataFrame, name: str = "") -> Path:
    """Write an export of `cells` under the name that its connector knows."""
    layout = KINDS[kind]
    if kind.endswith("workbook"):
        path = folder / f"{layout.stem}{name}.xlsx"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_workbook(path, cells)
        return path
    return write(folder / f"{layout.stem}{name}.csv", as_bytes(kind, cells))


def as_bytes(kind: str, cells: pl.DataFrame) -> bytes:
    """The bytes of a text export."""
    layout, out = KINDS[kind], io.StringIO()
    writer = csv.writer(out, delimiter=layout.separator, lineterminator="\r\n")
    writer.writerow(cells.columns)
    writer.writerows(cells.rows())
    return out.getvalue().encode(layout.encoding)


def record(kind: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """A signal of a municipality's own list: the partner's, as the municipality received it."""
    return {
        "ID": f"VS-{kind}-{row['number']}",
        "crisissignaal": False,
        "warmeOverdracht": False,
        "bedrag": (row["cents"] + 50) // 100,
        "ontstaansdatum": row["arisen_on"].isoformat(),
        "signaaldatum": row["signalled_on"].isoformat(),
        "signaalpartner": {"type": TYPES[kind]},
        "client": client(row),
    }


def client(row: Mapping[str, Any]) -> dict[str, str]:
    """The resident, as the national message has them."""
    return {
        "Burgerservicenummer": row["bsn"],
        "Achternaam": row["name"],
        "Straatnaam": row["street"],
        "Postcode": row["postcode"],
        "Huisnummer": row["house"],
        "Huisnummertoevoeging": row["letter"],
    }


def case(signal: Mapping[str, Any], *, accepted: bool, reached: bool = True) -> dict[str, Any]:
    """A case that answers one signal, closed eight days after it."""
    day = dt.date.fromisoformat(signal["signaaldatum"])
    attempt = (day + dt.timedelta(days=8)).isoformat()
    return {
        "resultaat": "Financieel vervolg" if accepted else "Geen hulp nodig",
        "matchingsdatum": day.isoformat(),
        "datum_opgepakt": day.isoformat(),
        "vroegsignalen": [{"ID": signal["ID"]}],
        "contactpogingen": [{"soort": "Huisbezoek", "bereikt": reached, "datum": attempt, "dagdeel": "Middag"}],
    }


def message(signals: Sequence[Mapping[str, Any]], cases: Sequence[Mapping[str, Any]]) -> bytes:
    """A national early-warning message."""
    delivery = {"teller": 1, "gemeentecode": "0664", "vroegsignalen": signals, "vroegsignaalzaken": cases}
    return json.dumps({"codeGegevensleverancier": "TEST", "leveringen": [delivery]}, ensure_ascii=False).encode()


def write_sources(home: Home, months: Sequence[str]) -> dict[str, list[Path]]:
    """Write everybody's exports of some months, and CBS's files of these municipalities; paths by participant."""
    files: dict[str, list[Path]] = {}
    told: dict[str, list[dict[str, Any]]] = {town: [] for town in MUNICIPALITIES}
    name = f"_{months[0]}_{months[-1]}"
    for kind, owner in OWNERS.items():
        rows = pl.concat([_of_month(kind, town, month) for month in months for town in MUNICIPALITIES])
        folder = home.participant(owner).sources
        files[owner] = [export(folder, kind, texts(kind, rows), name)]
        for row in rows.iter_rows(named=True):
            told[row["municipality"]].append(record(kind, row))
    rare = pl.concat([arrears(town, month, range(1, 7), first=500) for month in months for town in MUNICIPALITIES])
    files["hc-huis"].append(export(home.participant("hc-huis").sources, "evictions", texts("evictions", rare), name))
    files["es-stroom"].append(export(home.participant("es-stroom").sources, "stops", texts("stops", rare), name))
    for town, signals in told.items():
        cases = [case(item, accepted=number % 2 == 0) for number, item in enumerate(signals) if number % 3 == 0]
        path = home.participant(town).sources / f"vroegsignalen{name}.json"
        files[town] = [write(path, message(signals, cases))]
    files["cbs"] = _open_data(home.participant("cbs").sources)
    return files


def _of_month(kind: str, town: str, month: str) -> pl.DataFrame:
    shift = 7 * int(month[-2:])
    return arrears(town, month, [house + shift for house in HOUSES[kind]])


def _open_data(folder: Path) -> list[Path]:
    names = [
        "gemeenten_2017_wijkenbuurtkaart.csv",
        "gemeenten_2020_kerncijfers_wbk.csv",
        "85984NED_2024_municipalities_districts.csv",
    ]
    digits = tuple(town[2:] for town in MUNICIPALITIES)
    starts = tuple(f"{kind}{digit}" for digit in digits for kind in ("GM", "WK"))
    paths = []
    for name in names:
        header, *lines = (DATA / name).read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if line.decode().lstrip('"').startswith(starts)]
        paths.append(write(folder / name, b"".join([header, *kept])))
    return paths


class Stages:
    """One network as it stood at each stage, made when first asked for; copy a folder before use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, list[str]] = {}

    @cached_property
    def empty(self) -> Path:
        """Set up, without sources."""
        return create(self.folder / "empty").root

    @cached_property
    def made(self) -> Path:
        """Exports of `BACK` written, nothing sent."""
        root = copied(self.empty, self.folder / "made")
        for participant, paths in write_sources(Home(root), BACK).items():
            self.files[participant] = [path.name for path in paths]
        return root

    @cached_property
    def sent(self) -> Path:
        """Everybody has sent and stated."""
        root = copied(self.made, self.folder / "sent")
        for participant in sorted(self.files):
            tasks.send(root, participant, self.paths(root, participant), BACK)
        return root

    @cached_property
    def received(self) -> Path:
        """Municipalities have received."""
        root = copied(self.sent, self.folder / "received")
        for town in MUNICIPALITIES:
            tasks.receive(root, town)
        return root

    @cached_property
    def released(self) -> Path:
        """Municipalities have closed `BACK`; the hub has not collected yet."""
        root = copied(self.received, self.folder / "released")
        for town in MUNICIPALITIES:
            tasks.month(root, town, BACK, AFTER)
        return root

    @cached_property
    def closed(self) -> Path:
        """The hub has made its benchmark."""
        root = copied(self.released, self.folder / "closed")
        tasks.benchmark(root)
        return root

    def paths(self, root: Path, participant: str) -> list[Path]:
        """A participant's exports of `BACK` below `root`."""
        return [Home(root).participant(participant).sources / name for name in self.files[participant]]


def copied(root: Path, to: Path) -> Path:
    """Copy a network's folder: the same keys, sources and state."""
    shutil.copytree(root, to)
    return to
