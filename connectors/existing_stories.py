"""Existing stories: what an organisation has collected before, as text with `;` and dates `31-12-2026`.

Stories that were there before were not told for this, so few columns are asked: who told it and as what, when, about
which municipality and theme, the words, and what the teller has allowed. A teller who is to be counted once has a
number of the organisation's own; without one the story is anonymous.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from connectors.base import Batch, Connector
from connectors.readers import Dialect, csv_blocks
from connectors.stories import stories
from connectors.table import batches

STORIES: Final = stories("existing")


def read(path: Path) -> Iterator[Batch]:
    """Stream one file."""
    yield from batches(STORIES, csv_blocks(path, Dialect(), STORIES.required, STORIES.optional))


CONNECTOR: Final = Connector(
    name="existing_stories",
    title="Existing stories that an organisation has collected before",
    event_types=("story",),
    patterns=("bestaande_verhalen*.csv",),
    read=read,
)
