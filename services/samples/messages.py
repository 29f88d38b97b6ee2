"""Writes municipalities' own lists as national early-warning messages (DDAS, version 0.9)."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import polars as pl

from services.samples import calibration
from services.samples.chance import chance
from services.samples.dirt import plant
from services.samples.exports import deliveries, delivery_name

PARTNERS: Final = {"health_insurance": "Zorg", "rent": "Huur", "energy": "Energie", "water": "Water"}
OTHERS: Final = ("Hypotheek", "DUO", "Overige", "Belastingdienst", "CAK Eigen bijdrage", "Dienst Toeslagen")
ROLES: Final = {
    "key": "ID", "postcode": "postcode", "number": "house", "amount": "amount", "arisen": "arisen",
    "signalled": "signalled", "code": "type",
}  # fmt: skip


def write_messages(
    folder: Path,
    municipality: str,
    listed: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame],
    *,
    months: Sequence[date],
    elsewhere: tuple[str, str],
    seed: int,
) -> tuple[dict[str, int], Counter[str]]:
    """Write the messages of one municipality.

    Each delivery in a message is a month: its signals, and the cases that closed in it. A case whose signals came in an
    earlier month carries the address itself (`client`), which the message format leaves room for.

    Args:
        folder: the municipality's; gets `back/` and `live/`.
        municipality: its id.
        listed: its signals and its cases, both dressed, and the attempts of its cases.
        months: first days of consecutive months.
        elsewhere: postcode and house number in another municipality of the network.
        seed: of all chance.

    Returns:
        Records (signals and cases) per file, and the wrong signals by kind.
    """
    signals, cases, attempts = listed
    texts, told = _signals(signals), _case_texts(cases, _signals(signals), attempts)
    written: dict[str, int] = {}
    planted = Counter[str]()
    for name, part, first in deliveries(months):
        here = pl.col("at").is_between(first, first + len(part) - 1)
        rng = chance(seed, municipality, *part)
        dirty, wrong = plant(texts.filter(here), ROLES, calibration.DIRTY, rng, elsewhere)
        planted += wrong
        records = {"signals": _signal_texts(dirty), "cases": told.filter(here)}
        path = folder / name / f"vroegsignalen_{delivery_name(part)}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_message(municipality, first, part, records), "utf-8")
        written[f"{name}/{path.name}"] = sum(frame.height for frame in records.values())
    return written, planted


def _signals(signals: pl.DataFrame) -> pl.DataFrame:
    """Texts of the signals' fields, amounts in whole euros, rounded half up."""
    others = (pl.col("home") % len(OTHERS)).replace_strict(dict(enumerate(OTHERS)), return_dtype=pl.String)
    return signals.select(
        pl.col("month").alias("at"),
        pl.col("home"),
        ID=pl.lit("VS-")
        + pl.col("signalled_on").dt.year().cast(pl.String)
        + "-"
        + pl.col("number").cast(pl.String).str.zfill(7),
        crisis="crisis",
        warm="warm",
        amount=((pl.col("cents") + 50) // 100).cast(pl.String),
        arisen=pl.col("arisen_on").cast(pl.String),
        signalled=pl.col("signalled_on").cast(pl.String),
        type=pl.col("kind").replace_strict(PARTNERS, default=others, return_dtype=pl.String),
        **{name: pl.col(name) for name in ("bsn", "name", "birthday", "street", "postcode", "house", "letter", "town")},
    )


def _client() -> pl.Expr:
    return pl.struct(
        Burgerservicenummer="bsn",
        Voorletters=pl.col("name").str.split(" ").list.first(),
        Achternaam=pl.col("name").str.split(" ").list.slice(1).list.join(" "),
        Geboortedatum=pl.col("birthday").cast(pl.String),
        Straatnaam="street",
        Postcode="postcode",
        Huisnummer=pl.when(pl.col("house") != "").then("house"),
        Huisnummertoevoeging=pl.when(pl.col("letter") != "").then("letter"),
        Plaatsnaam="town",
    )


def _signal_texts(signals: pl.DataFrame) -> pl.DataFrame:
    amount = pl.col("amount").cast(pl.Int64, strict=False)
    record = pl.struct(
        ID="ID",
        crisissignaal="crisis",
        warmeOverdracht="warm",
        bedrag=amount,
        ontstaansdatum="arisen",
        signaaldatum="signalled",
        signaalpartner=pl.struct(type="type"),
        client=_client(),
    )
    return signals.select("at", json_texts(record))


def _case_texts(cases: pl.DataFrame, signals: pl.DataFrame, attempts: pl.DataFrame) -> pl.DataFrame:
    refers = signals.select("home", "ID", month=pl.col("at"))
    refers = refers.sort("ID").group_by("home", "month").agg(pl.struct(ID="ID").alias("signals"))
    contact = pl.struct(soort="kind", bereikt="reached", datum=pl.col("attempted_on").cast(pl.String), dagdeel="part")
    tried = attempts.sort("case", "attempted_on").group_by("case").agg(contact.alias("attempts"))
    told = cases.join(refers, on=["home", "month"]).join(tried, on="case").sort("case")
    start, end = pl.col("matched_on").dt.month_start(), pl.col("matched_on").dt.month_end()
    record = pl.struct(
        resultaat="result",
        matchingsdatum=pl.col("matched_on").cast(pl.String),
        startdatum_matchtingperiode=start.cast(pl.String),
        datum_opgepakt=pl.col("opened_on").cast(pl.String),
        einddatum_matchingperiode=end.cast(pl.String),
        vroegsignalen="signals",
        contactpogingen="attempts",
        client=pl.when(pl.col("month") != pl.col("closing")).then(_client()),
    )
    return told.select(pl.col("closing").alias("at"), json_texts(record))


def json_texts(record: pl.Expr) -> pl.Expr:
    """JSON of a record in which an absent member is absent, as the schema wants it, and not null."""
    text = record.struct.json_encode()
    return text.str.replace_all(r',"[A-Za-z]+":null', "").alias("text")


def _message(municipality: str, first: int, months: Sequence[date], records: dict[str, pl.DataFrame]) -> str:
    told = []
    for at in range(first, first + len(months)):
        head = {
            "teller": at - first + 1,
            "gemeentecode": municipality[2:],
            "aanleverende_organisatie": {"naam": f"Gemeente {municipality[2:]} (voorbeeld)", "kvk-nummer": "00000000"},
        }
        own = {kind: ",".join(frame.filter(pl.col("at") == at)["text"].to_list()) for kind, frame in records.items()}
        lists = f'"vroegsignalen": [{own["signals"]}], "vroegsignaalzaken": [{own["cases"]}]'
        told.append(f"{json.dumps(head)[:-1]}, {lists}}}")
    end = (months[-1].replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    envelope = {
        "codeGegevensleverancier": "SPIEGELNET-VOORBEELD",
        "startdatumLevering": months[0].isoformat(),
        "einddatumLevering": end.isoformat(),
        "aanleverdatumEnTijd": f"{end + timedelta(days=3)}T08:00:00Z",
    }
    return f'{json.dumps(envelope)[:-1]}, "leveringen": [{", ".join(told)}]}}\n'
