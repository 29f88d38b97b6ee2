"""Spells of social assistance: what a file without keys tells, what is refused, and the published dummy file."""

import csv
import hashlib
import re
from collections import Counter
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from connectors import Batch, SourceError, assistance_spells

ROOT = Path(__file__).parents[2]
OWN_EXPORT = ROOT / "tests" / "sources" / "bijstand_spells_2025-12.csv"
DUMMY = ROOT.parent / "shared" / "data" / "vng" / "dummy_bijstand_spells.csv"
HEADER = "startdatum,geslacht,einddatum,Omschrijving leefvorm,Oorzaak bijstandsafhankelijkheid,geboortejaar"
TYPES = {"alleenstaande", "alleenstaande ouder", "gehuwd / samenwonend", "anders"}


def read(path: Path) -> Batch:
    (batch,) = assistance_spells.read(path)
    return batch


def written(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "bijstand_spells_2025-12.csv"
    path.write_text("\n".join([header, *rows, ""]), "utf-8")
    return path


def day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else None
    except ValueError:
        return None


def reason(row: dict[str, str | None]) -> str:  # noqa: PLR0911 - one per reason
    """Why a row is refused, in the order of the columns; empty for a good one. Written without the connector."""
    if None in row or None in row.values():
        return "ragged_row"
    start, end, kind, cause, born = (str(row[name]) for name in HEADER.split(",") if name != "geslacht")
    if not start:
        return "missing"
    if not day(start) or (end and not day(end)):
        return "not_a_date"
    if cause and not re.fullmatch(r"\d\d?(\.0)?", cause):
        return "not_a_code"
    if kind and kind.lower() not in TYPES:
        return "unknown_code"
    if born and not re.fullmatch(r"(19|20)\d\d(\.0)?", born):
        return "not_a_year"
    return "ends_before_start" if end and end < start else ""


def told(path: Path) -> list[tuple[dict[str, str | None], str]]:
    """Every row of a file and why it is refused, by Python's own reader."""
    with path.open(encoding="utf-8", newline="") as file:
        return [(row, reason(row)) for row in csv.DictReader(file)]


FILES = [
    pytest.param(OWN_EXPORT, id="made up"),
    pytest.param(
        DUMMY,
        id="published",
        marks=[
            pytest.mark.shared,
            pytest.mark.skipif(not DUMMY.exists(), reason="the published dummy data are not beside the repository"),
        ],
    ),
]


@pytest.mark.parametrize("path", FILES)
def test_good_rows_refused_rows_and_doubles_are_those_that_plain_python_counts(path: Path) -> None:
    batch, expected = read(path), told(path)
    assert batch.rows_read == len(expected)
    refused = Counter(why for _, why in expected if why)
    assert dict(batch.refused.group_by("reason").len().iter_rows()) == refused
    good = [row for row, why in expected if not why]
    assert batch.rows.height == len(good)
    assert batch.rows["source_key"].null_count() == len(good)
    doubles = len(expected) - len({tuple(row.values()) for row, _ in expected})
    assert batch.rows["repeats_row"].sum() == doubles


@pytest.mark.parametrize("path", FILES)
def test_days_codes_and_decades_are_those_of_the_file_however_long_ago(path: Path) -> None:
    rows = read(path).rows
    good = [row for row, why in told(path) if not why]
    assert rows["started_on"].to_list() == [day(str(row["startdatum"])) for row in good]
    assert rows["ended_on"].to_list() == [day(str(row["einddatum"])) for row in good]
    causes = [row["Oorzaak bijstandsafhankelijkheid"] for row in good]
    assert rows["cause_code"].to_list() == [int(float(text)) if text else None for text in causes]
    years = [row["geboortejaar"] for row in good]
    assert rows["birth_decade"].to_list() == [int(text[:3]) * 10 if text else None for text in years]


@pytest.mark.shared
def test_of_the_published_file_no_row_is_refused_and_one_is_told_as_a_double() -> None:
    """Counted once by hand. It has no spell that ends before it begins and no missing year of birth."""
    if not DUMMY.exists():
        pytest.skip("the published dummy data are not beside the repository")
    digest = hashlib.sha256(DUMMY.read_bytes()).hexdigest()
    assert digest == "00efbc61c1daa9f793b697fe7c58728e67040b59ef00552a8b4ebb27a9d6b03d"
    batch = read(DUMMY)
    assert (batch.rows.height, batch.refused.height) == (6_878, 0)
    assert batch.rows["ended_on"].null_count() == 1_691
    assert (batch.rows["started_on"].min(), batch.rows["ended_on"].max()) == (date(2008, 1, 1), date(2019, 2, 28))
    assert batch.rows.filter("repeats_row").select("started_on", "ended_on", "birth_decade").rows() == [
        (date(2016, 1, 25), None, 1980)
    ]


def test_a_row_is_a_double_when_all_of_an_earlier_row_is_in_it_also_what_is_not_read(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "2016-01-25,man,,Alleenstaande,14.0,1982.0",
        "2016-01-25,vrouw,,Alleenstaande,14.0,1982.0",
        "2016-01-25,man,,Alleenstaande,14.0,1982.0",
        "2016-01-25,man,,Alleenstaande,14.0,1982.0",
    )
    batch = read(path)
    assert batch.rows["source_row"].to_list() == [2, 3, 4, 5]
    assert batch.rows["repeats_row"].to_list() == [False, False, True, True]


def test_a_double_is_known_however_far_it_stands_from_the_first(tmp_path: Path) -> None:
    """A file is read in blocks of 50,000 rows."""
    first = "1999-12-31,man,,Alleenstaande,14.0,1982.0"
    between = [f"{2000 + at}-01-01,man,,Anders,{at}.0,{1940 + at}.0" for at in range(20)]
    parts = list(assistance_spells.read(written(tmp_path, first, *(between * 2_600), first)))
    assert len(parts) == 2
    rows = pl.concat([part.rows for part in parts])
    assert rows.filter(~pl.col("repeats_row")).height == 1 + len(set(between))
    assert rows["repeats_row"][-1]


def test_a_file_without_the_column_of_last_days_is_refused_as_a_whole(tmp_path: Path) -> None:
    path = written(tmp_path, "2016-01-25,man,Alleenstaande,14.0,1982.0", header=HEADER.replace("einddatum,", ""))
    with pytest.raises(SourceError, match="lacks the column 'einddatum'"):
        list(assistance_spells.read(path))


def test_neither_sex_nor_year_of_birth_is_in_an_event() -> None:
    rows = read(OWN_EXPORT).rows
    assert rows.columns == [
        *("source_row", "source_key", "started_on", "ended_on"),
        *("cause_code", "household_type", "birth_decade", "repeats_row"),
    ]
    assert set(rows["birth_decade"].drop_nulls().to_list()) == {1940, 1960, 1980, 1990, 2000}
