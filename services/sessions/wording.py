"""Dutch words for what a report of a session tells."""

from collections.abc import Mapping
from typing import Final

from services.sessions.model import AWAY, DONE, DROPPED, IN, INVITED, OPEN

PARTY_STATE: Final[Mapping[str, str]] = {
    INVITED: "lezing nog niet binnen",
    IN: "lezing binnen",
    AWAY: "niet gekomen",
}
ACTION_STATE: Final[Mapping[str, str]] = {OPEN: "open", DONE: "gedaan", DROPPED: "vervallen"}
SOURCE: Final[Mapping[str, str]] = {"catalogue": "definitie", "session": "duidingssessie", "story": "verhaal"}

THEMES: Final[Mapping[str, str]] = {
    "payment_arrears": "betalingsachterstanden",
    "debt_counselling": "schuldhulp",
    "income_support": "inkomensondersteuning",
    "energy": "energie",
    "housing": "wonen",
    "household_help": "hulp bij het huishouden",
    "guidance": "begeleiding",
    "youth_support": "jeugdhulp",
    "child_poverty": "armoede bij kinderen",
    "work": "werk",
    "other": "iets anders",
}
ROLES: Final[Mapping[str, str]] = {
    "resident": "een bewoner",
    "professional": "een professional",
    "volunteer": "een vrijwilliger",
}
EFFECTS: Final[Mapping[str, str]] = {
    "wanted": "gewenst",
    "unwanted": "ongewenst",
    "spontaneous": "vanzelf gekomen",
    "unforeseen": "onvoorzien",
}
FELT_BY: Final[Mapping[str, str]] = {
    "teller": "de verteller",
    "family": "het gezin",
    "children": "kinderen",
    "neighbours": "buren",
    "professionals": "professionals",
    "others": "anderen",
}


def effect(code: str) -> str:
    """Return `ongewenst voor het gezin` of `unwanted:family`; another code as it is."""
    kind, _, whom = code.partition(":")
    if kind not in EFFECTS or whom not in FELT_BY:
        return code
    return f"{EFFECTS[kind]} voor {FELT_BY[whom]}"
