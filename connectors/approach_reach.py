"""Municipality or foundation: children that its approaches to poverty reached, as text with `;` and dates `31-12-2026`.

What it is: a plain list out of the application in which requests are granted, a row per child and approach. There is no
national format for such a list; the approaches in it are named as the agreements of State and VNG on children in
poverty and the four national funds in them name theirs. A municipality's own scheme that fits none of them is
`Andere aanpak`. Of the child its number in the application and its year of birth are read, nothing else.

What runs comes once while it runs and once when it has ended; what is given once has the same first and last day. A row
has no number of its own: its key is that of the child with approach, first day and state.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl

from connectors.base import Batch, Connector
from connectors.fields import Check, Field, code, date, key, last_day
from connectors.readers import Dialect, csv_blocks
from connectors.table import Address, Table, batches

DAY: Final = "%d-%m-%Y"
CHILD, BORN, APPROACH, START, END = "Kindnummer", "Geboortejaar", "Aanpak", "Begindatum", "Einddatum"
YEAR: Final = r"^(19|20)[0-9]{2}$"
OLDEST: Final = 18
"""Years after the year of birth in which somebody is a minor up to the birthday, and no later."""

APPROACHES: Final = {
    "Kindpakket": "child_package",
    "Stichting Leergeld": "leergeld",
    "Jeugdfonds Sport & Cultuur": "youth_fund_sport_culture",
    "Nationaal Fonds Kinderhulp": "kinderhulp",
    "Stichting Jarige Job": "jarige_job",
    "Meedoenregeling": "participation_scheme",
    "Stadspas": "city_pass",
    "Andere aanpak": "other",
}


def _birth_year(started: Field) -> Field:
    """Of who is a child on the first day."""
    text = pl.col(BORN)
    value = pl.when(text.str.contains(YEAR)).then(text).cast(pl.Int32)
    age = started.value.dt.year() - value
    checks = (
        Check(text.is_null(), BORN, "missing", "Fill in this cell."),
        Check(value.is_null(), BORN, "not_a_year", "Write the year as 2015."),
        Check(
            ~age.is_between(0, OLDEST), BORN, "not_a_child", "Leave out who is no child; else mend year or first day."
        ),
    )
    return Field("birth_year", value, (BORN,), (), checks)


STARTED: Final = date("started_on", START, DAY)
REACHED_BY: Final = code("approach", APPROACH, APPROACHES)
STATE: Final = pl.when(pl.col(END).is_null()).then(pl.lit("running")).otherwise(pl.lit("ended"))
KEY: Final = pl.concat_str(pl.col(CHILD), REACHED_BY.value, STARTED.value.cast(pl.String), STATE, separator="#")
REACHES: Final = Table(
    "approach_reach",
    replace(key(CHILD), value=KEY),
    Address("Postcode", "Huisnummer", letter="Huisletter", addition="Toevoeging"),
    (
        Field("child_key", pl.col(CHILD), (CHILD,), (), ()),
        _birth_year(STARTED),
        REACHED_BY,
        STARTED,
        last_day("ended_on", END, DAY, STARTED),
    ),
)


def read(path: Path) -> Iterator[Batch]:
    """Stream one list."""
    yield from batches(REACHES, csv_blocks(path, Dialect(), REACHES.required, REACHES.optional))


CONNECTOR: Final = Connector(
    name="approach_reach",
    title="Municipality or foundation: children reached by approaches to poverty",
    event_types=("approach_reach",),
    patterns=("bereik_kinderen*.csv",),
    read=read,
)
