"""Quotes as they are published: their tables and those of patterns, and the indicators that they belong beside."""

from collections.abc import Mapping
from functools import cache
from typing import Final

from services.indicators import load_catalogue

TABLE_OF_NODE: Final = "published.stories"
TABLE_OF_HUB: Final = "benchmark.stories"
PATTERNS_OF_NODE: Final = "published.patterns"
PATTERNS_OF_HUB: Final = "benchmark.patterns"


@cache
def indicators_by_theme() -> Mapping[str, list[str]]:
    """Return by theme the ids of the catalogue's indicators about it, in alphabetical order."""
    found: dict[str, list[str]] = {}
    for entry in load_catalogue().values():
        for theme in entry.themes:
            found.setdefault(theme, []).append(entry.id)
    return found
