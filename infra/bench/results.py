"""What a measurement leaves: a JSON file for programs and a table for people."""

import json
from collections.abc import Mapping
from pathlib import Path

from services.cli.console import table


def write_results(path: Path, results: Mapping[str, float], title: str, caption: str) -> None:
    """Write figures by name to `path`, rounded to two decimals, and print them."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({name: round(value, 2) for name, value in results.items()}, indent=1) + "\n", "utf-8")
    rows = [(name, round(value, 1)) for name, value in results.items()]
    table(title, ["figure", "value"], rows, caption=f"{caption}; in {path}")
