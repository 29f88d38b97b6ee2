"""Code lists of the national message for debt counselling (DDAS 1.0), Dutch text to the event's code."""

from typing import Final

DECISIONS: Final = {"Toelatingsbeschikking": "admitted", "Afwijzingsbeschikking": "refused"}
SOLUTIONS: Final = {
    "Betalingsregeling": "payment_arrangement",
    "Herfinanciering": "refinancing",
    "Saneringskrediet": "restructuring_loan",
    "Schuldbemiddeling": "debt_mediation",
    "0%-aanbod": "zero_offer",
}
ENDS: Final = {
    "Overleden": "deceased",
    "Verhuisd": "moved",
    "Nietverschenen": "did_not_appear",
    "Ingetrokken": "withdrawn",
    "Niet passend": "not_suitable",
    "Overig": "other",
    "Voldoet niet": "did_not_comply",
    "Afgerond": "completed",
    "Zelf": "solved_self",
}
