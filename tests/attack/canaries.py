"""A thousand residents who live in the sources only, and a search for them in every form that a file can hold."""

import random
import re
import sqlite3
import string
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import fastavro
import polars as pl
import pyarrow.parquet as pq

from services.samples.people import test_numbers
from tests.small_network import MUNICIPALITIES, POSTCODES

COUNT = 1000
FIRST_NUMBER, STEP = 20_001, 37
"""House numbers of the residents: real in the address reference, which holds ranges only and so none of them."""
_LONG_RUN = re.compile(rb"[0-9]{13,}")


@dataclass(frozen=True)
class Resident:
    """Someone whom nothing outside the sources may tell of."""

    bsn: str
    name: str
    street: str
    postcode: str
    number: str
    letter: str

    @property
    def telling(self) -> tuple[str, ...]:
        """Texts without separators by which the resident would be known."""
        return self.name, self.street, f"{self.postcode}{self.number}"


def residents() -> list[Resident]:
    """Return the residents; names and streets are made of letters by chance, so that no other text holds them."""
    chance = random.Random(20_251_231)
    numbers = test_numbers()

    def word() -> str:
        return "".join(chance.choices(string.ascii_lowercase, k=9)).capitalize()

    found = []
    for at in range(COUNT):
        postcode, _ = POSTCODES[MUNICIPALITIES[at % 3]][at // 3 % 2]
        letter = chance.choice(string.ascii_uppercase)
        number = str(FIRST_NUMBER + STEP * at)
        found.append(Resident(numbers[at * 8], word(), f"{word()}straat", postcode, number, letter))
    return found


@dataclass(frozen=True)
class Search:
    """What to look for.

    Attributes:
        people: whose BSN, name, street and address.
        postcodes: looked for as they are; public in themselves, but no reader of results needs one.
    """

    people: tuple[Resident, ...]
    postcodes: tuple[str, ...] = ()

    @cached_property
    def _squeezed(self) -> list[str]:
        return sorted({text.upper() for item in self.people for text in item.telling})

    @cached_property
    def _numbers(self) -> list[str]:
        forms = set[str]()
        for item in self.people:
            text = item.bsn
            forms.add(text)
            for sign in ". -":
                forms |= {sign.join((text[:4], text[4:6], text[6:])), sign.join((text[:3], text[3:6], text[6:]))}
        return sorted(forms | {"\0".join(text) for text in forms})  # the latter is UTF-16, of either byte order

    @cached_property
    def _codes(self) -> list[str]:
        spaced = {f"{code[:4]} {code[4:]}" for code in self.postcodes}
        whole = {*self.postcodes, *spaced}
        return sorted(whole | {"\0".join(text) for text in whole})

    def find(self, content: bytes) -> set[str]:
        """Return what of these is in `content`: in UTF-8 or UTF-16, in any case, with or without separators."""
        upper = content.upper()
        squeezed = re.sub(rb"[^0-9A-Z]+", b"", upper)  # takes away separators, and the zeros of UTF-16
        found = among(squeezed, self._squeezed) | among(upper, self._codes)
        return found | {text for text in among(upper, self._numbers) if _stands_alone(upper, text.encode())}

    def find_in(self, parts: Iterable[tuple[Any, bytes]]) -> dict[str, set[str]]:
        """Return what is found by part; all are searched in one go, and one by one only when there is something."""
        known = list(parts)
        if not self.find(b"\n".join(content for _, content in known)):
            return {}
        hits = {str(name): self.find(content) for name, content in known}
        return {name: found for name, found in hits.items() if found}


def among(content: bytes, wanted: list[str]) -> set[str]:
    """Return which of many texts are in `content` (Aho-Corasick, by way of Polars; a byte is a character)."""
    if not wanted or not content:
        return set()
    text = pl.Series([content.decode("latin-1")])
    return set(text.str.extract_many(wanted, overlapping=True).explode().drop_nulls())


def _stands_alone(content: bytes, number: bytes) -> bool:
    """Say whether nine digits stand anywhere but within a clock or an id of a snapshot, of 13 digits and more."""
    whole = re.compile(rb"[0-9]{0,20}" + re.escape(number) + rb"[0-9]{0,20}")
    return any(not _LONG_RUN.fullmatch(match.group()) for match in whole.finditer(content))


def contents(paths: Iterable[Path]) -> Iterator[tuple[Path, bytes]]:
    """Yield the raw bytes of files, and behind each all that it holds when it is unpacked."""
    for path in sorted(paths):
        raw = path.read_bytes()
        yield path, raw
        unpacked = _unpacked(path, raw)
        if unpacked:
            yield path, unpacked


def _unpacked(path: Path, raw: bytes) -> bytes:
    if raw[:4] == b"PAR1":
        return _joined(value for column in pq.read_table(path).columns for value in column.to_pylist())
    if raw[:4] == b"Obj\x01":
        with path.open("rb") as file:
            return _joined(fastavro.reader(file))
    if raw[:15] == b"SQLite format 3":
        return _joined(_rows(path))
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return b"\n".join(archive.read(name) for name in archive.namelist())
    return b""


def _rows(path: Path) -> Iterator[Any]:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            yield from database.execute(f'SELECT * FROM "{table}"')
    database.close()


def _joined(values: Iterable[Any]) -> bytes:
    """Write values of any depth as bytes, one after another."""
    return b"\n".join(_bytes(value) for value in values)


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, dict):
        return _joined(part for pair in value.items() for part in pair)
    if isinstance(value, list | tuple):
        return _joined(value)
    return str(value).encode()
