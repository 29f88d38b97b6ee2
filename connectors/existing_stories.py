"""Existing stories: what an organisation has collected before, as text with `;` and dates `31-12-2026`.

A file has few columns, because stories that were there before were not told for this: who told it, as what, when and
about which theme, the words, and what the teller has allowed. A teller who is to be counted once has a number of the
organisation's own; without one the story is anonymous.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from connectors.approach_reach import APPROACHES
from connectors.base import Batch, Connector
from connectors.codes_stories import ROLES, SIGNALS, THEMES, USES
from connectors.fields import Field, code, constant, date, key, unknown
from connectors.readers import Dialect, csv_blocks
from connectors.story_fields import ANSWER, EFFECT, LONGEST_TITLE, codes, month, municipality, none_of, words
from connectors.table import Table, batches

TELLER: Final = "Verteller"
NAMED: Final = pl.when(pl.col(TELLER).is_null()).then(pl.lit("anonymous")).otherwise(pl.lit("pseudonymous"))

STORIES: Final = Table(
    "story",
    key("Verhaalnummer"),
    None,
    (
        municipality("Gemeente"),
        Field("teller_key", pl.col(TELLER), (TELLER,), (), ()),
        code("role", "Rol", ROLES),
        Field("naming", NAMED, (TELLER,), (), ()),
        constant("way", "existing"),
        code("theme", "Thema", THEMES),
        code("approach", "Aanpak", APPROACHES, optional=True),
        words("provider", "Aanbieder", LONGEST_TITLE, optional=True),
        words("title", "Titel", LONGEST_TITLE),
        words("body", "Verhaal"),
        words("meaning", "Betekenis", optional=True),
        date("told_on", "Verteld op", "%d-%m-%Y"),
        month("happened_in", "Gebeurd in"),
        codes("signals", "Signalen", SIGNALS),
        none_of("effects", EFFECT),
        none_of("uncertainties", pl.String()),
        none_of("considerations", pl.String()),
        none_of("answers", ANSWER),
        unknown("rating", pl.Int32),
        codes("uses", "Toestemming", USES, required=True),
        Field("made_up", pl.col("Verzonnen").str.to_lowercase().eq_missing("ja"), (), ("Verzonnen",), ()),
    ),
)


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
