"""Exports of every kind of source that hold the residents, with the dirt that real exports have."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from services.home import Home
from tests.attack.canaries import Resident
from tests.small_network import (
    KINDS,
    MUNICIPALITIES,
    POSTCODES,
    arrears,
    as_bytes,
    case,
    client,
    export,
    message,
    record,
    texts,
    write,
)

MONTH = "2025-12"
SHARES = {
    "energy": 140,
    "stops": 60,
    "rent": 120,
    "rent_workbook": 120,
    "evictions": 60,
    "evictions_workbook": 60,
    "water": 120,
    "premium_unkeyed": 120,
}
"""How many residents each export holds; the rest are in the municipalities' own lists."""
FOLDERS = {"energy": "es-stroom", "stops": "es-stroom", "water": "wc-water", "premium_unkeyed": "hi-zorg"}
Spoil = Callable[[dict[str, str], dict[str, str], Resident], None]


def write_canaries(home: Home, people: Sequence[Resident]) -> None:
    """Write the exports into the participants' own folders."""
    start = 0
    for kind, count in SHARES.items():
        part = people[start : start + count]
        start += count
        folder = home.participant(FOLDERS.get(kind, "hc-huis")).sources
        cells = _spoilt(kind, texts(kind, _rows(part)), part)
        if kind.endswith("workbook"):
            export(folder, kind, cells, "_december")
        else:
            path = folder / f"{KINDS[kind].stem}_december.csv"
            write(path, _damaged(as_bytes(kind, cells), part))
    for at, town in enumerate(MUNICIPALITIES):
        # a third of the residents live in each municipality, in turn
        own = [item for item in people[start:] if item.postcode in {code for code, _ in POSTCODES[town]}]
        write(home.participant(town).sources / "vroegsignalen_december.json", _list(own))
        write(home.participant(town).sources / "voorzieningen_december.csv", _provisions(own))
        write(home.participant(town).sources / "bereik_kinderen_december.csv", _reaches(own))
        write(home.participant(town).sources / "schuldhulpverlening_december.json", _counselling(own))
        _write_broken(home.participant(town).sources, people[at])
    _write_broken(home.participant("es-stroom").sources, people[0])
    _write_broken(home.participant("hc-huis").sources, people[1])


def _rows(people: Sequence[Resident]) -> pl.DataFrame:
    """Rows as layouts take them, with the residents in them."""
    frame = arrears(MUNICIPALITIES[0], MONTH, range(1, len(people) + 1))
    return frame.with_columns(
        pl.Series("bsn", [item.bsn for item in people]),
        pl.Series("name", [item.name for item in people]),
        pl.Series("street", [item.street for item in people]),
        pl.Series("postcode", [item.postcode for item in people]),
        pl.Series("house", [item.number for item in people]),
        pl.Series("letter", [item.letter for item in people]),
    )


def _whole(item: Resident) -> str:
    return f"{item.name}, {item.street} {item.postcode} {item.number}-{item.letter}, BSN {item.bsn}"


def _set(role: str, value: Callable[[Resident], str]) -> Spoil:
    def spoil(row: dict[str, str], roles: dict[str, str], item: Resident) -> None:
        if role in roles:
            row[roles[role]] = value(item)

    return spoil


SPOILT: Sequence[Spoil] = (
    _set("note", _whole),
    _set("key", lambda item: item.bsn),
    _set("key", lambda item: f"{item.name}/{item.bsn[:4]}.{item.bsn[4:6]}.{item.bsn[6:]}"),
    _set("amount", lambda item: f"{item.name} betaalt niet"),
    _set("amount", lambda _: "-12"),
    _set("signalled", _whole),
    _set("code", lambda item: item.street),
    _set("number", lambda item: f"{item.number} {item.bsn}"),
    _set("number", lambda item: f"{item.number} ?? {item.street}"),
    _set("number", lambda _: ""),
    _set("postcode", lambda item: f"9999ZZ {item.name}"),
    _set("postcode", lambda _: "4811DJ"),
)
"""What a third of the rows have wrong: a resident in the free column or in a mapped one, or a row that is refused."""


