"""Which files in a participant's folder of sources are exports."""

from pathlib import Path
from typing import Final

from services.sending.statement import CLIENTS_FILE
from services.stories.points.questions import FILE

ABOUT_THE_SENDER: Final = (CLIENTS_FILE, FILE)
"""Its clients per municipality, and what it asks as a story point."""


def source_files(folder: Path) -> list[Path]:
    """Return the files below a sources folder in order, those about the sender itself left out."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in ABOUT_THE_SENDER)
