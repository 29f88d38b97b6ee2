"""Which receiver is entitled to which row: follows from the contract and, for most types, from the address."""

from collections.abc import Iterator, Sequence

import polars as pl

MUNICIPALITY = "municipality"
SELF = "self"
AREA = "area"
HUB = "hub"


def refuse(
    rows: pl.DataFrame, reason: str | pl.Series, field: str | pl.Series, remedy: str | pl.Series
) -> pl.DataFrame:
    """Return rows as refused rows: source_row, field, reason, remedy, raw (the row itself, to be sealed).

    What is said of them is the same for all, or a series with a text for each.
    """
    plain = [name for name, kind in rows.schema.items() if kind not in (pl.Binary, pl.Object)]
    return rows.select(
        pl.col("source_row"),
        pl.lit(field).alias("field"),
        pl.lit(reason).alias("reason"),
        pl.lit(remedy).alias("remedy"),
        pl.struct(plain).struct.json_encode().alias("raw"),
    )


def outside(
    rows: pl.DataFrame, municipalities: Sequence[str], field: str = "postcode"
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split rows into those of a municipality that takes part, and the rest as refused rows.

    Args:
        rows: with `municipality`.
        municipalities: that take part.
        field: of the source, by which the municipality is known.
    """
    inside = pl.col("municipality").is_in(list(municipalities))
    strangers = rows.filter(~inside)
    refused = refuse(
        strangers,
        "receiver_unknown",
        field,
        "This municipality does not take part in the network; nothing was sent. Nothing needs to be done.",
    )
    return rows.filter(inside), refused


def route(to: str, sender: str, rows: pl.DataFrame, nodes: Sequence[str]) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield (receiver, its rows), receivers in alphabetical order.

    Args:
        to: the contract's `to`.
        sender: the sending participant.
        rows: with `municipality` where `to` is "municipality", with `area` where it is "area".
        nodes: municipalities that take part, receivers of their own area's rows.
    """
    if to == MUNICIPALITY:
        for (receiver,), part in sorted(rows.group_by("municipality"), key=lambda item: str(item[0][0])):
            yield str(receiver), part.sort("source_row")
    elif to == SELF:
        yield sender, rows
    elif to == HUB:
        yield HUB, rows
    elif to == AREA:
        yield HUB, rows
        own = rows.with_columns(_owner().alias("_owner")).filter(pl.col("_owner").is_in(list(nodes)))
        for (receiver,), part in sorted(own.group_by("_owner"), key=lambda item: str(item[0][0])):
            yield str(receiver), part.drop("_owner").sort("source_row")
    else:
        raise ValueError(f"no rule for receivers of kind {to!r}")


def _owner() -> pl.Expr:
    """The municipality that an area belongs to: itself, or that of the district `wk051801`; null for larger areas."""
    area = pl.col("area")
    return (
        pl.when(area.str.starts_with("gm"))
        .then(area)
        .when(area.str.starts_with("wk"))
        .then(pl.lit("gm") + area.str.slice(2, 4))
    )
