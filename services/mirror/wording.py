"""Dutch words for what the benchmark found: careful ones, that neither rank nor judge.

Each verdict of the benchmark has its sentence here. None says good or bad, and none names a place in an order.
"""

from services.mirror.reading import Definition, Figure
from services.pages.wording import number, period_text, share

FEWEST_PEERS = 5
"""With fewer the benchmark compares nothing, see `services.benchmark.statistics.MINIMUM_PEERS`."""

STATUS = {
    "published": "getoond",
    "suppressed": "onderdrukt",
    "missing": "ontbreekt",
    "not_applicable": "niet van toepassing",
    "zero": "nul: er woont hier niemand over wie dit gaat",
}
_STATUS_SENTENCE = {
    "suppressed": "is onderdrukt: het is er, en wordt niet getoond omdat iemand erin herkend zou kunnen worden. "
    "Onderdrukt is niet hetzelfde als nul",
    "missing": "ontbreekt: er is niet geleverd, de noemer is niet bekend, of de uitgever heeft geen bruikbaar cijfer. "
    "Ook dat is niet hetzelfde als nul",
    "not_applicable": "kan er niet zijn",
    "zero": "is nul, omdat hier niemand woont over wie dit gaat",
}
COMPARED = {
    "lower": "lager dan verwacht",
    "similar": "binnen wat te verwachten is",
    "higher": "hoger dan verwacht",
    "not_compared": "niet vergeleken",
}
_OUTSIDE = (
    "Het ligt {side} dan bij de evenknieën te verwachten is: meer dan toeval en hun onderlinge verschillen verklaren. "
    "Dat zegt niet waardoor het komt, en niet of het goed of slecht is; het is een vraag voor het gesprek."
)
_COMPARED_SENTENCE = {
    "lower": _OUTSIDE.format(side="lager"),
    "higher": _OUTSIDE.format(side="hoger"),
    "similar": "Het valt binnen wat bij de evenknieën te verwachten is. Een verschil met hun mediaan kan toeval zijn.",
}
_TREND_SENTENCE = {
    "rising": "De reeks geeft een signaal dat er iets is veranderd, omhoog. Dat is een vraag, nog geen verklaring.",
    "falling": "De reeks geeft een signaal dat er iets is veranderd, omlaag. Dat is een vraag, nog geen verklaring.",
    "stable": "De reeks geeft geen signaal dat er iets is veranderd: op en neer gaan hoort erbij.",
    "too_short": "Over de ontwikkeling is nog niets te zeggen: daarvoor zijn tien perioden met één definitie nodig.",
}
_POLARITY_SENTENCE = {
    "ambiguous": "Hoger is bij dit cijfer niet beter en ook niet slechter; het kan beide betekenen.",
    "higher": "In het algemeen wordt een hoger cijfer hier gunstig gevonden. Lees eerst de kanttekeningen.",
    "lower": "In het algemeen wordt een lager cijfer hier gunstig gevonden. Lees eerst de kanttekeningen.",
}


def newest_sentences(newest: Figure, definition: Definition, decimals: int) -> list[str]:
    """Say what the newest figure is, how it compares, and what its series tells."""
    if newest.value is None:
        said = _STATUS_SENTENCE.get(newest.status, "is er niet")
        return [f"Het cijfer over {period_text(newest.period)} {said}."]
    limits = f"{number(newest.ci_low, decimals)} en {number(newest.ci_high, decimals)}"
    said = (
        f"Over {period_text(newest.period)} is het cijfer {number(newest.value, decimals)} {definition.unit}, met "
        f"95%-grenzen van {limits}."
    )
    sentences = [said]
    if newest.peer_median is not None:
        sentences.append(
            f"De mediaan van {newest.peer_count} evenknieën is {number(newest.peer_median, decimals)}; de middelste "
            f"helft van hen ligt tussen {number(newest.peer_p25, decimals)} en {number(newest.peer_p75, decimals)}."
        )
    sentences.append(compared_sentence(newest, definition))
    if newest.trend in _TREND_SENTENCE:
        sentences.append(_TREND_SENTENCE[newest.trend])
    return sentences


def compared_sentence(figure: Figure, definition: Definition) -> str:
    """Say how a figure compares with those of the peers, or why it is not compared."""
    if figure.compared in _COMPARED_SENTENCE:
        return _COMPARED_SENTENCE[figure.compared]
    if (figure.peer_count or 0) < FEWEST_PEERS:
        why = f"minder dan {FEWEST_PEERS} evenknieën hebben er een cijfer over dat getoond wordt"
    elif definition.source == "open_data":
        why = "het aantal is zo klein dat afronding door de uitgever alleen al een verschil kan maken"
    else:
        why = "daarvoor is het cijfer niet geschikt"
    return f"Het is niet vergeleken: {why}."


def polarity_sentence(definition: Definition) -> str:
    """Say whether higher or lower is thought better."""
    return _POLARITY_SENTENCE.get(definition.polarity, _POLARITY_SENTENCE["ambiguous"])


def coverage_sentence(figure: Figure, definition: Definition) -> str:
    """Say which part of the households the senders that delivered have as clients."""
    if figure.coverage is not None:
        return (
            f"Dekking over {period_text(figure.period)}: {share(figure.coverage)} van de huishoudens. Zoveel zijn "
            "klant bij partners die leverden, gemiddeld over de soorten partners; bij zaken van de gemeente zelf telt "
            "haar eigen levering. Over wie er niet in zit, zegt het cijfer niets."
        )
    if definition.source == "open_data":
        return "Dekking: niet van toepassing. Dit zijn open gegevens, zoals hun uitgever ze maakte en afrondde."
    return f"Dekking over {period_text(figure.period)}: niet bekend."
