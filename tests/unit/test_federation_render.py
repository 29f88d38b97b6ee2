"""An answer reads the same in JSON, CSV and a table, and what is not shown is said."""

import csv
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
from rich.console import Console

from services.federation.render import as_csv, as_json, print_table

ANSWER = pa.table(
    {
        "municipality": ["gm0518", "gm0599"],
        "value": [73.35470, None],
        "total": pa.array([Decimal(12), Decimal("1.5")], pa.decimal128(9, 2)),
        "denominator_date": [date(2016, 1, 1), None],
        "released_at": pa.array([datetime(2026, 1, 10, 8, tzinfo=UTC), None], pa.timestamp("us", "UTC")),
        "names": [["Den Haag, 's-Gravenhage"], []],
        "flag": [True, False],
        "key": [b"\x01\xff", None],
    }
)


def shown(answer: pa.Table, *, terminal: bool, width: int = 200, most_rows: int = 50) -> str:
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=width, color_system=None)
    print_table(answer, console, most_rows)
    return text.getvalue()


def test_json_is_a_list_of_objects_with_iso_dates_numbers_and_nulls() -> None:
    assert json.loads(as_json(ANSWER)) == [
        {
            "municipality": "gm0518",
            "value": 73.3547,
            "total": 12,
            "denominator_date": "2016-01-01",
            "released_at": "2026-01-10T08:00:00+00:00",
            "names": ["Den Haag, 's-Gravenhage"],
            "flag": True,
            "key": "01ff",
        },
        {
            "municipality": "gm0599",
            "value": None,
            "total": 1.5,
            "denominator_date": None,
            "released_at": None,
            "names": [],
            "flag": False,
            "key": None,
        },
    ]


def test_json_of_nothing_is_an_empty_list() -> None:
    assert as_json(ANSWER.slice(0, 0)) == "[]"


def test_json_has_no_nan() -> None:
    assert json.loads(as_json(pa.table({"x": [float("nan"), float("inf"), 1.0]}))) == [
        {"x": None},
        {"x": None},
        {"x": 1},
    ]


def test_columns_of_one_name_are_all_kept() -> None:
    answer = pa.Table.from_arrays([pa.array([1]), pa.array([2]), pa.array([3])], names=["a", "a", "a_2"])
    assert list(json.loads(as_json(answer))[0].values()) == [1, 2, 3]


def test_csv_has_a_header_and_the_same_values() -> None:
    rows = list(csv.reader(io.StringIO(as_csv(ANSWER))))
    assert rows[0] == ANSWER.column_names
    assert rows[1][:4] == ["gm0518", "73.3547", "12", "2016-01-01"]
    assert rows[1][5:] == ['["Den Haag, \'s-Gravenhage"]', "true", "01ff"]
    assert rows[2][1] == ""


def test_a_table_for_a_terminal_has_every_cell() -> None:
    text = shown(ANSWER, terminal=True)
    for cell in ("municipality", "gm0518", "73.3547", "2016-01-01", "–", "2 rows"):
        assert cell in text


def test_without_a_terminal_the_table_is_plain_however_wide() -> None:
    text = shown(ANSWER, terminal=False, width=20)
    lines = text.splitlines()
    assert len(lines) == 4
    assert lines[0].split()[:2] == ["municipality", "value"]
    assert not set("│┃━╇\x1b") & set(text)


def test_a_terminal_too_narrow_shows_one_block_per_row_and_loses_nothing() -> None:
    text = shown(ANSWER, terminal=True, width=40)
    assert "row 2" in text
    joined = text.replace("\n", "")
    for cell in ("denominator_date", "2026-01-10T08:00:00+00:00", "gm0599"):
        assert cell in joined


def test_a_cut_table_says_how_many_rows_there_are() -> None:
    answer = pa.table({"n": list(range(1200))})
    for terminal in (True, False):
        text = shown(answer, terminal=terminal, most_rows=3)
        assert text.rstrip().endswith("1,200 rows, the first 3 shown; --json and --csv give all")
        assert "1199" not in text


def test_one_row_is_not_called_rows() -> None:
    assert shown(ANSWER.slice(0, 1), terminal=False).endswith("1 row\n")


def test_control_characters_and_markup_in_a_value_do_nothing() -> None:
    answer = pa.table({"x": ["\x1b[2J\x07[bold]red[/bold]\nsecond"]})
    for terminal in (True, False):
        text = shown(answer, terminal=terminal)
        assert "\x1b[2J" not in text
        assert "\x07" not in text
        assert "[bold]red[/bold]" in text
