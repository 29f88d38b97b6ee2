"""How far a name goes, from the word by which it was found: titles and initials before it, surnames behind it."""

from collections.abc import Sequence
from typing import Final

from services.stories.marking.name_context import (
    AMONG_STOPS,
    BEFORE_SURNAME,
    INTERFIXES_AT_MOST,
    RELATIONS,
    TITLES,
    WORDS_TOO,
    is_family_alone,
    is_interfix,
    is_related,
)
from services.stories.marking.tokens import Token, back_over, before, follows, on_over
from services.stories.marking.words import Lexicon, cues

_LOOSE: Final = cues("names.loose")
"""Parts of a surname only together with another: `in 't Veld`, not `Karin in Emmen`."""
_PET: Final = cues("names.pet")
"""What stands before a first name as part of a nickname."""
_NAMING: Final = cues("names.naming")
_GENERATIONS: Final = cues("names.generations")
_VERB_ENDS: Final = ("t", "de", "te", "en", "d", "e")


def last_of(words: Sequence[Token], at: int, found: Sequence[str | None], lexicon: Lexicon) -> int:
    """The last word of the name that begins at `at`: surnames and what stands before them are taken in."""
    last = at
    while follows(words, last + 1):
        if len(words[last].text) == 1 == len(words[last + 1].text):
            last += 1
            continue
        place = on_over(words, last + 1, is_interfix, INTERFIXES_AT_MOST)
        if not follows(words, place) or (place == last + 2 and words[last + 1].fold in _LOOSE):
            break
        if not (
            found[place] or words[place].capital or _goes_on(words, at, words[last + 1 : place + 1], found, lexicon)
        ):
            break
        last = place
    return last


def _goes_on(
    words: Sequence[Token], at: int, tail: Sequence[Token], found: Sequence[str | None], lexicon: Lexicon
) -> bool:
    """Whether a tail of small letters, `van de` and a word, still belongs to a name of small letters."""
    if words[at].capital or words[at].opens:
        return False
    parts, word = {token.fold for token in tail[:-1]}, tail[-1].fold
    if parts & BEFORE_SURNAME - WORDS_TOO or word in _GENERATIONS or (parts and word in lexicon.surnames):
        return True
    if word in lexicon.stop:
        return False
    titled = not parts and before(words, at) in TITLES | _NAMING
    seldom = found[at] == "list" and word not in lexicon.often and not word.endswith(_VERB_ENDS)
    return word in lexicon.names or titled or (seldom and parts <= {"van", "de", "der", "den"})


def first_of(words: Sequence[Token], at: int, text: str, lexicon: Lexicon) -> int:
    """The first word of the name: title, initials, first name and parts of the surname before it are taken in."""
    first = at
    while first > 0 and words[first].joined:
        if _belongs(words, first, at, text, lexicon):
            first -= 1
        elif words[first - 1].fold == "en" and words[first].fold in TITLES and before(words, first - 1) in TITLES:
            first -= 2
        else:
            reach = _over_parts(words, first, lexicon)
            if reach == first:
                break
            first = reach
    return first


def _belongs(words: Sequence[Token], first: int, at: int, text: str, lexicon: Lexicon) -> bool:
    """Whether the word just before `first` is part of the name at `at`."""
    token = words[first - 1]
    word = token.fold
    if word in TITLES | _PET | BEFORE_SURNAME or _is_epithet(word, lexicon):
        return True
    if len(token.text) == 1 and text[token.end : token.end + 1] in {".", "-"}:
        return True
    if word in {"van", "de", "het"}:
        heads = (token.capital or token.opens) and words[first].capital
        return first < at or heads or words[first].fold in {"heer", "heren"} or is_family_alone(words, at, lexicon)
    return (lexicon.is_first_name(word) or lexicon.is_surname(word) or word in AMONG_STOPS) and word not in RELATIONS


def _is_epithet(word: str, lexicon: Lexicon) -> bool:
    """Whether a word before a first name may be part of a nickname: an adjective, seldom used."""
    adjective = word.endswith("e") and not word.endswith(("de", "te"))
    return adjective and word in lexicon.words and word not in lexicon.often


def _over_parts(words: Sequence[Token], first: int, lexicon: Lexicon) -> int:
    """Back over `van de` to the title, initial or first name before it; where there is none, not at all."""
    back = back_over(words, first, is_interfix, INTERFIXES_AT_MOST)
    if back in {0, first} or not words[back].joined or (back == first - 1 and words[back].fold in _LOOSE):
        return first
    holder = words[back - 1]
    if holder.fold in TITLES or len(holder.text) == 1 or lexicon.is_first_name(holder.fold):
        return back - 1
    return back if is_related(holder.fold) else first
