"""Rows as they should not be, planted in the exports: the kinds that real deliveries have."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

import numpy as np
import polars as pl

from services.samples.people import test_numbers

ELSEWHERE: Final = ("4811DJ", "12")
"""Postcode and house number in Breda, which is not in the sample network."""

EXTRA: Final = (
    "wrong_date_order", "wrong_date_format", "negative_amount", "absurd_amount", "unreadable_amount", "unknown_code",
    "missing_address", "other_municipality", "exact_double", "bsn_in_key",
)  # fmt: skip
"""Kinds that are a row beside the good ones; `bsn_in_note` is a good row with a BSN in its free column."""

ROLES: Final[Mapping[str, tuple[str, ...]]] = {
    "wrong_date_order": ("arisen", "signalled"),
    "wrong_date_format": ("signalled",),
    "negative_amount": ("amount",),
    "absurd_amount": ("amount",),
    "unreadable_amount": ("amount",),
    "unknown_code": ("code",),
    "missing_address": ("number",),
    "other_municipality": ("postcode", "number"),
    "exact_double": (),
    "bsn_in_key": ("key",),
}
"""Roles of columns (see `Layout.roles`) that an export must have for the kind."""


def plant(
    rows: pl.DataFrame,
    roles: Mapping[str, str],
    share: float,
    rng: np.random.Generator,
    elsewhere: tuple[str, str] = ELSEWHERE,
) -> tuple[pl.DataFrame, Counter[str]]:
    """Plant wrong rows in an export of texts.

    Args:
        rows: the good rows, as texts.
        roles: which column has which role.
        share: of wrong rows among the good.
        rng: source of chance.
        elsewhere: postcode and house number of an address that does not belong in this export.

    Returns:
        The export with its wrong rows, each after the good one it was made of, and how many there are of each kind.
    """
    kinds = [kind for kind in EXTRA if set(ROLES[kind]) <= set(roles)]
    chosen = pl.Series(
        rng.choice(rows.height, min(rows.height, int(rng.binomial(rows.height, share)) + 1), replace=False)
    )
    drawn = rng.integers(0, len(kinds), len(chosen))
    numbered = rows.with_row_index("_at")
    parts, planted = [numbered], Counter[str]()
    for at, kind in enumerate(kinds):
        taken = numbered[chosen.filter(pl.Series(drawn == at))]
        planted[kind] += taken.height
        parts.append(_spoilt(taken, kind, roles, elsewhere))
    dirty = pl.concat(parts).sort("_at", maintain_order=True)
    if "note" in roles and rows.height > 1:
        noted = pl.col("_at") == int(rng.integers(0, rows.height))
        text = "Belde terug, BSN " + test_numbers()[int(rng.integers(0, len(test_numbers())))]
        planted["bsn_in_note"] += dirty.filter(noted).height
        dirty = dirty.with_columns(pl.when(noted).then(pl.lit(text)).otherwise(roles["note"]).alias(roles["note"]))
    return dirty.drop("_at"), planted


def _spoilt(rows: pl.DataFrame, kind: str, roles: Mapping[str, str], elsewhere: tuple[str, str]) -> pl.DataFrame:
    """Rows made wrong in one way; all but doubles have a key of their own."""
    if kind == "exact_double":
        return rows
    column = {role: pl.col(name) for role, name in roles.items()}
    changes: dict[str, dict[str, str | pl.Expr]] = {
        "wrong_date_format": {"signalled": "2025/31/12"},
        "absurd_amount": {"amount": "98765432"},
        "unreadable_amount": {"amount": "EUR onbekend"},
        "unknown_code": {"code": "X9"},
        "missing_address": {"number": ""},
        "other_municipality": {"postcode": elsewhere[0], "number": elsewhere[1]},
        "bsn_in_key": {"key": test_numbers()[0]},
    }
    if "arisen" in column:
        changes["wrong_date_order"] = {"arisen": column["signalled"], "signalled": column["arisen"]}
    if "amount" in column:
        changes["negative_amount"] = {"amount": "-" + column["amount"]}
    own_key: dict[str, str | pl.Expr] = {"key": column["key"] + "-D"} if "key" in column else {}
    new = own_key | changes[kind]
    texts = {role: pl.lit(value) if isinstance(value, str) else value for role, value in new.items()}
    return rows.with_columns(text.alias(roles[role]) for role, text in texts.items())


def broken_bytes(data: bytes, column: bytes, byte: bytes) -> bytes:
    """Put a byte that is no text in the middle of a cell that holds `column`'s text for the first time."""
    at = data.index(column) + len(column) // 2
    return data[:at] + byte + data[at:]


def cut_off(data: bytes) -> bytes:
    """Append the first half of the last line, as when a transfer broke off."""
    last = data.rstrip(b"\r\n").rsplit(b"\n", 1)[-1]
    return data + last[: len(last) // 2]
