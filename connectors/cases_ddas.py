"""The cases of a national early-warning message (`early_warning_message.py` says what a case is)."""

from typing import Any, Final

import polars as pl

from connectors.address import household_id
from connectors.base import Batch
from connectors.bsn import holds_bsn
from connectors.codes_ddas import CONTACT_KINDS, PARTS_OF_DAY, RESULTS
from connectors.fields import Check, code, date, flag
from connectors.records import listed, members, objects, table, texts
from connectors.table import sift

DAY: Final = "%Y-%m-%d"
TEXTS: Final = ("resultaat", "matchingsdatum", "datum_opgepakt")
PLACE: Final = ("Postcode", "Huisnummer", "Huisnummertoevoeging")

PLACES: Final = {"source_key": pl.String, "household": pl.String, "postcode": pl.String, "house_number": pl.Int64}

FIELDS: Final = (
    code("result", "resultaat", RESULTS, optional=True),
    date("matched_on", "matchingsdatum", DAY, optional=True),
    date("opened_on", "datum_opgepakt", DAY, optional=True),
)
ATTEMPT: Final = (
    code("kind", "soort", CONTACT_KINDS),
    flag("reached", "bereikt", {"true": True, "false": False}),
    date("attempted_on", "datum", DAY, optional=True),
    code("part_of_day", "dagdeel", PARTS_OF_DAY, optional=True),
)


def case_batch(records: list[Any], first: int, homes: pl.DataFrame | None) -> Batch:
    """Cases as events.

    Args:
        records: as parsed from JSON.
        first: number of the first record.
        homes: `source_key`, `household`, `postcode`, `house_number` of the message's signals.
    """
    numbers = pl.int_range(first, first + len(records), eager=True).alias("source_row")
    cases = objects(records)
    clients = members(cases, "client")
    cells = [*(texts(cases, name) for name in TEXTS), *(texts(clients, name) for name in PLACE)]
    frame = table([numbers, *cells]).with_columns(pl.lit("").alias("raw"))
    frame = frame.with_columns(household_id(*PLACE[:2], None, PLACE[2]).alias("_own"))
    frame = frame.join(_signals(cases, numbers, homes), on="source_row", how="left")
    frame = frame.join(_attempts(cases, numbers), on="source_row", how="left")
    own = pl.col("_own").struct
    frame = frame.with_columns(
        pl.coalesce(own.field(name), pl.col(name)).alias(name) for name in ("household", "postcode", "house_number")
    )
    rows, refused = sift(frame, _checks())
    return Batch("early_warning_case", _events(rows), refused.sort("source_row"), first, len(records))


def _signals(records: list[dict[str, Any]], numbers: pl.Series, homes: pl.DataFrame | None) -> pl.DataFrame:
    """Per case its signals' keys, whether one holds a BSN, and where those of this message live, if at one place."""
    owners, refers = listed(records, "vroegsignalen")
    frame = table([numbers.gather(owners), texts(refers, "ID").alias("source_key")])
    frame = frame.filter(pl.col("source_key").is_not_null()).with_columns(holds_bsn(pl.col("source_key")).alias("_bsn"))
    places = homes if homes is not None else pl.DataFrame(schema=PLACES)
    return (
        frame.join(places, on="source_key", how="left", maintain_order="left")
        .group_by("source_row", maintain_order=True)
        .agg(
            pl.col("source_key").unique(maintain_order=True).alias("signal_keys"),
            pl.col("_bsn").any(),
            pl.col("household").drop_nulls().n_unique().alias("_homes"),
            *(pl.col(name).drop_nulls().first() for name in ("household", "postcode", "house_number")),
        )
    )


def _attempts(records: list[dict[str, Any]], numbers: pl.Series) -> pl.DataFrame:
    """Per case its contact attempts as events hold them, and which check one of them failed (`_attempt_0` and on)."""
    columns = [name for field in ATTEMPT for name in (*field.required, *field.optional)]
    owners, tried = listed(records, "contactpogingen")
    frame = table([numbers.gather(owners), *(texts(tried, name) for name in columns)])
    failed = [check.bad.alias(f"_attempt_{at}") for at, check in enumerate(_attempt_checks())]
    parsed = frame.select("source_row", *(field.value.alias(field.name) for field in ATTEMPT), *failed)
    return parsed.group_by("source_row", maintain_order=True).agg(
        pl.struct(field.name for field in ATTEMPT).alias("contact_attempts"),
        pl.col("attempted_on").max().alias("_last"),
        pl.col("reached").fill_null(value=False).any().alias("_reached"),
        pl.col("^_attempt_.*$").any(),
    )


def _attempt_checks() -> tuple[Check, ...]:
    return tuple(check for field in ATTEMPT for check in field.checks)


def _checks() -> tuple[Check, ...]:
    field = "vroegsignalen"
    several = pl.col("_own").struct.field("household").is_null() & (pl.col("_homes") > 1)
    return (
        Check(pl.col("signal_keys").is_null(), field, "missing", "Name the signals that the case answers."),
        Check(pl.col("_bsn"), field, "bsn_in_field", "Take the BSN out: use the application's own number."),
        Check(several, field, "signals_at_several_addresses", "Split the case: it must answer signals of one address."),
        Check(
            pl.col("household").is_null(),
            field,
            "signal_not_in_message",
            "Repeat the signals of this case in the message, or give the case the member 'client' with the address.",
        ),
        *(check for field in FIELDS for check in field.checks),
        Check(_opened().is_null(), "datum_opgepakt", "missing", "Fill in when the case was taken up, or matched."),
        *(
            Check(pl.col(f"_attempt_{at}"), f"contactpogingen.{check.field}", check.reason, check.remedy)
            for at, check in enumerate(_attempt_checks())
        ),
    )


def _value(name: str) -> pl.Expr:
    return next(field.value for field in FIELDS if field.name == name)


def _opened() -> pl.Expr:
    """A case that was not taken up opens, and closes, with the matching."""
    return pl.coalesce(_value("opened_on"), _value("matched_on"))


def _events(rows: pl.DataFrame) -> pl.DataFrame:
    closed = pl.when(_value("result").is_not_null()).then(pl.max_horizontal(_opened(), pl.col("_last")))
    state = pl.when(closed.is_not_null()).then(pl.lit("#closed")).otherwise(pl.lit("#open"))
    attempt = pl.List(
        pl.Struct({"kind": pl.String, "reached": pl.Boolean, "attempted_on": pl.Date, "part_of_day": pl.String})
    )
    return rows.select(
        "source_row",
        (pl.col("signal_keys").list.min() + state).alias("source_key"),
        "household",
        "postcode",
        "house_number",
        "signal_keys",
        pl.col("contact_attempts").fill_null(pl.lit([], attempt)).alias("contact_attempts"),
        pl.col("_reached").fill_null(value=False).alias("reached"),
        _value("result").alias("result"),
        _value("matched_on").alias("matched_on"),
        _opened().alias("opened_on"),
        closed.alias("closed_on"),
    )
