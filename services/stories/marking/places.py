"""Places in text: towns, villages, quarters, and institutions by their name."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from services.stories.marking.addresses import after_house
from services.stories.marking.institutions import institution_size
from services.stories.marking.tokens import Token, after, before, follows
from services.stories.marking.towns import ARTICLES, VERB, place_size
from services.stories.marking.words import Lexicon, cues

_LEADING: Final = cues("places.leading")
"""What stands before a name of a place as part of it."""
_KINDS: Final = cues("places.quarter_kinds")
_COLOURS: Final = cues("places.colours")
_STRANGE: Final = re.compile(r"[a-z]+(?:sche|ndse|rse|nse)")
_SMALL_WORD: Final = 3


def place_spans(words: Sequence[Token], text: str, lexicon: Lexicon) -> Iterator[tuple[int, int]]:
    """Where places stand; an institution with the word that says what it is."""
    at = 0
    while at < len(words):
        house = institution_size(words, at, lexicon) or _quarter_size(words, at, lexicon)
        size = house or place_size(words, at, lexicon)
        if size:
            end = words[at + size - 1].end
            yield words[_first_of(words, at, lexicon)].start, after_house(text, end) if house else end
        at += max(size, 1)


def _first_of(words: Sequence[Token], at: int, lexicon: Lexicon) -> int:
    """The first word of a place: its article, and before a capital one what it is (`zwembad De Vallei`)."""
    first = at
    while first and before(words, first) in _LEADING:
        first -= 1
    if first and not words[at].capital and _is_noun(before(words, first), lexicon):
        first -= 1
    while first < at and words[first].fold in {"van", "onze"}:
        first += 1
    named = words[first].capital and words[first].fold in ARTICLES
    return first - 1 if named and len(before(words, first)) > _SMALL_WORD else first


def _is_noun(word: str, lexicon: Lexicon) -> bool:
    """Whether a word before a place may be what stands there: seldom used, and no verb by its shape."""
    seldom = word not in lexicon.often and word not in lexicon.stop
    return seldom and lexicon.is_word(word) and not VERB.fullmatch(word)


def _quarter_size(words: Sequence[Token], at: int, lexicon: Lexicon) -> int:
    """2 for `indische buurt`, `rode dorp`: a quarter by an adjective that is seldom used; else 0."""
    word = words[at].fold
    if not follows(words, at + 1) or after(words, at) not in _KINDS:
        return 0
    seldom = word in lexicon.words and word not in lexicon.often and word not in lexicon.stop
    return 2 if (seldom and word.endswith("e")) or _STRANGE.fullmatch(word) or word in _COLOURS else 0
