"""An answer for a program (JSON, CSV) or for a person (a table); nothing is ever left out without a word."""

import csv
import io
import json
import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import pyarrow as pa
from rich.console import Console
from rich.table import Table
from rich.text import Text

SHOWN_ROWS = 50

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

# A control character in a value could move a terminal's cursor or colour what follows
_CONTROLS = dict.fromkeys([*range(32), *range(127, 160)], "�")


def as_json(answer: pa.Table) -> str:
    """A list of objects: dates and times as ISO 8601, decimals as numbers, nothing as null.

    Columns of the same name are numbered, since an object would keep one of them only.
    """
    return json.dumps([dict(zip(_names(answer), row, strict=True)) for row in _rows(answer)], ensure_ascii=False)


def as_csv(answer: pa.Table) -> str:
    """RFC 4180 with a header line; values as in JSON, null as an empty field."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_names(answer))
    writer.writerows([[_flat(value) for value in row] for row in _rows(answer)])
    return text.getvalue()


def print_table(answer: pa.Table, console: Console, most_rows: int = SHOWN_ROWS) -> None:
    """Print a table for a person, with a line that says how many rows there are and how many are shown.

    Plain columns where the console is no terminal; in a terminal too narrow for the columns, one block per row.

    Args:
        answer: of a query.
        console: where to print.
        most_rows: shown at most.
    """
    names = _names(answer)
    cells = [[_shown(value) for value in row] for row in _rows(answer.slice(0, most_rows))]
    widths = [max(len(text) for text in column) for column in zip(names, *cells, strict=True)]
    if not console.is_terminal:
        for row in [names, *cells]:
            line = "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))
            console.file.write(line.rstrip() + "\n")
    elif sum(widths) + 3 * len(widths) > console.width:
        _print_blocks(names, cells, console)
    else:
        table = Table(header_style="bold")
        for name, kind in zip(names, answer.schema.types, strict=True):
            table.add_column(Text(name), justify="right" if _is_number(kind) else "left", no_wrap=True)
        for row in cells:
            table.add_row(*map(Text, row))
        console.print(table)
    console.file.write(_note(answer.num_rows, len(cells)) + "\n")


def _print_blocks(names: list[str], cells: list[list[str]], console: Console) -> None:
    width = max(map(len, names))
    for number, row in enumerate(cells, start=1):
        console.rule(f"row {number}", align="left")
        for name, text in zip(names, row, strict=True):
            console.print(Text(f"{name.ljust(width)}  {text}"), overflow="fold")


def _note(rows: int, shown: int) -> str:
    if shown == rows:
        return f"{rows:,} row{'' if rows == 1 else 's'}"
    return f"{rows:,} rows, the first {shown:,} shown; --json and --csv give all"


def _names(answer: pa.Table) -> list[str]:
    """Column names, a repeated one numbered: a, a_2."""
    names: list[str] = []
    for name in answer.column_names:
        number, unique = 1, name
        while unique in names:
            number += 1
            unique = f"{name}_{number}"
        names.append(unique)
    return names


def _rows(answer: pa.Table) -> list[tuple[Json, ...]]:
    columns = [[_plain(value) for value in column.to_pylist()] for column in answer.columns]
    return list(zip(*columns, strict=True))


def _plain(value: object) -> Json:
    """A value as JSON has it."""
    plain: Json = str(value)
    match value:
        case None | bool() | int() | str():
            plain = value
        case float():
            plain = value if math.isfinite(value) else None  # JSON has no NaN
        case Decimal():
            plain = int(value) if value == value.to_integral_value() else float(value)
        case datetime() | date() | time():
            plain = value.isoformat()
        case timedelta():
            plain = value.total_seconds()
        case bytes():
            plain = value.hex()
        case list() | tuple():
            plain = [_plain(item) for item in value]
        case dict():
            plain = {str(key): _plain(item) for key, item in value.items()}
    return plain


def _flat(value: Json) -> str | int | float | None:
    """A value that fits one field: lists and objects as JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _shown(value: Json) -> str:
    """A value in a table for a person: six digits are enough of a fraction, and nothing is a dash."""
    flat = _flat(value)
    if flat is None:
        return "–"
    text = f"{flat:.6g}" if isinstance(flat, float) and abs(flat) < 1e6 else str(flat)  # noqa: PLR2004  above, e+06
    return text.translate(_CONTROLS)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
