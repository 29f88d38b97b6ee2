"""What stands around a word and tells that it is a name: titles, relatives, verbs, surnames behind it."""

import re
from collections.abc import Sequence
from typing import Final

from services.stories.marking.tokens import Token, after, back_over, before, follows, on_over
from services.stories.marking.words import Lexicon, any_of, cues

TITLES: Final = cues("names.titles")
RELATIONS: Final = cues("names.relations")
INTERFIXES: Final = cues("names.interfixes")
BEFORE_SURNAME: Final = cues("names.before_surname")
"""Parts that stand before a surname and nowhere else: `der`, `ter`, `el`."""
ARTICLE: Final = cues("names.article")
AMONG_STOPS: Final = cues("names.among_stops")
"""First names that are, as words, so usual that little but what stands around them tells."""
WORDS_TOO: Final = cues("names.interfixes_that_are_words")
INTERFIXES_AT_MOST: Final = 3

_RELATION: Final = re.compile(rf"[a-z'\-]*(?:{any_of('names.relation_ends')})")
_FAREWELLS: Final = cues("names.farewells")
_TOLD: Final = cues("names.told")
_WITH: Final = cues("names.with")
_NO_INITIAL: Final = cues("names.no_initial")
_OPENERS: Final = cues("names.openers")
_PERSONS: Final = cues("names.persons")
_BARE: Final = cues("names.bare")
"""First names that are words, but words that want an article."""
_SAID: Final = cues("names.said")
_CALLED: Final = cues("names.called")
_NEAR: Final = 3
_LONGER: Final = 3


def is_related(word: str) -> bool:
    """Whether a word says who somebody is to the teller: `zoon`, `wijkconsulent`."""
    return word in RELATIONS or bool(_RELATION.fullmatch(word))


def is_interfix(token: Token) -> bool:
    """Whether it is a part of surnames: `van`, `de`."""
    return token.fold in INTERFIXES


def in_context(words: Sequence[Token], at: int, lexicon: Lexicon) -> bool:
    """Whether a title, a relative or a farewell stands before it, with nothing but parts of a name between."""
    token = words[at]
    if is_interfix(token) and not token.capital:
        return False
    if at and words[at - 1].fold in _FAREWELLS and token.start - words[at - 1].end <= _NEAR:
        return token.capital or token.opens or token.fold in lexicon.names
    begin = back_over(words, at, lambda one: is_interfix(one) or len(one.text) == 1, INTERFIXES_AT_MOST + 2)
    return any(_titled(words, place, at, lexicon) or _relative(words, place, at, lexicon) for place in {begin, at})


def _titled(words: Sequence[Token], begin: int, at: int, lexicon: Lexicon) -> bool:
    """Whether a title stands before the parts of the name, or a part that surnames alone have is among them."""
    token, title = words[at], before(words, begin) in TITLES
    parts = words[begin:at]
    told = {part.fold for part in parts} & BEFORE_SURNAME
    if begin > 0 and told and (title or (token.fold in lexicon.names and not told <= WORDS_TOO)):
        return True
    if not title or token.fold in TITLES | RELATIONS:
        return False
    if token.fold not in lexicon.stop or token.capital or any(len(part.text) > 1 for part in parts):
        return True
    usual = token.fold in _TOLD or token.fold not in lexicon.names
    return not usual and (after(words, at) in _TOLD or len(token.fold) > _LONGER)


def _relative(words: Sequence[Token], begin: int, at: int, lexicon: Lexicon) -> bool:
    """Whether a relative or a function stands before it, and it is a name by a list or its capital."""
    token, relative = words[at], before(words, begin)
    if not is_related(relative) or token.opens or token.fold in RELATIONS or token.fold in lexicon.stop:
        return False
    if token.capital:
        return True
    often = token.fold in lexicon.often
    if token.fold not in lexicon.names or (begin < at and often):
        return False
    return not often or token.fold in lexicon.first_names or relative in _CALLED


