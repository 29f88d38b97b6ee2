"""The empty form of a story point: a page to read and print, and a file to fill in."""

from typing import Any, Final

from connectors.approach_reach import APPROACHES
from connectors.codes_stories import CONSIDERATIONS, EFFECTS, FELT_BY, NAMINGS, ROLES, SIGNALS, UNCERTAINTIES, USES
from connectors.stories import stories
from services.pages import environment
from services.stories.points.questions import StoryPoint

STANDARD: Final = StoryPoint(
    title="Vertelpunt",
    introduction="Vertel hier wat u meemaakte met hulp of ondersteuning, en wat dat voor u betekent.",
)
"""What a story point without a file of its own asks."""


def template(point: StoryPoint, municipalities: tuple[str, ...]) -> dict[str, Any]:
    """Return the form to fill in: its members, and in `Uitleg` what may stand there.

    Args:
        point: what it asks.
        municipalities: that it collects stories for.
    """
    table = stories("form")
    lists = {"Signalen", "Effecten", "Onzekerheden", "Overwegingen", "Toestemming"}
    form: dict[str, Any] = {name: [] if name in lists else None for name in (*table.required, *table.optional)}
    form.pop("Verzonnen")
    asked = (*point.triads, *point.dyads, *point.questions)
    form["Antwoorden"] = {item.id: None for item in asked}
    form["Uitleg"] = {
        "Verhaalnummer": "leeg laten: het vertelpunt geeft een nummer",
        "Verteller": "eigen nummer van het vertelpunt voor de verteller; leeg voor wie anoniem vertelt",
        "Naamgeving": list(NAMINGS),
        "Rol": list(ROLES),
        "Gemeente": list(municipalities),
        "Thema": list(point.offered),
        "Aanpak": list(APPROACHES),
        "Verteld op": "leeg laten voor vandaag, anders als 31-12-2026",
        "Gebeurd in": "maand als 2026-05, hoogstens twee jaar terug",
        "Signalen": list(SIGNALS),
        "Effecten": f"als 'Ongewenst: gezin'; {', '.join(EFFECTS)}; voor {', '.join(FELT_BY)}",
        "Onzekerheden": list(UNCERTAINTIES),
        "Overwegingen": list(CONSIDERATIONS),
        "Antwoorden": {
            **{item.id: f"[a, b, c], samen 1: {' / '.join(item.labels)}" for item in point.triads},
            **{item.id: f"0 ({item.labels[0]}) tot 1 ({item.labels[1]})" for item in point.dyads},
            **{item.id: list(item.choices) for item in point.questions},
        },
        "Waardering": "1 tot en met 5",
        "Toestemming": list(USES),
    }
    return form


def page(point: StoryPoint, name: str) -> str:
    """Return the form as a page in Dutch, to read on a screen or to print for an interview.

    Args:
        point: what it asks.
        name: of the story point.
    """
    consent = {use: getattr(point.consent, code) for use, code in USES.items()}
    return (
        environment("services.stories.points")
        .get_template("form.html")
        .render(
            point=point,
            name=name,
            roles=list(ROLES),
            namings=list(NAMINGS),
            signals=list(SIGNALS),
            effects=list(EFFECTS),
            felt_by=list(FELT_BY),
            uncertainties=list(UNCERTAINTIES),
            considerations=list(CONSIDERATIONS),
            consent=consent,
        )
    )
