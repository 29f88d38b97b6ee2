"""Where words are kept: for tests that what is taken back is in no file any more."""

from pathlib import Path

import fastavro
import polars as pl


def holding(folder: Path, words: str) -> list[Path]:
    """Files that hold words: as bytes, in a column of Parquet, or at the bounds that a manifest has."""
    found = []
    for path in (item for item in folder.rglob("*") if item.is_file()):
        content = path.read_bytes()
        if path.suffix == ".parquet":
            content += "".join(str(row) for row in pl.read_parquet(path).rows()).encode()
        elif path.suffix == ".avro":
            with path.open("rb") as file:
                content += b"".join(str(record).encode() for record in fastavro.reader(file))
        if words.encode() in content:
            found.append(path)
    return found
