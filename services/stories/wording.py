"""Dutch words for the codes of stories, as residents and council members read them."""

from types import MappingProxyType

THEMES = MappingProxyType(
    {
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
        "other": "andere onderwerpen",
    }
)
ROLES = MappingProxyType(
    {"resident": "een bewoner", "professional": "een professional", "volunteer": "een vrijwilliger"}
)
SIGNALS = MappingProxyType(
    {
        "too_late": "hulp kwam te laat",
        "long_wait": "lang wachten",
        "not_heard": "niet gehoord worden",
        "sent_on": "doorgestuurd worden",
        "unclear_letter": "een onduidelijke brief",
        "afraid_to_ask": "niet durven vragen",
        "form_too_hard": "een te moeilijk formulier",
        "quick_help": "snelle hulp",
        "trusted_person": "iemand om op te vertrouwen",
        "one_plan": "één plan",
        "own_strength": "eigen kracht",
        "rules_clash": "regels die botsen",
    }
)
UNCERTAINTIES = MappingProxyType(
    {
        "entitlement": "waar heb ik recht op",
        "who_decides": "wie beslist",
        "money_ahead": "is er straks geld",
        "privacy": "wat weten anderen van mij",
        "after_it_ends": "hoe gaat het daarna",
    }
)
CONSIDERATIONS = MappingProxyType(
    {
        "fairness": "eerlijkheid",
        "dignity": "waardigheid",
        "safety": "veiligheid",
        "costs": "kosten",
        "own_direction": "eigen regie",
    }
)
_EFFECTS = MappingProxyType(
    {"wanted": "gewenst", "unwanted": "ongewenst", "spontaneous": "vanzelf gekomen", "unforeseen": "onvoorzien"}
)
_FELT_BY = MappingProxyType(
    {
        "teller": "de verteller",
        "family": "het gezin",
        "children": "kinderen",
        "neighbours": "buren",
        "professionals": "professionals",
        "others": "anderen",
    }
)


def effect_text(code: str) -> str:
    """Return `ongewenst voor het gezin` of `unwanted:family`, and `ongewenst` of `unwanted:total`; else the code."""
    effect, _, felt_by = code.partition(":")
    if effect in _EFFECTS and felt_by == "total":
        return _EFFECTS[effect]
    if effect in _EFFECTS and felt_by in _FELT_BY:
        return f"{_EFFECTS[effect]} voor {_FELT_BY[felt_by]}"
    return code


def listed(texts: list[str]) -> str:
    """Return `één, twee en drie`."""
    return f"{', '.join(texts[:-1])} en {texts[-1]}" if len(texts) > 1 else "".join(texts)
