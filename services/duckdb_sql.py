"""Pieces of SQL for DuckDB where it takes no parameters: in views and settings."""

from collections.abc import Iterable
from pathlib import Path


def text(value: str) -> str:
    """Return a text as SQL."""
    return "'" + value.replace("'", "''") + "'"


def in_files(paths: Iterable[Path]) -> str:
    """Return the rows of Parquet files as SQL; a column that some of them lack is null there."""
    return f"read_parquet([{', '.join(text(str(path)) for path in paths)}], union_by_name = true)"
