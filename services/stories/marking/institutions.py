"""Institutions by their name: homes, schools, teams, clubs, with the word that says what they are."""

import re
from collections.abc import Sequence
from typing import Final

from services.stories.marking.tokens import Token, follows, on_over
from services.stories.marking.towns import ARTICLES, LONGEST, PARTS, VERB, place_size
from services.stories.marking.words import Lexicon, any_of, cues

_HOUSE: Final = re.compile(rf"[a-z'\-]*(?:{any_of('places.house_ends')})|{any_of('places.house_words')}")
"""Words for what stands somewhere and has a name."""
_LOOSE: Final = cues("places.loose")
"""Words before a name that are as often without one: what follows must itself look like a name."""
_NO_HOUSE: Final = cues("places.no_house")
"""Those that often stand without a name before an article: `op kantoor de mensen`."""
_QUARTERS: Final = cues("places.quarters")
_ALWAYS_NAMED: Final = re.compile(
    rf"[a-z]*(?:school|vereniging|club)|(?!zieken)[a-z]{{3,}}(?:huis|centrum)|{any_of('places.always_named')}"
)
"""Institutions that seldom stand without their name."""
_AFTER_NAME: Final = cues("places.after_name")
_CHAINED: Final = frozenset(("stichting", "vereniging", "fonds"))
_PARTICLES: Final = cues("places.particles")
_OF_NAMES: Final = cues("places.of_names")
"""Words that are no names by themselves, but with which names of schools and houses begin."""
_HOUSEHOLD: Final = cues("places.household")
_VAN: Final = cues("places.van")
_NO_NAME_ENDS: Final = ("team", "school", "zorg", "hulp")
_SKIPPED: Final = 3


def institution_size(words: Sequence[Token], at: int, lexicon: Lexicon) -> int:
    """How many words from here on are an institution with its name; 0 where none begins."""
    word = words[at].fold
    if follows(words, at + 1) and _names_behind(words[at], words[at + 1].fold, lexicon):
        return 2
    if word in _CHAINED or (word == "huis" and [token.fold for token in words[at + 1 : at + 3]] == ["van", "de"]):
        return _chain(words, at, lexicon)
    if not _HOUSE.fullmatch(word) and word not in _LOOSE:
        return 0
    place = on_over(words, at + 1, lambda token: token.fold in ARTICLES, 2)
    if not follows(words, place):
        return 0
    town = _town_ahead(words, place, lexicon)
    size = place - at + town if town else _named_size(words, at, place, lexicon)
    return size + _more(words, at + size) if size else 0


def _named_size(words: Sequence[Token], at: int, place: int, lexicon: Lexicon) -> int:
    """The words to the end of the name that begins at `place`, 0 where none does."""
    article = place > at + 1
    begin = place
    while follows(words, begin + 1) and words[begin].fold in _VAN and begin - at < LONGEST:
        begin, article = begin + 1, False
    if words[begin - 1].fold == "ons" and words[begin].fold == "huis":
        return begin - at + 1
    if not _may_be_called(words, at, begin, lexicon, article=article):
        return 0
    size = begin - at + 1
    if not article or words[begin].capital:
        return size
    size += _noun_behind(words, begin, lexicon)
    return size + _of(words, at + size, lexicon)


def _may_be_called(words: Sequence[Token], at: int, begin: int, lexicon: Lexicon, *, article: bool) -> bool:
    """Whether the word at `begin` may be, or begin, the name of the institution at `at`."""
    word, named = words[at].fold, words[begin]
    if _looks_named(named, lexicon) or named.fold in PARTS or (article and named.fold in _OF_NAMES):
        return True
    if named.fold in lexicon.stop:
        return False
    verb = bool(VERB.fullmatch(named.fold))
    if not article:
        return not verb and (bool(_ALWAYS_NAMED.fullmatch(word)) or named.fold not in lexicon.often)
    usual = (word in _NO_HOUSE or word in _LOOSE) and word not in _QUARTERS
    return not usual or named.fold not in lexicon.often or bool(_noun_behind(words, begin, lexicon))


def _noun_behind(words: Sequence[Token], begin: int, lexicon: Lexicon) -> int:
    """1 where the name begins with an adjective and goes on: `de groene hoeve`, `de open poort`."""
    if not follows(words, begin + 1) or not (words[begin].fold.endswith("e") or words[begin].fold in _OF_NAMES):
        return 0
    noun = words[begin + 1].fold
    return int(noun not in lexicon.stop or noun in _HOUSEHOLD)


def _town_ahead(words: Sequence[Token], at: int, lexicon: Lexicon) -> int:
    """How many words to the end of the town that an institution is called by: `welzijn hengelo`; 0 without."""
    for skipped in range(_SKIPPED):
        if not follows(words, at + skipped) or (skipped and words[at + skipped - 1].fold in lexicon.stop):
            return 0
        town = place_size(words, at + skipped, lexicon)
        if town:
            return skipped + town
    return 0


def _of(words: Sequence[Token], at: int, lexicon: Lexicon) -> int:
    """How many words go on a name by `van de stad`, `en hoop`; 0 where it ends."""
    if not follows(words, at) or words[at].fold not in {"van", "en", "aan", "op"}:
        return 0
    place = on_over(words, at + 1, lambda token: token.fold in {"de", "het", "den"}, 1)
    if not follows(words, place) or words[place].fold in lexicon.stop or VERB.fullmatch(words[place].fold):
        return 0
    return place - at + 1


def _chain(words: Sequence[Token], at: int, lexicon: Lexicon) -> int:
    """`stichting hulp en hoop`: words and what links them, until the sentence goes on; 0 for none."""
    size = last = 1
    while follows(words, at + size) and size <= LONGEST:
        token = words[at + size]
        link = token.fold in _PARTICLES | ARTICLES and token.fold != "in"
        if not link and token.fold in lexicon.stop and not token.capital:
            break
        size += 1
        last = last if link else size
    return last if last > 1 else 0


def _names_behind(token: Token, behind: str, lexicon: Lexicon) -> bool:
    """Whether a word names the institution behind it: `martini ziekenhuis`, `meander college`."""
    if _HOUSE.fullmatch(behind) or behind in {"wijk", "buurt"}:
        seldom = token.fold not in lexicon.often and token.fold not in lexicon.stop
        return _looks_named(token, lexicon) or (seldom and behind in _AFTER_NAME)
    return False


def _looks_named(token: Token, lexicon: Lexicon) -> bool:
    """Whether a word is no ordinary one: a capital, a place, a name or nothing that is known."""
    word = token.fold
    if word in lexicon.stop:
        return False
    unknown = word not in lexicon.words and not word.endswith(_NO_NAME_ENDS)
    return token.capital or lexicon.is_name(word) or unknown


def _more(words: Sequence[Token], at: int) -> int:
    """How many words with a capital, or parts of a town, go on the name; over small words between them."""
    place = at
    while True:
        behind = on_over(words, place, lambda token: token.fold in _PARTICLES, _SKIPPED)
        if not follows(words, behind) or not (
            words[behind].capital or (behind == place and words[behind].fold in PARTS)
        ):
            return place - at
        place = behind + 1
