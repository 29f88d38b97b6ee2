"""The columns of a story, the same for every way in which stories come; what a source does not have is left empty."""

from typing import Final

import polars as pl

from connectors.approach_reach import APPROACHES
from connectors.codes_stories import CONSIDERATIONS, EFFECTS, FELT_BY, ROLES, SIGNALS, THEMES, UNCERTAINTIES, USES
from connectors.fields import Field, code, constant, key
from connectors.story_fields import (
    LONGEST_TITLE,
    answers,
    codes,
    effects,
    happened,
    municipality,
    rating,
    teller,
    told_day,
    words,
)
from connectors.table import Table

KEY: Final = "Verhaalnummer"
TOLD: Final = told_day("Verteld op")
TELLER, NAMING = teller("Verteller", "Naamgeving")


def stories(way: str) -> Table:
    """Return the table of stories that come in this way: form, interview or existing."""
    return Table(
        "story",
        key(KEY),
        None,
        (
            municipality("Gemeente"),
            TELLER,
            code("role", "Rol", ROLES),
            NAMING,
            constant("way", way),
            code("theme", "Thema", THEMES),
            code("approach", "Aanpak", APPROACHES, optional=True),
            words("provider", "Aanbieder", LONGEST_TITLE, optional=True),
            words("title", "Titel", LONGEST_TITLE),
            words("body", "Verhaal"),
            words("meaning", "Betekenis", optional=True),
            TOLD,
            happened("Gebeurd in", TOLD),
            codes("signals", "Signalen", SIGNALS),
            effects("Effecten", EFFECTS, FELT_BY),
            codes("uncertainties", "Onzekerheden", UNCERTAINTIES),
            codes("considerations", "Overwegingen", CONSIDERATIONS),
            answers("Antwoorden"),
            rating("Waardering"),
            codes("uses", "Toestemming", USES, required=True),
            Field("made_up", pl.col("Verzonnen").str.to_lowercase().is_in(["ja", "true"]).fill_null(value=False),
                  (), ("Verzonnen",), ()),
        ),
    )  # fmt: skip
