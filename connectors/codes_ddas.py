"""Code lists of the national early-warning message (DDAS 0.9), Dutch text to the event's code."""

from typing import Final

PARTNER_TYPES: Final = {
    "Energie": "energy",
    "Huur": "rent",
    "Hypotheek": "mortgage",
    "CAK Zorgverzekeringen": "cak_health_insurance",
    "Zorg": "health_insurance",
    "Water": "water",
    "DUO": "student_finance",
    "Belastingdienst": "tax_authority",
    "CAK Eigen bijdrage": "cak_contribution",
    "Overige": "other",
    "Dienst Toeslagen": "benefits_agency",
}
SIGNAL_STATUS: Final = {
    "Nog niet opgepakt": "not_taken_up_yet",
    "Niet opgepakt: onterecht signaal": "wrongful_signal",
    "Inwoner is overleden": "deceased",
    "Persoon is geen inwoner (meer) in de gemeente": "not_a_resident",
    "Niet opgepakt: herhaalde melding": "repeated_signal",
    "Niet opgepakt: andere reden": "other_reason",
}
RESULTS: Final = {
    "Niet opgepakt: herhaalde melding": "repeated_report",
    "Niet opgepakt: onterecht signaal": "wrongful_signal",
    "Inwoner is overleden": "deceased",
    "Persoon is geen inwoner (meer) in de gemeente": "not_a_resident",
    "Niet opgepakt: andere reden": "not_taken_up_other",
    "Inwoner al bekend bij schuldhulpverlening": "already_in_debt_counselling",
    "Inwoner heeft al een ander lopend traject": "already_in_other_support",
    "Definitief geen contact kunnen krijgen": "no_contact_possible",
    "Geen reactie na eerder contact": "no_response_after_contact",
    "Inwoner hoeft geen hulp vanuit vroegsignalering": "no_help_needed",
    "Inwoner heeft zelf al betaald/betalingsregeling getroffen": "paid_or_arranged_self",
    "(Budget)advies en/of quick fix": "advice_or_quick_fix",
    "Vervolghulp en/of verwijzing financieel": "financial_follow_up",
    "Verwijzing zonder contact": "referral_without_contact",
    "Vervolghulp en/of verwijzing niet financieel": "non_financial_follow_up",
}
CONTACT_KINDS: Final = {
    "Mail": "email",
    "Brief": "letter",
    "SMS/Whatsapp": "text_message",
    "Telefoon": "phone",
    "Huisbezoek": "home_visit",
    "Kaartje": "card",
    "Overige": "other",
    "Administratief": "administrative",
}
PARTS_OF_DAY: Final = {"Ochtend": "morning", "Middag": "afternoon", "Avond": "evening"}
