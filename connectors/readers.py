"""Reads files in blocks of columns; what cannot be read is refused by row, and never ends the file.

All cells come as text: what a text means is for the connector's fields to say, so that nothing is guessed.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import polars as pl

from connectors.base import BATCH_ROWS, SourceError, refused_rows
from connectors.quoting import Records, lists

BLOCK_BYTES: Final = 4 << 20
"""Bytes read at a time: some 30,000 lines of a partner's export."""

MAX_LINE_BYTES: Final = 16 << 20
"""A line longer than this is no record of an export."""

MAX_RECORD_LINES: Final = 50
"""Lines a quoted cell may span; beyond it a quotation mark is taken as left open by mistake."""

BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Dialect:
    """How a source writes text files.

    Attributes:
        separator: one character between cells.
        encoding: a byte order mark of UTF-8 at the start of a file wins over this.
    """

    separator: str = ";"
    encoding: str = "utf-8"


@dataclass(frozen=True)
class Block:
    """Consecutive records: those with cells, and those that could not be read.

    Attributes:
        cells: `source_row` Int64, `raw` String, then the wanted columns as String; stripped, empty is null.
        broken: unreadable records, columns `connectors.base.REFUSED_SCHEMA`.
    """

    cells: pl.DataFrame
    broken: pl.DataFrame


@dataclass(frozen=True)
class _Shape:
    """The header of a file, its dialect, and the columns wanted of it."""

    header: tuple[str, ...]
    dialect: Dialect
    wanted: tuple[str, ...]


def csv_header(path: Path, dialect: Dialect) -> tuple[str, ...]:
    """Names of the columns, stripped, as the first line has them.

    Raises:
        SourceError: the file is empty or its first line is no text in the dialect's encoding.
    """
    with path.open("rb") as file:
        return _read_header(path, file, dialect)[0]


def csv_blocks(path: Path, dialect: Dialect, required: Sequence[str], optional: Sequence[str] = ()) -> Iterator[Block]:
    """Stream a text file; an absent optional column is a column of nulls.

    Raises:
        SourceError: a required column is not in the header, or there is no header.
    """
    with path.open("rb") as file:
        header, encoding = _read_header(path, file, dialect)
        require(path, header, required)
        shape = _Shape(header, Dialect(dialect.separator, encoding), (*required, *optional))
        first = 2
        for data in _whole_lines(path, file):
            lines = data.split(b"\n")
            whole = not lines[-1]  # data that ends with a line end leaves an empty rest
            if whole:
                lines.pop()
            for start in range(0, len(lines), BATCH_ROWS):
                part = lines[start : start + BATCH_ROWS]
                yield _block(part, shape, first + start, whole=whole or start + BATCH_ROWS < len(lines))
            first += len(lines)


def stripped(text: pl.Expr, name: str) -> pl.Expr:
    """A cell without the space around it; null where nothing is left."""
    text = text.str.strip_chars()
    return pl.when(text != "").then(text).alias(name)


def empty_file(path: Path) -> SourceError:
    """What to raise where there is no header."""
    return SourceError(f"{path.name} is empty.", "It has no header line.", "Export it again.")


def require(path: Path, header: Sequence[str], required: Sequence[str]) -> None:
    """Refuse a file that lacks a column.

    Raises:
        SourceError: it lacks one.
    """
    absent = [name for name in required if name not in header]
    if absent:
        names = ", ".join(f"'{name}'" for name in absent)
        why = "The export has changed, or the file is of another kind."
        raise SourceError(f"{path.name} lacks the column {names}.", why, "Add it to the export, under that name.")


def _read_header(path: Path, file: BinaryIO, dialect: Dialect) -> tuple[tuple[str, ...], str]:
    """The names in the first line, and the file's encoding; leaves the file at the second line."""
    line = file.readline(MAX_LINE_BYTES)
    encoding = "utf-8" if line.startswith(BOM) else dialect.encoding
    try:
        text = line.removeprefix(BOM).decode(encoding).strip("\r\n")
        names = next(csv.reader([text], delimiter=dialect.separator), [])
    except (UnicodeDecodeError, csv.Error) as error:
        why = f"Its first line is no list of column names in {encoding}."
        raise SourceError(f"{path.name} cannot be read.", why, f"Export it as text in {encoding}.") from error
    if not any(names):
        raise empty_file(path)
    return tuple(name.strip() for name in names), encoding


