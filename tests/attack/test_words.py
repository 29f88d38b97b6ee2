"""Words leave only when nothing is lacking: each condition alone holds them back, and none is got round by spelling."""

import hashlib
from typing import Any

import pytest

from services.disclosure import Words, release_words

TOLD = (
    "Toen ik voor de derde keer bij het loket kwam, zei de mevrouw dat mijn brief nooit was aangekomen. "
    "Ik heb dáár gestaan met mijn hulp-verlener en ik ben gaan huilen."
)
WORDS = "Iemand kwam meermaals aan een balie en kreeg telkens te horen dat er post ontbrak."
COPIED = TOLD.split(",", maxsplit=1)[0].split()[:8]
"""Eight words as the teller wrote them."""


def digest(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()


def asked(words: str = WORDS, **changed: Any) -> Words:
    complete: dict[str, Any] = {
        "originals": ["Mijn brief", TOLD],
        "approvals": {("Ans Bakker", digest(words)), ("Bo Jansen", digest(words))},
        "agreed_with_teller": True,
        "consent": {"count", "quote"},
        "use": "quote",
        "reply_due": False,
        "identifier": None,
        "unexplained_marks": 0,
    }
    return release_words(words, **(complete | changed))


def refused_for(outcome: Words) -> str:
    """The only reason; words that are refused are not handed back."""
    assert (outcome.status, outcome.words) == ("refused", None)
    (reason,) = outcome.reasons
    return reason


def test_words_with_which_everybody_agrees_are_released_as_they_stand() -> None:
    assert asked() == Words("released", WORDS, ())


def test_words_without_a_teller_need_reviewers_only() -> None:
    none = {"agreed_with_teller": None, "consent": None, "use": None}
    assert asked(originals=[], **none).status == "released"
    assert "reviewers" in refused_for(asked(originals=[], approvals=set(), **none))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"approvals": set()}, "reviewers"),
        ({"approvals": {("Ans Bakker", digest(WORDS))}}, "reviewers"),
        ({"approvals": {("Ans Bakker", digest(WORDS)), ("", digest(WORDS))}}, "reviewers"),
        ({"approvals": {("Ans Bakker", digest(WORDS)), (" . ", digest(WORDS))}}, "reviewers"),
        ({"agreed_with_teller": False}, "agreed"),
        ({"agreed_with_teller": None}, "agreed"),
        ({"consent": set()}, "consent"),
        ({"consent": None}, "consent"),
        ({"consent": {"count", "team"}}, "consent"),
        ({"use": "publish"}, "consent"),
        ({"use": "team", "consent": {"team", "quote"}}, "consent"),
        ({"use": None}, "consent"),
        ({"originals": [WORDS]}, "in a row"),
        ({"reply_due": True}, "provider"),
        ({"identifier": "phone"}, "identifier (phone)"),
        ({"unexplained_marks": 1}, "marked"),
        ({"unexplained_marks": -1}, "marked"),
    ],
)
def test_each_condition_alone_holds_words_back(changed: dict[str, Any], reason: str) -> None:
    assert reason in refused_for(asked(**changed))


@pytest.mark.parametrize(
    "other",
    ["ans bakker", "ANS  BAKKER", " Ans\tBakker ", "Ans-Bakker", "Áns Bakker", "A\u200bns Bakker", "Ａｎｓ Bakker"],
)
def test_one_person_twice_is_one_reviewer(other: str) -> None:
    assert "reviewers" in refused_for(asked(approvals={("Ans Bakker", digest(WORDS)), (other, digest(WORDS))}))


@pytest.mark.parametrize("other", [WORDS[:-1], f"{WORDS} ", WORDS.lower(), WORDS.replace("post", "hulp")])
def test_an_approval_of_other_words_counts_for_nothing(other: str) -> None:
    approvals = {("Ans Bakker", digest(WORDS)), ("Bo Jansen", digest(other)), ("Cor Smit", WORDS)}
    assert "reviewers" in refused_for(asked(approvals=approvals))


@pytest.mark.parametrize(
    "spelled",
    [
        " ".join(COPIED),
        " ".join(COPIED).upper(),
        ", ".join(COPIED),
        "-".join(COPIED),
        "\n".join(f"«{word}»…" for word in COPIED),
        "\u00a0".join(COPIED),
        " ".join(f"{word[:1]}\u00ad{word[1:]}" for word in COPIED),
        " ".join(COPIED).replace("e", "é"),
        "".join(COPIED),
    ],
)
def test_eight_words_of_the_teller_are_found_however_they_are_written(spelled: str) -> None:
    assert "in a row" in refused_for(asked(f"De teller zei: {spelled} en meer."))


def test_eight_words_are_found_where_they_are_spaced_or_hyphenated_otherwise() -> None:
    assert "in a row" in refused_for(asked("Daar gestaan met mijn hulpverlener en ik ben, zei iemand."))
    assert "in a row" in refused_for(asked("Iemand zei: da ar ge staan met mijn hulpverl ener en ik ben gaan hui len."))


def test_seven_words_of_the_teller_are_few_enough() -> None:
    assert asked(f"Zo ging het: {' '.join(COPIED[:7])} dus.").status == "released"
    assert "in a row" in refused_for(asked(f"Zo ging het: {' '.join(COPIED)} dus."))


@pytest.mark.parametrize("empty", ["", "  \n", " … !", "\u200b"])
def test_nothing_is_never_released(empty: str) -> None:
    assert "no words" in refused_for(asked(empty))


def test_all_that_is_lacking_is_told_at_once_and_repeats_no_text() -> None:
    outcome = asked(
        TOLD,
        approvals=set(),
        agreed_with_teller=False,
        consent=set(),
        reply_due=True,
        identifier="bsn",
        unexplained_marks=3,
    )
    assert len(outcome.reasons) == 7
    told = {word.strip(".,").casefold() for word in TOLD.split() if len(word) > 6}
    assert not told & {word.strip(".,()").casefold() for reason in outcome.reasons for word in reason.split()}
