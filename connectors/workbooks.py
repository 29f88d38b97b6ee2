"""Reads Excel workbooks in blocks of columns, as `readers` does text files."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import fastexcel
import polars as pl

from connectors.base import BATCH_ROWS, SourceError, refused_rows
from connectors.readers import Block, empty_file, require, stripped


def excel_blocks(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> Iterator[Block]:
    """The first sheet of a workbook; its first row is the header. A date cell comes as `2026-12-31 00:00:00`.

    Raises:
        SourceError: no workbook, or a required column is not in its header.
    """
    try:
        sheet = fastexcel.read_excel(path).load_sheet(0, header_row=None, skip_rows=0, dtypes="string").to_polars()
    except fastexcel.FastExcelError as error:
        why = "It is damaged, protected by a password, or no workbook."
        raise SourceError(f"{path.name} cannot be opened.", why, "Export it again as .xlsx, unprotected.") from error
    if not sheet.height:
        raise empty_file(path)
    header = tuple(str(name or "").strip() for name in sheet.row(0))
    require(path, header, required)
    text = {name: sheet.columns[header.index(name)] for name in (*required, *optional) if name in header}
    records = sheet.with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("source_row"))[1:]
    records = records.filter(pl.any_horizontal(pl.col(sheet.columns).is_not_null()))
    raw = pl.concat_str([pl.col(name).fill_null("") for name in sheet.columns], separator=";")
    wanted = [
        stripped(pl.col(text[name]) if name in text else pl.lit(None, pl.String), name)
        for name in (*required, *optional)
    ]
    for part in records.iter_slices(BATCH_ROWS):
        yield Block(part.select("source_row", raw.alias("raw"), *wanted), refused_rows([]))
