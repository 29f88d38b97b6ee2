"""Towns, villages and quarters by their own name."""

import re
from collections.abc import Sequence
from typing import Final

from services.stories.marking.tokens import Token, after, before, follows
from services.stories.marking.words import Lexicon, any_of, as_listed, cues

ARTICLES: Final = cues("places.articles")
PARTS: Final = cues("places.parts")
"""Points of the compass and `centrum`, as parts of towns."""
LONGEST: Final = 4
"""Words in a name."""
VERB: Final = re.compile(r"(?:ge|be|ver|ont|her)[a-z]+|[a-z]+(?:en|de|te|den|ten|t|d)")
"""The shape of words that may be verbs."""

_TO: Final = cues("places.to")
_NEAR: Final = _TO | cues("places.near")
_INTO: Final = cues("places.into")
_GOES_ON: Final = cues("places.goes_on")
_LIVES: Final = cues("places.lives")
_LINKS: Final = cues("places.links")
_BEFORE_PARTS: Final = cues("places.before_parts")
_NAMES_OF_HOUSES: Final = cues("places.names_of_houses")
"""Words of which houses, schools and centres are often named, and after which little else is called."""
_NAMING: Final = cues("places.naming")
_THITHER: Final = cues("places.thither")
_ENDS: Final = re.compile(rf"[a-z'\-]{{3,}}(?:{any_of('places.ends')})")
_QUARTER: Final = re.compile(r"[a-z'\-]{3,}(?:wijk|buurt|kwartier)")
_ANY_QUARTER: Final = cues("places.any_quarter")
_REACH: Final = 4


def place_size(words: Sequence[Token], at: int, lexicon: Lexicon) -> int:
    """How many words from here on are a place; 0 where none begins."""
    for size in range(min(LONGEST, len(words) - at), 1, -1):
        if _is_listed(words[at : at + size], lexicon):
            return size
    token = words[at]
    if (token.capital or token.opens) and token.fold in ARTICLES and follows(words, at + 1) and words[at + 1].capital:
        return 2
    if not (_is_known(words, at, lexicon) or _is_shaped(words, at, lexicon)):
        return 0
    return 2 if after(words, at) in PARTS else 1


def _is_listed(part: Sequence[Token], lexicon: Lexicon) -> bool:
    """Whether several words are a listed place that is not, with small letters, a turn of speech (`de wijk`)."""
    if not all(token.joined for token in part[1:]):
        return False
    if as_listed(" ".join(token.fold for token in part)) not in lexicon.places:
        return False
    usual = all(token.fold in lexicon.often for token in part)
    linked = part[0].fold == "den" or any(token.fold in _LINKS for token in part[1:-1])
    return not usual or linked or any(token.capital or token.opens for token in part[1:])


def _is_known(words: Sequence[Token], at: int, lexicon: Lexicon) -> bool:
    """Whether a word is a listed place; one that is a word too by what stands around it."""
    word, holder = words[at].fold, before(words, at)
    if any(_only_a_place(part, lexicon) for part in (as_listed(word), *as_listed(word).split(" "))):
        return True
    if word not in lexicon.places:
        return False
    seldom = word not in lexicon.often
    if words[at].capital or (word in lexicon.municipalities and (holder in _TO or (seldom and holder not in ARTICLES))):
        return True
    if holder in _INTO and (after(words, at) in _GOES_ON | {""} or _lives(words, at)):
        return True
    return seldom and holder in _NEAR and word not in lexicon.stop


def _only_a_place(word: str, lexicon: Lexicon) -> bool:
    return word in lexicon.places and word not in lexicon.words and word not in lexicon.stop


def _lives(words: Sequence[Token], at: int) -> bool:
    """Whether it is said just before that somebody lives or comes from somewhere."""
    return any(token.fold in _LIVES for token in words[max(0, at - _REACH) : at])


def _is_shaped(words: Sequence[Token], at: int, lexicon: Lexicon) -> bool:
    """Whether a word looks like a quarter or house by its end, its place in the sentence, or what such are called."""
    word, holder = words[at].fold, before(words, at)
    if word in PARTS:
        return holder in _BEFORE_PARTS and word not in {"midden", "centrum"}
    if word in lexicon.stop or word in _ANY_QUARTER:
        return False
    unlisted = word not in lexicon.words
    called = word in _NAMES_OF_HOUSES and holder in {"de", "het", "t"} and at > 1 and words[at - 2].fold in _THITHER
    quarter = word not in lexicon.often and bool(_QUARTER.fullmatch(word))
    named = holder in _NAMING or (holder in ARTICLES and at > 1 and words[at - 2].fold in _NAMING)
    lives = unlisted and holder in {"in", "uit", "naar"} and _lives(words, at)
    return (
        called
        or quarter
        or lives
        or (named and word not in lexicon.often)
        or (unlisted and bool(_ENDS.fullmatch(word)))
    )
