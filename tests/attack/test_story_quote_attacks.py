"""Attacks on the way of a quote out of the node: each condition got round alone, everything else in order."""

import datetime as dt
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from services.disclosure import Words
from services.errors import NotAllowed
from services.network import Network
from services.stories.desk.publishing import UNSEEN, judged
from services.stories.desk.quotes import approve, find_quote, note_agreed, propose
from services.stories.desk.records import Desk
from services.stories.desk.replies import Reply
from services.stories.desk.showing import show
from tests.stories_told import BODY, TITLE, TODAY, WORDS, desk_in, story

NOW = dt.datetime(2026, 1, 10, 9, tzinfo=dt.UTC)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return desk_in(tmp_path)


def outcome(
    desk: Desk,
    *,
    words: str = WORDS,
    reviewers: tuple[str, ...] = ("Noor", "Bram"),
    uses: str = "publish",
    saw: tuple[str, dt.datetime] | None = None,
) -> Words:
    row = story(desk, uses=["team", "publish"])
    name = propose(desk, row, TITLE, words, TODAY)
    note_agreed(desk, find_quote(desk, name), TODAY, "by letter", TODAY)
    if saw:
        network = cast(Network, SimpleNamespace(now=lambda: saw[1]))
        show(network, desk, row, saw[0], "check the quote", None)
    for who in reviewers:
        approve(desk, find_quote(desk, name), who, NOW)
    changed = story(desk, uses=uses.split(",")) | {"event_id": row["event_id"]}
    return judged(desk, changed, find_quote(desk, name), lambda _: (), Reply(), TODAY)


def test_the_way_out_is_open_when_all_is_in_order(desk: Desk) -> None:
    """Positive control: what the attacks below lack is the only thing that stops them."""
    assert outcome(desk).status == "released"


@pytest.mark.parametrize(
    "reviewers", [("Noor",), ("Noor", "Noor"), ("Noor de Wit", "noor  de wit"), ("Noor", "NOOR."), ("Noor", "Nóór")]
)
def test_one_reviewer_is_not_two_under_whatever_spelling(desk: Desk, reviewers: tuple[str, ...]) -> None:
    found = outcome(desk, reviewers=reviewers)
    assert found.status == "refused"
    assert "reviewers" in found.reasons[0]


@pytest.mark.parametrize(
    ("uses", "saw", "released"),
    [
        ("team,publish", None, False),
        ("team,publish", ("Ans", NOW), False),
        ("team,publish", ("Bram", NOW + dt.timedelta(seconds=1)), False),
        ("team,publish", ("Bram", NOW), True),
        ("publish", None, True),
    ],
    ids=["nobody", "somebody else", "after approving", "one of the two", "nobody may"],
)
def test_two_who_never_saw_a_story_do_not_approve_its_quote(
    desk: Desk, uses: str, saw: tuple[str, dt.datetime] | None, *, released: bool
) -> None:
    found = outcome(desk, uses=uses, saw=saw)
    assert found.reasons == (() if released else (UNSEEN,))
    assert (found.status == "released", found.words is not None) == (released, released)


@pytest.mark.parametrize("uses", ["", "count", "count,team"])
def test_nothing_is_published_without_consent_however_many_approve(desk: Desk, uses: str) -> None:
    found = outcome(desk, reviewers=("Noor", "Bram", "Ans"), uses=uses, saw=("Ans", NOW))
    assert (found.status, found.words) == ("refused", None)
    assert found.reasons == ("The teller does not consent to this use.",)


def test_the_tellers_own_words_are_no_paraphrase(desk: Desk) -> None:
    copied = " ".join(BODY.split()[5:14])
    assert "in a row" in outcome(desk, words=f"Zij zegt: «{copied.upper()}»!").reasons[0]


def test_an_approval_holds_for_one_quote_only(desk: Desk) -> None:
    outcome(desk)
    row = story(desk)
    other = propose(desk, row, TITLE, "Iets heel anders, dat niemand las.", TODAY)
    note_agreed(desk, find_quote(desk, other), TODAY, "by letter", TODAY)
    found = judged(desk, row, find_quote(desk, other), lambda _: (), Reply(), TODAY)
    assert "reviewers" in found.reasons[0]


def test_nobody_approves_without_a_name(desk: Desk) -> None:
    name = propose(desk, story(desk), TITLE, WORDS, TODAY)
    for who in ("", " \n "):
        with pytest.raises(NotAllowed, match="not said who"):
            approve(desk, find_quote(desk, name), who, NOW)
