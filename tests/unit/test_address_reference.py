"""An address has one municipality and one district, or it is not sent."""

from pathlib import Path

import polars as pl
import pytest

from services.errors import Fatal
from services.sending.addresses import AddressReference, divided

RANGES = """\
postcode,house_number_from,house_number_to,municipality,district
1234AB,1,20,gm0518,wk051801
1234AB,21,40,gm0518,wk051802
1234CD,1,50,gm0518,wk051801
1234CD,40,60,gm0519,wk051900
1234EF,1,9,gm0519,wk051900
"""


@pytest.fixture
def reference(tmp_path: Path) -> AddressReference:
    (tmp_path / "reference.csv").write_text(RANGES)
    return AddressReference.load(tmp_path / "reference.csv")


def rows(*places: tuple[str, int]) -> pl.DataFrame:
    return pl.DataFrame(
        [(at, f"{code}|{number}|", code, number, "x") for at, (code, number) in enumerate(places, start=2)],
        schema={
            "source_row": pl.Int64,
            "household": pl.String,
            "postcode": pl.String,
            "house_number": pl.Int64,
            "f": pl.String,
        },
        orient="row",
    )


def resolve(
    reference: AddressReference, frame: pl.DataFrame, only: str | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    return divided(frame, reference.places(frame, only))


def test_postcode_and_house_number_together_give_the_district(reference: AddressReference) -> None:
    resolved, refused = resolve(reference, rows(("1234AB", 20), ("1234AB", 21), ("1234CD", 39), ("1234CD", 51)))
    assert resolved.select("source_row", "municipality", "district").rows() == [
        (2, "gm0518", "wk051801"),
        (3, "gm0518", "wk051802"),
        (4, "gm0518", "wk051801"),
        (5, "gm0519", "wk051900"),
    ]
    assert refused.is_empty()
    assert set(resolved.columns) == {
        "source_row",
        "household",
        "postcode",
        "house_number",
        "f",
        "municipality",
        "district",
    }


def test_an_address_without_a_unique_answer_is_refused(reference: AddressReference) -> None:
    resolved, refused = resolve(reference, rows(("1234CD", 45), ("1234AB", 41), ("9999ZZ", 1), ("1234EF", 9)))
    assert refused.select("source_row", "reason").rows() == [
        (2, "address_ambiguous"),
        (3, "address_unknown"),
        (4, "address_unknown"),
    ]
    assert resolved["source_row"].to_list() == [5]


def test_a_municipality_s_list_may_hold_its_own_addresses_only(reference: AddressReference) -> None:
    resolved, refused = resolve(reference, rows(("1234AB", 1), ("1234EF", 1), ("9999ZZ", 1)), only="gm0518")
    assert resolved["source_row"].to_list() == [2]
    assert refused.select("source_row", "reason").rows() == [(3, "other_municipality"), (4, "address_unknown")]


def test_no_row_is_lost_or_doubled(reference: AddressReference) -> None:
    places = [("1234AB", number) for number in range(1, 45)] + [("1234CD", number) for number in range(30, 70)]
    resolved, refused = resolve(reference, rows(*places))
    assert sorted([*resolved["source_row"], *refused["source_row"]]) == list(range(2, len(places) + 2))


def test_no_rows_give_no_rows(reference: AddressReference) -> None:
    resolved, refused = resolve(reference, rows())
    assert resolved.is_empty()
    assert refused.is_empty()


def test_text_and_parquet_are_the_same_reference(reference: AddressReference, tmp_path: Path) -> None:
    reference.ranges.write_parquet(tmp_path / "reference.parquet")
    assert AddressReference.load(tmp_path / "reference.parquet").ranges.equals(reference.ranges)


@pytest.mark.parametrize("content", [None, "a,b\n1,2\n", ""])
def test_a_reference_that_cannot_be_read_says_what_it_must_have(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "reference.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(Fatal, match="house_number_from"):
        AddressReference.load(path)
