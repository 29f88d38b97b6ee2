"""Finds direct identifiers in free text, so that a teller can be asked to leave them out before anything is kept.

What is sought names one person by itself: citizen service number, bank account, telephone number, e-mail address. Names
and places are not: they are marked later, for people to judge.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import polars as pl

from connectors.bsn import holds_bsn

FRIENDLY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bsn": "In uw verhaal staat een burgerservicenummer. Haal dat er alstublieft uit: wij hebben het niet nodig en "
        "willen het niet bewaren.",
        "iban": "In uw verhaal staat een rekeningnummer. Haal dat er alstublieft uit: wij hebben het niet nodig.",
        "phone": "In uw verhaal staat een telefoonnummer. Haal dat er alstublieft uit, ook dat van een ander.",
        "email": "In uw verhaal staat een e-mailadres. Haal dat er alstublieft uit, ook dat van een ander.",
    }
)
"""What a teller reads, by kind of identifier, in the order in which kinds are sought; never with words of the text."""

REMEDY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bsn": "Take the BSN out of the text.",
        "iban": "Take the bank account number out of the text.",
        "phone": "Take the telephone number out of the text.",
        "email": "Take the e-mail address out of the text.",
    }
)
"""What the keeper of a source reads about a refused row."""

_IBAN_COUNTRIES: Final = {
    15: "NO",
    16: "BE",
    18: "DK FI NL",
    19: "SI",
    20: "AT EE LT LU",
    21: "CH HR LV",
    22: "BG DE GB IE",
    24: "CZ ES RO SE SK",
    25: "PT",
    26: "TR",
    27: "FR GR IT",
    28: "CY HU MA PL",
    29: "UA",
    31: "MT",
}
IBAN_LENGTHS: Final = {land: signs for signs, lands in _IBAN_COUNTRIES.items() for land in lands.split()}
"""Signs in an account number of a country (SWIFT, IBAN Registry): countries of which residents have accounts."""

_GAP: Final = r"[ .\-]?"
_HIDDEN: Final = "[\u00ad\u200b-\u200f\u2060\ufeff]"
"""Signs that are not seen, and so could part what is read as one number."""

_DATE: Final = r"\b[0-3]?[0-9][-/. ][01]?[0-9][-/. ](?:19|20)[0-9]{2}\b"
_NUMBER_WORD: Final = (
    "(?:nul|een|één|twee|drie|vier|vijf|zes|zeven|acht|negen|tien|elf|twaalf|(?:der|veer|vijf|zes|zeven|acht|negen)tien"
    "|[a-zëé]{0,8}(?:twintig|dertig|veertig|vijftig|zestig|zeventig|tachtig|negentig))"
)
_BSN: Final = (
    r"\b(?:bsn|burger ?service ?(?:nummer|nr)|sofi ?-?(?:nummer|nr))"
    rf"[^0-9]{{0,20}}[0-9](?:{_GAP}[0-9]){{7,8}}(?:[^0-9]|$)"
)
_BSN_GROUPS: Final = r"\b(?:[0-9]{2}[ .\-][0-9]{2}[ .\-][0-9]{2}[ .\-][0-9]{3}|[0-9]{3,4}-[0-9]{2,3}-[0-9]{3})\b"
_DUTCH_IBAN: Final = (
    rf"\bNL{_GAP}[0-9]{_GAP}[0-9](?:{_GAP}[A-Z]){{4}}(?:{_GAP}[0-9]){{10}}(?:[^0-9]|$)|\b[A-Z]{{4}}0[0-9]{{9}}\b"
)
_IBAN: Final = "|".join(
    rf"\b{land}[0-9]{{2}}(?:{_GAP}[A-Z0-9]){{{signs - 4}}}\b" for land, signs in IBAN_LENGTHS.items() if land != "NL"
)
_PHONE: Final = "|".join(
    (
        r"(?:^|[^0-9,.\w])(?:\+|00)[1-9](?:[ .\-/()]{0,3}[0-9]){8,13}(?:[^0-9]|$)",
        r"(?:^|[^0-9,.\w+])\(?[0o][1-9](?:[ .\-/()]{0,3}[0-9]){8}(?:[^0-9]|$)",
        rf"\bnul(?:[\s,\-]+{_NUMBER_WORD}){{4,}}\b",
    )
)
_AT: Final = r" ?(?:@|[(\[] ?(?:at|@) ?[)\]]|\b(?:at|apenstaart(?:je)?)\b) ?"
_POINT: Final = r"(?:\.| ?[(\[]?\b(?:punt|dot)\b[)\]]? ?)"
_EMAIL: Final = (
    r"[\w.+\-]+ ?@ ?[\w\-]+(?: ?\. ?[\w\-]+)+"
    rf"|[\w.+\-]+{_AT}[\w\-]+{_POINT}(?:nl|com|org|net|eu|be|de|tr|pl|info)\b"
)


def found(text: pl.Expr) -> pl.Expr:
    """Return the first kind of direct identifier that the text holds, a key of `FRIENDLY`; String, null without any.

    Any spelling counts that a person would read as the number: dots, spaces and hyphens between digits, small letters,
    `06` in words, `naam at domein punt nl`. Numbers of nine digits that pass the eleven-test by chance (1 in 11) are
    refused too, see `holds_bsn`; amounts, dates, years and postcodes are not.
    """
    plain = text.str.normalize("NFKC").str.replace_all(_HIDDEN, "")
    kinds = {"bsn": _bsn(plain), "iban": _iban(plain), "phone": _phone(plain), "email": _email(plain)}
    return pl.coalesce(pl.when(holds).then(pl.lit(kind)) for kind, holds in kinds.items())


def _bsn(text: pl.Expr) -> pl.Expr:
    """Whether it holds a BSN: by the eleven-test, or any eight or nine digits that are called so; Boolean."""
    groups = text.str.extract_all(_BSN_GROUPS).list.join("|").str.replace_all("[-. ]", "")
    return holds_bsn(text) | holds_bsn(groups) | text.str.contains(f"(?i){_BSN}")


def _iban(text: pl.Expr) -> pl.Expr:
    """Whether it holds a bank account: a Dutch one by its shape, another by its check digits; Boolean.

    A Dutch number with a wrong digit still points to somebody: nothing else has its shape.
    """
    upper = text.str.to_uppercase()
    return upper.str.contains(_DUTCH_IBAN) | upper.map_batches(_foreign, return_dtype=pl.Boolean)


def _foreign(texts: pl.Series) -> pl.Series:
    """Whether each holds a foreign account; in two steps, since few texts hold what has to be calculated."""
    shaped = texts.str.contains(_IBAN)
    if not shaped.any():
        return shaped
    others = pl.col(texts.name).str.extract_all(_IBAN).list.eval(_passes_97(pl.element())).list.any()
    return texts.to_frame().select(others).to_series()


def _passes_97(number: pl.Expr) -> pl.Expr:
    """Whether an account number's remainder by 97 is 1, letters counted from A = 10 (ISO 7064, ISO 13616); Boolean."""
    signs = number.str.replace_all("[^A-Z0-9]", "")
    moved = signs.str.slice(4) + signs.str.slice(0, 4)
    letters = {chr(ord("A") + at): str(10 + at) for at in range(26)}
    digits = moved.str.replace_many(list(letters), list(letters.values()))
    remainder = pl.lit(0, pl.Int64)
    for start in range(0, 2 * max(IBAN_LENGTHS.values()), 15):
        part = digits.str.slice(start, 15)
        scale = pl.lit(10, pl.Int64).pow(part.str.len_chars())
        remainder = (remainder * scale + part.cast(pl.Int64, strict=False).fill_null(0)) % 97
    return remainder == 1


def _phone(text: pl.Expr) -> pl.Expr:
    """Whether it holds a telephone number, in digits or in words; dates with a year are taken out first; Boolean."""
    return text.str.replace_all(_DATE, "#").str.contains(f"(?i){_PHONE}")


def _email(text: pl.Expr) -> pl.Expr:
    """Whether it holds an e-mail address, with @ or said aloud; Boolean."""
    return text.str.contains(f"(?i){_EMAIL}")
