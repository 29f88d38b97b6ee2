"""Marks of deduce, a de-identification method for Dutch medical text (Menger et al. 2018), beside our own rules."""

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    with _own_logs(), TemporaryDirectory() as folder:
        from deduce import Deduce  # noqa: PLC0415 - loads for seconds, and only where it is asked for

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


@contextmanager
def _own_logs() -> Iterator[None]:
    """Keep the process's logs as they are: deduce sets up the root logger, and tells of a wait that is not ours."""
    root = logging.getLogger()
    level, handlers, disabled = root.level, root.handlers[:], root.manager.disable
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers
        logging.disable(disabled)
