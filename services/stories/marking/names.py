"""Names of persons in text: out of lists, by capitals, by what stands around them, and as words that nobody knows."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from services.stories.marking.name_context import (
    ARTICLE,
    has_surname,
    in_context,
    is_initial,
    is_small_name,
    is_surname_alone,
    is_told_of,
)
from services.stories.marking.name_extent import first_of, last_of
from services.stories.marking.tokens import Token
from services.stories.marking.words import Lexicon, cues, folded

_ALWAYS: Final = cues("names.always")
"""First names that are used often as such, and so count as words that are used often."""
_NEVER: Final = cues("names.never")
_NOISE: Final = re.compile(r"(.)\1\1|^(?:[bcdfghjklmnpqrstvwxz']+|(?:ha)+h?|(?:he)+|(?:ho)+|.)$")
_INITIALS: Final = re.compile(r"(?<![\w.])(?:[^\W\d_]\.\s?){2,}(?!\w{2})|(?<![\w.])(?:[^\W\d_]\.){2,}")
_NO_INITIALS: Final = cues("names.no_initials")
_ABBREVIATION: Final = 5
_LIST_SIGN: Final = 2
_SHORT: Final = 2


def name_spans(words: Sequence[Token], text: str, lexicon: Lexicon) -> Iterator[tuple[int, int, str]]:
    """Where names stand, and how each was found: `list`, `capital`, `context` or `unknown`."""
    for match in _INITIALS.finditer(text):
        if folded(match[0]).replace(" ", "") not in _NO_INITIALS:
            yield *match.span(), "context"
    found = [_found_by(words, at, lexicon) for at in range(len(words))]
    _listed_together(words, found, lexicon)
    _named_elsewhere(words, found, lexicon)
    at = 0
    while at < len(words):
        reason, last = found[at], at
        if reason:
            last = last_of(words, at, found, lexicon)
            end = words[last].end
            own = 2 if text[end : end + 2] in {"'s", "’s"} else 0
            yield words[first_of(words, at, text, lexicon)].start, end + own, reason
        at = last + 1


def _found_by(words: Sequence[Token], at: int, lexicon: Lexicon) -> str | None:
    """Why this word is, or is part of, a name; None where it is not."""
    token, word = words[at], words[at].fold
    if in_context(words, at, lexicon) or is_small_name(words, at) or has_surname(words, at, lexicon):
        return "context"
    if len(word) == 1:
        return "context" if is_initial(words, at, lexicon) else None
    if word in _ALWAYS or any(lexicon.is_name(part) for part in (word, *word.split("-"))):
        return "list"
    if token.capital and _tells(token, lexicon):
        return "capital"
    if (
        word in lexicon.names
        and word in lexicon.words
        and (is_told_of(words, at, lexicon) or is_surname_alone(words, at, lexicon))
    ):
        return "context"
    return "unknown" if _is_unknown(token, lexicon) else None


def _tells(token: Token, lexicon: Lexicon) -> bool:
    """Whether a capital within a sentence tells of a name: not in an abbreviation, nor in a small word (`De`)."""
    if token.fold in lexicon.first_names and token.fold not in _NEVER:
        return True
    return token.fold not in lexicon.stop and not _is_abbreviation(token)


def _is_abbreviation(token: Token) -> bool:
    return token.text.isupper() and len(token.fold) <= _ABBREVIATION


def _listed_together(words: Sequence[Token], found: list[str | None], lexicon: Lexicon) -> None:
    """Take in first names that are words too where they are listed with a name: `Kees, Roos en Bas`."""
    for step in (1, -1):
        for at in range(len(words))[::step]:
            word = words[at].fold
            if not found[at] and lexicon.is_first_name(word) and _beside(words, found, at):
                found[at] = "context"


def _beside(words: Sequence[Token], found: Sequence[str | None], at: int) -> bool:
    """Whether a name is parted from it by a comma, or by `en`, `of` or `met`."""
    named = {near for near in range(max(at - 2, 0), min(at + 3, len(words))) if found[near] in {"list", "context"}}
    comma = any(near in named and _apart(words, at, near) == _LIST_SIGN for near in (at - 1, at + 1))
    return comma or any(
        near in named and words[(at + near) // 2].fold in {"en", "of", "met"} for near in (at - 2, at + 2)
    )


def _apart(words: Sequence[Token], one: int, other: int) -> int:
    return words[max(one, other)].start - words[min(one, other)].end


def _named_elsewhere(words: Sequence[Token], found: list[str | None], lexicon: Lexicon) -> None:
    """Take in a word that is a name elsewhere in the text: who is once `meneer Bakker` may be `Bakker` later."""
    sure = {token.fold for token, reason in zip(words, found, strict=True) if reason and reason != "unknown"}
    names = {name for name in sure if len(name) > _SHORT and name not in lexicon.stop}
    for at, token in enumerate(words):
        if not found[at] and token.fold in names and (at == 0 or words[at - 1].fold not in ARTICLE):
            found[at] = "context"


def _is_unknown(token: Token, lexicon: Lexicon) -> bool:
    """Whether nobody knows the word: no Dutch word, none composed of two, no sound, no abbreviation."""
    word = token.fold
    if word in lexicon.stop or _NOISE.search(word) or (token.capital and _is_abbreviation(token)):
        return False
    if any(lexicon.is_word(form) for form in (word, word.removesuffix("s"), word.replace("-", ""))):
        return False
    parts = [part for part in word.split("-") if part]
    return len(parts) == 1 or not all(len(part) == 1 or part in lexicon.stop or lexicon.is_word(part) for part in parts)
