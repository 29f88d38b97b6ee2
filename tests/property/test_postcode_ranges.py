"""Wherever a range of postcodes begins and ends, it is placed as one would who looks at each postcode in it."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from services.sending.addresses import SCHEMA, AddressReference
from services.sending.ranges import places_of_ranges

codes = st.sampled_from([f"{digits}{letters}" for digits in (1234, 1235) for letters in ("AA", "AB", "AC", "AD", "ZZ")])
areas = st.sampled_from([("gm0001", "wk000100"), ("gm0001", "wk000101"), ("gm0002", "wk000200")])
known = st.lists(st.tuples(codes, areas), max_size=14)


def by_hand(addresses: list[tuple[str, tuple[str, str]]], first: str, last: str) -> tuple[str | None, str | None]:
    """Municipality or reason, and district, by looking at every postcode from the first to the last."""
    there = {code for code, _ in addresses}
    inside = {area for code, area in addresses if first <= code <= last}
    towns = {town for town, _ in inside}
    if first > last or not {first, last} <= there:
        return "range_unknown", None
    if len(towns) > 1:
        return "range_ambiguous", None
    districts = {district for _, district in inside}
    return towns.pop(), districts.pop() if len(districts) == 1 else None


@given(known, st.lists(st.tuples(codes, codes), min_size=1, max_size=12))
@settings(max_examples=200, deadline=None)
def test_a_range_is_placed_as_by_hand(
    addresses: list[tuple[str, tuple[str, str]]], ends: list[tuple[str, str]]
) -> None:
    rows = [(code, at, at + 1, *area) for at, (code, area) in enumerate(addresses)]
    reference = AddressReference(pl.DataFrame(rows, schema=SCHEMA, orient="row"))
    asked = pl.DataFrame(ends, schema={"postcode_from": pl.String, "postcode_to": pl.String}, orient="row")
    found = places_of_ranges(reference, asked).select(
        pl.coalesce("reason", "municipality"), pl.when(pl.col("reason").is_null()).then("district")
    )
    assert found.rows() == [by_hand(addresses, first, last) for first, last in ends]
