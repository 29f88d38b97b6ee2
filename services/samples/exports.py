"""Writes the exports of partners: a back delivery of all months but the last, and the last month as a live one."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import xlsxwriter

from services.samples import calibration, layouts
from services.samples.chance import chance
from services.samples.dirt import broken_bytes, cut_off, plant
from services.samples.layouts import Layout
from services.samples.network import Partner

WRITTEN: Final = datetime(2026, 1, 1)  # noqa: DTZ001  # a workbook's property has no time zone


def delivery_name(months: Sequence[date]) -> str:
    """`2025-01_2025-11` for several months, `2025-12` for one."""
    names = [month.strftime("%Y-%m") for month in (months[0], months[-1])]
    return names[0] if len(months) == 1 else "_".join(names)


def deliveries(months: Sequence[date]) -> list[tuple[str, Sequence[date], int]]:
    """The folders of a participant: (`back` or `live`, its months, index of the first of them)."""
    found: list[tuple[str, Sequence[date], int]] = [("back", months[:-1], 0), ("live", months[-1:], len(months) - 1)]
    return [item for item in found if item[1]]


def write_partner(
    folder: Path,
    partner: Partner,
    signals: pl.DataFrame,
    notices: pl.DataFrame,
    *,
    months: Sequence[date],
    seed: int,
) -> tuple[dict[str, int], Counter[str]]:
    """Write all exports of one partner.

    Args:
        folder: the partner's; gets `back/` and `live/`.
        partner: whose.
        signals: its signals, dressed.
        notices: its supply stops or evictions, dressed; empty for other kinds of partner.
        months: first days of consecutive months.
        seed: of all chance.

    Returns:
        Rows per file (path below the folder, wrong rows included), and the wrong rows by kind.
    """
    written: dict[str, int] = {}
    planted = Counter[str]()
    for layout, rows in _layouts(partner, signals, notices):
        for name, part, first in deliveries(months):
            own = rows.filter(pl.col("month").is_between(first, first + len(part) - 1))
            if not own.height:
                continue
            texts, wrong = plant(
                own.select(**layout.columns),
                layout.roles,
                calibration.DIRTY,
                chance(seed, partner.id, layout.stem, *part),
            )
            path = folder / name / f"{layout.stem}_{delivery_name(part)}.{partner.file_format}"
            path.parent.mkdir(parents=True, exist_ok=True)
            if partner.file_format == "xlsx":
                write_workbook(path, texts)
                count = texts.height
            else:
                more = _write_text(path, texts, layout, damaged=name == "back")
                wrong += more
                count = texts.height + more["truncated_line"]
            written[f"{name}/{path.name}"] = count
            planted += wrong
    return written, planted


def write_list(
    folder: Path, name: str, own: pl.DataFrame, layout: Layout, *, months: Sequence[date], rng: np.random.Generator
) -> tuple[dict[str, int], Counter[str]]:
    """Write one list of a municipality as text, with some rows that are wrong.

    Args:
        folder: the municipality's.
        name: of the folder in it.
        own: the rows, dressed.
        layout: of the file.
        months: first days of the months that it is about.
        rng: of all chance.

    Returns:
        Rows by file (path below the folder, wrong rows included), and the wrong rows by kind.
    """
    texts, wrong = plant(own.select(**layout.columns), layout.roles, calibration.DIRTY, rng)
    path = folder / name / f"{layout.stem}_{delivery_name(months)}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    texts.with_columns(pl.all().replace("", None)).write_csv(path, separator=layout.separator)
    return {f"{name}/{path.name}": texts.height}, wrong


def month_after(months: Sequence[date]) -> date:
    """Return the first day after consecutive months, of which the first days are given."""
    return (months[-1] + timedelta(days=31)).replace(day=1)


def _layouts(partner: Partner, signals: pl.DataFrame, notices: pl.DataFrame) -> list[tuple[Layout, pl.DataFrame]]:
    prefix = "".join(part[0] for part in partner.id.split("-")).upper() + partner.id[3:5].upper()
    workbook = partner.file_format == "xlsx"
    match partner.kind:
        case "energy_supplier":
            stops = notices.filter(~pl.col("withdrawn"))
            return [(layouts.energy_arrears(prefix), signals), (layouts.energy_stops(prefix), stops)]
        case "housing_corporation":
            arrears = layouts.rent_arrears(prefix, workbook=workbook)
            return [(arrears, signals), (layouts.evictions(prefix, workbook=workbook), notices)]
        case "water_company":
            return [(layouts.water_arrears(prefix), signals)]
        case _:
            return [(layouts.premium_arrears(prefix, natural_key=partner.natural_key), signals)]


def _write_text(path: Path, texts: pl.DataFrame, layout: Layout, *, damaged: bool) -> Counter[str]:
    """Write a text file; a damaged one has a byte that is no text, and ends within a line."""
    out = BytesIO()
    texts.with_columns(pl.all().replace("", None)).write_csv(out, separator=layout.separator, line_terminator="\r\n")
    data = out.getvalue().decode("utf-8").encode(layout.encoding)
    planted = Counter[str]()
    if damaged:
        name = texts[layout.roles["name"]][texts.height // 2].encode(layout.encoding)
        data = cut_off(broken_bytes(data, name, b"\x81" if layout.encoding == "cp1252" else b"\xe9"))
        planted.update(broken_encoding=1, truncated_line=1)
    path.write_bytes(data)
    return planted


def write_workbook(path: Path, texts: pl.DataFrame) -> None:
    """Write texts as a workbook in which what is a date or an amount is a real date or number."""
    book = xlsxwriter.Workbook(path, {"constant_memory": True})
    book.set_properties({"created": WRITTEN})  # else the day of writing would make equal exports differ
    sheet = book.add_worksheet("Export")
    a_date = book.add_format({"num_format": "dd-mm-yyyy"})
    sheet.write_row(0, 0, texts.columns)
    dates = [
        at
        for at, name in enumerate(texts.columns)
        if name.lower().startswith(("datum", "signaaldatum", "achterstand sinds"))
    ]
    amounts = [at for at, name in enumerate(texts.columns) if name == "Achterstand"]
    for number, row in enumerate(texts.iter_rows(), start=1):
        for at, text in enumerate(row):
            if text and at in dates and text[4:5] == "-":
                sheet.write_datetime(number, at, date.fromisoformat(text), a_date)
            elif at in amounts and text.lstrip("-").replace(".", "", 1).isdigit():
                sheet.write_number(number, at, float(text))
            elif text:
                sheet.write_string(number, at, text)
    book.close()
