"""Each municipality's figure beside its peers': quartiles, over-dispersion, verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from services.benchmark.peers import PEERS_SCHEMA, Likeness, Places, chosen, likeness, peers_frame, recommended
from services.benchmark.statistics import (
    MINIMUM_PEERS,
    Floats,
    Texts,
    overdispersion,
    quantile,
    standard_error,
    verdict,
)
from services.benchmark.traits import Traits, standardised, vintage_for, whole_vintages

# Open data count in tens: with fewer than 100 the rounding alone can carry a figure across the funnel
FEWEST_IN_OPEN_DATA = 100

TOTAL = "total"
"""Dimension of a figure about all together."""

COMPARISON = pl.Schema(
    {
        "_row": pl.Int64(),
        "peer_set": pl.String(),
        "peer_count": pl.Int64(),
        "peer_p25": pl.Float64(),
        "peer_median": pl.Float64(),
        "peer_p75": pl.Float64(),
        "overdispersion": pl.Float64(),
        "compared": pl.String(),
    }
)


@dataclass(frozen=True)
class Side:
    """What stands beside each municipality's figure; arrays of one value per municipality.

    Attributes:
        peer_count: peers with a published figure of the same definition.
        p25: first quartile of the peers' values, NaN with fewer than 5 peers.
        median: likewise.
        p75: likewise.
        phi: over-dispersion among the peers, likewise.
        compared: lower, similar, higher or not_compared.
    """

    peer_count: Places
    p25: Floats
    median: Floats
    p75: Floats
    phi: Floats
    compared: Texts


def beside_peers(
    own: tuple[Floats, Floats, Floats], others: tuple[Floats, Floats, Floats], peers: Places, *, proportion: bool
) -> Side:
    """Compare one indicator's figures with those of the peers.

    Args:
        own: numerator, denominator and definition version of each municipality; NaN where not published.
        others: the same of each candidate.
        peers: municipalities × peers, places among the candidates; -1 is no peer.
        proportion: whether the indicator is a proportion, else a rate.

    Returns:
        Values as numerator ÷ denominator, unscaled.
    """
    numerator, denominator = (np.where(peers < 0, np.nan, column[peers]) for column in others[:2])
    same = (others[2][peers] == own[2][:, None]) | np.isnan(own[2])[:, None]
    numerator, denominator = np.where(same, numerator, np.nan), np.where(same, denominator, np.nan)
    values = numerator / denominator
    count = np.sum(~np.isnan(values), axis=1)
    enough = count >= MINIMUM_PEERS
    total = np.nansum(denominator, axis=1)
    pooled = np.nansum(numerator, axis=1) / np.where(enough, total, np.nan)
    kind = np.array(1.0 if proportion else 0.0)
    errors = standard_error(pooled[:, None], denominator, proportion=kind)
    phi = overdispersion((values - pooled[:, None]) / np.where(errors > 0, errors, np.nan))
    value = own[0] / own[1]
    words = verdict(value, pooled, standard_error(pooled, own[1], proportion=kind), phi)
    quartiles = [np.where(enough, quantile(values, share), np.nan) for share in (0.25, 0.5, 0.75)]
    return Side(count, quartiles[0], quartiles[1], quartiles[2], np.where(enough, phi, np.nan), words)


def compared(
    cells: pl.DataFrame, population: pl.DataFrame, own_choice: Mapping[str, Sequence[str]]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Compare every municipal figure, per period, indicator set and part of the dimension.

    Candidates for a part are municipalities with a published figure of that part: who has another approach is no peer.

    Args:
        cells: figures with `_row`, their counts, whether they are `usable`, and `set`, `source`, `kind` and
            `part_compared` (whether a part of a dimension has peers).
        population: rows of `population_reference`.
        own_choice: per municipality the peers that it chose itself.

    Returns:
        Rows of `COMPARISON`, unscaled, for the figures that have a peer group; and all peer groups.
    """
    vintages = whole_vintages(population)
    standard: dict[int, Traits] = {}
    comparisons, peers = [COMPARISON.to_frame()], [PEERS_SCHEMA.to_frame()]
    alike = pl.col("set").is_not_null() & pl.col("part_compared").fill_null(value=True)
    municipal = cells.filter((pl.col("area_kind") == "municipality") & alike)
    grouped_by = ("period", "set", "dimension", "dimension_value")
    for key, group in municipal.partition_by(grouped_by, as_dict=True, maintain_order=True).items():
        period, name, dimension, part = map(str, key)
        vintage = vintage_for(vintages, int(period[:4]))
        if vintage is None:
            continue
        if vintage not in standard:
            standard[vintage] = standardised(population, vintage)
        peer_set = f"{name}:{vintage}" if dimension == TOTAL else f"{name}/{part}:{vintage}"
        published = group.filter(pl.col("usable") & (pl.col("status") == "published"))
        like = likeness(standard[vintage], group["area"].to_list(), published["area"].to_list())
        nearest = recommended(like)
        comparisons += [_one_indicator(one, like, nearest, peer_set) for one in group.partition_by("indicator")]
        grouped = [(row, places) for row, places in enumerate(nearest) if places[0] >= 0]
        peers.append(peers_frame(like, grouped, period, peer_set))
        peers.append(peers_frame(like, chosen(like, own_choice), period, f"own:{peer_set}"))
    return pl.concat(comparisons), pl.concat(peers).sort("period", "peer_set", "municipality", "rank")


def _one_indicator(cells: pl.DataFrame, like: Likeness, nearest: Places, peer_set: str) -> pl.DataFrame:
    """One indicator's comparison in one period: the figures of municipalities that have a peer group."""
    row = {code: place for place, code in enumerate(like.members) if nearest[place, 0] >= 0}
    own = cells.filter(pl.col("area").is_in(list(row)))
    published = cells.filter(pl.col("usable") & (pl.col("status") == "published"))
    counts = published.select("area", "numerator", "denominator", "definition_version")
    others = pl.DataFrame({"area": like.candidates}, schema={"area": pl.String}).join(
        counts, on="area", how="left", maintain_order="left"
    )
    mine = own.select("area").join(counts, on="area", how="left", maintain_order="left")
    # a suppressed figure has peers of its own definition too
    mine = mine.with_columns(own["definition_version"])
    side = beside_peers(
        _columns(mine),
        _columns(others),
        nearest[[row[code] for code in own["area"]]],
        proportion=cells["kind"][0] == "proportion",
    )
    few = (pl.col("source") == "open_data") & (pl.min_horizontal("numerator", "denominator") < FEWEST_IN_OPEN_DATA)
    return pl.DataFrame(
        {
            "_row": own["_row"],
            "peer_set": [peer_set] * own.height,
            "peer_count": side.peer_count,
            "peer_p25": side.p25,
            "peer_median": side.median,
            "peer_p75": side.p75,
            "overdispersion": side.phi,
            "compared": np.where(own.select(few.fill_null(value=False)).to_series(), "not_compared", side.compared),
        },
        schema=COMPARISON,
        nan_to_null=True,
    )


def _columns(counts: pl.DataFrame) -> tuple[Floats, Floats, Floats]:
    return floats(counts, "numerator"), floats(counts, "denominator"), floats(counts, "definition_version")


def floats(frame: pl.DataFrame, name: str) -> Floats:
    """A column of numbers as an array, NaN where null."""
    return frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
