"""Puts the rules together: contact data, addresses, places and names, and the clinical rules of deduce where asked."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from services.stories.marking.addresses import address_spans, after_house
from services.stories.marking.clinical import clinical_marks
from services.stories.marking.contact import birth_spans, contact_spans
from services.stories.marking.marks import Mark, merged
from services.stories.marking.names import name_spans
from services.stories.marking.places import place_spans
from services.stories.marking.tokens import tokens
from services.stories.marking.words import Lexicon, lexicon

_HOUSE_NUMBER: Final = re.compile(r"\s[1-9][0-9]{0,2}[a-z]?(?![\w%]|[.,:]\d|\s[a-z])")


@dataclass(frozen=True)
class Marker:
    """Marks texts with the lists that it was made with; `clinical` adds the marks of deduce."""

    lexicon: Lexicon
    clinical: Callable[[str], Iterator[Mark]] | None = None

    def marks(self, text: str) -> tuple[Mark, ...]:
        """Return what may point to somebody, in order, without overlap; offsets in characters of the text."""
        found = [*self._by_rule(text), *(self.clinical(text) if self.clinical else ())]
        return merged(_with_house_number(text, mark) for mark in found)

    def parts(self, text: str) -> list[str]:
        """Return what is marked in a text, as it is written there."""
        return [text[mark.start : mark.end] for mark in self.marks(text)]

    def _by_rule(self, text: str) -> Iterator[Mark]:
        words = tokens(text)
        yield from (Mark(start, end, "contact", "pattern") for start, end in contact_spans(text))
        yield from (Mark(start, end, "date_of_birth", "pattern") for start, end in birth_spans(text))
        yield from (Mark(start, end, "address", "pattern") for start, end in address_spans(text, words, self.lexicon))
        yield from (Mark(start, end, "place", "list") for start, end in place_spans(words, text, self.lexicon))
        yield from (Mark(start, end, "name", reason) for start, end, reason in name_spans(words, text, self.lexicon))


def _with_house_number(text: str, mark: Mark) -> Mark:
    """A name or place with a number behind it is where somebody lives: `nieuwe rijn 5`."""
    if mark.kind not in {"name", "place"} or not (number := _HOUSE_NUMBER.match(text, mark.end)):
        return mark
    return Mark(mark.start, max(number.end(), after_house(text, mark.end)), "address", mark.found_by)


def load_marker(*, deduce: bool = False) -> Marker:
    """Read the lists, in half a second; with deduce in some ten.

    Args:
        deduce: whether to add the marks of deduce, which was made for letters of physicians and looks at capitals.
    """
    return Marker(lexicon(), clinical_marks() if deduce else None)


@cache
def whole_marker() -> Marker:
    """Return what people review with: our own lists and rules, and deduce; made once in a process, for seconds."""
    return load_marker(deduce=True)


def marked_parts(text: str) -> list[str]:
    """Return the parts of a text that a reviewer has to explain before it leaves, by `whole_marker`."""
    return whole_marker().parts(text)
