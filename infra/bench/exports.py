"""A partner's export with millions of rows: read by its connector, and with a cache of its addresses' pseudonyms."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from connectors import connector_for
from infra.bench.stream import fill, from_cache, households
from services.errors import Fatal
from services.sending.pseudonym_cache import PseudonymCache

NAME: Final = "energie_achterstanden_2025-12.csv"
ADDRESSES: Final = 500_000
_PIECE_ROWS: Final = 500_000


def written(folder: str, rows: int) -> Mapping[str, float]:
    """Write an energy supplier's export with the columns that real ones have; nothing is measured but its size."""
    path = Path(folder) / NAME
    with path.open("wb") as file:
        for start in range(0, rows, _PIECE_ROWS):
            piece = _piece(start, min(_PIECE_ROWS, rows - start))
            piece.write_csv(file, separator=";", line_terminator="\r\n", include_header=not start, quote_style="never")
    return {"export_mib": path.stat().st_size / (1 << 20)}


def read(folder: str, rows: int) -> Mapping[str, float]:
    """Read the export with its connector, batch by batch.

    Raises:
        Fatal: not every row became an event.
    """
    path = Path(folder) / NAME
    began = time.perf_counter()
    done = sum(batch.rows.height for batch in connector_for(path).read(path))
    took = time.perf_counter() - began
    _require_all(done, rows)
    return {"connector_rows_per_s": rows / took}


def read_with_pseudonyms(folder: str, rows: int) -> Mapping[str, float]:
    """Read the export and look up the pseudonym of each row's address, all of them known.

    Raises:
        Fatal: not every row became an event, or has a pseudonym.
    """
    path, known = Path(folder) / NAME, households(range(min(rows, ADDRESSES)))
    with PseudonymCache(Path(folder) / "cache.sqlite", os.urandom(32)) as cache:
        fill(cache, known)
        began = time.perf_counter()
        done = sum(
            from_cache(cache, batch.rows["household"]).drop_nulls().len() for batch in connector_for(path).read(path)
        )
        took = time.perf_counter() - began
    _require_all(done, rows)
    return {"connector_cached_rows_per_s": rows / took}


def _require_all(done: int, rows: int) -> None:
    if done != rows:
        raise Fatal(f"Of {rows} rows {done} became events with all that they need.")


def _piece(start: int, count: int) -> pl.DataFrame:
    chance = np.random.default_rng(start)
    number = pl.Series("number", np.arange(start, start + count))
    home = number % ADDRESSES
    day = pl.Series(chance.integers(1, 28, count)).cast(pl.String).str.zfill(2)
    return pl.DataFrame(
        {
            "Dossiernr": "EN2025-" + number.cast(pl.String).str.zfill(8),
            "BSN": pl.repeat("999990019", count, eager=True),
            "Naam": pl.repeat("A. Voorbeeld", count, eager=True),
            "Straat": pl.repeat("Voorbeeldstraat", count, eager=True),
            "Huisnr": (home % 1000 + 1).cast(pl.String),
            "Toev": pl.repeat("", count, eager=True),
            "Postcode": (1000 + home // 1000).cast(pl.String) + "AA",
            "Woonplaats": pl.repeat("Voorbeeld", count, eager=True),
            "Openstaand bedrag": pl.Series(chance.integers(50, 5000, count)).cast(pl.String) + ",50",
            "Ontstaan op": day + "-10-2025",
            "Gemeld op": day + "-12-2025",
            "Crisis": pl.repeat("N", count, eager=True),
            "Warme overdracht": pl.repeat("N", count, eager=True),
            "Opmerking": pl.repeat("", count, eager=True),
        }
    )
