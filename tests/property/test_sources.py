"""Addresses, amounts and text files: whatever a source writes, the same meaning comes out."""

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.address import household, household_id
from connectors.bsn import holds_bsn
from connectors.fields import amount
from connectors.readers import Dialect, csv_blocks

digits = st.integers(1000, 9999).map(str)
letters = st.text("ABCDEGHJKLMNPRSTVWXZ", min_size=2, max_size=2)
additions = st.from_regex(r"\A([A-Z]{0,1}[0-9]{0,3}|BIS|HS)\Z")


def test_the_four_spellings_are_one_household() -> None:
    for text in ("1234 ab 10-A", "1234AB 10 a", "1234AB|10|A", "1234AB 0010 A"):
        assert household(text) == "1234AB|10|A"


@given(digits, letters, st.integers(1, 99_999), additions, st.data())
@settings(max_examples=200, deadline=None)
def test_every_spelling_of_an_address_is_one_household(
    code: str, sign: str, number: int, addition: str, data: st.DataObject
) -> None:
    cased = data.draw(st.sampled_from([str.upper, str.lower, str.title]))
    gap = data.draw(st.sampled_from(["", " ", "  ", "\u00a0"]))
    between = data.draw(st.sampled_from([" ", "|", " | ", "  ", ", "]))
    zeros = "0" * data.draw(st.integers(0, 3))
    before = data.draw(st.sampled_from(["-", " ", "|", " - ", "/", "."]))
    text = cased(f"{code}{gap}{sign}{between}{zeros}{number}{before}{addition}")
    assert household(f" {text} ") == f"{code}{sign}|{number}|{addition}"


@given(st.lists(st.tuples(digits, letters, st.integers(1, 999), additions), min_size=2, max_size=8, unique=True))
@settings(max_examples=50, deadline=None)
def test_different_addresses_are_different_households(places: list[tuple[str, str, int, str]]) -> None:
    texts = [household(f"{code}{sign} {number} {addition}") for code, sign, number, addition in places]
    assert len(set(texts)) == len(places)


@given(digits, letters, st.integers(1, 999), st.sampled_from("ABC"), st.integers(1, 9))
@settings(max_examples=50, deadline=None)
def test_columns_in_any_division_give_the_same_household(
    code: str, sign: str, number: int, letter: str, more: int
) -> None:
    divisions = [
        (f"{code}{sign}", f"{number}", letter, f"{more}"),
        (f"{code} {sign}", f"{number}{letter}", None, f"{more}"),
        (f"{code}{sign}", f"{number}-{letter}{more}", None, None),
        (f"{code}{sign} {number} {letter} {more}", None, None, None),
    ]
    frame = pl.DataFrame(divisions, schema=dict.fromkeys("pnla", pl.String), orient="row")
    found = frame.select(household_id("p", "n", "l", "a")).to_series().struct.unnest()
    assert found.rows() == [(f"{code}{sign}|{number}|{letter}{more}", f"{code}{sign}", number)] * 4


@given(st.integers(-(10**8), 10**8), st.sampled_from([",", ".", "thousands"]))
@settings(max_examples=200, deadline=None)
def test_amounts_are_rounded_half_up_to_whole_euros(cents: int, notation: str) -> None:
    decimal = "." if notation == "." else ","
    euros = f"{abs(cents) // 100:,}".replace(",", ".") if notation == "thousands" else str(abs(cents) // 100)
    text = f"{'-' if cents < 0 else ''}{euros}{decimal}{abs(cents) % 100:02}"
    frame = pl.DataFrame({"bedrag": [text]})
    assert frame.select(amount("x", "bedrag", decimal).value).item() == (cents + 50) // 100


@given(st.integers(0, 999_999_999), st.sampled_from(["{}", "klant {} belt", "a{}b", "x-{}-1"]))
@settings(max_examples=300, deadline=None)
def test_a_citizen_service_number_is_found_by_its_eleven_test(number: int, around: str) -> None:
    digits_ = [int(sign) for sign in f"{number:09}"]
    weighted = sum(digit * weight for digit, weight in zip(digits_, range(9, 1, -1), strict=False)) - digits_[8]
    expected = weighted % 11 == 0 and number > 0
    frame = pl.DataFrame({"text": [around.format(f"{number:09}")]})
    assert frame.select(holds_bsn(pl.col("text"))).item() is expected


cells = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), include_characters="\n"), max_size=8)


@given(st.lists(st.lists(cells, min_size=3, max_size=3), max_size=12))
@settings(max_examples=200, deadline=None)
def test_what_a_text_writer_writes_is_what_is_read(rows: list[list[str]]) -> None:
    """Against Python's own writer of such files: every cell comes back, stripped, whatever signs it holds."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerows([["a", "b", "c"], *rows])
    with TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_bytes(out.getvalue().encode())
        found = pl.concat([EMPTY, *(block.cells for block in csv_blocks(path, Dialect(), ("a", "b", "c")))])
    assert found.select("a", "b", "c").rows() == [tuple(cell.strip() or None for cell in row) for row in rows]


EMPTY = pl.DataFrame(schema={"source_row": pl.Int64, "raw": pl.String, "a": pl.String, "b": pl.String, "c": pl.String})
