"""The sample network: which municipalities and partners there are, read from `network.toml` beside this file."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
DATA: Final = HERE / "data"


@dataclass(frozen=True)
class Municipality:
    """A real municipality: CBS code, name, CBS code of its province."""

    id: str
    name: str
    province: str


@dataclass(frozen=True)
class Partner:
    """A partner that does not exist outside the samples.

    Attributes:
        id: participant id.
        name: made-up name.
        kind: housing_corporation, energy_supplier, water_company or health_insurer.
        partner_type: class of its signals.
        connector: name of the connector that reads its export.
        municipalities: ids of the municipalities where it has clients.
        market_share: its clients' share of the households there.
        file_format: csv or xlsx.
        natural_key: whether its export has a column with a key.
    """

    id: str
    name: str
    kind: str
    partner_type: str
    connector: str
    municipalities: tuple[str, ...]
    market_share: float
    file_format: str
    natural_key: bool


@dataclass(frozen=True)
class StoryPoint:
    """Where people tell their stories; made up.

    Attributes:
        id: participant id.
        name: made-up name.
        municipalities: ids of those that it collects stories for.
        connector: name of the connector that reads its stories.
        existing: whether what was told before the campaign is a file of existing stories.
    """

    id: str
    name: str
    municipalities: tuple[str, ...]
    connector: str
    existing: bool


@dataclass(frozen=True)
class SampleNetwork:
    """Who takes part; `provinces` and `open_data` map id to name."""

    provinces: dict[str, str]
    municipalities: tuple[Municipality, ...]
    partners: tuple[Partner, ...]
    story_points: tuple[StoryPoint, ...]
    open_data: dict[str, str]


@cache
def load_network() -> SampleNetwork:
    """The network of `network.toml`."""
    with (HERE / "network.toml").open("rb") as file:
        told = tomllib.load(file)
    municipalities = tuple(Municipality(**item) for item in told["municipality"])
    everywhere = tuple(item.id for item in municipalities)
    partners = tuple(
        Partner(
            **{
                **item,
                "municipalities": everywhere if item["municipalities"] == "all" else tuple(item["municipalities"]),
            }
        )
        for item in told["partner"]
    )
    return SampleNetwork(
        {item["id"]: item["name"] for item in told["province"]},
        municipalities,
        partners,
        tuple(StoryPoint(**{**item, "municipalities": tuple(item["municipalities"])}) for item in told["story_point"]),
        {item["id"]: item["name"] for item in told["source"]},
    )
