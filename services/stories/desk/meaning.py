"""What a teller said a story means beside its words: codes in Dutch, and answers to a story point's own questions."""

from collections.abc import Mapping
from typing import Any

from services.pages.wording import number
from services.stories.points.questions import Dyad, Question, StoryPoint, Triad
from services.stories.wording import CONSIDERATIONS, SIGNALS, UNCERTAINTIES, effect_text


def meant(story: Mapping[str, Any], point: StoryPoint | None = None) -> list[tuple[str, str]]:
    """Return what the teller gave as meaning, as (heading, text) in Dutch; what was not given is left out.

    Args:
        story: its row, see `services.stories.reading.stories`.
        point: what its sender asked, where that is known here; otherwise a question stands by its id.
    """
    effects = [effect_text(f"{item['effect']}:{item['felt_by']}") for item in story["effects"]]
    coded = [
        ("signalen", [SIGNALS.get(code, code) for code in story["signals"]]),
        ("effecten", effects),
        ("onzekerheden", [UNCERTAINTIES.get(code, code) for code in story["uncertainties"]]),
        ("overwegingen", [CONSIDERATIONS.get(code, code) for code in story["considerations"]]),
        ("waardering", [] if story["rating"] is None else [f"{story['rating']} van 5"]),
    ]
    found = [(heading, "; ".join(texts)) for heading, texts in coded if texts]
    return found + [_answered(item, point) for item in story["answers"]]


def _answered(answer: Mapping[str, Any], point: StoryPoint | None) -> tuple[str, str]:
    """Return a question and its answer: three weights, a place from 0 to 1, or a choice."""
    name, first, second, third = (answer[part] for part in ("question", "first", "second", "third"))
    asked = {item.id: item for item in (*point.triads, *point.dyads, *point.questions)} if point else {}
    own = asked.get(name)
    question = own.question if own else _spaced(name)
    if second is not None:
        sides = own.labels if isinstance(own, Triad) else ("eerste", "tweede", "derde")
        weights = zip(sides, (first, second, third), strict=True)
        return question, "; ".join(f"{side} {number(weight, 2)}" for side, weight in weights)
    if first is not None:
        left, right = own.labels if isinstance(own, Dyad) else ("de ene kant", "de andere kant")
        return question, f"{number(first, 2)} van 0 ({left}) tot 1 ({right})"
    choice = answer["choice"] or ""
    return question, own.choices.get(choice, choice) if isinstance(own, Question) else _spaced(choice)


def _spaced(code: str) -> str:
    return code.replace("_", " ")
