"""Takes a text apart into words, each with what its capital is worth."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from services.stories.marking.words import cues, folded

_WORD: Final = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*")
_ENDS_SENTENCE: Final = '.!?:;\n"“”„«»(•*…>'
_ABBREVIATIONS: Final = cues("tokens.abbreviations")
_JOINTS: Final = frozenset((" ", "-", "  ", "/", " '", " ’", " ‘", " `", " ´"))
_MOSTLY: Final = 0.5


@dataclass(frozen=True, slots=True)
class Token:
    """A word in a text.

    Attributes:
        start: of the word, in characters.
        end: after it.
        text: as written.
        fold: as looked up, without a possessive 's.
        capital: it has a capital that its place in the sentence does not explain.
        opens: it opens a sentence with a capital.
        joined: nothing but one space, hyphen or full stop of an abbreviation stands between it and the word before.
    """

    start: int
    end: int
    text: str
    fold: str
    capital: bool
    opens: bool
    joined: bool


def tokens(text: str) -> list[Token]:
    """The words of a text in order. In a text of capitals, capitals say nothing."""
    letters = [sign for sign in text if sign.isalpha()]
    shouted = sum(sign.isupper() for sign in letters) > _MOSTLY * len(letters)
    found: list[Token] = []
    for match in _WORD.finditer(text):
        before = text[found[-1].end if found else 0 : match.start()]
        after_short = bool(found) and (found[-1].fold in _ABBREVIATIONS or len(found[-1].text) == 1)
        starts = not found or (
            any(sign in _ENDS_SENTENCE for sign in before) and not (after_short and before[:1] == ".")
        )
        upper = match[0][0].isupper() and not shouted
        joined = bool(found) and (before in _JOINTS or (after_short and before.strip() == "." and len(before) < 4))  # noqa: PLR2004
        fold = re.sub(r"'s$", "", folded(match[0]))
        found.append(Token(match.start(), match.end(), match[0], fold, upper and not starts, upper and starts, joined))
    return found


def before(words: Sequence[Token], at: int) -> str:
    """The folded word just before, in the same stretch; empty where there is none."""
    return words[at - 1].fold if at > 0 and words[at].joined else ""


def after(words: Sequence[Token], at: int) -> str:
    """The folded word just behind, in the same stretch; empty where there is none."""
    return words[at + 1].fold if follows(words, at + 1) else ""


def follows(words: Sequence[Token], at: int) -> bool:
    """Whether there is a word at this place and nothing parts it from the one before."""
    return at < len(words) and words[at].joined


def back_over(words: Sequence[Token], at: int, passed: Callable[[Token], bool], most: int) -> int:
    """The first of the words before `at`, at most so many, that are passed over; `at` itself where none is."""
    first = at
    while first > 0 and at - first < most and words[first].joined and passed(words[first - 1]):
        first -= 1
    return first


def on_over(words: Sequence[Token], at: int, passed: Callable[[Token], bool], most: int) -> int:
    """The place behind the words from `at` on, at most so many, that are passed over."""
    place = at
    while place - at < most and follows(words, place) and passed(words[place]):
        place += 1
    return place
