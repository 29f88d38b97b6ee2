"""Where a range of postcodes lies: by the full postcodes of the address reference, never by their digits or a name."""

import polars as pl

from services.sending.addresses import AddressReference


def places_of_ranges(reference: AddressReference, rows: pl.DataFrame, only: str | None = None) -> pl.DataFrame:
    """Say in which one municipality, and if possible district, all known postcodes of each range lie, in their order.

    The reference must know both ends: what it does not know it cannot place, and between two ends that it knows it is
    taken to know what lies there.

    Args:
        reference: addresses.
        rows: with `postcode_from` and `postcode_to` (String, as 1234AB, no nulls).
        only: what lies elsewhere than in this municipality is refused, as for a municipality that reads a public file.

    Returns:
        `municipality`, `district` (null where there are several) and `reason`: null for a row with one municipality,
        else range_unknown, range_ambiguous or range_elsewhere.
    """
    known = reference.postcodes
    if known.is_empty():
        nothing = pl.lit(None, pl.String)
        nowhere = rows.with_columns(municipality=nothing, district=nothing, reason=pl.lit("range_unknown"))
        return nowhere.select("municipality", "district", "reason")
    # Runs of equal values are numbered, so that a range lies in one area where both its ends are of the same run.
    runs = known.with_columns(pl.col("municipality").rle_id().alias("run"), pl.col("district").rle_id().alias("part"))
    codes = known["postcode"]
    first = codes.search_sorted(rows["postcode_from"], side="left").cast(pl.Int64)
    last = codes.search_sorted(rows["postcode_to"], side="right").cast(pl.Int64) - 1
    begins = runs[first.clip(upper_bound=known.height - 1)]
    ends = runs[last.clip(lower_bound=0)].rename({name: f"{name}_at_end" for name in runs.columns})
    both = pl.concat([rows.select("postcode_from", "postcode_to"), begins, ends], how="horizontal")
    ends_known = (pl.col("postcode") == pl.col("postcode_from")) & (pl.col("postcode_at_end") == pl.col("postcode_to"))
    in_order = pl.col("postcode_from") <= pl.col("postcode_to")
    reason = (
        pl.when(~ends_known | ~in_order).then(pl.lit("range_unknown"))
        .when(pl.col("run") != pl.col("run_at_end")).then(pl.lit("range_ambiguous"))
        .when(pl.col("municipality") != pl.lit(only, pl.String)).then(pl.lit("range_elsewhere"))
    )  # fmt: skip
    district = pl.when(pl.col("part") == pl.col("part_at_end")).then("district")
    return both.select("municipality", district.alias("district"), reason.alias("reason"))
