"""Addresses in text: streets with and without numbers, postcodes, post office boxes."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from services.stories.marking.tokens import Token
from services.stories.marking.words import Lexicon, any_of, cues, folded

_STREET: Final = re.compile(rf"(?:[a-z'\-]{{2,}})(?:{any_of('addresses.strong_ends')})")
_NEARLY: Final = re.compile(rf"(?:[a-z'\-]{{3,}})(?:{any_of('addresses.misspelt_ends')})")
_PERHAPS: Final = re.compile(rf"(?:[a-z'\-]{{3,}})(?:{any_of('addresses.weak_ends')})")
_NO_STREET: Final = cues("addresses.no_street")
_TENS: Final = "twintig|dertig|veertig|vijftig|zestig|zeventig|tachtig|negentig"
_IN_WORDS: Final = (
    "(?:een|één|twee|drie|vier|vijf|zes|zeven|acht|negen|tien|elf|twaalf|(?:der|veer|vijf|zes|zeven|acht|negen)tien"
    rf"|[a-zëé]{{0,8}}(?:{_TENS})|(?:[a-z]{{0,6}}honderd)(?:en)?[a-zëé]*)"
)
_NO_UNIT: Final = rf"(?!\s?(?:{any_of('addresses.units')}|x\b|:\d|en een half))"
"""What makes a number behind a word no house number."""
_FLOOR: Final = r"(?:een|één|twee|drie|vier|[1-9])?\s?-?hoog\b"
_ADDITION: Final = rf"{any_of('addresses.additions')}|{_FLOOR}"
_NUMBER: Final = re.compile(
    r"\.?\s*,?\s*(?:op\s)?(?:\b(?:nr|no|nummer|huisnummer|nummertje|num|huisnr)\.?:?\s*(?:is\s)?)?"
    rf"(?:(?<!\d)[1-9][0-9]{{0,4}}(?!\d|\.\d|,\d(?!\d{{3}}\s?[a-z]{{2}}\b))|(?<!\w){_IN_WORDS}(?!\w)){_NO_UNIT}"
    rf"(?:\s?[-/]?\s?(?:{_ADDITION}|[a-z](?![\w'])|[a-z]-?[0-9]{{1,3}}(?!\d)|[0-9]{{1,4}}(?!\d)|(?:i{{1,3}}|iv)\b))?"
    rf"(?:\s?[-/]?\s?(?:{_ADDITION}|[a-h]|[0-9]{{1,3}}|(?:i{{1,3}}|iv))\b{_NO_UNIT})?"
    rf"(?:\s(?:en|t/m|tot en met)\s[0-9]{{1,4}}\b{_NO_UNIT})?(?:\s?-?hoog\b)?",
    re.IGNORECASE,
)
_POSTCODE: Final = re.compile(r"(?<![\w.€])([1-9][0-9]{3})[\s.\-]?([A-Za-z]{2})(?![\w])")
_CALLED: Final = re.compile(
    r"\bpostcode(?:gebied)?\s(?:is\s|was\s|:\s?)?([1-9][0-9]{3})(?:\s?[A-Z]\s?[A-Z]\b)?", re.IGNORECASE
)
_BOX: Final = re.compile(
    rf"\b(?:{any_of('addresses.homes')})\s(?:nr\.?\s|nummer\s)?[0-9]{{1,4}}[a-z]?\b"
    r"|\bplein\s(?:19|20)[0-9]{2}(?:\s(?:nr\.?\s|nummer\s)?[0-9]{1,4}[a-z]?)?\b"
    r"|\b(?:postbus|antwoordnummer|postvak)\s?(?:nr\.?\s?|nummer\s?)?[0-9]{1,5}\b"
    r"|\bpostbus\s[a-z]+(?:honderd|duizend)[a-z]*\b",
    re.IGNORECASE,
)
_TWO_LETTER_WORDS: Final = cues("addresses.two_letter_words")
_BEFORE: Final = cues("addresses.before")
_LOOSE: Final = cues("addresses.loose")
_LONGEST: Final = 5
_CUES: Final = cues("addresses.cues")
_AT: Final = cues("addresses.at")
_NO_HOUSE: Final = cues("addresses.no_house")


def address_spans(text: str, words: Sequence[Token], lexicon: Lexicon) -> Iterator[tuple[int, int]]:
    """Where addresses stand, a street with its number and postcode as they follow each other."""
    yield from (match.span() for match in _BOX.finditer(text))
    yield from (match.span() for match in _CALLED.finditer(text))
    for match in _POSTCODE.finditer(text):
        if (
            match[2].islower()
            and not match[0].isalnum()
            and match[2] in _TWO_LETTER_WORDS
            and not _is_part(text, match.start(), match.end(), lexicon)
        ):
            continue
        number = _NUMBER.match(text, match.end())
        yield match.start(), number.end() if number else match.end()
    at = 0
    while at < len(words):
        size = _street_size(text, words, at, lexicon)
        if size:
            first = _with_leading(words, at, lexicon)
            if (
                first == at
                and first
                and words[first].joined
                and words[first - 1].fold in {"de", "het", "t"}
                and not _STREET.fullmatch(words[at].fold)
            ):
                first -= 1
            end = words[at + size - 1].end
            number = _NUMBER.match(text, end)
            counted = re.search(r"\b\d{1,2}(?:e|ste|de)?\s?$", text[: words[first].start])
            yield counted.start() if counted else words[first].start, number.end() if number else end
        at += max(size, 1)


def _street_size(text: str, words: Sequence[Token], at: int, lexicon: Lexicon) -> int:
    """How many words from here on are a street; 0 where none begins."""
    for size in range(min(_LONGEST, len(words) - at), 1, -1):
        part = words[at : at + size]
        if all(token.joined for token in part[1:]) and " ".join(token.fold for token in part) in lexicon.streets:
            telling = [token for token in part if token.fold not in lexicon.stop]
            rare = any(token.fold not in lexicon.often for token in telling) and (
                len(telling) > 1 or telling[0].fold not in lexicon.surnames
            )
            if _STREET.fullmatch(part[-1].fold) or rare or _NUMBER.match(text, part[-1].end):
                return size
    return 1 if _is_street(text, words, at, lexicon) else _laan_van(text, words, at)


def _is_street(text: str, words: Sequence[Token], at: int, lexicon: Lexicon) -> bool:
    """Whether one word is a street: by its end, by the list, or by the house number behind it."""
    word, holder = words[at].fold, words[at - 1].fold if at else ""
    numbered = bool(_NUMBER.match(text, words[at].end))
    known, listed = word in lexicon.words, word in lexicon.streets
    if word in _NO_STREET:
        return numbered
    if _STREET.fullmatch(word):
        return numbered or listed or words[at].capital or not known
    if word in lexicon.stop:
        return False
    if word in _CUES:
        return numbered and words[at].joined and holder not in lexicon.stop
    if not known and listed:
        return True
    shaped = (
        not known or (holder in _AT and (listed or bool(_PERHAPS.fullmatch(word)))) or bool(_NEARLY.fullmatch(word))
    )
    likely = words[at].capital or shaped or (listed and word not in lexicon.often)
    return numbered and word not in _NO_HOUSE and likely


def _laan_van(text: str, words: Sequence[Token], at: int) -> int:
    """`laan van X`, `plein 1944`, `hof van X`: a street whose name begins with what it is."""
    token = words[at]
    if token.fold not in {"laan", "plein", "hof", "weg", "straat", "kade", "park", "dreef", "singel"}:
        return 0
    size = 1
    while at + size < len(words) and size < _LONGEST and words[at + size].joined:
        following = words[at + size]
        if following.fold in {"van", "de", "der", "den", "het", "op", "naar", "bij", "over"}:
            size += 1
            continue
        named = size > 1 and (following.capital or bool(_NUMBER.match(text, following.end)))
        return size + 1 if named else 0
    return 1 if token.capital and _NUMBER.match(text, token.end) else 0


def _with_leading(words: Sequence[Token], at: int, lexicon: Lexicon) -> int:
    """The first word of the street: capitals, ranks and parts that belong to it are taken in."""
    first = at
    while first > 0 and words[first].joined and at - first < _LONGEST:
        before = words[first - 1]
        named = (before.fold in lexicon.names or before.fold not in lexicon.often) and before.fold not in lexicon.stop
        apart = words[at].fold in _CUES and first == at and before.fold not in lexicon.stop
        if not (before.capital or before.opens or before.fold in _BEFORE or len(before.text) == 1 or named or apart):
            break
        first -= 1
    first = min(first, _from_preposition(words, at))
    while first < at and words[first].fold in _LOOSE and not words[first].capital:
        part = " ".join(token.fold for token in words[first : at + 1])
        behind = first > 0 and words[first].fold == "van" and words[first - 1].fold in _AT
        if part in lexicon.streets or behind:
            break
        first += 1
    return first


def after_house(text: str, end: int) -> int:
    """Where the house number ends that follows a name of a house, or `end` where none follows."""
    number = _NUMBER.match(text, end)
    return number.end() if number else end


def _from_preposition(words: Sequence[Token], at: int) -> int:
    """The word after `aan`, `op` or `in` (and an article) when at most three stand between it and the street."""
    back = at
    while back > 0 and words[back].joined and at - back < _LONGEST:
        if words[back - 1].fold in {"aan", "op", "in", "adres", "woon", "woont"}:
            return back
        back -= 1
    return at


def _is_part(text: str, start: int, end: int, lexicon: Lexicon) -> bool:
    """Whether a house number stands just before, or a town just behind."""
    town = re.match(r"\s?,?\s?(?:in\s)?([^\W\d_]+)", text[end:])
    numbered = re.search(r"[a-z]{3,}\.?\s?\d[^.\n]{0,8}$", text[max(0, start - 24) : start], re.IGNORECASE)
    return bool(numbered) or (
        town is not None and folded(town[1]) in lexicon.places and folded(town[1]) not in lexicon.words
    )
