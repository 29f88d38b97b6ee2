"""Interviewer: the stories that an interviewer wrote down, a row each, as an Excel workbook or as text with `;`.

The columns are those of a story point's form. In a workbook dates are dates.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from connectors.base import Batch, Connector
from connectors.readers import Dialect, csv_blocks
from connectors.stories import stories
from connectors.table import batches
from connectors.workbooks import excel_blocks

STORIES: Final = stories("interview")


def read(path: Path) -> Iterator[Batch]:
    """Stream one list."""
    columns = (STORIES.required, STORIES.optional)
    workbook = path.suffix.lower() == ".xlsx"
    yield from batches(STORIES, excel_blocks(path, *columns) if workbook else csv_blocks(path, Dialect(), *columns))


CONNECTOR: Final = Connector(
    name="story_interviews",
    title="Interviewer: stories written down in an interview, text or Excel",
    event_types=("story",),
    patterns=("verhalen_interview*.xlsx", "verhalen_interview*.csv"),
    read=read,
)
