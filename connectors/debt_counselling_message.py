"""Municipality: the national message for debt counselling (DDAS, version 1.0), its cases (`schuldhulptrajecten`).

Read with tolerance: members that are absent or unknown do no harm, and each record is judged by itself. Of the clients
only the address is read, of the debts nothing: no creditors, no amounts, no descriptions.

A case has no number: its key is its address, the day of application, which of the records with these two it is, and
the steps that are recorded. A case that is told again is the same event, one that came further is a new one. What lies
after the day of the message and may be an appointment (talk, plan, begin of the execution) is no step yet.

How an attempt at an arrangement ended is told in several members. It was reached when it was granted, or else when its
execution began, which is all that payment in full has; it is then statutory where the court imposed it on creditors
(`dwangakkoord`, art. 287a Fw) and else amicable, whatever was refused before. Else it ended with the later of refusal
and withdrawal. A debt scheme by law (Wsnp) is not in this message.
"""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import polars as pl

from connectors.address import household_id
from connectors.base import BATCH_ROWS, Batch, Connector
from connectors.bsn import holds_bsn
from connectors.codes_debt_counselling import DECISIONS, ENDS, SOLUTIONS
from connectors.fields import Check, code, date, flag
from connectors.messages_ddas import Message, cells, opened, records_in, with_raw
from connectors.records import listed, members, objects, table, texts
from connectors.table import sift

KIND: Final = Message("message for debt counselling", "debt counselling", "debt counselling application", "1.0")
DAY: Final = "%Y-%m-%d"
TRUE_FALSE: Final = {"true": True, "false": False}
PLACE: Final = ("Postcode", "Huisnummer", "Huisnummertoevoeging")
HOME: Final = ("household", "postcode", "house_number")

FIELDS: Final = (
    date("applied_on", "aanmelding.startdatum", DAY),
    flag("crisis", "aanmelding.crisisinterventie", TRUE_FALSE),
    date("first_talk_on", "intake.startdatum", DAY, optional=True),
    code("decision", "intake.beschikkingssoort", DECISIONS, optional=True),
    date("decided_on", "intake.beschikkingsdatum", DAY, optional=True),
    date("plan_ready_on", "planVanAanpak.datumAfronding", DAY, optional=True),
    code("solution", "oplossing.soort", SOLUTIONS, optional=True),
    date("arrangement_asked_on", "schuldregeling.datum", DAY, optional=True),
    date("_granted", "schuldregeling.toegekend", DAY, optional=True),
    date("_begun", "oplossing.startdatum", DAY, optional=True),
    date("_refused", "schuldregeling.afgewezen", DAY, optional=True),
    date("_withdrawn", "schuldregeling.ingetrokken", DAY, optional=True),
    flag("_court", "schuldregeling.dwangakkoord", TRUE_FALSE),
    date("_court_asked", "schuldregeling.datumVerzoekDwangakkoord", DAY, optional=True),
    code("end_reason", "uitstroom.reden", ENDS, optional=True),
    date("ended_on", "uitstroom.datum", DAY, optional=True),
)
COLUMNS: Final = tuple(name for field in FIELDS for name in (*field.required, *field.optional))

PLANNED: Final = ("first_talk_on", "plan_ready_on", "_begun")
"""Days that may be appointments; one after the day of the message is not told."""
STEPS: Final = {
    "first_talk_on": "talk",
    "decided_on": "decision",
    "plan_ready_on": "plan",
    "solution": "solution",
    "arrangement_asked_on": "asked",
    "end_reason": "reason",
    "ended_on": "end",
}
"""Fields that make a further event once they are filled in; an arrangement does so with each other result."""
EVENT: Final = (
    "applied_on", "crisis", "first_talk_on", "decision", "decided_on", "plan_ready_on", "solution",
    "arrangement_asked_on", "arrangement_result", "arrangement_ended_on", "end_reason", "ended_on", "latest_step_on",
)  # fmt: skip


def read(path: Path) -> Iterator[Batch]:
    """The cases of a message, in its order.

    Raises:
        SourceError: the file is no JSON, or no message.
    """
    message = opened(path, KIND)
    cases = records_in(path, KIND, message, "schuldhulptrajecten")
    homes, told_on = _homes(objects(cases)), _told_on(message)
    for start in range(0, len(cases), BATCH_ROWS):
        part = cases[start : start + BATCH_ROWS]
        frame = cells(part, COLUMNS, start + 1).cells.join(homes, on="source_row", how="left", maintain_order="left")
        rows, refused = sift(frame, _checks())
        batch = Batch("debt_counselling_case", _events(rows, told_on), refused.sort("source_row"), start + 1, len(part))
        yield with_raw(batch, part, start + 1)


