"""How each kind of partner writes its export: columns and notation. Names, BSN, remarks are in it, as in real ones."""

from dataclasses import dataclass
from typing import Final

import polars as pl

from services.samples.network import SampleNetwork
from services.samples.people import persons, street_names
from services.samples.places import Places, addresses

PLAIN, LOWER, FILLED, JOINED = range(4)
"""Spellings of an address: `1234AB 10 A`, `1234 ab 10 a`, `1234 AB 0010 A`, `1234 AB 10-A`."""


@dataclass(frozen=True)
class Layout:
    """One kind of export.

    Attributes:
        stem: first part of the file name, by which the connector knows it.
        columns: header to expression over a dressed frame (see `dress`), all texts.
        roles: which header holds the `key`, `postcode`, `number`, `amount`, `arisen`, `signalled`, `code`, `note`.
        separator: between cells.
        encoding: of the file.
    """

    stem: str
    columns: dict[str, pl.Expr]
    roles: dict[str, str]
    separator: str = ";"
    encoding: str = "utf-8"


def dress(rows: pl.DataFrame, places: Places, network: SampleNetwork) -> pl.DataFrame:
    """Add to rows with `home`, `municipality` and `month` who lives there, and the address in one of its spellings.

    Adds `bsn`, `name`, `birthday` (Date), `street`, `town`, `postcode`, `house`, `letter`: all but the date are texts.
    """
    homes = rows["home"].to_numpy()
    where = addresses(places, homes).with_columns(
        pl.Series("style", (homes * 7 + rows["month"].to_numpy() * 3) // 5 % (JOINED + 1))
    )
    style, number, letter = pl.col("style"), pl.col("number").cast(pl.String), pl.col("letter")
    spaced = pl.col("postcode").str.slice(0, 4) + " " + pl.col("postcode").str.slice(4)
    joined = (style == JOINED) & (letter != "")
    where = where.select(
        street_names(pl.col("street")).alias("street"),
        pl.when(style == PLAIN)
        .then("postcode")
        .when(style == LOWER)
        .then(spaced.str.to_lowercase())
        .otherwise(spaced)
        .alias("postcode"),
        pl.when(joined)
        .then(number + "-" + letter)
        .when(style == FILLED)
        .then(number.str.zfill(4))
        .otherwise(number)
        .alias("house"),
        pl.when(joined)
        .then(pl.lit(""))
        .when(style == LOWER)
        .then(letter.str.to_lowercase())
        .otherwise(letter)
        .alias("letter"),
    )
    towns = {item.id: item.name for item in network.municipalities}
    town = rows["municipality"].replace_strict(towns, return_dtype=pl.String).alias("town")
    return pl.concat([rows, where, persons(homes)], how="horizontal").with_columns(town)


def key(prefix: str, day: str) -> pl.Expr:
    """A natural key such as `VV2025-0000123`."""
    return pl.lit(prefix) + pl.col(day).dt.year().cast(pl.String) + "-" + pl.col("number").cast(pl.String).str.zfill(7)


def _money(decimal: str, column: str = "cents") -> pl.Expr:
    cents = pl.col(column)
    return (cents // 100).cast(pl.String) + decimal + (cents % 100).cast(pl.String).str.zfill(2)


def _day(column: str, shape: str) -> pl.Expr:
    return pl.col(column).dt.strftime(shape).fill_null("")


def _flag(column: str) -> pl.Expr:
    return pl.when(column).then(pl.lit("J")).otherwise(pl.lit("N"))


NOTE: Final = pl.lit("")
"""A free column, empty but where something is planted in it."""


def energy_arrears(prefix: str) -> Layout:
    """Arrears of an energy supplier."""
    day = "%d-%m-%Y"
    return Layout(
        "energie_achterstanden",
        {
            "Dossiernr": key(prefix, "signalled_on"), "BSN": pl.col("bsn"), "Naam": pl.col("name"),
            "Straat": pl.col("street"), "Huisnr": pl.col("house"), "Toev": pl.col("letter"),
            "Postcode": pl.col("postcode"), "Woonplaats": pl.col("town"), "Openstaand bedrag": _money(","),
            "Ontstaan op": _day("arisen_on", day), "Gemeld op": _day("signalled_on", day), "Crisis": _flag("crisis"),
            "Warme overdracht": _flag("warm"), "Opmerking": NOTE,
        },
        {
            "key": "Dossiernr", "postcode": "Postcode", "number": "Huisnr", "amount": "Openstaand bedrag",
            "arisen": "Ontstaan op", "signalled": "Gemeld op", "code": "Crisis", "note": "Opmerking", "name": "Naam",
        },
        encoding="cp1252",
    )  # fmt: skip


def energy_stops(prefix: str) -> Layout:
    """End-of-supply notices of an energy supplier."""
    day = "%d-%m-%Y"
    product = (pl.col("home") % 4).replace_strict({0: "E", 1: "G", 2: "EG", 3: "EG"}, return_dtype=pl.String)
    stage = pl.when("announced").then(pl.lit("Aangekondigd")).otherwise(pl.lit("Uitgevoerd"))
    return Layout(
        "energie_afsluitingen",
        {
            "Dossiernr": key(prefix + "A", "noticed_on"), "BSN": pl.col("bsn"), "Naam": pl.col("name"),
            "Straat": pl.col("street"), "Huisnr": pl.col("house"), "Toev": pl.col("letter"),
            "Postcode": pl.col("postcode"), "Woonplaats": pl.col("town"), "Product": product, "Fase": stage,
            "Gemeld op": _day("noticed_on", day), "Einde levering": _day("effective_on", day),
            "Openstaand bedrag": _money(","), "Opmerking": NOTE,
        },
        {
            "key": "Dossiernr", "postcode": "Postcode", "number": "Huisnr", "amount": "Openstaand bedrag",
            "signalled": "Gemeld op", "code": "Product", "note": "Opmerking", "name": "Naam",
        },
        encoding="cp1252",
    )  # fmt: skip


def rent_arrears(prefix: str, *, workbook: bool) -> Layout:
    """Rent arrears of a housing corporation; in a workbook dates and amounts become real ones."""
    day, decimal = ("%Y-%m-%d", ".") if workbook else ("%d-%m-%Y", ",")
    return Layout(
        "huurachterstanden",
        {
            "Signaalnummer": key(prefix, "signalled_on"), "Huurder": pl.col("name"), "BSN": pl.col("bsn"),
            "Straat": pl.col("street"), "Huisnummer": pl.col("house"), "Huisletter": pl.col("letter"),
            "Toevoeging": pl.lit(""), "Postcode": pl.col("postcode"), "Plaats": pl.col("town"),
            "Achterstand": _money(decimal), "Achterstand sinds": _day("arisen_on", day),
            "Signaaldatum": _day("signalled_on", day), "Crisis": _flag("crisis"), "Warme overdracht": _flag("warm"),
            "Bijzonderheden": NOTE,
        },
        {
            "key": "Signaalnummer", "postcode": "Postcode", "number": "Huisnummer", "amount": "Achterstand",
            "arisen": "Achterstand sinds", "signalled": "Signaaldatum", "code": "Crisis", "note": "Bijzonderheden",
            "name": "Huurder",
        },
    )  # fmt: skip


def evictions(prefix: str, *, workbook: bool) -> Layout:
    """Evictions of a housing corporation."""
    day = "%Y-%m-%d" if workbook else "%d-%m-%Y"
    stage = pl.when("announced").then(pl.lit("Aangezegd")).when("withdrawn").then(pl.lit("Ingetrokken"))
    causes = {0: "Overlast", 1: "Onrechtmatig gebruik", 2: "Anders"}
    cause = (pl.col("home") % 9).replace_strict(causes, default="Huurachterstand", return_dtype=pl.String)
    return Layout(
        "ontruimingen",
        {
            "Zaaknummer": key(prefix + "O", "noticed_on"), "Huurder": pl.col("name"), "BSN": pl.col("bsn"),
            "Straat": pl.col("street"), "Huisnummer": pl.col("house"), "Huisletter": pl.col("letter"),
            "Toevoeging": pl.lit(""), "Postcode": pl.col("postcode"), "Plaats": pl.col("town"),
            "Fase": stage.otherwise(pl.lit("Ontruimd")), "Reden": cause, "Datum melding": _day("noticed_on", day),
            "Datum ontruiming": _day("effective_on", day), "Bijzonderheden": NOTE,
        },
        {
            "key": "Zaaknummer", "postcode": "Postcode", "number": "Huisnummer", "signalled": "Datum melding",
            "code": "Reden", "note": "Bijzonderheden", "name": "Huurder",
        },
    )  # fmt: skip


def water_arrears(prefix: str) -> Layout:
    """Arrears of a water company."""
    return Layout(
        "water_achterstanden",
        {
            "meldingsnummer": key(prefix, "signalled_on"), "naam": pl.col("name"), "bsn": pl.col("bsn"),
            "straat": pl.col("street"), "postcode": pl.col("postcode"), "huisnummer": pl.col("house"),
            "huisletter": pl.col("letter"), "toevoeging": pl.lit(""), "bedrag": _money("."),
            "achterstand_vanaf": _day("arisen_on", "%Y-%m-%d"), "meldingsdatum": _day("signalled_on", "%Y-%m-%d"),
            "crisis": _flag("crisis"), "omschrijving": NOTE,
        },
        {
            "key": "meldingsnummer", "postcode": "postcode", "number": "huisnummer", "amount": "bedrag",
            "arisen": "achterstand_vanaf", "signalled": "meldingsdatum", "code": "crisis", "note": "omschrijving",
            "name": "naam",
        },
        separator=",",
    )  # fmt: skip


def premium_arrears(prefix: str, *, natural_key: bool) -> Layout:
    """Arrears of a health insurer, whose export may lack a key."""
    columns = {
        "Dossier": key(prefix, "signalled_on"), "BSN": pl.col("bsn"), "Naam": pl.col("name"),
        "Geboortedatum": _day("birthday", "%Y%m%d"), "Postcode": pl.col("postcode"), "Huisnummer": pl.col("house"),
        "Huisnummertoevoeging": pl.col("letter"), "Soort": pl.lit("ZORG"), "Premieachterstand": _money(","),
        "Achterstand sinds": _day("arisen_on", "%Y%m%d"), "Datum signaal": _day("signalled_on", "%Y%m%d"),
        "Notitie": NOTE,
    }  # fmt: skip
    roles = {
        "key": "Dossier", "postcode": "Postcode", "number": "Huisnummer", "amount": "Premieachterstand",
        "arisen": "Achterstand sinds", "signalled": "Datum signaal", "code": "Soort", "note": "Notitie", "name": "Naam",
    }  # fmt: skip
    if not natural_key:
        del columns["Dossier"], roles["key"]
    return Layout("zorg_achterstanden", columns, roles)
