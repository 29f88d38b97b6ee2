"""Codes of stories: what forms, interviewers and files of existing stories say in Dutch, and what events say."""

from typing import Final

ROLES: Final = {"Inwoner": "resident", "Professional": "professional", "Vrijwilliger": "volunteer"}
NAMINGS: Final = {"Met naam": "open", "Onder schuilnaam": "pseudonymous", "Anoniem": "anonymous"}
THEMES: Final = {
    "Betalingsachterstanden": "payment_arrears",
    "Schuldhulpverlening": "debt_counselling",
    "Inkomensondersteuning": "income_support",
    "Energie": "energy",
    "Wonen": "housing",
    "Huishoudelijke hulp": "household_help",
    "Begeleiding": "guidance",
    "Jeugdhulp": "youth_support",
    "Kinderen in armoede": "child_poverty",
    "Werk": "work",
    "Iets anders": "other",
}
SIGNALS: Final = {
    "Te laat": "too_late",
    "Lang wachten": "long_wait",
    "Niet gehoord": "not_heard",
    "Doorgestuurd": "sent_on",
    "Onduidelijke brief": "unclear_letter",
    "Niet durven vragen": "afraid_to_ask",
    "Formulier te moeilijk": "form_too_hard",
    "Snelle hulp": "quick_help",
    "Iemand om op te vertrouwen": "trusted_person",
    "Eén plan": "one_plan",
    "Eigen kracht": "own_strength",
    "Regels botsen": "rules_clash",
}
EFFECTS: Final = {
    "Gewenst": "wanted",
    "Ongewenst": "unwanted",
    "Spontaan": "spontaneous",
    "Onvoorzien": "unforeseen",
}
FELT_BY: Final = {
    "Verteller": "teller",
    "Gezin": "family",
    "Kinderen": "children",
    "Buren": "neighbours",
    "Professionals": "professionals",
    "Anderen": "others",
}
UNCERTAINTIES: Final = {
    "Waar heb ik recht op": "entitlement",
    "Wie beslist": "who_decides",
    "Is er straks geld": "money_ahead",
    "Wat weten anderen van mij": "privacy",
    "Hoe gaat het daarna": "after_it_ends",
}
CONSIDERATIONS: Final = {
    "Eerlijkheid": "fairness",
    "Waardigheid": "dignity",
    "Veiligheid": "safety",
    "Kosten": "costs",
    "Eigen regie": "own_direction",
}
USES: Final = {"Meetellen": "count", "Team": "team", "Citeren": "quote", "Publiceren": "publish"}