def _told_on(message: dict[str, Any]) -> dt.date | None:
    """Day on which the message was made, None where it does not say."""
    try:
        return dt.date.fromisoformat(str(message.get("aanleverdatumEnTijd"))[:10])
    except ValueError:
        return None


def _homes(cases: list[dict[str, Any]]) -> pl.DataFrame:
    """Per case where its clients live, if at one place, and its number among those of that home and day of application.

    Returns:
        `source_row`, `HOME`, `_homes` (different ones), `_written` (whether an address is filled in), `_bsn` (whether
        one is in the address), `_nth`.
    """
    numbers = pl.int_range(1, len(cases) + 1, eager=True).alias("source_row")
    owners, clients = listed(cases, "client")
    places = table([numbers.gather(owners), *(texts(clients, name) for name in PLACE)])
    held = pl.any_horizontal(holds_bsn(pl.col(name)) for name in PLACE[1:]).alias("_bsn")
    places = places.with_columns(household_id(*PLACE[:2], None, PLACE[2]).alias("_home"), held).unnest("_home")
    of_case = places.group_by("source_row", maintain_order=True).agg(
        *(pl.col(name).drop_nulls().first() for name in HOME),
        pl.col("household").drop_nulls().n_unique().alias("_homes"),
        pl.all_horizontal(pl.col(name).is_not_null() for name in PLACE[:2]).any().alias("_written"),
        pl.col("_bsn").any(),
    )
    frame = table([numbers, texts(members(cases, "aanmelding"), "startdatum").alias("_applied")])
    frame = frame.join(of_case, on="source_row", how="left", maintain_order="left")
    nth = pl.int_range(1, pl.len() + 1).over("household", "_applied").alias("_nth")
    return frame.with_columns(nth).drop("_applied")


def _checks() -> tuple[Check, ...]:
    field = "client.Postcode, client.Huisnummer"
    unreadable = "Write the postcode as 1234AB and the house number as 10, with the addition in its own member."
    return (
        Check(pl.col("_bsn"), field, "bsn_in_field", "Take the BSN out."),
        Check(
            pl.col("_homes") > 1,
            field,
            "clients_at_several_addresses",
            "Give the case the address for which the application was made, or make a case of each.",
        ),
        Check(
            pl.col("household").is_null() & ~pl.col("_written").fill_null(value=False),
            field,
            "missing_address",
            "Fill in postcode and house number of a client.",
        ),
        Check(pl.col("household").is_null(), field, "unreadable_address", unreadable),
        *(check for field in FIELDS for check in field.checks),
    )


def _events(rows: pl.DataFrame, told_on: dt.date | None) -> pl.DataFrame:
    """Cases that passed the checks, as events."""
    parsed = rows.select("source_row", *HOME, "_nth", *(field.value.alias(field.name) for field in FIELDS))
    if told_on:
        parsed = parsed.with_columns(pl.when(pl.col(name) <= told_on).then(name).alias(name) for name in PLANNED)
    reached = pl.coalesce("_granted", "_begun")
    by_court = pl.coalesce(pl.col("_court"), pl.col("_court_asked").is_not_null())
    withdrawn = pl.col("_withdrawn").is_not_null() & (
        pl.col("_refused").is_null() | (pl.col("_withdrawn") > pl.col("_refused"))
    )
    result = (
        pl.when(reached.is_not_null() & by_court)
        .then(pl.lit("statutory"))
        .when(reached.is_not_null())
        .then(pl.lit("amicable"))
        .when(withdrawn)
        .then(pl.lit("withdrawn"))
        .when(pl.col("_refused").is_not_null())
        .then(pl.lit("refused"))
    )
    told = parsed.with_columns(
        result.alias("arrangement_result"),
        pl.coalesce(reached, pl.max_horizontal("_refused", "_withdrawn")).alias("arrangement_ended_on"),
    )
    latest = pl.max_horizontal("applied_on", "decided_on", "arrangement_ended_on", "ended_on").alias("latest_step_on")
    return told.with_columns(latest).select("source_row", _key().alias("source_key"), *HOME, *EVENT)


def _key() -> pl.Expr:
    """`1234AB|10|A/2025-01-10/1#talk.decision`: a key of the source's own does not exist."""
    parts = ("household", pl.col("applied_on").cast(pl.String), pl.col("_nth").cast(pl.String))
    steps = [pl.when(pl.col(name).is_not_null()).then(pl.lit(step)) for name, step in STEPS.items()]
    told = pl.concat_str(*steps, "arrangement_result", separator=".", ignore_nulls=True)
    return pl.concat_str(*parts, separator="/") + "#" + told


CONNECTOR: Final = Connector(
    name="debt_counselling_message",
    title="Municipality: national message for debt counselling (DDAS 1.0)",
    event_types=("debt_counselling_case",),
    patterns=("schuldhulp*.json", "ddas_schuldhulp*.json"),
    read=read,
)
