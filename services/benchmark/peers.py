"""Peer groups: for each municipality the others most like it, with how like and in what they differ most.

Candidates are the municipalities with a published figure in the indicator set and period, so boundaries are that
period's; their likeness comes from traits of the area only. There is no order of merit in it: rank 1 is the most
alike. Recommended groups hold min(15, candidates ÷ 3) peers, at least 5; where fewer than 5 others exist there is no
group. A municipality may choose its own peers beside them: those are listed, and figures stay on the recommended.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from services.benchmark.statistics import MINIMUM_PEERS, Floats
from services.benchmark.traits import Traits

MOST_PEERS = 15
CANDIDATES_PER_PEER = 3
TRAITS_SHOWN = 3
DECIMALS = 12  # equal distances stay equal whatever the order of summing, and then the code decides

Places = npt.NDArray[np.int64]

PEERS_SCHEMA = pl.Schema(
    {
        "period": pl.String(),
        "peer_set": pl.String(),
        "municipality": pl.String(),
        "peer": pl.String(),
        "rank": pl.Int64(),
        "distance": pl.Float64(),
        "traits": pl.String(),
        "trait_vintage": pl.Int64(),
    }
)


@dataclass(frozen=True)
class Likeness:
    """Distances from municipalities to the candidates of one indicator set and period.

    Attributes:
        traits: of the vintage used.
        members: codes with a row here, alphabetical: in the period, and with enough traits.
        candidates: codes with a column, alphabetical: members with a published figure.
        distance: members × candidates; 0 is the same, 1 the farthest candidate; infinite to itself.
    """

    traits: Traits
    members: tuple[str, ...]
    candidates: tuple[str, ...]
    distance: Floats


def group_size(candidates: int) -> int:
    """How many peers a recommended group has."""
    return min(MOST_PEERS, max(MINIMUM_PEERS, candidates // CANDIDATES_PER_PEER))


def likeness(traits: Traits, present: Sequence[str], published: Sequence[str]) -> Likeness:
    """Distances between the municipalities of a period.

    Weighted Euclidean over the traits both have, scaled up where one is missing, and divided by the distance to the
    farthest candidate.

    Args:
        traits: standardised traits of one vintage.
        present: codes with any figure, published or not, in the indicator set and period.
        published: those with a published one.
    """
    known = {code: place for place, code in enumerate(traits.municipalities)}
    members = tuple(sorted(set(present) & known.keys()))
    candidates = tuple(sorted(set(published) & known.keys()))
    rows = traits.scores[[known[code] for code in members]]
    columns = traits.scores[[known[code] for code in candidates]]
    terms = traits.weights * (rows[:, None, :] - columns[None, :, :]) ** 2
    shared = np.sum(traits.weights * ~np.isnan(terms), axis=2)
    # each misses at most a fifth of the traits, so any two share most of them
    distance = np.sqrt(np.nansum(terms, axis=2) * traits.weights.sum() / shared)
    distance[np.array(members)[:, None] == np.array(candidates)[None, :]] = np.nan
    farthest = np.nanmax(distance, axis=1, initial=0.0, keepdims=True)
    rebased = np.round(distance / np.where(farthest > 0, farthest, 1), DECIMALS)
    return Likeness(traits, members, candidates, np.where(np.isnan(rebased), np.inf, rebased))


def recommended(like: Likeness) -> Places:
    """Columns of the most alike candidates, nearest first; equal distances in order of their code.

    Returns:
        Members × group size, places in `like.candidates`; a row of -1 where fewer than 5 others exist.
    """
    size = group_size(len(like.candidates))
    others = np.sum(np.isfinite(like.distance), axis=1)
    nearest = np.argsort(like.distance, axis=1, kind="stable")[:, :size]
    refused = others < MINIMUM_PEERS
    if nearest.shape[1] < size:  # fewer candidates than a group needs: everyone is refused
        return np.full((len(like.members), size), -1, dtype=np.int64)
    return np.where(refused[:, None], -1, nearest).astype(np.int64)


def chosen(like: Likeness, own_choice: Mapping[str, Sequence[str]]) -> list[tuple[int, Places]]:
    """A municipality's own peers of this period, nearest first; those without a published figure stay out.

    Args:
        like: distances of the indicator set and period.
        own_choice: per municipality the codes it chose.

    Returns:
        Row in `like.members` and places in `like.candidates`, for each municipality that chose.
    """
    columns = {code: place for place, code in enumerate(like.candidates)}
    rows = {code: place for place, code in enumerate(like.members)}
    found = []
    for municipality in sorted(own_choice.keys() & rows.keys()):
        places = [columns[code] for code in sorted(set(own_choice[municipality]) & columns.keys())]
        near = np.array(places, dtype=np.int64)
        found.append((rows[municipality], near[np.argsort(like.distance[rows[municipality], near], kind="stable")]))
    return found


def peers_frame(like: Likeness, groups: Sequence[tuple[int, Places]], period: str, peer_set: str) -> pl.DataFrame:
    """Rows of `hub.benchmark.peers` for these groups.

    Args:
        like: distances of the indicator set and period.
        groups: row in `like.members` and places in `like.candidates`, nearest first.
        period: of the figures.
        peer_set: name under which figures refer to the group.
    """
    rows = np.array([row for row, places in groups for _ in places], dtype=np.int64)
    columns = np.concatenate([places for _, places in groups]) if groups else rows
    return pl.DataFrame(
        {
            "period": [period] * len(rows),
            "peer_set": [peer_set] * len(rows),
            "municipality": [like.members[row] for row in rows],
            "peer": [like.candidates[column] for column in columns],
            "rank": [rank for _, places in groups for rank in range(1, len(places) + 1)],
            "distance": like.distance[rows, columns],
            "traits": _weightiest(like, rows, columns),
            "trait_vintage": [like.traits.vintage] * len(rows),
        },
        schema=PEERS_SCHEMA,
    )


def _weightiest(like: Likeness, rows: Places, columns: Places) -> list[str]:
    """The three traits that add most to each pair's distance, the largest first; equal ones in the set's order."""
    place = {code: number for number, code in enumerate(like.traits.municipalities)}
    first = like.traits.scores[[place[like.members[row]] for row in rows]]
    second = like.traits.scores[[place[like.candidates[column]] for column in columns]]
    terms = np.nan_to_num(np.round(like.traits.weights * (first - second) ** 2, DECIMALS))
    largest = np.argsort(-terms, axis=1, kind="stable")[:, :TRAITS_SHOWN]
    return [", ".join(like.traits.names[trait] for trait in row) for row in largest.tolist()]
