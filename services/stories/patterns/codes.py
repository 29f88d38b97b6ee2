"""Themes and significations of patterns: their codes, kinds and Dutch titles, from the code lists of stories."""

from collections.abc import Mapping
from itertools import product
from types import MappingProxyType
from typing import Final

from connectors import codes_stories
from services.errors import Fatal

TOTAL: Final = "total"
RATING: Final = "rating"
RATINGS: Final = tuple(str(rating) for rating in range(1, 6))


def _titles(code_list: Mapping[str, str]) -> dict[str, str]:
    return {code: title for title, code in code_list.items()}


THEMES: Final = MappingProxyType(_titles(codes_stories.THEMES))
"""Dutch titles by code."""
_EFFECTS, _FELT_BY = _titles(codes_stories.EFFECTS), _titles(codes_stories.FELT_BY)
SIGNIFICATIONS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "signal": _titles(codes_stories.SIGNALS),
        "effect": {f"{effect}:{TOTAL}": f"{title} effect" for effect, title in _EFFECTS.items()}
        | {
            f"{effect}:{on}": f"{_EFFECTS[effect]} effect: {_FELT_BY[on].lower()}"
            for effect, on in product(_EFFECTS, _FELT_BY)
        },
        "uncertainty": _titles(codes_stories.UNCERTAINTIES),
        "consideration": _titles(codes_stories.CONSIDERATIONS),
        RATING: {rating: f"Waardering {rating} van 5" for rating in RATINGS},
    }
)
"""Dutch titles by code, by kind of signification."""
KIND_TITLES: Final = MappingProxyType(
    {
        "signal": "Signalen",
        "effect": "Effecten",
        "uncertainty": "Onzekerheden",
        "consideration": "Afwegingen",
        RATING: "Waardering",
    }
)
ASKED_KINDS: Final = ("signal", "effect", "uncertainty", "consideration")
"""Kinds that may be asked about; a rating stands beside its stories only."""


def grid() -> list[tuple[str, str, str]]:
    """Return all cells of a release: (theme, kind of signification, signification).

    A release has them all, whatever was told: a cell that is not there would tell that nobody told it. Ratings of all
    themes together are none of them: no story is about all themes, so none could stand beside such a rating.
    """
    meanings = [(TOTAL, TOTAL), *((kind, code) for kind, codes in SIGNIFICATIONS.items() for code in codes)]
    cells = [(theme, kind, code) for theme in (TOTAL, *THEMES) for kind, code in meanings]
    return [cell for cell in cells if cell[:2] != (TOTAL, RATING)]


def kind_of(signification: str) -> str:
    """Return the kind of a signification that may be asked about.

    Raises:
        Fatal: there is none of that code.
    """
    for kind in ASKED_KINDS:
        if signification in SIGNIFICATIONS[kind]:
            return kind
    known = ", ".join(SIGNIFICATIONS["signal"])
    raise Fatal(
        f"{signification} is no signification.",
        "It is a signal, an effect with who felt it (unwanted:children), an uncertainty or a consideration.",
        f"Signals are {known}; docs/code-lists.md has the others.",
    )


def title_of(signification: str) -> str:
    """Return the Dutch title of a signification that may be asked about."""
    return SIGNIFICATIONS[kind_of(signification)][signification]


def require_theme(theme: str) -> str:
    """Return a theme's code.

    Raises:
        Fatal: there is no such theme.
    """
    if theme not in THEMES:
        raise Fatal(f"{theme} is no theme.", "", f"Themes are {', '.join(THEMES)}.")
    return theme
