"""One told story, taken in by a story point: looked through before anything is kept, then put beside its sources."""

import datetime as dt
import hashlib
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase
from typing import Any, Final

import polars as pl

from connectors.identifiers import FRIENDLY
from connectors.stories import KEY
from connectors.story_forms import COLUMNS, of_forms
from services.errors import Fatal, Rejected
from services.stories.points.asked import as_asked
from services.stories.points.form import STANDARD
from services.stories.points.questions import FILE, load_point

TOLD_ON: Final = "Verteld op"
_IN_TEXT: Final = "_in_text"
_DUTCH: Final = {
    "missing": "Vul ‘{field}’ nog in.",
    "unknown_code": "Kies bij ‘{field}’ uit wat er op het formulier staat.",
    "too_long": "Wat bij ‘{field}’ staat is te lang: vertel het korter.",
    "not_a_date": "Schrijf de datum bij ‘{field}’ als 31-12-2026.",
    "not_a_month": "Schrijf de maand bij ‘{field}’ als 2026-05, of laat die leeg.",
    "not_yet": "De maand bij ‘{field}’ moet nog komen op de dag van het vertellen.",
    "too_long_ago": "Wij vragen naar de laatste twee jaar; dit is langer geleden.",
    "not_a_rating": "Waardeer van 1 tot en met 5, of laat het leeg.",
    "not_an_answer": "Een antwoord op onze eigen vragen is niet zoals de vraag het vraagt.",
    "not_a_municipality": "Schrijf de gemeente met haar code, zoals gm0153.",
    "bsn_in_field": "Bij ‘{field}’ staat een burgerservicenummer. Gebruik een eigen nummer.",
}
_OTHERWISE: Final = "Het formulier is niet goed ingevuld bij ‘{field}’."
_AGAIN: Final = ("Er is niets van dit formulier bewaard.", "Pas het aan en bied het opnieuw aan.")


@dataclass(frozen=True)
class Told:
    """A story that was taken in.

    Attributes:
        number: by which the teller can ask about it, change what is allowed or take it back.
        municipality: that it is about.
        path: where it waits to be sent.
    """

    number: str
    municipality: str
    path: Path


def take_in(folder: Path, serves: Sequence[str], filled: Path, today: dt.date) -> Told:
    """Look through one filled-in form and put it beside a story point's sources.

    Args:
        folder: of its sources.
        serves: municipalities that it collects stories for.
        filled: the form, as JSON.
        today: day of telling, where the form names none.

    Raises:
        Rejected: the form is no story, holds a direct identifier, or answers what was not asked; the reason is in
            Dutch, for the teller, and nothing of the form is kept.
        Fatal: the file cannot be read as a form, or the story point's questions cannot be read.
    """
    form = {name: value for name, value in _read(filled).items() if name in COLUMNS}
    form[KEY] = form.get(KEY) or _own_number()
    form[TOLD_ON] = form.get(TOLD_ON) or today.isoformat()
    (batch,) = of_forms([form])
    for row in batch.refused.iter_rows(named=True):
        raise _rejected(dutch(row["field"], row["reason"]))
    _require_as_asked(folder, serves, batch.rows, today)
    number, municipality = batch.rows.select("source_key", "municipality").row(0)
    digest = hashlib.sha256(str(number).encode()).hexdigest()[:16]
    path = folder / f"verhalen_formulier_{digest}.json"
    _keep(path, form)
    return Told(str(number), str(municipality), path)


def _own_number() -> str:
    """Make a number for a story that has none, of letters: digits could be read as a citizen service number."""
    return "VP-" + "".join(secrets.choice(ascii_lowercase) for _ in range(12))


def dutch(field: str, reason: str) -> str:
    """Say in Dutch, to the teller, why a form is not taken; nothing of what was filled in is repeated."""
    if reason.endswith(_IN_TEXT):
        return FRIENDLY[reason.removesuffix(_IN_TEXT)]
    return _DUTCH.get(reason, _OTHERWISE).format(field=field)


def _require_as_asked(folder: Path, serves: Sequence[str], rows: pl.DataFrame, today: dt.date) -> None:
    point = load_point(folder) or STANDARD
    if not rows.select(as_asked(point.answers)).item():
        raise _rejected(f"Er is een antwoord op een vraag die dit vertelpunt niet stelt ({FILE}).")
    if rows["municipality"].item() not in serves:
        raise _rejected("Dit vertelpunt verzamelt geen verhalen voor die gemeente.")
    if rows["theme"].item() not in point.theme_codes:
        raise _rejected("Dit thema staat niet op het formulier van dit vertelpunt.")
    if rows["told_on"].item() > today:
        raise _rejected("De dag van het vertellen moet nog komen.")


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise Fatal(
            f"{path.name} cannot be read.", f"{type(error).__name__}.", "Name a form, filled in, as JSON."
        ) from None
    if not isinstance(content, dict):
        raise Fatal(
            f"{path.name} is no form.", "It is no JSON object.", "`spiegelnet stories form` writes an empty one."
        )
    return content


def _keep(path: Path, form: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise _rejected(f"Onder dit nummer is al een verhaal verteld ({KEY}).") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(form, file, ensure_ascii=False, indent=1)


def _rejected(reason: str) -> Rejected:
    return Rejected(reason, *_AGAIN)
