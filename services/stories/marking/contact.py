"""Contact data and numbers of persons in text: telephone, e-mail, accounts, pages, BSN, birth dates."""

import re
from collections.abc import Iterator
from typing import Final

_NUMBER_WORD: Final = (
    r"(?:nul|een|één|twee|drie|vier|vijf|zes|zeven|acht|negen|tien|elf|twaalf|(?:der|veer|vijf|zes|zeven|acht|negen)tien"
    r"|[a-zëé]{0,8}(?:twintig|dertig|veertig|vijftig|zestig|zeventig|tachtig|negentig)|honderd|dubbel[ -]?\w+)"
)
_AT: Final = r"\s?(?:@|[(\[]\s?(?:at|@|apenstaart(?:je)?)\s?[)\]]|\b(?:at|apestaart(?:je)?|apenstaart(?:je)?)\b)\s?"
_POINT: Final = r"(?:\s?[(\[]?\b(?:punt|dot|puntje)\b[)\]]?\s?|\s?\.\s?)"
_SIGN: Final = (
    r"(?:\s?(?:\b(?:punt|puntje|dot|streepje|koppelteken|underscore|liggend streepje|laag streepje)\b|[._\-+])\s?)"
)
_LAND: Final = (
    r"(?:nl|com|org|net|eu|be|de|info|example|frl|amsterdam|online|site|io|app|nu|tv|shop|me|uk|fr|pl|tr|test)"
)
_DAY: Final = r"(?:0?[1-9]|[12][0-9]|3[01])"
_MONTH: Final = r"(?:0?[1-9]|1[0-2])"
_DATE: Final = re.compile(
    rf"\b{_DAY}(?P<by>[-/.])\s?{_MONTH}(?P=by)\s?(?:(?:19|20)[0-9]{{2}}|[0-9]{{2}})\b"
    rf"|\b{_DAY}\s{_MONTH}\s(?:19|20)[0-9]{{2}}\b|\b(?:19|20)[0-9]{{2}}-[01][0-9]-[0-3][0-9]\b"
)
_HANDLE: Final = (
    r"\b(?:insta(?:gram)?|snap(?:chat)?|tiktok|twitter|telegram|gebruikersnaam|username|skype)"
    r"(?:\s(?:is|heet|naam|account|als|onder|ik))*\s?[:=]?\s(?=\S*[\d_.])[\w.\-]*\w"
)
_PATTERNS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"[\w.+\-]+(?:{_SIGN}\w+)*{_AT}\w+(?:[\-\w]*\w)?(?:{_SIGN}\w+)*?(?:{_POINT}\w+)*?{_POINT}{_LAND}\b",
        r"[\w.+\-]+\s?@\s?[\w\-]+(?:\.[\w\-]+)*",
        r"(?<!\w)@[\w.\-]*\w",
        r"(?:https?://|www\s?\.)\s?[^\s,;)]+",
        rf"\b[\w\-]+(?:\.[\w\-]+)*\.{_LAND}\b(?:/[^\s,;)]*)?",
        rf"\b[\w\-]+(?:\s(?:punt|dot)\s[\w\-]+)*\s(?:punt|dot)\s{_LAND}\b(?:\s(?:slash|schuine streep)\s[\w\-]+)*",
        r"\b(?:facebook|instagram|insta|twitter|tiktok|snapchat|snap|telegram|linkedin|youtube)\.com\S*",
        _HANDLE,
        r"\b[A-Z]{2}\s?[0-9]{2}(?:[ .\-]?[A-Z]){4}(?:[ .\-]?[0-9]){6,12}\b",
        r"\b[A-Z]{2}[0-9]{2}(?:[ .\-]?[A-Z0-9]{4}){2,7}(?:[ .\-]?[A-Z0-9]{1,3})?\b",
        r"\b[A-Z]{4}\s?0[0-9]{9}\b",
        r"(?:\+|\b00)[1-9](?:[ .\-/()]{0,3}[0-9]){6,13}",
        r"(?<![\w,.])\(?[0o][1-9](?:[ .\-/()]{0,3}[0-9]){6,9}(?![\w])",
        r"\b(?:bsn|burger\s?service\s?(?:nummer|nr)|sofi-?nummer)\b[^0-9\n]{0,25}[0-9](?:[ .\-]?[0-9]){5,9}",
        r"(?<![\w,.€])[0-9](?:[ .\-]?[0-9]){6,17}(?!\w)",
        rf"\b(?:nul|plus|nl|\+)(?:[\s,\-]+(?:{_NUMBER_WORD}|[0-9]{{1,4}}|[a-z]\b)){{3,}}",
        rf"\b{_NUMBER_WORD}(?:[\s,\-]+(?:{_NUMBER_WORD}|[0-9]{{1,4}})){{4,}}\b",
    )
)
_BIRTH: Final = re.compile(
    r"\b(?:geb(?:oren|oortedatum|\.|datum)?|jarig)\b[^\n.]{0,20}?"
    r"([0-3]?[0-9][-/. ](?:[01]?[0-9]|(?:jan|feb|maart|mrt|apr|mei|ju[nl]|aug|sep|okt|nov|dec)\w*)"
    r"[-/. ](?:19|20)?[0-9]{2})\b",
    re.IGNORECASE,
)
_AMOUNT: Final = re.compile(
    r"(?:€|eur(?:o)?)\s?[0-9.]+|[0-9]{1,3}(?:\.[0-9]{3})+(?:,[0-9]{2}|,-)?(?=\s?(?:euro|gulden|,-|$|\D))", re.IGNORECASE
)


def contact_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where contact data stand; amounts and dates are left alone."""
    left_out = [match.span() for match in _AMOUNT.finditer(text)] + [match.span() for match in _DATE.finditer(text)]
    for pattern in _PATTERNS:
        for match in pattern.finditer(text):
            start, end = match.span()
            digits = sum(sign.isdigit() for sign in match[0])
            if not any(
                start < stop and begin < end and _counts(text[begin:stop]) >= digits - 2 for begin, stop in left_out
            ):
                yield start, end


def birth_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where a date of birth stands, by the words before it."""
    yield from (match.span(1) for match in _BIRTH.finditer(text))


def _counts(part: str) -> int:
    return sum(sign.isdigit() for sign in part)
