"""Dutch words for what patterns say: three of them, and never more than was counted."""

from typing import Final

from services.pages.wording import number, period_text
from services.stories.patterns.codes import THEMES, title_of
from services.stories.patterns.judging import PROTECTION, Share
from services.stories.patterns.question import Answer, Answers

VERDICTS: Final = {"yes": "ja", "not_shown": "niet aangetoond", "too_few": "te weinig"}
STATUS: Final = {
    "published": "getoond",
    "suppressed": "te weinig om te tonen",
    "missing": "ontbreekt",
    "zero": "nul",
    "not_applicable": "niet van toepassing",
}
HOW_COUNTED: Final = (
    "Elk aantal is met opzet een weinig veranderd en op vijven afgerond: het echte aantal ligt er hooguit "
    f"{PROTECTION} vandaan. De grenzen gaan uit van het ongunstigste dat daarbij past. Wie een naam of schuilnaam "
    "heeft, telt in elk aantal één keer; verhalen zonder naam tellen elk. Wie vertelt, is niet door het lot gekozen: "
    "een aantal zegt hoe vaak iets is verteld, niet hoe vaak het gebeurt."
)
MANY_AT_ONCE: Final = (
    "Wie naar veel betekenissen tegelijk vraagt, vindt er door toeval eerder een. Kies vooraf waar u naar vraagt."
)


def sentences(answers: Answers, item: Answer) -> list[str]:
    """Say what was counted, what was expected, and one of the three words."""
    theme, meaning = THEMES[item.theme], title_of(item.signification)
    when = period_text(answers.quarter.period)
    if item.told is None:
        return [f"Te weinig: over {theme} vertelden in het {when} te weinig mensen om een aantal te tonen."]
    if item.meant is None or item.judgement.share is None:
        return [
            f"Te weinig: over {theme} vertelden in het {when} ongeveer {item.told} mensen.",
            f"Te weinig van hen noemden “{meaning}” om een aantal te tonen; het kunnen er ook nul zijn.",
        ]
    said = [
        f"Over {theme} vertelden in het {when} ongeveer {item.told} mensen.",
        f"Ongeveer {item.meant} van hen noemden “{meaning}”: {limits(item.judgement.share)}.",
    ]
    if item.judgement.expected:
        said.append(f"Wie alleen over andere thema’s vertelde, noemde dit in {limits(item.judgement.expected)}.")
    return [*said, _verdict(item)]


def _verdict(item: Answer) -> str:
    if item.judgement.verdict == "yes":
        return (
            "Ja: ook met toeval en afscherming op hun ongunstigst is het bij dit thema vaker genoemd dan bij "
            "andere. Waardoor dat komt, zegt dit niet."
        )
    if item.judgement.verdict == "too_few":
        return "Te weinig: er zijn te weinig verhalen over andere thema’s om te zeggen wat te verwachten is."
    return (
        "Niet aangetoond: het verschil kan toeval zijn, of komen door de afscherming. Dat is iets anders dan: het is "
        "er niet."
    )


def limits(share: Share) -> str:
    """Return `67 van de 100 (grenzen: 46 en 86)`."""
    value, low, high = (number(100 * part, 0) for part in (share.value, share.low, share.high))
    return f"{value} van de 100 (grenzen: {low} en {high})"


def peers_sentence(item: Answer) -> str:
    """Say what was told at peers; empty where none of them published it."""
    if item.peers is None or not item.peers.told:
        return ""
    part = number(100 * item.peers.meant / item.peers.told, 0)
    where = "1 evenknie" if item.peers.municipalities == 1 else f"{item.peers.municipalities} evenknieën samen"
    return (
        f"Bij {where}: {item.peers.meant} van {item.peers.told} vertellers over dit thema, {part} van de 100. Dat "
        "staat ernaast en beslist niets."
    )


def heard_sentence(heard: int | None) -> str:
    """Say again how often the asker heard it, and that it counts for nothing."""
    if heard is None:
        return ""
    return f"U hoorde het {heard} keer. Dat is een reden om te vragen; in het antwoord telt het niet mee."
