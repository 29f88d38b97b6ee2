"""Marks: stretches of a text that may point to somebody, and the text with each replaced by what it is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["name", "address", "place", "contact", "date_of_birth"]

SHOWN: Final[dict[Kind, str]] = {
    "name": "[naam]",
    "address": "[adres]",
    "place": "[plaats]",
    "contact": "[contact]",
    "date_of_birth": "[geboortedatum]",
}


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A stretch of a text that may point to somebody; not a finding that it does.

    Attributes:
        start: its first character.
        end: after its last character.
        kind: what it seems to be.
        found_by: how it was found: `list`, `capital`, `context`, `unknown`, `pattern` or `deduce`.
    """

    start: int
    end: int
    kind: Kind
    found_by: str


def merged(marks: Iterable[Mark]) -> tuple[Mark, ...]:
    """One mark for each stretch of marks that overlap, in order, of the kind of the longest; contact data first."""
    joined: list[Mark] = []
    for mark in sorted(marks):
        if joined and mark.start < joined[-1].end:
            before = joined.pop()
            chosen = max(before, mark, key=lambda one: (one.kind == "contact", one.end - one.start, one.kind != "name"))
            joined.append(Mark(before.start, max(before.end, mark.end), chosen.kind, chosen.found_by))
        else:
            joined.append(mark)
    return tuple(joined)


def marked(text: str, marks: Sequence[Mark]) -> str:
    """The text with each mark replaced, as `[naam]`: marked, not anonymous; two people read it before it leaves."""
    parts, end = [], 0
    for mark in merged(marks):
        parts += [text[end : mark.start], SHOWN[mark.kind]]
        end = mark.end
    return "".join([*parts, text[end:]])
