"""What words are known as: Dutch words, names, places and streets, out of lists with their origin in `lists.md`."""

import gzip
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
_SHORTEST: Final = 3
_LONG: Final = 5
"""Letters from which a part of a composed word may be any word; shorter ones must be used often."""


def folded(text: str) -> str:
    """Small letters without accents, with plain apostrophes: how words are looked up."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text.replace("’", "'").replace("ı", "i").casefold())
    return "".join(sign for sign in plain if not unicodedata.combining(sign))


@dataclass(frozen=True)
class Lexicon:
    """Lists of folded words.

    Attributes:
        words: Dutch words in all their forms, and what is known beside them (bodies, countries, brands, chat).
        often: those that are used often, so that they are words first and names second.
        stop: words that are never a name or a place by themselves, whatever stands before them.
        first_names: first names of the Netherlands.
        names: all names, first names and surnames of many languages.
        surnames: surnames of the Netherlands; many are words too.
        municipalities: names of municipalities.
        places: names of places and regions; of several words with one space.
        streets: names of streets; likewise.
    """

    words: frozenset[str]
    often: frozenset[str]
    stop: frozenset[str]
    first_names: frozenset[str]
    names: frozenset[str]
    surnames: frozenset[str]
    municipalities: frozenset[str]
    places: frozenset[str]
    streets: frozenset[str]

    def is_word(self, word: str) -> bool:
        """Whether a folded word is an ordinary one, or composed of two that are (`schuldhulp`)."""
        return word in self.words or self.is_composed(word)

    def is_composed(self, word: str) -> bool:
        """Whether a folded word falls into two known words, with or without a joint (s, e, en)."""
        ends = range(_SHORTEST, len(word) - _SHORTEST + 1)
        return any(self._is_part(word[at:]) and self._is_beginning(word[:at]) for at in ends)

    def is_name(self, word: str) -> bool:
        """Whether a folded word is a name without being, first, a word."""
        if word in self.stop or word in self.often:
            return False
        return word in self.first_names or (word in self.names and word not in self.words)

    def is_surname(self, word: str) -> bool:
        """Whether a folded word is a surname of the Netherlands and no small word."""
        return word in self.surnames and word not in self.stop

    def is_first_name(self, word: str) -> bool:
        """Whether a folded word is a first name and no small word; it may be an ordinary word too."""
        return word in self.first_names and word not in self.stop

    def _is_part(self, part: str) -> bool:
        return part in (self.words if len(part) >= _LONG else self.often)

    def _is_beginning(self, part: str) -> bool:
        return self._is_part(part) or any(
            part.endswith(joint) and self._is_part(part[: -len(joint)]) for joint in ("s", "e", "en", "-")
        )


@cache
def lexicon() -> Lexicon:
    """Read the lists: half a second, once."""
    written = _packed("words.txt.gz")
    known = _plain(HERE / "known.txt")
    often = frozenset(line[:-1] for line in written if line.endswith("*"))
    lists = deduce_lists()
    residences = _plain(lists / "locations" / "lst_placename" / "lst_residence" / "items.txt")
    municipalities = _plain(lists / "locations" / "lst_placename" / "lst_municipality" / "items.txt")
    regions = _plain(lists / "locations" / "lst_placename" / "lst_region" / "items.txt")
    regions_said = _plain(HERE / "regions.txt")
    first = _plain(lists / "names" / "lst_first_name" / "items.txt")
    surnames = _plain(lists / "names" / "lst_surname" / "items.txt")
    after = _plain(lists / "names" / "lst_interfix_surname" / "items.txt")
    return Lexicon(
        words=(frozenset(line.rstrip("*") for line in written) | known) - regions_said,
        often=often,
        stop=_plain(HERE / "stop.txt") | known,
        first_names=first,
        names=first | surnames | after | frozenset(_packed("names.txt.gz")),
        surnames=surnames | after,
        municipalities=municipalities,
        places=frozenset(as_listed(place) for place in residences | municipalities | regions | regions_said) - known,
        streets=_plain(lists / "locations" / "lst_street" / "items.txt"),
    )


def as_listed(place: str) -> str:
    """How a folded place is looked up: with spaces for hyphens and without apostrophes (`s gravenhage`)."""
    return place.replace("'", "").replace("-", " ").strip()


def deduce_lists() -> Path:
    """The folder of deduce's own lists; finding it does not load deduce."""
    found = find_spec("deduce")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("The package deduce is not installed: its lists of names and places are needed.")
    return Path(found.submodule_search_locations[0]) / "data" / "lookup" / "src"


def _packed(name: str) -> list[str]:
    return gzip.decompress((HERE / name).read_bytes()).decode().split("\n")


def _plain(path: Path) -> frozenset[str]:
    """The words of a text file, one a line, or several after each other in a line that begins with `+`."""
    lines = path.read_text(encoding="utf-8").splitlines()
    each = (line[1:].split() if line.startswith("+") else [line.strip()] for line in lines if not line.startswith("#"))
    return frozenset(folded(word) for group in each for word in group if word)


@cache
def cues(name: str) -> frozenset[str]:
    """The words of a list in `cues.txt`, by which rules tell what stands beside them.

    Raises:
        KeyError: there is no such list.
    """
    return _cue_lists()[name]


def any_of(name: str) -> str:
    """The words of a list of `cues.txt` as alternatives of a pattern, longest first."""
    return "|".join(sorted((re.escape(word) for word in cues(name)), key=lambda word: (-len(word), word)))


@cache
def _cue_lists() -> dict[str, frozenset[str]]:
    sections = (HERE / "cues.txt").read_text(encoding="utf-8").split("\n[")[1:]
    return {name: frozenset(words.split()) for name, _, words in (section.partition("]") for section in sections)}