def _spoilt(kind: str, cells: pl.DataFrame, people: Sequence[Resident]) -> pl.DataFrame:
    rows = cells.to_dicts()
    for row, item in zip(rows, people, strict=True):
        if not any("straat" in name.lower() for name in row):  # else the street is in the note
            row[KINDS[kind].roles["note"]] = item.street
    for at in range(0, len(rows), 3):
        SPOILT[at // 3 % len(SPOILT)](rows[at], dict(KINDS[kind].roles), people[at])
    return pl.DataFrame(rows, schema=cells.schema)


def _damaged(content: bytes, people: Sequence[Resident]) -> bytes:
    """Put a byte that is no text into a name, open a quotation mark in another row, and end within a line."""
    first, second = people[1].name.encode(), people[4].name.encode()
    content = content.replace(first, first[:5] + b"\x81\x8d" + first[5:], 1)
    content = content.replace(second, b'"' + second, 1)
    return content + content.rstrip().rsplit(b"\n", 1)[-1][:70]


def _list(people: Sequence[Resident]) -> bytes:
    signals: list[dict[str, Any]] = []
    cases: list[dict[str, Any]] = []
    for at, row in enumerate(_rows(people).iter_rows(named=True)):
        signal = record("energy", row)
        if at % 5 == 1:
            signal["bedrag"] = _whole(people[at])
        if at % 5 == 2:
            signal["ID"] = f"VS {people[at].name} {people[at].bsn}"
        if at % 5 == 3:
            signal["toelichting"] = _whole(people[at])
        answer = case(signal, accepted=True)
        if at % 4 == 0:
            answer["client"] = client(row)
            answer["vroegsignalen"] = [{"ID": f"EERDER-{at}"}]
        if at % 4 == 1:
            answer["resultaat"] = _whole(people[at])
        if at % 4 == 2:
            answer["contactpogingen"][0]["soort"] = people[at].street
        signals.append(signal)
        cases.append(answer)
    return message(signals, cases)


def _provisions(people: Sequence[Resident]) -> bytes:
    """The same residents have support; three of four rows have one in a cell that is read."""
    names = ("Toewijzingnummer", "Productcategorie", "Soort aanbieder", "Begindatum", "Einddatum", "Reden beëindiging")
    places = ("Postcode", "Huisnummer", "Huisletter", "Toevoeging")
    lines = [";".join((*names, *places, "BSN", "Naam", "Toelichting"))]
    for at, item in enumerate(people):
        cells = [f"T-{at}", "01", "Wijkteam", "01-10-2025", "", ""]
        if at % 4:
            cells[at // 4 % len(cells)] = _whole(item)
        lines.append(";".join((*cells, item.postcode, item.number, item.letter, "", item.bsn, item.name, _whole(item))))
    return "\n".join([*lines, ""]).encode()


def _counselling(people: Sequence[Resident]) -> bytes:
    """A message for debt counselling with the residents in what is not read, and in what is read and refused."""
    cases: list[dict[str, Any]] = []
    for at, row in enumerate(_rows(people).iter_rows(named=True)):
        text = _whole(people[at])
        told: dict[str, Any] = {
            "gemeentecode": "GM0664",
            "omschrijving": text,
            "aanmelding": {"startdatum": f"{MONTH}-01"},
            "client": [client(row)],
            "schulden": [{"bedrag": 1200, "schuldeiser": {"naam": text}}],
            "uitstroom": {"datum": f"{MONTH}-20", "reden": "Ingetrokken", "omschrijving": text},
        }
        if at % 5 == 1:
            told["uitstroom"]["reden"] = text
        if at % 5 == 2:
            told["intake"] = {"startdatum": text}
        if at % 5 == 3:
            told["client"][0]["Huisnummer"] += f" {people[at].bsn}"
        cases.append(told)
    return json.dumps({"leveringen": [{"schuldhulptrajecten": cases}]}, ensure_ascii=False).encode()


def _reaches(people: Sequence[Resident]) -> bytes:
    """Approaches reached the same residents' children; three of four rows have one in a cell that is read."""
    names = ("Kindnummer", "Geboortejaar", "Aanpak", "Begindatum", "Einddatum")
    places = ("Postcode", "Huisnummer", "Huisletter", "Toevoeging")
    lines = [";".join((*names, *places, "BSN kind", "Naam kind", "Toelichting"))]
    for at, item in enumerate(people):
        cells = [f"K-{at}", "2015", "Kindpakket", "01-10-2025", ""]
        if at % 4:
            cells[at // 4 % len(cells)] = _whole(item)
        lines.append(";".join((*cells, item.postcode, item.number, item.letter, "", item.bsn, item.name, _whole(item))))
    return "\n".join([*lines, ""]).encode()


def _write_broken(folder: Path, item: Resident) -> None:
    """Files that cannot be read at all, each with the resident at the place that the error is about."""
    text = _whole(item)
    write(folder / "energie_achterstanden_zonder_kop.csv", f"{text.replace(', ', ';')}\n{text}\n".encode())
    write(folder / "water_achterstanden_leeg.csv", text.encode("utf-16"))
    write(folder / "huurachterstanden_kapot.xlsx", b"PK\x03\x04" + text.encode())
    write(folder / "vroegsignalen_kapot.json", f'{{"leveringen": [{{"client": "{text}"'.encode())
    write(folder / "vroegsignalen_anders.json", f'{{"leveringen": "{text}"}}'.encode())
    write(folder / "schuldhulp_kapot.json", f'{{"leveringen": [{{"schuldhulptrajecten": "{text}"}}]}}'.encode())
