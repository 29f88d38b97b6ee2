"""The texts by which marking is measured, and what a marker misses of them or marks beside them."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from services.stories.marking import Marker

CORPUS = Path(__file__).parents[1] / "sources" / "marking" / "deidentification.jsonl"


@dataclass(frozen=True)
class Measured:
    """Spans and covered spans by (class, group); words by whether they are in a span, and whether marked."""

    spans: Counter[tuple[str, str]]
    covered: Counter[tuple[str, str]]
    words: Counter[tuple[bool, bool]]

    def recall(self, kind: str, group: str = "all") -> float:
        """The share of spans of which every letter and digit is within marks, of whatever kind."""
        return self.covered[kind, group] / self.spans[kind, group]

    @property
    def falsely_marked(self) -> float:
        """The share of words outside all spans that are marked."""
        return self.words[False, True] / (self.words[False, True] + self.words[False, False])

    @property
    def rightly_marked(self) -> float:
        """The share of marked words that are in a span."""
        return self.words[True, True] / (self.words[True, True] + self.words[False, True])


@cache
def texts() -> list[dict[str, Any]]:
    return [json.loads(line) for line in CORPUS.read_text(encoding="utf-8").splitlines()]


def measured(marker: Marker) -> Measured:
    result = Measured(Counter(), Counter(), Counter())
    for entry in texts():
        _measure(marker, entry, result)
    return result


def _measure(marker: Marker, entry: dict[str, Any], result: Measured) -> None:
    text, spans = entry["text"], entry["spans"]
    within = {place for mark in marker.marks(text) for place in range(mark.start, mark.end)}
    named: set[int] = set()
    for span in spans:
        start = -1
        for _ in range(span["occurrence"]):
            start = text.index(span["text"], start + 1)
        places = range(start, start + len(span["text"]))
        named |= set(places)
        whole = all(place in within for place in places if text[place].isalnum())
        for group in ("all", entry["style"], span["origin"] or "none"):
            result.spans[span["class"], group] += 1
            result.covered[span["class"], group] += whole
    for word in re.finditer(r"\w+", text):
        result.words[word.start() in named, word.start() in within] += 1
