"""Real postcodes and districts with made-up house numbers: the addresses at which the sample households live."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from services.samples.chance import chance
from services.samples.network import DATA, SampleNetwork

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Places:
    """Every postcode of the network, in order of municipality and postcode.

    Attributes:
        postcodes: columns `postcode`, `municipality`, `district`, `homes` (dwellings in it), `houses` (of which with a
            number of their own; the others are a number with the letter A), `first_number`.
        starts: id of each postcode's first dwelling; one entry more than there are postcodes.
        inhabitants: by municipality, 2024.
        spans: per municipality the ids of its first and one past its last dwelling.
    """

    postcodes: pl.DataFrame
    starts: Ints
    inhabitants: dict[str, int]
    spans: dict[str, tuple[int, int]]


def load_places(network: SampleNetwork) -> Places:
    """Spread each municipality's dwellings (CBS, 2024) over its postcodes, and its districts along them.

    How many dwellings a postcode has, their numbers, and which district it lies in are made up, and always the same.
    """
    codes = pl.read_csv(DATA / "postcodes.csv", schema_overrides={"postcode_digits": pl.String})
    codes = codes.with_columns(pl.col("letters").str.split(" ")).explode("letters")
    codes = codes.select("municipality", postcode=pl.col("postcode_digits") + pl.col("letters")).sort("postcode")
    areas = pl.read_csv(DATA / "85984NED_2024_municipalities_districts.csv", infer_schema=False)
    areas = areas.select(
        area=pl.col("code").str.to_lowercase(),
        people=pl.col("AantalInwoners_5").cast(pl.Int64),
        homes=pl.col("Woningvoorraad_35").cast(pl.Int64, strict=False).fill_null(0),
    )
    people = dict(areas.select("area", "people").iter_rows())
    parts = []
    for municipality in network.municipalities:
        own = codes.filter(pl.col("municipality") == municipality.id)
        districts = areas.filter(pl.col("area").str.starts_with(f"wk{municipality.id[2:]}") & (pl.col("homes") > 0))
        parts.append(_spread(own, districts.sort("area"), chance("places", municipality.id)))
    table = pl.concat(parts)
    starts = np.concatenate(([0], table["homes"].cum_sum().to_numpy())).astype(np.int64)
    first = table.with_row_index("at").group_by("municipality").agg(pl.col("at").min(), pl.len())
    spans = {name: (int(starts[at]), int(starts[at + count])) for name, at, count in first.iter_rows()}
    return Places(table, starts, {name: people[name] for name in spans}, spans)


def addresses(places: Places, homes: Ints) -> pl.DataFrame:
    """Where dwellings are: columns `postcode`, `number` (Int64), `letter` (`A` or empty), `street` (made up)."""
    at = np.searchsorted(places.starts, homes, side="right") - 1
    nth = homes - places.starts[at]
    found = places.postcodes[at].with_columns(pl.Series("nth", nth), pl.Series("at", at))
    over = pl.col("nth") - pl.col("houses")
    number = pl.when(over < 0).then(pl.col("nth")).otherwise(over * 3 % pl.col("houses")) + pl.col("first_number")
    return found.select(
        "postcode",
        number.alias("number"),
        pl.when(over < 0).then(pl.lit("")).otherwise(pl.lit("A")).alias("letter"),
        (pl.col("at") // 3).alias("street"),
    )


def write_reference(places: Places, path: Path) -> None:
    """The address reference that every sender uses: postcode and house numbers to municipality and district."""
    places.postcodes.select(
        "postcode",
        house_number_from="first_number",
        house_number_to=pl.col("first_number") + pl.col("houses") - 1,
        municipality="municipality",
        district="district",
    ).write_csv(path)


def _spread(own: pl.DataFrame, districts: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    total = int(districts["homes"].sum())
    weights = rng.lognormal(0.0, 0.5, own.height) + 0.1
    ends = np.round(np.cumsum(weights) / weights.sum() * total).astype(np.int64)
    homes = np.diff(ends, prepend=0)
    middle = ends - homes / 2
    district = np.searchsorted(districts["homes"].cum_sum().to_numpy(), middle).clip(0, districts.height - 1)
    houses = np.ceil(homes * 0.9).astype(np.int64)
    return own.with_columns(
        pl.Series("district", districts["area"].to_numpy()[district]),
        pl.Series("homes", homes),
        pl.Series("houses", houses),
        pl.Series("first_number", rng.integers(1, 180, own.height)),
    ).filter(pl.col("homes") > 0)
