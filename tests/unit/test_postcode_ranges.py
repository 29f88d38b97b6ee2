"""A range of postcodes lies in one municipality, or nowhere: never in that of its first postcode for want of better."""

import bisect
import csv
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from connectors import connector_for
from services.sending.addresses import SCHEMA, AddressReference, divided
from services.sending.ranges import places_of_ranges

SHARED = Path(__file__).parents[3] / "shared" / "data"
KNOWN = [
    ("1234AB", "gm0518", "wk051801"),
    ("1234AC", "gm0518", "wk051801"),
    ("1234AD", "gm0518", "wk051802"),
    ("1234AE", "gm0519", "wk051900"),
    ("1234AG", "gm0518", "wk051801"),
    ("1234AG", "gm0519", "wk051900"),
    ("1300AA", "gm0518", "wk051803"),
]


def reference(known: list[tuple[str, str, str]]) -> AddressReference:
    rows = [(code, 1, 99, town, district) for code, town, district in known]
    return AddressReference(pl.DataFrame(rows, schema=SCHEMA, orient="row"))


def ranges(*ends: tuple[str, str]) -> pl.DataFrame:
    frame = pl.DataFrame(list(ends), schema={"postcode_from": pl.String, "postcode_to": pl.String}, orient="row")
    return frame.with_row_index("source_row", offset=2).with_columns(pl.col("source_row").cast(pl.Int64))


def placed(*ends: tuple[str, str], only: str | None = None) -> list[tuple[str | None, str | None]]:
    """Municipality or reason, and district, of each range."""
    found = places_of_ranges(reference(KNOWN), ranges(*ends), only)
    return found.select(
        pl.coalesce("reason", "municipality"), pl.when(pl.col("reason").is_null()).then("district")
    ).rows()


def test_a_range_lies_where_all_its_postcodes_lie() -> None:
    assert placed(("1234AB", "1234AC"), ("1234AB", "1234AD"), ("1300AA", "1300AA")) == [
        ("gm0518", "wk051801"),
        ("gm0518", None),
        ("gm0518", "wk051803"),
    ]


def test_a_range_with_another_municipality_in_its_middle_or_at_its_end_is_nobodys() -> None:
    assert placed(("1234AD", "1300AA"), ("1234AD", "1234AE"), ("1234AG", "1234AG")) == [("range_ambiguous", None)] * 3


def test_an_end_that_the_reference_does_not_know_leaves_the_range_unplaced() -> None:
    ends = [("1000AA", "1234AB"), ("1234AC", "1234AF"), ("1300AA", "9999ZZ"), ("9000AA", "9001AA")]
    reversed_ends = ("1234AC", "1234AB")
    assert placed(*ends, reversed_ends) == [("range_unknown", None)] * 5


def test_a_municipality_keeps_its_own_ranges_of_a_public_file() -> None:
    assert placed(("1234AE", "1234AE"), ("1234AB", "1234AB"), only="gm0518") == [
        ("range_elsewhere", None),
        ("gm0518", "wk051801"),
    ]


def test_a_reference_without_addresses_knows_no_range() -> None:
    found = places_of_ranges(reference([]), ranges(("1234AB", "1234AC"), ("1234AD", "1234AD")))
    assert found.rows() == [(None, None, "range_unknown")] * 2


def test_rows_are_divided_with_their_reason_and_none_is_lost() -> None:
    rows = ranges(("1234AB", "1234AC"), ("1234AD", "1234AE"), ("9000AA", "9000AB"))
    resolved, refused = divided(rows, places_of_ranges(reference(KNOWN), rows))
    assert resolved.rows() == [(2, "1234AB", "1234AC", "gm0518", "wk051801")]
    assert refused.select("source_row", "field", "reason").rows() == [
        (3, "first postcode, last postcode", "range_ambiguous"),
        (4, "first postcode, last postcode", "range_unknown"),
    ]


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the real files are not beside the repository")
def test_the_real_ranges_lie_where_a_walk_over_the_real_postcodes_finds_them() -> None:
    towns: dict[str, set[str]] = {}
    with (SHARED / "area" / "pc6_to_municipality_2025.csv").open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            towns.setdefault(line["pc6"], set()).add(line["municipality"])
    codes = sorted(towns)
    known = reference([(code, town, f"wk{town[2:]}00") for code in codes for town in sorted(towns[code])])
    seen = Counter[str]()
    for path in sorted((SHARED / "energy").glob("*.csv")):
        rows = pl.concat([batch.rows for batch in connector_for(path).read(path)])
        expected = []
        for first, last in rows.select("postcode_from", "postcode_to").iter_rows():
            between = codes[bisect.bisect_left(codes, first) : bisect.bisect_right(codes, last)]
            found = {town for code in between for town in towns[code]}
            ends_known = first in towns and last in towns
            several = "range_ambiguous" if len(found) > 1 else "".join(found)
            expected.append(several if ends_known else "range_unknown")
        answers = places_of_ranges(known, rows).select(pl.coalesce("reason", "municipality")).to_series().to_list()
        assert answers == expected
        seen.update("municipality" if answer.startswith("gm") else answer for answer in answers)
    assert min(seen["municipality"], seen["range_unknown"], seen["range_ambiguous"]) > 0