def _whole_lines(path: Path, file: BinaryIO) -> Iterator[bytes]:
    """Blocks that end at a line end where no quoted cell is open; only the last may end without one."""
    rest = b""
    while True:
        data = file.read(BLOCK_BYTES)
        last = len(data) < BLOCK_BYTES
        data = rest + data
        cut = len(data) if last else _cut(data)
        if not cut and len(data) > MAX_LINE_BYTES:
            why = f"It has a line of more than {MAX_LINE_BYTES >> 20} MB."
            raise SourceError(f"{path.name} cannot be read.", why, "Export it again with a line per record.")
        rest = data[cut:]
        if cut:
            yield data[:cut]
        if last:
            return


def _cut(data: bytes) -> int:
    """Where to end a block: after the last line end with an even number of quotation marks before it."""
    last = cut = data.rfind(b"\n") + 1
    for _ in range(MAX_RECORD_LINES):
        if not cut or data.count(b'"', 0, cut) % 2 == 0:
            return cut
        cut = data.rfind(b"\n", 0, cut - 1) + 1
    return last


def _block(lines: list[bytes], shape: _Shape, first: int, *, whole: bool) -> Block:
    """Cells of whole lines; `whole` is false where the last line has no line end."""
    broken: list[tuple[int, str, str, str, str]] = []
    texts = _decoded(lines, shape, first, broken)
    if any('"' in text for text in texts):
        rows, raw, cells = _quoted(texts, shape, first)
        split = lists("cells", cells)
    else:
        rows, raw = list(range(first, first + len(texts))), texts
        split = pl.Series("raw", raw, dtype=pl.String).str.split(shape.dialect.separator).alias("cells")
    frame = pl.DataFrame({"source_row": pl.Series(rows, dtype=pl.Int64), "raw": pl.Series(raw, dtype=pl.String)})
    frame = frame.with_columns(split).filter(pl.col("raw") != "")
    fits = pl.col("cells").list.len() == len(shape.header)
    for row, text in frame.filter(~fits).select("source_row", "raw").iter_rows():
        cut_off = not whole and row == rows[-1]
        reason = "truncated_line" if cut_off else "ragged_row"
        remedy = "The file ends within this row: export it again." if cut_off else _ragged_remedy(shape)
        broken.append((row, "row", reason, remedy, text))
    at = {name: shape.header.index(name) for name in shape.wanted if name in shape.header}
    cells_of = [
        stripped(pl.col("cells").list.get(at[name]) if name in at else pl.lit(None, pl.String), name)
        for name in shape.wanted
    ]
    return Block(frame.filter(fits).select("source_row", "raw", *cells_of), refused_rows(broken))


def _ragged_remedy(shape: _Shape) -> str:
    return (
        f"The row must have {len(shape.header)} cells, as the header has: "
        f"put a cell that holds '{shape.dialect.separator}' or a quotation mark between quotation marks."
    )


def _decoded(lines: list[bytes], shape: _Shape, first: int, broken: list[tuple[int, str, str, str, str]]) -> list[str]:
    """Texts of the lines; a line with bytes that are no text goes to `broken` and is an empty text here."""
    try:
        return [text.removesuffix("\r") for text in b"\n".join(lines).decode(shape.dialect.encoding).split("\n")]
    except UnicodeDecodeError:
        return [_decoded_line(line.removesuffix(b"\r"), shape, first + i, broken) for i, line in enumerate(lines)]


def _decoded_line(line: bytes, shape: _Shape, row: int, broken: list[tuple[int, str, str, str, str]]) -> str:
    encoding = shape.dialect.encoding
    try:
        return line.decode(encoding)
    except UnicodeDecodeError as error:
        before = line[: error.start].count(shape.dialect.separator.encode())
        field = shape.header[before] if before < len(shape.header) else "row"
        remedy = f"Byte {error.start + 1} of the row is no {encoding} text: mend this cell, and export as {encoding}."
        broken.append((row, field, "broken_encoding", remedy, line.decode(encoding, errors="backslashreplace")))
        return ""


def _quoted(texts: list[str], shape: _Shape, first: int) -> tuple[list[int], list[str], list[list[str]]]:
    """Records with quoted cells, which may span lines: their first lines, their text, their cells."""
    rows, raw, cells = [], [], []
    records = Records(shape.dialect.separator)
    at = 0
    while at < len(texts):
        text, taken = texts[at], 1
        found = records.cells(text)
        if text.count('"') % 2:
            # A quotation mark left open: either the cell goes on below, or it is a stray one and only this row suffers.
            for end in range(at + 1, min(at + MAX_RECORD_LINES, len(texts))):
                if texts[end].count('"') % 2:
                    joined = "\n".join(texts[at : end + 1])
                    if len(whole := records.cells(joined)) == len(shape.header):
                        text, taken, found = joined, end + 1 - at, whole
                    break
        rows.append(first + at)
        raw.append(text)
        cells.append(found)
        at += taken
    return rows, raw, cells
