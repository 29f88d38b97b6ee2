"""Finds citizen service numbers (BSN) in text that is to travel: no event may hold one."""

from typing import Final

import polars as pl

WEIGHTS: Final = (9, 8, 7, 6, 5, 4, 3, 2, -1)
"""The eleven-test of the BSN: the weighted sum of the nine digits is a multiple of 11 (Logisch ontwerp BSN, RvIG)."""

_SUSPECT: Final = r"[0-9]{9}|[0-9][ .][0-9]{2,3}[ .][0-9]{3}"
_RUNS: Final = r"[0-9]{3,4}[ .][0-9]{2,3}[ .][0-9]{3}|[0-9]+"


def holds_bsn(text: pl.Expr) -> pl.Expr:
    """Whether the text holds nine digits, alone or written in three groups, that pass the eleven-test; Boolean.

    One in eleven numbers of nine digits passes by chance: a source whose own keys are such numbers must put a letter
    before them.
    """
    return text.map_batches(_holding, return_dtype=pl.Boolean)


def _holding(texts: pl.Series) -> pl.Series:
    """In two steps, since an expression would set the test up for every column, also where nothing is to be tested."""
    suspect = texts.str.contains(_SUSPECT).fill_null(value=False)
    if not suspect.any():
        return suspect
    digits = pl.element().str.replace_all("[ .]", "")
    number = pl.when(digits.str.len_chars() == len(WEIGHTS)).then(digits).cast(pl.Int64)
    weighted = [number // 10 ** (8 - at) % 10 * weight for at, weight in enumerate(WEIGHTS)]
    passes = (pl.sum_horizontal(weighted) % 11 == 0) & (number > 0)
    runs = pl.when("suspect").then("text").str.extract_all(_RUNS)
    holding = runs.list.eval(passes.fill_null(value=False)).list.any().fill_null(value=False)
    return pl.DataFrame({"text": texts, "suspect": suspect}).select(holding.alias(texts.name)).to_series()
