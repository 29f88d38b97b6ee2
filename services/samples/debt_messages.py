"""Writes municipalities' cases of debt counselling as national messages (DDAS, version 1.0)."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import polars as pl

from services.samples import calibration
from services.samples.chance import chance
from services.samples.debts import DATES
from services.samples.dirt import plant
from services.samples.exports import deliveries, delivery_name
from services.samples.messages import json_texts

ROLES: Final = {"postcode": "postcode", "number": "house", "signalled": "applied_on", "code": "end_reason"}
FOLLOWS: Final = {"decision": "decided_on", "solution": "begun_on", "court": "asked_on", "end_reason": "ended_on"}
"""What is known no sooner than a day that goes with it."""


def write_debt_messages(
    folder: Path,
    municipality: str,
    cases: pl.DataFrame,
    *,
    months: Sequence[date],
    elsewhere: tuple[str, str],
    seed: int,
) -> tuple[dict[str, int], Counter[str]]:
    """Write the messages of one municipality: cases in which something happened in the months, as they were at the end.

    Args:
        folder: the municipality's; gets `back/` and `live/`.
        municipality: its id.
        cases: its cases, dressed.
        months: first days of consecutive months.
        elsewhere: postcode and house number in another municipality of the network.
        seed: of all chance.

    Returns:
        Cases per file, and the wrong ones by kind.
    """
    written: dict[str, int] = {}
    planted = Counter[str]()
    for name, part, _ in deliveries(months):
        end = (part[-1].replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        rng = chance(seed, municipality, "debts", *part)
        texts, wrong = plant(_texts(_known(cases, part[0], end)), ROLES, calibration.DIRTY, rng, elsewhere)
        planted += wrong
        path = folder / name / f"schuldhulpverlening_{delivery_name(part)}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_message(municipality, part[0], end, _records(texts, municipality)), "utf-8")
        written[f"{name}/{path.name}"] = texts.height
    return written, planted


def _known(cases: pl.DataFrame, start: date, end: date) -> pl.DataFrame:
    """Cases with a step between two days, without what came after them."""
    seen = cases.with_columns(pl.when(pl.col(name) <= end).then(name).alias(name) for name in DATES)
    seen = seen.with_columns(pl.when(pl.col(day).is_not_null()).then(name).alias(name) for name, day in FOLLOWS.items())
    return seen.filter(pl.any_horizontal(pl.col(name) >= start for name in DATES)).sort("applied_on", "home")


def _texts(cases: pl.DataFrame) -> pl.DataFrame:
    return cases.with_columns(pl.col(name).cast(pl.String) for name in (*DATES, "birthday"))


def _records(cases: pl.DataFrame, municipality: str) -> list[str]:
    """JSON of each case. A member stands first in its object that is never absent where another is not."""
    client = pl.struct(
        Burgerservicenummer="bsn",
        Geboortedatum="birthday",
        Postcode="postcode",
        Huisnummer=pl.when(pl.col("house") != "").then("house"),
        Huisnummertoevoeging=pl.when(pl.col("letter") != "").then("letter"),
    )
    arrangement = pl.struct(
        datum="asked_on",
        toegekend="granted_on",
        afgewezen="refused_on",
        ingetrokken="withdrawn_on",
        dwangakkoord="court",
    )
    record = pl.struct(
        gemeentecode=pl.lit(f"GM{municipality[2:]}"),
        omschrijving=pl.lit("Dossier van ") + pl.col("name"),
        aanmelding=pl.struct(startdatum="applied_on", crisisinterventie="crisis"),
        client=pl.concat_list(client),
        intake=_if_any(
            "first_talk_on",
            pl.struct(startdatum="first_talk_on", beschikkingsdatum="decided_on", beschikkingssoort="decision"),
        ),
        planVanAanpak=_if_any("plan_ready_on", pl.struct(datumAfronding="plan_ready_on")),
        schuldregeling=_if_any("asked_on", arrangement),
        oplossing=_if_any("begun_on", pl.struct(soort="solution", startdatum="begun_on")),
        uitstroom=_if_any("end_reason", pl.struct(reden="end_reason", datum="ended_on")),
    )
    return cases.select(json_texts(record))["text"].to_list()


def _if_any(name: str, part: pl.Expr) -> pl.Expr:
    return pl.when(pl.col(name).is_not_null()).then(part)


def _message(municipality: str, start: date, end: date, records: Sequence[str]) -> str:
    head = {
        "teller": 1,
        "aanleverende_organisatie": {
            "(Statutaire) Naam": f"Gemeente {municipality[2:]} (voorbeeld)",
            "KvK-nummer": "00000000",
            "gemeentecode": f"GM{municipality[2:]}",
        },
    }
    envelope = {
        "codeGegevensleverancier": "SPIEGELNET-VOORBEELD",
        "startdatumLevering": start.isoformat(),
        "einddatumLevering": end.isoformat(),
        "aanleverdatumEnTijd": f"{end + timedelta(days=3)}T08:00:00Z",
    }
    told = f'{json.dumps(head)[:-1]}, "schuldhulptrajecten": [{",".join(records)}]}}'
    return f'{json.dumps(envelope)[:-1]}, "leveringen": [{told}]}}\n'