def is_initial(words: Sequence[Token], at: int, lexicon: Lexicon) -> bool:
    """Whether a single letter stands before a name or after a title, as `J.` or `mevrouw K`."""
    token, holder = words[at], before(words, at)
    if holder in TITLES or (holder in RELATIONS and holder in _CALLED) or (token.capital and token.text.isupper()):
        return True
    place = on_over(words, at + 1, lambda one: is_interfix(one) or len(one.text) == 1, INTERFIXES_AT_MOST)
    named = follows(words, place) and words[place].fold in lexicon.names and words[place].fold not in lexicon.stop
    return named and token.fold not in _NO_INITIAL


def is_small_name(words: Sequence[Token], at: int) -> bool:
    """Whether `wil` or `ben` is somebody: behind a relative, and something is told of it."""
    holder, then = before(words, at), after(words, at)
    related = is_related(holder) or holder in {"met", "van", "bij"}
    return words[at].fold in AMONG_STOPS and related and (words[at].fold != "wil" or then in _TOLD or not then)


def has_surname(words: Sequence[Token], at: int, lexicon: Lexicon) -> bool:
    """Whether a word that may be a first name has a surname right behind it: `storm bakker`, `wil van dam`."""
    word = words[at].fold
    if not (lexicon.is_first_name(word) or word in AMONG_STOPS) or word in RELATIONS:
        return False
    if before(words, at) in ARTICLE | _PERSONS:
        return False
    place = on_over(words, at + 1, is_interfix, INTERFIXES_AT_MOST)
    return follows(words, place) and lexicon.is_surname(words[place].fold)


def is_told_of(words: Sequence[Token], at: int, lexicon: Lexicon) -> bool:
    """Whether a word that is a name too is used as one: it does something, or somebody is with it."""
    token, holder, then = words[at], before(words, at), after(words, at)
    if token.fold in lexicon.stop:
        return False
    if is_family_alone(words, at, lexicon):
        return True
    if holder in ARTICLE:
        return False
    first = token.fold in lexicon.first_names and token.fold not in RELATIONS
    behind_van = holder == "van" and at > 1 and words[at - 2].fold not in ARTICLE
    return (
        (then in _TOLD and (holder != "van" or behind_van))
        or (token.fold in _BARE and not holder.endswith("e"))
        or (first and _is_person(words, at, holder, then))
        or (holder in _WITH and not then.endswith("en") and (token.fold in lexicon.first_names or token.opens))
    )


def _is_person(words: Sequence[Token], at: int, holder: str, then: str) -> bool:
    """Whether a first name that is a word opens a clause with a verb, is spoken to, or comes with the teller."""
    if holder == "ben":
        return at > 1 and words[at - 2].fold == "ik"
    opens = not holder or holder in _OPENERS
    does = opens and then.endswith(("t", "de", "te")) and not holder.endswith("e")
    return holder in _SAID or does or (then == "en" and after(words, at + 1) in {"ik", "mijn"})


def is_surname_alone(words: Sequence[Token], at: int, lexicon: Lexicon) -> bool:
    """Whether a surname that is a seldom word too stands without what a noun has before it, article or adjective."""
    word, holder = words[at].fold, before(words, at)
    if word not in lexicon.surnames or word in lexicon.often or word in lexicon.stop or word.endswith("en"):
        return False
    return holder not in ARTICLE and not holder.endswith("e") and holder not in {"als", "veel", "weinig", "wat"}


def is_family_alone(words: Sequence[Token], at: int, lexicon: Lexicon) -> bool:
    """Whether `van de` and a surname open a clause, or are said, alone: `van dam belde`, `zei de wit`."""
    begin = back_over(words, at, is_interfix, INTERFIXES_AT_MOST)
    if begin == at or not lexicon.is_surname(words[at].fold):
        return False
    if words[begin].fold == "de" and begin == at - 1 and words[at].fold in lexicon.often:
        return False
    holder = before(words, begin)
    return holder in _SAID or ((not holder or holder in _OPENERS) and after(words, at) in _TOLD)
