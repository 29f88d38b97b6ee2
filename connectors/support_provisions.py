"""Municipality or care provider: support under the Wmo and the Jeugdwet, as text with `;` and dates `31-12-2026`.

What it is: a plain list out of the application in which provisions are assigned, a row per assignment. There is no
national format for such a list; the codes in it are those of the national messages iWmo and iJw, in which every
assignment (messages 301 and 302) has a number and a product category: lists WMO020 (01 to 18) and JZ020 (40 to 55) of
the information model of Zorginstituut Nederland. Their categories are put together here as Statistics Netherlands does
for the Wmo, kept apart where a kind is large; JZ020's categories of 2015 (31 to 38) are not in use any more. Product
codes below the categories are the municipality's own and are not read, nor is anything else about the person.

An assignment comes once while it runs and once when it has ended: its key is its number with that state.
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
NUMBER, CATEGORY, START, END = "Toewijzingnummer", "Productcategorie", "Begindatum", "Einddatum"

WMO: Final = {
    "01": "household_help",
    "02": "guidance",
    "03": "personal_care",
    "04": "short_stay",
    "05": "aids_and_services",
    "06": "other_support",
    "07": "day_activities",
    "08": "aids_and_services",
    "09": "other_support",
    "10": "other_support",
    **dict.fromkeys(("11", "12", "13", "14"), "aids_and_services"),
    **dict.fromkeys(("15", "16", "17", "18"), "sheltered_living"),
}
YOUTH: Final = {
    "40": "personal_care",
    "41": "youth_day_treatment",
    "42": "aids_and_services",
    "43": "youth_residential",
    "44": "youth_residential",
    "45": "youth_outpatient",
    "46": "youth_crisis",
    "47": "youth_protection",
    "48": "youth_protection",
    "49": "youth_protection",
    "50": "other_support",
    "51": "youth_mental_health",
    "52": "youth_mental_health",
    "53": "other_support",
    "54": "youth_mental_health",
    "55": "other_support",
}
LAWS: Final = {**dict.fromkeys(WMO, "wmo"), **dict.fromkeys(YOUTH, "youth_act")}
PROVIDERS: Final = {
    "Gecontracteerde aanbieder": "contracted",
    "Wijkteam": "local_team",
    "Gecertificeerde instelling": "certified_institution",
    "Persoonsgebonden budget": "personal_budget",
    "Overig": "other",
}
RESULTS: Final = {
    "Volgens plan": "as_planned",
    "Voortijdig: in overeenstemming": "early_agreed",
    "Voortijdig: door cliënt": "early_by_client",
    "Voortijdig: door aanbieder": "early_by_provider",
    "Voortijdig: door omstandigheden": "early_circumstances",
    "Overlijden": "deceased",
}


def _of_category(name: str, meaning: dict[str, str]) -> Field:
    """What a product category means; spreadsheets take the zero from `01`."""
    value = pl.col(CATEGORY).str.zfill(2).replace_strict(meaning, default=None, return_dtype=pl.String)
    remedy = "Use a product category of iWmo (01 to 18) or iJw (40 to 55)."
    checks = (
        Check(pl.col(CATEGORY).is_null(), CATEGORY, "missing", "Fill in this cell."),
        Check(value.is_null(), CATEGORY, "unknown_code", remedy),
    )
    return Field(name, value, (CATEGORY,), (), checks)


STARTED: Final = date("started_on", START, DAY)
STATE: Final = pl.when(pl.col(END).is_null()).then(pl.lit("#running")).otherwise(pl.lit("#ended"))
PROVISIONS: Final = Table(
    "support_provision",
    replace(key(NUMBER), value=pl.col(NUMBER) + STATE),
    Address("Postcode", "Huisnummer", letter="Huisletter", addition="Toevoeging"),
    (
        Field("provision_key", pl.col(NUMBER), (NUMBER,), (), ()),
        _of_category("law", LAWS),
        _of_category("kind", WMO | YOUTH),
        code("provider_kind", "Soort aanbieder", PROVIDERS, optional=True),
        STARTED,
        last_day("ended_on", END, DAY, STARTED),
        code("result", "Reden beëindiging", RESULTS, optional=True),
    ),
)


def read(path: Path) -> Iterator[Batch]:
    """Stream one export."""
    yield from batches(PROVISIONS, csv_blocks(path, Dialect(), PROVISIONS.required, PROVISIONS.optional))


CONNECTOR: Final = Connector(
    name="support_provisions",
    title="Municipality or care provider: support under the Wmo and the Jeugdwet",
    event_types=("support_provision",),
    patterns=("voorzieningen*.csv",),
    read=read,
)
