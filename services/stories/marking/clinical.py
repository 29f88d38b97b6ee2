"""Marks of deduce, a de-identification method for Dutch medical text (Menger et al. 2018), beside our own rules."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from services.stories.marking.marks import Kind, Mark
from services.stories.marking.words import deduce_lists

_KINDS: Final[dict[str, Kind]] = {
    "persoon": "name",
    "patient": "name",
    "locatie": "place",
    "ziekenhuis": "place",
    "zorginstelling": "place",
    "bsn": "contact",
    "id": "contact",
    "telefoonnummer": "contact",
    "emailadres": "contact",
    "url": "contact",
}
"""Dates and ages are left: they point to nobody by themselves, and stories are full of them."""
_LEFT_OUT: Final = ("locations/lst_street", "institutions/lst_healthcare_institution")
"""Lists of which deduce builds trees for 80 of its 90 seconds; our own rules look streets and institutions up."""


def clinical_marks() -> Callable[[str], Iterator[Mark]]:
    """Build deduce with fewer lists, in some six seconds, and return what gives its marks of a text.

    Nothing is kept on disk: deduce reads its own cache as a pickle, which would run what anybody wrote there.
    """
    from deduce import Deduce  # noqa: PLC0415 - loads for seconds, and only where it is asked for

    with TemporaryDirectory() as folder:
        lists = Path(folder) / "src"
        shutil.copytree(deduce_lists(), lists, ignore=shutil.ignore_patterns("__pycache__"))
        for name in _LEFT_OUT:
            (lists / name / "items.txt").write_text("-\n", encoding="utf-8")
        engine: Any = Deduce(lookup_data_path=Path(folder), cache_path=Path(folder))

    def marks(text: str) -> Iterator[Mark]:
        for found in engine.deidentify(text).annotations:
            if found.tag in _KINDS:
                yield Mark(found.start_char, found.end_char, _KINDS[found.tag], "deduce")

    return marks
